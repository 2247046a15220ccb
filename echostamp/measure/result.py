"""
The result of a run of probes, as plain data.

Reports, thresholds and metrics read a L{Result} and nothing else.  Durations are
integer nanoseconds, times are integer nanoseconds since the UNIX epoch, unless a field
says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from echostamp.measure.delay import Summary
from echostamp.measure.distribution import Distribution
from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.oneway import OneWay
from echostamp.measure.residence import ResidenceFault
from echostamp.tcpinfo import TcpInfo
from echostamp.times import SetUp


class Figures(NamedTuple):
    """
    The figures of some probes: of a whole run, or of a window of it.

    @ivar began: the beginning of the span, by the monotonic clock.
    @ivar ended: its end, by the monotonic clock.
    @ivar sent: probes that were sent.
    @ivar received: probes that were answered in time.
    @ivar lost: probes that were not answered in time, late ones included (RFC 6673,
        section 4).
    @ivar skipped: probes that were due and could not be sent.
    @ivar late: probes that were answered after they had been counted as lost.
    @ivar duplicates: replies beyond the first to a probe (RFC 5560).
    @ivar reordered: replies that came after that of a later probe (RFC 4737).
    @ivar altered: probes whose first reply differs from what was sent.
    @ivar untimed: probes that were answered in time and have no RTT.
    @ivar bursts: how many bursts of loss there were of each length (RFC 3357).
    @ivar every: percentiles, PDV and IPDV come from the probes whose number is a
        multiple of this; 1 for all probes.
    @ivar rtt: the RTT, counted from when the probes were sent.
    @ivar rttFromDue: the RTT, counted from when they were due.
    @ivar ipdv: the magnitude of the IPDV of the round trip (RFC 3393).
    @ivar forward: the way there; L{None} where its delay is not known.
    @ivar backward: the way back, likewise.
    @ivar offset: the far clock minus ours; L{None} where it is not known.
    @ivar isApart: whether the far end gives T2 and T3 apart.  The RTT is then without
        the time at the far end.
    """

    began: int = 0
    ended: int = 0
    sent: int = 0
    received: int = 0
    lost: int = 0
    skipped: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    altered: int = 0
    untimed: int = 0
    bursts: Mapping[int, int] = MappingProxyType({})
    every: int = 1
    rtt: Summary | None = None
    rttFromDue: Summary | None = None
    ipdv: Summary | None = None
    forward: OneWay | None = None
    backward: OneWay | None = None
    offset: OffsetReport | None = None
    isApart: bool = False

    @property
    def due(self) -> int:
        """How many probes were due."""
        return self.sent + self.skipped

    @property
    def pending(self) -> int:
        """How many probes are neither answered nor lost."""
        return self.sent - self.received - self.lost

    @property
    def lossPercent(self) -> float | None:
        """
        The share of lost probes among those whose fate is known (RFC 6673, section
        6.1).
        """
        known = self.received + self.lost
        return 100 * self.lost / known if known else None

    @property
    def availability(self) -> float | None:
        """
        The share of probes that were answered in time among those that were due and
        whose fate is known, in percent.  Probes that could not be sent count.
        """
        known = self.received + self.lost + self.skipped
        return 100 * self.received / known if known else None


class Outage(NamedTuple):
    """
    A time without a connection.

    @ivar start: when the connection was lost, or the first attempt to connect failed.
    @ivar began: the same by the monotonic clock.
    @ivar reason: why the connection was lost; that attempt's error if there was none.
    @ivar lost: how many probes were in flight.
    @ivar length: how long the outage took; L{None} while it lasts.
    @ivar skipped: how many probes were due meanwhile and could not be sent.
    @ivar error: why the last attempt to connect again failed; empty if none has failed.
    @ivar attempted: when the last attempt to connect again began; L{None} if there was
        none.
    """

    start: int
    began: int
    reason: str
    lost: int
    length: int | None = None
    skipped: int = 0
    error: str = ""
    attempted: int | None = None


class ZoneFound(NamedTuple):
    """
    The zone of a far clock whose stamps do not name one.

    @ivar ahead: nanoseconds by which it is ahead of UTC.
    @ivar isAssumed: whether it was guessed from the first stamp.
    """

    ahead: int
    isAssumed: bool


class Result(NamedTuple):
    """
    The result of a run so far, or of a finished run.

    @ivar figures: the figures of its probes, or of a window of them.
    @ivar began: when it began: with the first connection, or, where the first failure
        does not end the run, with that; L{None} before.
    @ivar elapsed: how long the run has taken, or the window.
    @ivar longestWait: how long the oldest probe in flight has waited for its reply.
    @ivar doubtful: probes in flight that have waited for longer than any reply took.
    @ivar longestUntimed: the longest that a reply in time without an RTT can have
        taken.
    @ivar residenceFaults: how many replies in time had a T2 and T3 that cannot be used,
        by the reason.
    @ivar stamped: replies whose stamp could be read, those to extra probes included.
    @ivar extraProbes: probes that were sent for the far clock only.
    @ivar strange: lines that were no replies to probes.
    @ivar stalls: how often this process was suspended or blocked while a probe was in
        flight.
    @ivar stalledFor: for how long in all.
    @ivar clockSteps: how often our own clock was set.
    @ivar zone: the far clock's zone, where its stamps do not name it.
    @ivar zoneChanges: how often summer time changed it.
    @ivar farStep: the step in which the far clock counts, where its stamps show that it
        is more than one unit of their last digit.
    @ivar setUps: how long it took to make each of the last connections.
    @ivar outages: the last times without a connection.
    @ivar outageCount: how many there were.
    @ivar outageLength: how long the finished ones took in all.
    @ivar kernel: the kernel's figures of TCP: the RTT of the last connection, and the
        retransmissions of all.
    @ivar session: what the link found besides round trips: for STAMP a L{Findings
        <echostamp.rfc8762.findings.Findings>}, L{None} for the line protocol.
    @ivar distribution: the distribution of the round trips; L{None} if not requested.
    """

    figures: Figures = Figures()
    began: int | None = None
    elapsed: int = 0
    longestWait: int = 0
    doubtful: int = 0
    longestUntimed: int = 0
    residenceFaults: tuple[tuple[ResidenceFault, int], ...] = ()
    stamped: int = 0
    extraProbes: int = 0
    strange: int = 0
    stalls: int = 0
    stalledFor: int = 0
    clockSteps: int = 0
    zone: ZoneFound | None = None
    zoneChanges: int = 0
    farStep: int | None = None
    setUps: tuple[SetUp, ...] = ()
    outages: tuple[Outage, ...] = ()
    outageCount: int = 0
    outageLength: int = 0
    kernel: TcpInfo | None = None
    session: object | None = None
    distribution: Distribution | None = None
