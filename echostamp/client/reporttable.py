"""
Writes the table of C{echostamp report}: rows in, lines out; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from echostamp.client.watchrow import OffsetBounds
from echostamp.client.watchtable import UNITS, bounded, milliseconds, share
from echostamp.columns import fitted
from echostamp.history.row import KeptRow
from echostamp.measure.verdicts import NO_FIT, VERDICTS
from echostamp.text import counted, printable

#: The columns of a name or a time, of a number of probes, and of an offset.
_NAME, _COUNT, _OFFSET = 17, 6, 12


class ReportSpan(NamedTuple):
    """
    A span of time, in seconds since the UNIX epoch, without its end.
    """

    began: int
    ended: int


def totalLines(span: ReportSpan, totals: Mapping[str, KeptRow]) -> Iterator[str]:
    """
    Write a table with a row for each peer.
    """
    yield from _titles(span, counted(len(totals), "peer"))
    yield _head("peer")
    for name, row in totals.items():
        yield _line(printable(name), row)


def pointLines(
    span: ReportSpan, points: Mapping[str, Sequence[KeptRow]]
) -> Iterator[str]:
    """
    Write a table with a row for each point, one for each peer.
    """
    yield from _titles(span, counted(len(points), "peer"))
    for name, rows in points.items():
        yield ""
        yield printable(name)
        yield _head("time (UTC)")
        for row in rows:
            yield _line(_time(row.at), row)


def _titles(span: ReportSpan, what: str) -> Iterator[str]:
    """
    Write what the table is of, and its units.
    """
    yield f"{what}, {_time(span.began)} to {_time(span.ended)} UTC"
    yield UNITS


def _time(seconds: int) -> str:
    """
    Write a time in UTC, to the minute.
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _count(row: KeptRow) -> str:
    """
    Write how many probes were due.
    """
    text = str(row.due)
    return text if len(text) <= _COUNT else f"{row.due // 1000}k"


def _share(count: int, row: KeptRow) -> str:
    """
    Write a part of the probes whose fate is known.
    """
    known = row.received + row.lost + _unsent(row)
    return share(100 * count / known if known else None)


def _unsent(row: KeptRow) -> int:
    """
    Count the probes that could not be sent.
    """
    return max(row.due - row.sent, 0)


def _offset(row: KeptRow) -> str:
    """
    Write the offset.
    """
    low, estimate, high = row.offsetLow, row.offset, row.offsetHigh
    if low is None or estimate is None or high is None:
        return "-"
    isMisfit = VERDICTS[row.verdict] == NO_FIT
    return bounded(OffsetBounds(estimate, low, high, isMisfit), _OFFSET)


#: The columns behind the first one: their heading, their width, and what writes them.
_COLUMNS: tuple[tuple[str, int, Callable[[KeptRow], str]], ...] = (
    ("due", _COUNT, _count),
    ("loss", 4, lambda row: _share(row.lost + _unsent(row), row)),
    ("fwd", 4, lambda row: _share(row.lostForward, row)),
    ("bwd", 4, lambda row: _share(row.lostBackward, row)),
    ("median", 6, lambda row: milliseconds(row.median)),
    ("p90", 6, lambda row: milliseconds(row.p90)),
    ("p99", 6, lambda row: milliseconds(row.p99)),
    ("max", 6, lambda row: milliseconds(row.most)),
    ("offset", _OFFSET, _offset),
)


def _head(first: str) -> str:
    """
    Write the headings.
    """
    heads = "".join(f" {head:>{width}}" for head, width, _ in _COLUMNS)
    return f"{first:<{_NAME}}{heads}"


def _line(first: str, row: KeptRow) -> str:
    """
    Write a row.
    """
    cells = "".join(f" {write(row):>{width}}" for _, width, write in _COLUMNS)
    return f"{fitted(first, _NAME)}{cells}"
