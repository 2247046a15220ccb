"""
Judges whether a run keeps the user's limits.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    #: Whether one took longer is not known: a reply has no RTT.
    RTT_UNKNOWN = "rtt unknown"
    #: More probes were lost, or could not be sent.
    LOSS = "loss"
    #: Whether too many were lost depends on probes that may still be answered.
    LOSS_UNKNOWN = "loss unknown"
    #: The offset may be greater.
    OFFSET = "offset"
    #: The offset is not known.
    OFFSET_UNKNOWN = "offset unknown"


class Failed(NamedTuple):
    """
    A limit that does not hold, or cannot be judged.

    @ivar breach: which limit, and why it does not hold.
    @ivar limit: the limit, in nanoseconds or percent.
    @ivar value: what was found, in nanoseconds or percent; for L{Breach.LOSS_UNKNOWN}
        a number of probes, for the offset 0.
    """

    breach: Breach
    limit: float
    value: float = 0


class Thresholds(NamedTuple):
    """
    The limits of a run; L{None} for no limit.

    @ivar rtt: the longest round trip, in nanoseconds.
    @ivar loss: the greatest share of due probes that were not answered or could not be
        sent, in percent.
    @ivar offset: the largest offset of the far clock from ours, in nanoseconds.  Both
        bounds of the offset must be within it.
    """

    rtt: int | None = None
    loss: float | None = None
    offset: int | None = None

    def failed(self, result: Result) -> list[Failed]:
        """
        Give the limits that do not hold, or cannot be judged.

        @param result: of a finished run.
        """
        return [
            *self._failedRtt(result),
            *self._failedLoss(result),
            *self._failedOffset(result),
        ]

    def _failedRtt(self, result: Result) -> Iterator[Failed]:
        """
        Judge the longest round trip, and the longest wait of a probe in flight.  A
        reply without an RTT counts with the longest that it can have taken.
        """
        if self.rtt is None:
            return
        rtt = result.figures.rtt
        if rtt is not None and rtt.max > self.rtt:
            yield Failed(Breach.RTT, self.rtt, rtt.max)
        elif result.longestWait > self.rtt:
            yield Failed(Breach.WAIT, self.rtt, result.longestWait)
        elif result.longestUntimed > self.rtt:
            yield Failed(Breach.RTT_UNKNOWN, self.rtt, result.longestUntimed)

    def _failedLoss(self, result: Result) -> Iterator[Failed]:
        """
        Judge the share of lost probes.  Those that could not be sent count as lost.
        Those that have been in flight for longer than any reply took may be lost.
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
        Judge the offset of the far clock.
        """
        if self.offset is None:
            return
        offset = result.figures.offset
        if offset is None or offset.verdict == NO_FIT:
            yield Failed(Breach.OFFSET_UNKNOWN, self.offset)
        elif max(-offset.low, offset.high) > self.offset:
            yield Failed(Breach.OFFSET, self.offset)
