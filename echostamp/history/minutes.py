"""
Makes the row of a minute from what was counted and measured; pure.
"""

from __future__ import annotations

from operator import add, sub
from typing import NamedTuple

from echostamp.history.row import KeptRow
from echostamp.measure.delay import Summary
from echostamp.measure.oneway import OneWay
from echostamp.measure.verdicts import NAMES, UNKNOWN, VERDICTS
from echostamp.monitor.spanfigures import SpanFigures
from echostamp.monitor.tally import Direction, Tally


class Counted(NamedTuple):
    """
    Counters of a peer at one moment, or by how much they have grown: what L{KeptRow}
    has of them, in its order.
    """

    due: int = 0
    sent: int = 0
    received: int = 0
    lostForward: int = 0
    lostBackward: int = 0
    lostUnknown: int = 0
    late: int = 0

    def since(self, before: Counted) -> Counted:
        """
        Give by how much the counters have grown.

        @param before: what they were.
        """
        return Counted._make(map(sub, self, before))

    def with_(self, other: Counted) -> Counted:
        """
        Add the counts of other probes.
        """
        return Counted._make(map(add, self, other))


def countedOf(tally: Tally) -> Counted:
    """
    Give the counters that rows have.
    """
    lost = tally.lost
    return Counted(
        tally.due,
        tally.sent,
        tally.received,
        lost[Direction.FORWARD],
        lost[Direction.BACKWARD],
        lost[Direction.UNKNOWN],
        tally.late,
    )


def minuteRow(
    at: int, counted: Counted, span: SpanFigures, stalled: int
) -> KeptRow | None:
    """
    Make the row of a minute, or of the part of it that was measured.

    @param at: when the minute began, in seconds since the UNIX epoch.
    @param counted: by how much the counters have grown.
    @param span: the figures of these probes.
    @param stalled: for how long this process stood still, in nanoseconds.
    @return: L{None} where nothing was counted.
    """
    if not any(counted):
        return None
    figures, quantiles = span.figures, span.quantiles
    row = KeptRow(at, *counted, stalled=stalled)
    if figures.rtt is not None and quantiles is not None:
        row = row._replace(
            least=figures.rtt.min,
            p10=round(quantiles.p10),
            p25=round(quantiles.p25),
            median=round(figures.rtt.median),
            p75=round(quantiles.p75),
            p90=round(figures.rtt.p90),
            p99=round(figures.rtt.p99),
            most=figures.rtt.max,
        )
    forward, backward = _pdvOf(figures.forward), _pdvOf(figures.backward)
    if forward is not None:
        median, p99 = round(forward.median), round(forward.p99)
        row = row._replace(pdvForward=median, pdvForwardP99=p99)
    if backward is not None:
        median, p99 = round(backward.median), round(backward.p99)
        row = row._replace(pdvBackward=median, pdvBackwardP99=p99)
    if figures.offset is not None:
        row = row._replace(
            offsetLow=figures.offset.low,
            offset=figures.offset.estimate,
            offsetHigh=figures.offset.high,
            verdict=VERDICTS.index(NAMES.get(figures.offset.verdict, UNKNOWN)),
        )
    if counted.received:
        row = row._replace(hopsForward=span.hopsForward, hopsBackward=span.hopsBackward)
    return row


def _pdvOf(way: OneWay | None) -> Summary | None:
    """
    Give the PDV of one way, where it is known.
    """
    return None if way is None else way.pdv


class PeerCounts:
    """
    What was counted of a peer when its last row was made.

    @ivar since: when that was, by the monotonic clock.
    """

    def __init__(self, since: int, stalled: int) -> None:
        """
        @param since: when its first row begins, by the monotonic clock.
        @param stalled: for how long this process had stood still then, in all.
        """
        self.since = since
        self._stalled = stalled
        self._tally: Tally | None = None
        self._counted = self._left = Counted()

    def grown(self, tally: Tally | None) -> Counted:
        """
        Give by how much the counters have grown since this was called last.

        @param tally: the counters; others than before where the peer was removed and
            came back meanwhile; L{None} where it is gone.
        """
        before, self._tally = self._tally, tally
        grown, self._left = self._left, Counted()
        if before is not None and before is not tally:
            # They may have grown until the end.
            grown = grown.with_(countedOf(before).since(self._counted))
        if before is not tally:
            self._counted = Counted()
        if tally is not None:
            counted = countedOf(tally)
            grown = grown.with_(counted.since(self._counted))
            self._counted = counted
        return grown

    def leave(self, tally: Tally) -> None:
        """
        Keep what was counted of a peer that is watched no more, for the next call of
        L{grown}.  Before that, the peer may come back, and leave again.

        @param tally: its counters.
        """
        self._left = self.grown(tally)

    def stalledFor(self, stalled: int) -> int:
        """
        Give for how long this process stood still since this was called last.

        @param stalled: for how long in all, in nanoseconds.
        """
        before, self._stalled = self._stalled, stalled
        return stalled - before
