"""
Reads what is kept of a peer as the points of a plot.

SQLite selects, groups and adds; L{mixture <echostamp.history.mixture>} makes the
quantiles of each group.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from echostamp.history import mixture
from echostamp.history.interfaces import Points
from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.history.schema import COLUMNS
from echostamp.history.steps import isQuick, stepOf

#: The tables, with the length of their rows in seconds, the finest first.
TABLES = (("minutes", MINUTE), ("hours", HOUR), ("days", DAY))

#: How SQLite makes a column of a group; of the others, L{_Mixed} makes the figures.
_SUMS = (*COLUMNS[:7], "stalled")
_ENDS = {
    "rtt_min": "min",
    "rtt_max": "max",
    "offset_low": "min",
    "offset_high": "max",
    "verdict": "max",
}

#: What L{_Mixed} gets.
_MIXED = ("at", "received", *COLUMNS[7:25])

_AGGREGATE = "echostamp_mixed"

_FIELDS = ", ".join(COLUMNS)


class _Mixed:
    """
    An aggregate of SQL: gives those figures of several rows that SQLite's own
    aggregates cannot, as JSON.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def step(self, *row: Any) -> None:
        """
        Take the columns L{_MIXED} of a row.
        """
        self._rows.append(row)

    def finalize(self) -> str:
        """
        Give the quantiles of the RTTs, those of the PDV each way, the estimate of the
        offset, and the hops each way.
        """
        rows = sorted(self._rows, key=lambda row: row[0])
        bounds = (mixture.Bounds(*row[14:18]) for row in rows if None not in row[14:17])
        best = mixture.narrowest(bounds)
        found = (
            *mixture.rttQuantiles((row[1], row[2:10]) for row in rows),
            *mixture.pdvQuantiles((row[1], row[10], row[11]) for row in rows),
            *mixture.pdvQuantiles((row[1], row[12], row[13]) for row in rows),
            None if best is None else best.estimate,
            mixture.lastKnown(row[18] for row in rows),
            mixture.lastKnown(row[19] for row in rows),
        )
        return json.dumps(found)


def addAggregate(connection: sqlite3.Connection) -> None:
    """
    Make the aggregate of L{readPoints} known to a connection.
    """
    connection.create_aggregate(_AGGREGATE, len(_MIXED), _Mixed)  # type: ignore[arg-type]  # it takes several columns


def mergedUntil(length: int, table: str) -> str:
    """
    Write an expression of SQL: the time before which all rows of the peer C{:peer} are
    merged into a table.

    @param length: of the table's rows, in seconds.
    """
    return f"(SELECT ifnull(max(at) + {length}, 0) FROM {table} WHERE peer = :peer)"


class _Span(NamedTuple):
    """
    Where rows come from: the place of the table in L{TABLES}, and the time.
    """

    table: int
    began: int
    ended: int


def readPoints(
    connection: sqlite3.Connection, name: str, began: int, ended: int, step: int | None
) -> Points:
    """
    Give at most 1,000 points of a peer.

    They are made of the finest rows that still go back to the beginning, and are few
    enough to be read quickly.  Rows that are not merged into longer ones yet count
    among these.

    @param name: of the peer.
    @param began: in seconds since the UNIX epoch, like C{ended}, which is not included.
    @param step: how long each point should be, in seconds; L{None} for as short as it
        can be.
    """
    connection.execute("BEGIN")
    try:
        found = connection.execute("SELECT id FROM peers WHERE name = ?", [name])
        peer = found.fetchone()
        span = peer and _span(connection, peer[0], began, ended)
        if not span:
            return Points(step or MINUTE, [])
        length = TABLES[span.table][1]
        step = stepOf(length, span.began, span.ended, step)
        # A point that has begun before is shown whole.
        whole = span._replace(began=span.began // step * step)
        return Points(step, _rows(connection, peer[0], whole, step))
    finally:
        # Some errors have ended it.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _span(
    connection: sqlite3.Connection, peer: int, began: int, ended: int
) -> _Span | None:
    """
    Choose the table, and leave out of a span what is before the first row and behind
    the last one.

    @return: L{None} where there is no row.
    """
    ends = [
        connection.execute(
            f"SELECT (SELECT min(at) FROM {table} WHERE peer = :peer), "
            f"(SELECT max(at) + {length} FROM {table} WHERE peer = :peer)",
            {"peer": peer},
        ).fetchone()
        for table, length in TABLES
    ]
    known = [first for first, _ in ends if first is not None]
    if not known:
        return None
    began = max(began, min(known))
    ended = min(ended, max(last for _, last in ends if last is not None))
    if began >= ended:
        return None
    firsts = [first for first, _ in ends]
    for place, (_, length) in enumerate(TABLES):
        if isQuick(length, began, ended) and _goesBack(
            connection, peer, place, began, firsts
        ):
            return _Span(place, began, ended)
    return _Span(len(TABLES) - 1, began, ended)


def _goesBack(
    connection: sqlite3.Connection,
    peer: int,
    place: int,
    began: int,
    firsts: Sequence[int | None],
) -> bool:
    """
    Tell whether a table has all that coarser ones know since the beginning of a span.

    @param firsts: when the first row of each table began.
    """
    first, table = firsts[place], TABLES[place][0]
    for at, (coarser, length) in enumerate(TABLES):
        old = firsts[at]
        if at <= place or old is None or (first is not None and first <= began):
            continue
        if first is None:
            return False
        around = first // length * length
        if around > max(began, old):
            return False
        # Was a part of that hour or day deleted, or was nothing measured in it?
        missing = connection.execute(
            f"SELECT ifnull((SELECT due FROM {coarser} WHERE peer = :peer "
            f"AND at = :began), 0) - sum(due) FROM {table} "
            "WHERE peer = :peer AND at >= :began AND at < :ended",
            {"peer": peer, "began": around, "ended": around + length},
        ).fetchone()[0]
        if missing > 0:
            return False
    return True


def _rows(
    connection: sqlite3.Connection, peer: int, span: _Span, step: int
) -> list[KeptRow]:
    """
    Read a span from a table, and from finer ones what is not merged into it yet.
    """
    sources, since = [], ":began"
    for place in range(span.table, -1, -1):
        table, length = TABLES[place]
        sources.append(
            f"SELECT at, {_FIELDS} FROM {table} "
            f"WHERE peer = :peer AND at >= {since} AND at < :ended"
        )
        since = f"max({since}, {mergedUntil(length, table)})"
    values = {"peer": peer, "began": span.began, "ended": span.ended, "step": step}
    if step == MINUTE:
        found = connection.execute(f"{sources[0]} ORDER BY at", values)
        return [KeptRow._make(row) for row in found]
    columns = ", ".join(map(_grouped, COLUMNS))
    found = connection.execute(
        f"SELECT at / :step * :step AS point, {columns}, "
        f"{_AGGREGATE}({', '.join(_MIXED)}) FROM ({' UNION ALL '.join(sources)}) "
        "GROUP BY point ORDER BY point",
        values,
    )
    return [_row(*kept, mixed=mixed) for *kept, mixed in found]


def _row(*kept: Any, mixed: str) -> KeptRow:
    """
    Make a row of the columns of a group.

    @param kept: those that SQLite has made.
    @param mixed: the others, from L{_Mixed}.
    """
    row, rest = list(kept), json.loads(mixed)
    row[9:15], row[16:20], row[21], row[24:26] = (
        rest[:6],
        rest[6:10],
        rest[10],
        rest[11:],
    )
    return KeptRow._make(row)


def _grouped(column: str) -> str:
    """
    Write how SQLite makes a column of a group.
    """
    if column in _SUMS:
        return f"sum({column})"
    return f"{_ENDS[column]}({column})" if column in _ENDS else "NULL"
