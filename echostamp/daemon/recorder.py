"""
Makes a row of each peer at the end of each minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from echostamp.history.minutes import PeerCounts, minuteRow
from echostamp.history.row import MINUTE, KeptRow
from echostamp.monitor.slices import Slices
from echostamp.monitor.spanfigures import SpanFigures
from echostamp.monitor.steps import Steps
from echostamp.monitor.tally import Tally
from echostamp.probe.surroundings import Surroundings
from echostamp.times import SECOND

log = Logger(namespace="echostamp")

_MINUTE = MINUTE * SECOND


class Measured(Protocol):
    """
    Has the figures of a peer.
    """

    def span(self, length: int) -> SpanFigures:
        """Give the figures of the last nanoseconds."""


class Recorded(Protocol):
    """
    A peer of which rows are made.
    """

    @property
    def tally(self) -> Tally:
        """Its counters."""

    @property
    def flows(self) -> Measured:
        """Holds its figures."""

    def refresh(self) -> None:
        """Bring the counters up to date."""


class Recorder:
    """
    Makes a row of each peer at the end of each minute of UTC, a little in each turn of
    the event loop.

    The counts of a peer's rows add up to its counters.  A minute ends when the clock
    says so, or when that is set: then its row has what was measured until then.  Where
    the clock is set back, a minute may have several rows, which the history merges.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        slices: Slices,
        peers: Callable[[], Mapping[str, Recorded]],
        keep: Callable[[Mapping[str, KeptRow]], object],
    ) -> None:
        """
        @param surroundings: the timers and clocks of the probes.
        @param slices: makes the rows.
        @param peers: gives the peers by name.
        @param keep: gets the rows of a minute by the peer's name; there may be none.
        """
        self._surroundings = surroundings
        self._slices = slices
        self._peers = peers
        self._keep = keep
        self._counts: dict[str, PeerCounts] = {}
        self._turn = DeferredLock()
        self._entry: Any = None
        self._minute = 0
        self._since = self._stalled = 0

    def start(self) -> None:
        """
        Begin with the present minute.
        """
        self._begin()
        self._minute = self._present()
        self._arm()

    def _begin(self) -> None:
        """
        Begin the span of the next rows.
        """
        self._since = self._surroundings.now()
        self._stalled = self._surroundings.stalls.length

    def finish(self) -> Deferred[None]:
        """
        End, and make the rows of the minute that is not over.  The peers should have
        ended before.

        @return: fires when the function that keeps them has got them.
        """
        if self._entry is not None:
            self._entry.cancel()
        return self._end()

    def look(self) -> None:
        """
        Look whether the minute is over: the clock may have been set.
        """
        if self._present() != self._minute:
            self._end()
        self._arm()

    def leave(self, name: str, peer: Recorded) -> None:
        """
        Keep what was counted of a peer that is watched no more, for its next row.

        @param name: the peer's.
        @param peer: the peer.
        """
        peer.refresh()
        self._countsOf(name, self._since, self._stalled).leave(peer.tally)

    def _countsOf(self, name: str, since: int, stalled: int) -> PeerCounts:
        """
        Give what was counted of a peer when its last row was made.

        @param since: when its first row begins; see L{PeerCounts}.
        @param stalled: likewise.
        """
        counts = self._counts.get(name)
        if counts is None:
            counts = self._counts[name] = PeerCounts(since, stalled)
        return counts

    def _present(self) -> int:
        """
        Give when the present minute began, in seconds since the UNIX epoch.
        """
        return self._surroundings.clocks().realtime // _MINUTE * MINUTE

    def _arm(self) -> None:
        """
        Look again when the minute is over.
        """
        if self._entry is not None:
            self._entry.cancel()
        at = self._surroundings.clocks()
        left = _MINUTE - at.realtime % _MINUTE
        self._entry = self._surroundings.agenda.at(at.after + left, self.look)

    def _end(self) -> Deferred[None]:
        """
        End the minute, behind the rows of the one before.
        """
        minute, self._minute = self._minute, self._present()
        return self._turn.run(lambda: Deferred.fromCoroutine(self._make(minute)))

    async def _make(self, minute: int) -> None:
        """
        Make the rows of a minute.
        """
        rows: dict[str, KeptRow] = {}
        await self._slices.do(self._steps(minute, rows))
        self._keep(rows)

    def _steps(self, minute: int, rows: dict[str, KeptRow]) -> Steps[None]:
        """
        Make the rows of a minute, a peer in each step.

        @param rows: gets them.
        """
        # Peers that are new begin with the span of the others.
        before = self._since, self._stalled
        self._begin()
        for name in dict.fromkeys([*self._peers(), *self._counts]):
            counts = self._countsOf(name, *before)
            # Peers may have changed since the step before.
            peer = self._peers().get(name)
            row = self._rowOf(minute, counts, peer)
            if row is not None:
                rows[name] = row
            if peer is None:
                del self._counts[name]
            yield

    def _rowOf(
        self, minute: int, counts: PeerCounts, peer: Recorded | None
    ) -> KeptRow | None:
        """
        Make the row of a peer.

        @param peer: the peer; L{None} where it is gone.
        """
        surroundings, span = self._surroundings, SpanFigures()
        if peer is not None:
            peer.refresh()
        grown = counts.grown(None if peer is None else peer.tally)
        now, since = surroundings.now(), counts.since
        if peer is not None and any(grown):
            try:
                span = peer.flows.span(max(now - since, 1))
            except Exception:
                # The counts are kept all the same.
                log.failure("the figures of a peer's minute were not made")
        counts.since = now
        stalled = counts.stalledFor(surroundings.stalls.length)
        return minuteRow(minute, grown, span, stalled)
