"""
A history in a file that this process writes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

from zope.interface import implementer

from echostamp.history.failures import explained
from echostamp.history.file import HistoryAnswers
from echostamp.history.filelock import FileLock
from echostamp.history.interfaces import HistoryError, IHistory
from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.history.schema import checkFile, logSize, openForWriting
from echostamp.history.storedevents import pruneEvents, storable, writeEvents
from echostamp.history.upkeep import (
    Retention,
    addLate,
    addRow,
    mergePeer,
    newestMerged,
    newestMinute,
    prunePeer,
)
from echostamp.monitor.event import Event
from echostamp.times import SECOND

#: The write-ahead log may have so many octets.  It grows only while another program
#: reads the file for long.
MOST_LOG = 256 << 20

#: Every peer's turn to have its rows merged and old ones deleted comes once in so many
#: minutes.
_TURNS = HOUR // MINUTE

_DEFAULT = Retention()

#: The time by which rows and events are old goes on by so much at most with each write:
#: a clock that is years ahead for some minutes must not delete all of them.
_MOST_AGED = DAY

#: How many events are deleted at most by one write.
MOST_EVENTS_DELETED = 500


@implementer(IHistory)
class SqliteHistory(HistoryAnswers):
    """
    Keeps rows and events in a file.

    A write is one transaction, which is on the disk when it is over.  It also merges
    what is over of some peers, and deletes what is old: of a sixtieth of them, chosen
    by the minute, so that each one has its turn once an hour.
    """

    def __init__(self, path: str, retention: Retention = _DEFAULT) -> None:
        """
        Open the file, or make it.

        @param path: of the file.
        @param retention: for how long rows are kept.
        @raise HistoryError: it cannot be opened, or another daemon writes to it.
        """
        self._path = os.path.realpath(path)
        self._retention = retention
        self._ids: dict[str, int] = {}
        # A file that is none of ours gets no lock beside it.
        checkFile(self._path)
        self._lock = FileLock(self._path)
        try:
            super().__init__(openForWriting(self._path))
        except BaseException:
            self._lock.release()
            raise
        try:
            with explained():
                # Hours that end later are not merged yet.
                self._merged = newestMerged(self._connection)
                self._time = newestMinute(self._connection)
                self._opened = os.stat(self._path)
        except BaseException:
            self.close()
            raise

    def write(self, rows: Mapping[str, KeptRow], events: Sequence[Event]) -> None:
        """Keep the rows of a minute, and events: all or nothing."""
        with explained():
            self._checkPlace()
            self._boundLog()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for name, row in rows.items():
                    self._add(self._id(name), row)
                writeEvents(self._connection, events)
                if rows:
                    self._keepUp(max(row.at for row in rows.values()) + MINUTE)
                if events:
                    self._prune(max(event.at for event in events) // SECOND)
                self._connection.execute("COMMIT")
            except BaseException:
                # These may be of peers that are not there now.
                self._ids.clear()
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _checkPlace(self) -> None:
        """
        Check that the file is where it was.  SQLite would go on writing to one that was
        deleted, and nobody would ever find what it has written.

        @raise HistoryError: there is none, or another one.
        """
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._path), self._opened):
                return
        raise HistoryError(
            "it was moved, deleted or replaced; a restart of the daemon uses what is "
            "there"
        )

    def _boundLog(self) -> None:
        """
        Write the log back into the file where it is too long.

        @raise HistoryError: that is not possible.
        """
        if logSize(self._path) > MOST_LOG:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if logSize(self._path) > MOST_LOG:
                raise HistoryError("another program has been reading it for too long")

    def _id(self, name: str) -> int:
        """
        Give the number of a peer; a new one gets one.
        """
        if name not in self._ids:
            execute = self._connection.execute
            key = [storable(name)]
            execute("INSERT INTO peers (name) VALUES (?) ON CONFLICT DO NOTHING", key)
            found = execute("SELECT id FROM peers WHERE name = ?", key)
            self._ids[name] = found.fetchone()[0]
        return self._ids[name]

    def _add(self, peer: int, row: KeptRow) -> None:
        """
        Keep a row.
        """
        row = row._replace(at=row.at // MINUTE * MINUTE)
        added = addRow(self._connection, "minutes", peer, row)
        if row.at < self._merged:
            addLate(self._connection, peer, added)

    def _keepUp(self, now: int) -> None:
        """
        Merge what is over, and delete what is old, of the peers whose turn it is.

        @param now: in seconds since the UNIX epoch.
        """
        turn = now // MINUTE % _TURNS
        found = self._connection.execute(
            "SELECT id FROM peers WHERE id % ? = ?", [_TURNS, turn]
        )
        peers = [peer for (peer,) in found.fetchall()]
        for peer in peers:
            mergePeer(self._connection, peer, now)
        self._merged = max(self._merged, now)
        self._prune(now, peers)

    def _prune(self, now: int, peers: Sequence[int] = ()) -> None:
        """
        Delete events that are old, and old rows of some peers.

        @param now: in seconds since the UNIX epoch.
        """
        if self._time is not None:
            now = min(now, self._time + _MOST_AGED)
        self._time = now
        for peer in peers:
            if not prunePeer(self._connection, peer, now, self._retention):
                self._ids.clear()
        old = (now - self._retention.events) * SECOND
        pruneEvents(self._connection, old, MOST_EVENTS_DELETED)

    def close(self) -> None:
        """Close the file."""
        super().close()
        self._lock.release()
