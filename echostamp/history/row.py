"""
What is kept of a peer for a minute, an hour, a day, or a point of a plot; pure.
"""

from __future__ import annotations

from typing import NamedTuple

#: How long the rows of each table are, in seconds.
MINUTE, HOUR, DAY = 60, 3600, 86400


class KeptRow(NamedTuple):
    """
    The probes of a peer in a span of time.

    Durations and offsets are nanoseconds.  L{None} is what is not known, or what has
    nothing in the span.

    @ivar at: when the span began, in seconds since the UNIX epoch.
    @ivar due: probes that were due.
    @ivar sent: probes that were sent.
    @ivar received: probes that were answered in time.
    @ivar lostForward: probes that were lost on the way there.
    @ivar lostBackward: on the way back.
    @ivar lostUnknown: on either way.
    @ivar late: replies after the timeout.
    @ivar least: the least RTT.
    @ivar p10: the 10th percentile of the RTTs, and so on.
    @ivar most: the greatest RTT.
    @ivar pdvForward: the median of the PDV on the way there (RFC 5481).
    @ivar pdvForwardP99: its 99th percentile.
    @ivar pdvBackward: the median on the way back.
    @ivar pdvBackwardP99: its 99th percentile.
    @ivar offsetLow: the offset of the far clock is not below it.
    @ivar offset: its estimate.
    @ivar offsetHigh: it is not above it.
    @ivar verdict: what these bounds said: an index in L{VERDICTS
        <echostamp.measure.verdicts.VERDICTS>}.
    @ivar hopsForward: how many routers the last packet passed on the way there.
    @ivar hopsBackward: on the way back.
    @ivar stalled: for how long this process stood still.
    """

    at: int
    due: int = 0
    sent: int = 0
    received: int = 0
    lostForward: int = 0
    lostBackward: int = 0
    lostUnknown: int = 0
    late: int = 0
    least: int | None = None
    p10: int | None = None
    p25: int | None = None
    median: int | None = None
    p75: int | None = None
    p90: int | None = None
    p99: int | None = None
    most: int | None = None
    pdvForward: int | None = None
    pdvForwardP99: int | None = None
    pdvBackward: int | None = None
    pdvBackwardP99: int | None = None
    offsetLow: int | None = None
    offset: int | None = None
    offsetHigh: int | None = None
    verdict: int = 0
    hopsForward: int | None = None
    hopsBackward: int | None = None
    stalled: int = 0

    @property
    def lost(self) -> int:
        """Probes that were lost on any way."""
        return self.lostForward + self.lostBackward + self.lostUnknown
