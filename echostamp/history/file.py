"""
A history in a file that is only read.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence

from zope.interface import implementer

from echostamp.history.failures import explained
from echostamp.history.interfaces import (
    EventQuery,
    HistoryError,
    IHistory,
    KeptEvent,
    Points,
)
from echostamp.history.points import addAggregate, readPoints
from echostamp.history.row import KeptRow
from echostamp.history.schema import openForReading
from echostamp.history.storedevents import readEvents, storable
from echostamp.monitor.event import Event


class HistoryAnswers:
    """
    Answers questions about a history from a connection to its file.  No two threads
    may ask at the same time.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """
        @param connection: is closed by L{close}.
        """
        self._connection = connection
        addAggregate(connection)

    def points(
        self, peer: str, began: int, ended: int, step: int | None = None
    ) -> Points:
        """Give what is known of a peer; see L{IHistory}."""
        with explained():
            return readPoints(self._connection, storable(peer), began, ended, step)

    def events(self, query: EventQuery) -> Sequence[KeptEvent]:
        """Give events, the newest first."""
        with explained():
            return readEvents(self._connection, query)

    def peers(self) -> Sequence[str]:
        """Give the names of all peers that have rows, sorted."""
        with explained():
            found = self._connection.execute("SELECT name FROM peers")
            return sorted(name for (name,) in found)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@implementer(IHistory)
class HistoryFile(HistoryAnswers):
    """
    Reads a history, also while a daemon writes it.
    """

    def __init__(self, path: str) -> None:
        """
        Open the file.  A process that writes it, too, opens it for writing first.

        @param path: of the file.
        @raise HistoryError: it cannot be read.
        """
        super().__init__(openForReading(os.path.realpath(path)))

    def write(self, rows: Mapping[str, KeptRow], events: Sequence[Event]) -> None:
        """Refuse to write."""
        raise HistoryError("it is open for reading only")
