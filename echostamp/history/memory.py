"""
A history in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from zope.interface import implementer

from echostamp.history.interfaces import EventQuery, IHistory, KeptEvent, Points
from echostamp.history.mixture import merged
from echostamp.history.row import MINUTE, KeptRow
from echostamp.history.steps import stepOf
from echostamp.monitor.event import Event

#: How many events are kept.
MOST_EVENTS = 1000


@implementer(IHistory)
class MemoryHistory:
    """
    Keeps the last events and, where asked, the last minutes of each peer.
    """

    def __init__(self, minutes: int = 0, peers: int = 1000) -> None:
        """
        @param minutes: how many rows of each peer are kept.
        @param peers: of how many peers; those that were written first are forgotten.
        """
        self._minutes, self._peers = minutes, peers
        self._rows: dict[str, dict[int, KeptRow]] = {}
        self._events: deque[KeptEvent] = deque(maxlen=MOST_EVENTS)
        self._number = 0

    def write(self, rows: Mapping[str, KeptRow], events: Sequence[Event]) -> None:
        """Keep the rows of a minute, and events."""
        if self._minutes:
            for name, row in rows.items():
                self._add(name, row._replace(at=row.at // MINUTE * MINUTE))
        for event in events:
            self._number += 1
            self._events.append(KeptEvent(self._number, event))

    def _add(self, name: str, row: KeptRow) -> None:
        """
        Keep a row.
        """
        kept = self._rows.pop(name, {})
        self._rows[name] = kept
        before = kept.get(row.at)
        kept[row.at] = row if before is None else merged([before, row], row.at)
        if len(kept) > self._minutes:
            del kept[min(kept)]
        if len(self._rows) > self._peers:
            del self._rows[next(iter(self._rows))]

    def points(
        self, peer: str, began: int, ended: int, step: int | None = None
    ) -> Points:
        """Give what is known of a peer."""
        kept = self._rows.get(peer, {})
        began = max(began, min(kept, default=began))
        ended = min(ended, max(kept, default=ended) + MINUTE)
        if began >= ended:
            return Points(step or MINUTE, [])
        step = stepOf(MINUTE, began, ended, step)
        found: dict[int, list[KeptRow]] = {}
        for at in sorted(kept):
            if began // step * step <= at < ended:
                found.setdefault(at // step * step, []).append(kept[at])
        return Points(step, [merged(rows, at) for at, rows in found.items()])

    def events(self, query: EventQuery) -> Sequence[KeptEvent]:
        """Give events, the newest first."""
        before = self._number + 1 if query.before is None else query.before
        found = []
        for kept in reversed(self._events):
            event = kept.event
            if (
                kept.number < before
                and event.at >= query.since
                and query.peer in (None, event.peer)
                and query.kind in (None, event.kind)
            ):
                found.append(kept)
        return found[: max(query.most, 0)]

    def peers(self) -> Sequence[str]:
        """Give the names of all peers that have rows, sorted."""
        return sorted(self._rows)

    def close(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self._events.clear()
