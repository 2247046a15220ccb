"""
The row of this daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from echostamp.monitor.slices import Slices
from echostamp.monitor.steps import Steps
from echostamp.times import SECOND, Moment, moment
from echostamp.web.peerfigures import Week, figuresOf
from echostamp.web.rowdata import PeerFigures, SourceRow
from echostamp.web.source import Source
from echostamp.web.weeks import Weeks

#: For how long a row is given to those who ask, in nanoseconds.
FRESH = 5 * SECOND


class OwnRow:
    """
    Makes the row of this daemon from the snapshots of its peers, when somebody asks for
    it, in slices: so no probe waits for it.  Those who ask at the same time share it.
    """

    def __init__(
        self, reactor: Any, source: Source, clocks: Callable[[], Moment] = moment
    ) -> None:
        """
        @param reactor: runs the timers.
        @param source: has the peers.
        @param clocks: reads both clocks.
        """
        self._source = source
        self._clocks = clocks
        self._slices = Slices(reactor, lambda: clocks().after)
        self._weeks = Weeks(reactor, source, lambda: clocks().realtime / SECOND)
        self._row: SourceRow | None = None
        self._madeAt = 0
        self._waiting: list[Deferred[SourceRow]] = []

    def row(self) -> Deferred[SourceRow]:
        """
        Give the row, not older than L{FRESH}.  That somebody asks means that somebody
        looks: then the last week of each peer is read, too.
        """
        row = self._row
        if row is not None and self._clocks().after - self._madeAt < FRESH:
            return succeed(row)
        waiting: Deferred[SourceRow] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            self._slices.do(self._steps()).addCallbacks(self._made, self._failed)
        return waiting

    def week(self, name: str) -> Week | None:
        """Give the last week of a peer; L{None} where it is not known."""
        return self._weeks[name]

    def _steps(self) -> Steps[None]:
        """
        Make the row, a peer in each step.
        """
        peers: dict[str, PeerFigures] = {}
        found = dict(self._source.peers)
        self._weeks.look(found)
        for name, peer in found.items():
            yield
            peers[name] = figuresOf(peer.snapshot(), self._weeks[name])
        now = self._clocks()
        self._madeAt = now.after
        self._row = SourceRow(self._source.selfName, peers, now.realtime)

    def _made(self, result: object) -> None:
        """
        Give the row to all who wait for it.
        """
        row = self._row
        assert row is not None
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(row)

    def _failed(self, failure: Failure) -> None:
        """
        Tell all who wait that there is none.
        """
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.errback(failure)
