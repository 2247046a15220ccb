"""
Merges the rows of a peer into hours and days, and deletes those that are old.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from echostamp.history.mixture import merged
from echostamp.history.points import TABLES, mergedUntil
from echostamp.history.row import DAY, HOUR, KeptRow
from echostamp.history.schema import COLUMNS

#: How many spans are merged, and how many rows are deleted, at most, for each table of
#: a peer at a time.  Once an hour, one span is over, and 60 minutes are old.
MOST_MERGED, MOST_DELETED = 24, 240

_FIELDS = ", ".join(COLUMNS)
_PLACES = ", ".join("?" * (2 + len(COLUMNS)))


class Retention(NamedTuple):
    """
    For how long each kind of rows is kept, in seconds.
    """

    minutes: int = 7 * DAY
    hours: int = 730 * DAY
    days: int = 3650 * DAY
    events: int = 730 * DAY


def readRow(
    connection: sqlite3.Connection, table: str, peer: int, at: int
) -> KeptRow | None:
    """
    Give a row of a peer; L{None} if there is none.
    """
    return next(iter(_read(connection, table, peer, at, at + 1)), None)


def _read(
    connection: sqlite3.Connection, table: str, peer: int, began: int, ended: int
) -> list[KeptRow]:
    """
    Give the rows of a peer in a span of time, the oldest first.
    """
    found = connection.execute(
        f"SELECT at, {_FIELDS} FROM {table} "
        "WHERE peer = ? AND at >= ? AND at < ? ORDER BY at",
        [peer, began, ended],
    )
    return [KeptRow._make(row) for row in found]


def addRow(
    connection: sqlite3.Connection, table: str, peer: int, row: KeptRow
) -> KeptRow:
    """
    Write a row, merged with the one that is there already.

    @return: what the row adds to what is there.
    """
    found = connection.execute(
        f"INSERT INTO {table} VALUES ({_PLACES}) ON CONFLICT DO NOTHING", (peer, *row)
    )
    if found.rowcount:
        return row
    before = readRow(connection, table, peer, row.at)
    assert before is not None, "there is a row"
    both = merged([before, row], row.at)
    connection.execute(f"REPLACE INTO {table} VALUES ({_PLACES})", (peer, *both))
    return row._replace(stalled=both.stalled - before.stalled)


def addLate(connection: sqlite3.Connection, peer: int, row: KeptRow) -> None:
    """
    Add a minute to the hour and the day, where these are merged already: a clock may
    have been set back.
    """
    for table, length in TABLES[1:]:
        if row.at < _until(connection, table, length, peer):
            began = row.at // length * length
            both = row._replace(at=began)
            if before := readRow(connection, table, peer, began):
                stalled = before.stalled + row.stalled
                both = merged([before, row], began)._replace(stalled=stalled)
            connection.execute(
                f"REPLACE INTO {table} VALUES ({_PLACES})", (peer, *both)
            )


def _until(connection: sqlite3.Connection, table: str, length: int, peer: int) -> int:
    """
    Give the time before which all rows are merged into a table.
    """
    query = f"SELECT {mergedUntil(length, table)}"
    return int(connection.execute(query, {"peer": peer}).fetchone()[0])


def newestMerged(connection: sqlite3.Connection) -> int:
    """
    Give the time after which nothing is merged yet, of any peer.
    """
    query = (
        f"SELECT ifnull(max((SELECT max(at) + {HOUR} FROM hours WHERE peer = id)), 0) "
        "FROM peers"
    )
    return int(connection.execute(query).fetchone()[0])


def newestMinute(connection: sqlite3.Connection) -> int | None:
    """
    Give the time of the newest row of a minute, of any peer; L{None} if there is none.
    """
    query = "SELECT max((SELECT max(at) FROM minutes WHERE peer = id)) FROM peers"
    found: int | None = connection.execute(query).fetchone()[0]
    return found


def mergePeer(connection: sqlite3.Connection, peer: int, now: int) -> None:
    """
    Merge the hours and the days of a peer that are over.

    @param now: seconds since the UNIX epoch.
    """
    _merge(connection, peer, 1, now)
    # A day is over when all its hours are merged.
    until = _until(connection, "hours", HOUR, peer)
    waiting = _first(connection, "minutes", peer, until)
    _merge(connection, peer, 2, now if waiting is None else min(now, waiting))


def _merge(connection: sqlite3.Connection, peer: int, place: int, now: int) -> None:
    """
    Merge rows of the finer table into those of a table.

    @param place: the table's, in L{TABLES}.
    """
    (source, _), (table, length) = TABLES[place - 1], TABLES[place]
    for _ in range(MOST_MERGED):
        since = _until(connection, table, length, peer)
        first = _first(connection, source, peer, since)
        if first is None:
            return
        began = first // length * length
        if began + length > now:
            return
        rows = _read(connection, source, peer, began, began + length)
        addRow(connection, table, peer, merged(rows, began))


def _first(
    connection: sqlite3.Connection, table: str, peer: int, since: int
) -> int | None:
    """
    Give the time of the first row of a peer from a time on; L{None} if there is none.
    """
    query = f"SELECT min(at) FROM {table} WHERE peer = ? AND at >= ?"
    found = connection.execute(query, [peer, since]).fetchone()[0]
    return None if found is None else int(found)


def prunePeer(
    connection: sqlite3.Connection, peer: int, now: int, retention: Retention
) -> bool:
    """
    Delete the rows of a peer that are old, and the peer when it has none that is not.

    Rows that are not merged yet stay, and so does the newest row of hours and days,
    which tells until when rows are merged.

    @return: whether the peer is still there.
    """
    newest = []
    for place, (table, length) in enumerate(TABLES):
        last = connection.execute(
            f"SELECT max(at) FROM {table} WHERE peer = ?", [peer]
        ).fetchone()[0]
        if last is None:
            continue
        # A row is old when its end is.
        old = now - retention[place] - length + 1
        newest.append(last >= old)
        if place < 2:
            above, longer = TABLES[place + 1]
            old = min(old, _until(connection, above, longer, peer))
        _delete(connection, table, peer, min(old, last) if place else old)
    if any(newest):
        return True
    for table, _ in TABLES:
        connection.execute(f"DELETE FROM {table} WHERE peer = ?", [peer])
    connection.execute("DELETE FROM peers WHERE id = ?", [peer])
    return False


def _delete(connection: sqlite3.Connection, table: str, peer: int, before: int) -> None:
    """
    Delete rows before a time, the oldest ones first.
    """
    connection.execute(
        f"DELETE FROM {table} WHERE peer = :peer AND at < min(:before, ifnull((SELECT "
        f"at FROM {table} WHERE peer = :peer ORDER BY at LIMIT 1 OFFSET :most), "
        ":before))",
        {"peer": peer, "before": before, "most": MOST_DELETED},
    )
