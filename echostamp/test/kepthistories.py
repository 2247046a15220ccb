"""
Histories for tests: rows that look like those of a real peer, and readers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred
from zope.interface import implementer

from echostamp.history.interfaces import (
    EventQuery,
    HistoryError,
    IHistory,
    KeptEvent,
    Points,
)
from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event
from echostamp.times import MICROSECOND, MILLISECOND

Found = TypeVar("Found")


def keptRow(at: int, rtt: int = 20 * MILLISECOND, offset: int = 0) -> KeptRow:
    """
    Give the row of a minute in which everything is known and nothing is lost.

    @param at: when it begins, in seconds since the UNIX epoch.
    @param rtt: the median of the RTTs.
    @param offset: the offset of the far clock.
    """
    return KeptRow(
        at,
        due=60,
        sent=60,
        received=60,
        least=rtt - 200 * MICROSECOND,
        p10=rtt - 150 * MICROSECOND,
        p25=rtt - 50 * MICROSECOND,
        median=rtt,
        p75=rtt + 100 * MICROSECOND,
        p90=rtt + 300 * MICROSECOND,
        p99=rtt + 900 * MICROSECOND,
        most=rtt + 1100 * MICROSECOND,
        pdvForward=120 * MICROSECOND,
        pdvForwardP99=800 * MICROSECOND,
        pdvBackward=80 * MICROSECOND,
        pdvBackwardP99=500 * MICROSECOND,
        offsetLow=offset - 90 * MICROSECOND,
        offset=offset,
        offsetHigh=offset + 90 * MICROSECOND,
        verdict=1,
        hopsForward=5,
        hopsBackward=6,
    )


def keptRows(began: int, ended: int, step: int = 60) -> Iterator[KeptRow]:
    """
    Give the rows of a span of time, one after the other.
    """
    for at in range(began, ended, step):
        yield keptRow(at, (20_000 + at // step % 7 * 100) * MICROSECOND)


@implementer(IHistory)
class FakeHistory:
    """
    A history in memory.

    @ivar rows: the rows of each peer, the oldest first.
    @ivar kept: all events, the oldest first.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[KeptRow]] | None = None,
        events: Sequence[Event] = (),
    ) -> None:
        """
        @param rows: by the names of peers.
        @param events: in order.
        """
        self.rows = dict(rows or {})
        self.kept = [KeptEvent(number, each) for number, each in enumerate(events, 1)]

    def write(self, rows: Mapping[str, KeptRow], events: Sequence[Event]) -> None:
        """Refuse: what there is was given."""
        raise HistoryError("it is not written")

    def points(
        self, peer: str, began: int, ended: int, step: int | None = None
    ) -> Points:
        """Give the rows of minutes."""
        rows = self.rows.get(peer, ())
        return Points(60, [each for each in rows if began <= each.at < ended])

    def events(self, query: EventQuery) -> Sequence[KeptEvent]:
        """Give events."""
        found = [
            each
            for each in reversed(self.kept)
            if each.event.at >= query.since
            and (query.before is None or each.number < query.before)
            and query.peer in (None, each.event.peer)
            and query.kind in (None, each.event.kind)
        ]
        return found[: query.most]

    def peers(self) -> Sequence[str]:
        """Give the names of the peers."""
        return sorted(self.rows)

    def close(self) -> None:
        """Do nothing."""


class FakeReader:
    """
    Reads a history at once.

    @ivar why: why it cannot be read; empty if it can.
    @ivar reads: how often it was read.
    """

    def __init__(self, history: IHistory) -> None:
        """
        @param history: the history.
        """
        self.history = history
        self.why = ""
        self.reads = 0

    def read(self, question: Callable[[IHistory], Found]) -> Deferred[Found]:
        """Ask something."""
        self.reads += 1
        if self.why:
            return fail(HistoryError(self.why))
        return maybeDeferred(question, self.history)
