"""
Writes events into a history, and reads them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from echostamp.history.interfaces import EventQuery, HistoryError, KeptEvent
from echostamp.monitor.event import Event, Kind

_KINDS = frozenset(each.value for each in Kind)


def writeEvents(connection: sqlite3.Connection, events: Iterable[Event]) -> None:
    """
    Append events.
    """
    connection.executemany(
        "INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                *(each.at, each.kind.value, storable(each.peer)),
                *(storable(each.subject), storable(each.text), each.leftOut),
                json.dumps(dict(each.values), separators=(",", ":")),
            )
            for each in events
        ),
    )


def storable(text: str) -> str:
    """
    Escape in a text what is no Unicode, such as octets of a file name.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def readEvents(
    connection: sqlite3.Connection, query: EventQuery
) -> Sequence[KeptEvent]:
    """
    Give events, the newest first.

    @raise HistoryError: the file is damaged.
    """
    conditions = ["+time >= :since"]
    values: dict[str, int | str] = {
        "since": _stored(query.since),
        "most": _stored(max(query.most, 0)),
    }
    if query.since > 0:
        # Numbers are nearly in the order of time, but for clocks that are set.
        conditions.append(
            "number >= (SELECT min(+number) FROM events WHERE time >= :since)"
        )
    if query.before is not None:
        conditions.append("number < :before")
        values["before"] = _stored(query.before)
    if query.peer is not None:
        conditions.append("peer = :peer")
        values["peer"] = storable(query.peer)
    if query.kind is not None:
        # Of a peer's events, few are of another kind.
        column = "kind" if query.peer is None else "+kind"
        conditions.append(f"{column} = :kind")
        values["kind"] = query.kind.value
    found = connection.execute(
        'SELECT number, time, kind, peer, subject, text, left_out, "values" '
        f"FROM events WHERE {' AND '.join(conditions)} "
        "ORDER BY number DESC LIMIT :most",
        values,
    )
    try:
        # A newer version may know other kinds.
        return [_read(row) for row in found if row[2] in _KINDS]
    except (TypeError, ValueError) as error:
        raise HistoryError("it is damaged: an event cannot be read") from error


def _stored(number: int) -> int:
    """
    Give the nearest integer that SQLite can store.
    """
    return max(min(number, (1 << 63) - 1), -1 << 63)


def _read(row: Sequence[Any]) -> KeptEvent:
    """
    Make an event of a row.
    """
    number, at, kind, peer, subject, text, leftOut, values = row
    event = Event(Kind(kind), *(peer, at, subject, text, json.loads(values), leftOut))
    return KeptEvent(number, event)


def pruneEvents(connection: sqlite3.Connection, before: int, most: int) -> None:
    """
    Delete events that are old.

    @param before: those before this time, in nanoseconds since the UNIX epoch.
    @param most: at most so many.
    """
    connection.execute(
        "DELETE FROM events WHERE number IN "
        "(SELECT number FROM events WHERE time < ? ORDER BY time LIMIT ?)",
        [before, most],
    )
