"""
Histories for tests of what reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from echostamp.history.interfaces import (
    EventQuery,
    Found,
    HistoryError,
    IHistory,
    KeptEvent,
    Points,
)
from echostamp.history.row import MINUTE, KeptRow
from echostamp.measure.verdicts import FITS, VERDICTS
from echostamp.monitor.event import Event
from echostamp.times import MICROSECOND


@implementer(IHistory)
class FakeHistory:
    """
    A history that has what a test puts there, and notes what it is asked.

    @ivar rows: the rows of each peer, whatever span is asked for.
    @ivar found: the events, whatever is asked for.
    @ivar asked: the arguments of each question.
    @ivar error: why nothing can be read; empty if it can.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[KeptRow]] = {}
        self.found: list[KeptEvent] = []
        self.asked: list[object] = []
        self.error = ""

    def write(self, rows: Mapping[str, KeptRow], events: Sequence[Event]) -> None:
        """Keep rows and events."""
        for name, row in rows.items():
            self.rows.setdefault(name, []).append(row)
        for event in events:
            self.found.insert(0, KeptEvent(len(self.found) + 1, event))

    def points(
        self, peer: str, began: int, ended: int, step: int | None = None
    ) -> Points:
        """Give the rows of a peer."""
        self._check((peer, began, ended, step))
        return Points(step or MINUTE, self.rows.get(peer, []))

    def events(self, query: EventQuery) -> Sequence[KeptEvent]:
        """Give the events."""
        self._check(query)
        return self.found[: query.most]

    def peers(self) -> Sequence[str]:
        """Give the names of the peers that have rows."""
        self._check("peers")
        return sorted(self.rows)

    def close(self) -> None:
        """Keep and give nothing more."""

    def _check(self, question: object) -> None:
        """
        Note a question.

        @raise HistoryError: nothing can be read.
        """
        self.asked.append(question)
        if self.error:
            raise HistoryError(self.error)


class FakeHistoryReader:
    """
    Reads a history at once, or when the test wants it.

    @ivar waiting: the answers that wait; L{None} to give each at once.
    """

    def __init__(self, history: IHistory) -> None:
        """
        @param history: what is read.
        """
        self._history = history
        self.waiting: list[Callable[[], None]] | None = None

    def hold(self) -> list[Callable[[], None]]:
        """Let answers wait, and give those that do."""
        self.waiting = []
        return self.waiting

    def read(self, question: Callable[[IHistory], Found]) -> Deferred[Found]:
        """Ask something."""
        if self.waiting is None:
            return maybeDeferred(question, self._history)
        later: Deferred[Found] = Deferred()

        def answer() -> None:
            maybeDeferred(question, self._history).chainDeferred(later)

        self.waiting.append(answer)
        return later


def fullRow(at: int = 1_750_000_020) -> KeptRow:
    """
    Give a row in which everything is known, and all values differ.
    """
    rtts = [each * MICROSECOND for each in range(901, 909)]
    pdvs = [each * MICROSECOND for each in range(31, 35)]
    counts = 60, 59, 50, 4, 3, 2, 1
    offset = -12_500_000, -12_000_001, -11_499_999, VERDICTS.index(FITS)
    values = at, *counts, *rtts, *pdvs, *offset, 5, 6, 7_000_000
    return KeptRow._make(values)
