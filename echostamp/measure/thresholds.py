"""
Limits that a run has to keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from echostamp.measure.offsetwindow import NO_FIT
from echostamp.measure.result import Result


class Breach(Enum):
    """
    Why a limit does not hold.
    """

    #: A round trip took longer.
    RTT = "rtt"
    #: A probe in flight has waited for longer.
    WAIT = "wait"
    #: More probes were lost, or could not be sent.
    LOSS = "loss"
    #: It depends on probes that may still be answered.
    LOSS_UNKNOWN = "loss unknown"
    #: The offset may be greater.
    OFFSET = "offset"
    #: The offset is not known.
    OFFSET_UNKNOWN = "offset unknown"


class Failed(NamedTuple):
    """
    A limit that does not hold, or cannot be judged.

    @ivar breach: which, and why.
    @ivar limit: the limit: nanoseconds, or percent.
    @ivar value: what was found in its place: nanoseconds, percent, or for
        L{Breach.LOSS_UNKNOWN} a number of probes; 0 where the offset is meant.
    """

    breach: Breach
    limit: float
    value: float = 0


@dataclass(frozen=True)
class Thresholds:
    """
    Limits; L{None} for those that do not matter.

    @ivar rtt: the longest that a round trip may take, in nanoseconds.
    @ivar loss: the greatest share of due probes that were not answered or could not be
        sent, in percent.
    @ivar offset: how far the far clock may be from ours, in nanoseconds: the whole
        interval in which the offset is known to lie.
    """

    rtt: int | None = None
    loss: float | None = None
    offset: int | None = None

    def failed(self, result: Result) -> list[Failed]:
        """
        Give the limits that do not hold, or cannot be judged.

        @param result: of a run that is over.
        """
        return [
            *self._failedRtt(result),
            *self._failedLoss(result),
            *self._failedOffset(result),
        ]

    def _failedRtt(self, result: Result) -> Iterator[Failed]:
        """
        Judge how long round trips took, or have taken so far.
        """
        if self.rtt is None:
            return
        rtt = result.figures.rtt
        if rtt is not None and rtt.max > self.rtt:
            yield Failed(Breach.RTT, self.rtt, rtt.max)
        elif result.longestWait > self.rtt:
            yield Failed(Breach.WAIT, self.rtt, result.longestWait)

    def _failedLoss(self, result: Result) -> Iterator[Failed]:
        """
        Judge how many probes were not answered.  Those that could not be sent count as
        lost; those that have been in flight for longer than any reply took may be.
        """
        if self.loss is None:
            return
        figures, doubtful = result.figures, result.doubtful
        missing = figures.lost + figures.skipped
        known = missing + figures.received
        if known and 100 * missing / known > self.loss:
            yield Failed(Breach.LOSS, self.loss, 100 * missing / known)
        elif doubtful and 100 * (missing + doubtful) / (known + doubtful) > self.loss:
            yield Failed(Breach.LOSS_UNKNOWN, self.loss, doubtful)

    def _failedOffset(self, result: Result) -> Iterator[Failed]:
        """
        Judge where the far clock is.
        """
        if self.offset is None:
            return
        offset = result.figures.offset
        if offset is None or offset.verdict == NO_FIT:
            yield Failed(Breach.OFFSET_UNKNOWN, self.offset)
        elif max(-offset.low, offset.high) > self.offset:
            yield Failed(Breach.OFFSET, self.offset)
