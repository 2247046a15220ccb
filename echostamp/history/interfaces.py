"""
Where rows and events are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Interface

from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event, Kind

Found = TypeVar("Found")


class Points(NamedTuple):
    """
    Rows of one peer, for a plot.

    @ivar step: how long each span is, in seconds.
    @ivar rows: the spans that have any row, the oldest first; each begins at a multiple
        of the step since the UNIX epoch.
    """

    step: int
    rows: Sequence[KeptRow]


class EventQuery(NamedTuple):
    """
    Which events are wanted.

    @ivar since: not before this time, in nanoseconds since the UNIX epoch.
    @ivar before: only those with a lower number.
    @ivar peer: those of this peer; the empty text is for those of the daemon; L{None}
        for all.
    @ivar kind: those of this kind; L{None} for all.
    @ivar most: how many at most.
    """

    since: int = 0
    before: int | None = None
    peer: str | None = None
    kind: Kind | None = None
    most: int = 200


class KeptEvent(NamedTuple):
    """
    An event that is kept.

    @ivar number: those that were written later have higher ones.
    @ivar event: the event.
    """

    number: int
    event: Event


class HistoryError(Exception):
    """
    Something cannot be written or read; the text is one line.
    """


class IHistory(Interface):
    """
    Keeps rows and events.  All of it may wait for a disk.
    """

    def write(rows: Mapping[str, KeptRow], events: Sequence[Event]) -> None:
        """
        Keep the rows of a minute, and events: all or nothing.  A second row of the same
        peer and minute is merged with the first.

        Old rows are deleted as new ones come, and old events likewise: without rows and
        events nothing changes.

        @param rows: by the name of the peer.
        @param events: in the order in which they happened.
        @raise HistoryError: it cannot be written.
        """

    def points(peer: str, began: int, ended: int, step: int | None = None) -> Points:
        """
        Give what is known of a peer in a span of time: at most 1,000 points.

        @param began: seconds since the UNIX epoch.
        @param ended: likewise; not included.
        @param step: how long each point should be, in seconds; L{None} for as short as
            it can be.  Points are longer where there would be more than 1,000, or where
            only longer rows are kept or quickly read.
        @raise HistoryError: it cannot be read.
        """

    def events(query: EventQuery) -> Sequence[KeptEvent]:
        """
        Give events, the newest first.

        @raise HistoryError: they cannot be read.
        """

    def peers() -> Sequence[str]:
        """
        Give the names of all peers that have rows, sorted.

        @raise HistoryError: they cannot be read.
        """

    def close() -> None:
        """
        Keep and give nothing more.
        """


class HistoryReader(Protocol):
    """
    Reads a history where the event loop does not wait for it.
    """

    def read(self, question: Callable[[IHistory], Found]) -> Deferred[Found]:
        """
        Ask something, perhaps in another thread.

        @param question: gets the history.
        @return: the answer.  It fails with L{HistoryError} where that cannot be read.
        """
