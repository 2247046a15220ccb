"""
The settings of a run of probes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from echostamp.measure.samples import LIMIT
from echostamp.measure.windowspec import WINDOWS, WindowSpec
from echostamp.times import SECOND


@dataclass(frozen=True)
class Plan:
    """
    What to send, and when.  Durations are nanoseconds.

    @ivar count: how many probes are due; L{None} for any number.
    @ivar interval: from one probe to the next; 0 to send each one as soon as the probe
        before it was answered.
    @ivar deadline: how long the whole run may take; L{None} for any time.
    @ivar timeout: how long a probe may wait for its reply.
    @ivar size: octets of a message.
    @ivar jitter: whether each probe but the first is due a little after its turn, by
        chance.
    @ivar kept: how many of the last probes are kept one by one; 0 to keep rolling
        windows only.
    @ivar windows: the rolling windows; used where C{kept} is 0.
    @ivar isPatient: whether to retry when the first attempt to connect fails.  If not,
        the first failure ends the run.
    @ivar isPunctual: whether to skip a probe that is late by more than a tenth of the
        interval after this process was suspended or blocked: the probes of that time
        must not all leave at once.  If not, it is sent late, so that the report has the
        wait from when it was due.
    @ivar isTimedByKernel: whether the times of a probe do not depend on when this
        process is awake.  Those of several probers are then due at the same moments.
    @ivar waits: whether to retry when the first attempt fails, and to begin with the
        first connection.
    """

    count: int | None = None
    interval: int = SECOND
    deadline: int | None = None
    timeout: int = 3 * SECOND
    size: int = 32
    jitter: bool = True
    kept: int = LIMIT
    windows: tuple[WindowSpec, ...] = WINDOWS
    isPatient: bool = False
    isPunctual: bool = False
    isTimedByKernel: bool = False
    waits: bool = False

    @property
    def mostLateness(self) -> int:
        """How late a probe may be sent after a stall, in nanoseconds."""
        return self.interval // 10 if self.isPunctual else self.timeout

    @property
    def mostLinks(self) -> int:
        """Of how many of the last links and outages to keep what is known of each."""
        return 1000 if self.kept else 20

    @property
    def mostLate(self) -> int:
        """
        Of how many of the last probes a link must recognise late replies, if it forgets
        any: of those that were due within twice the timeout.  Rolling windows have no
        memory for that.
        """
        if not (self.kept and self.interval):
            return 0
        return 2 * self.timeout // self.interval


class StampPlan(NamedTuple):
    """
    The fields of STAMP packets.

    @ivar ssid: the session's identifier; 0 for none.
    @ivar dscp: the DSCP of the packets.
    @ivar tlvs: the names of their TLVs.
    @ivar isPtp: whether T1 is in PTP's format, in place of NTP's.
    @ivar ttl: their time to live or hop limit.
    @ivar isSsidStrict: whether replies with SSID 0 are refused where it is not 0.
    """

    ssid: int = 0
    dscp: int = 0
    tlvs: tuple[str, ...] = ()
    isPtp: bool = False
    ttl: int = 255
    isSsidStrict: bool = False
