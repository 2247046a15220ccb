"""
Reads from the history what the page of a peer shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from echostamp.history.interfaces import EventQuery, IHistory, KeptEvent, Points
from echostamp.history.row import MINUTE
from echostamp.monitor.event import Event, Kind
from echostamp.times import SECOND

#: The most events that are marks on a time axis, of the peer and of the daemon each.
MOST_MARKS = 500

#: The most events that the page lists.
LISTED = 20

#: How many events are read at once, and how often at most: events that are newer than
#: the time axis are passed by.
_AT_ONCE, _READS = 500, 20

#: The events of the daemon that change what its figures say.
_OWN = (Kind.STALL, Kind.OWN_CLOCK_STEP)


class PeerHistory(NamedTuple):
    """
    What the history knows of a peer.

    @ivar points: its rows.
    @ivar marks: its events, and those of the daemon that change its figures, within the
        time axis; in any order.
    @ivar last: its last events, the newest first.
    @ivar isKnown: whether there is anything of it, at any time.
    """

    points: Points
    marks: Sequence[Event]
    last: Sequence[KeptEvent]
    isKnown: bool


def peerHistory(
    history: IHistory, name: str, began: int, ended: int, hasRows: bool
) -> PeerHistory:
    """
    Read what is known of a peer.

    @param began: where the time axis begins, in seconds since the UNIX epoch.
    @param ended: where it ends.
    @param hasRows: whether rows are kept at all.
    @raise HistoryError: it cannot be read.
    """
    last = history.events(EventQuery(peer=name, most=LISTED))
    if not hasRows:
        return PeerHistory(Points(MINUTE, ()), (), last, bool(last))
    points = history.points(name, began, ended)
    marks = _between(history, EventQuery(began * SECOND, peer=name), ended)
    for kind in _OWN:
        query = EventQuery(began * SECOND, peer="", kind=kind)
        marks += _between(history, query, ended)
    isKnown = bool(points.rows or last) or name in history.peers()
    return PeerHistory(points, marks, last, isKnown)


def _between(history: IHistory, query: EventQuery, ended: int) -> list[Event]:
    """
    Read the events before a time, the newest first.
    """
    found: list[Event] = []
    for _ in range(_READS):
        some = history.events(query._replace(most=_AT_ONCE))
        found += [each.event for each in some if each.event.at < ended * SECOND]
        if len(some) < _AT_ONCE or len(found) >= MOST_MARKS:
            break
        query = query._replace(before=some[-1].number)
    return found[:MOST_MARKS]
