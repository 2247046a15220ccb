"""
Writes rows and events of the history as JSON and CSV.

C{docs/api.schema.json} describes the JSON.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any, NamedTuple

from echostamp.history.interfaces import KeptEvent
from echostamp.history.row import VERDICTS, KeptRow
from echostamp.measure import offsetwindow
from echostamp.monitor.eventlog import eventDocument

#: The verdicts of rows in the words of C{docs/ping.schema.json}.
_WORDS = dict(
    zip(
        VERDICTS,
        (None, offsetwindow.FITS, offsetwindow.DOUBTFUL, offsetwindow.NO_FIT),
        strict=True,
    )
)

#: What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


class AskedSpan(NamedTuple):
    """
    What was asked of the history.

    @ivar peer: the name of the peer.
    @ivar began: where the span begins, in seconds since the UNIX epoch.
    @ivar ended: where it ends.
    """

    peer: str
    began: int
    ended: int


def eventPieces(found: Sequence[KeptEvent]) -> Iterator[str]:
    """
    Write events, a piece for each.
    """
    yield '{"events": ['
    comma = "\n"
    for number, event in found:
        yield comma + json.dumps({"number": number, **eventDocument(event)})
        comma = ",\n"
    yield "\n]}\n"


def pointPieces(asked: AskedSpan, step: int, rows: Sequence[KeptRow]) -> Iterator[str]:
    """
    Write the points of a peer as JSON, a piece for each.

    @param step: how long each is, in seconds.
    """
    head = {"peer": asked.peer, "from": asked.began, "to": asked.ended, "step": step}
    yield json.dumps(head).removesuffix("}") + ', "points": ['
    comma = "\n"
    for row in rows:
        yield comma + json.dumps(pointDocument(row))
        comma = ",\n"
    yield "\n]}\n"


def pointDocument(row: KeptRow) -> dict[str, Any]:
    """
    Make the JSON document of a point.
    """
    return {
        "at": row.at,
        "due": row.due,
        "sent": row.sent,
        "received": row.received,
        "lost_forward": row.lostForward,
        "lost_backward": row.lostBackward,
        "lost_unknown": row.lostUnknown,
        "late": row.late,
        "rtt": _known(
            min=row.least,
            p10=row.p10,
            p25=row.p25,
            median=row.median,
            p75=row.p75,
            p90=row.p90,
            p99=row.p99,
            max=row.most,
        ),
        "forward": _pdv(row.pdvForward, row.pdvForwardP99),
        "backward": _pdv(row.pdvBackward, row.pdvBackwardP99),
        "offset": _offset(row),
        "hops": {"forward": row.hopsForward, "backward": row.hopsBackward},
        "stalled": row.stalled,
    }


def _known(**values: int | None) -> dict[str, int | None] | None:
    """
    Give values; L{None} where none is known.
    """
    return None if all(each is None for each in values.values()) else values


def _pdv(median: int | None, p99: int | None) -> dict[str, Any] | None:
    found = _known(median=median, p99=p99)
    return None if found is None else {"pdv": found}


def _offset(row: KeptRow) -> dict[str, Any] | None:
    found = _known(low=row.offsetLow, estimate=row.offset, high=row.offsetHigh)
    if found is None:
        return None
    return {**found, "verdict": _WORDS[VERDICTS[row.verdict]]}


class Column(NamedTuple):
    """
    A column of the CSV.

    @ivar name: its name, with the unit.
    @ivar of: gives the value of a row.
    """

    name: str
    of: Callable[[KeptRow], object]


def _utc(row: KeptRow) -> str:
    """
    Give when a row begins, as RFC 3339 writes it.
    """
    return datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


#: The columns behind that of the peer's name.
COLUMNS = (
    Column("time_utc", _utc),
    Column("time_s", lambda row: row.at),
    Column("due", lambda row: row.due),
    Column("sent", lambda row: row.sent),
    Column("received", lambda row: row.received),
    Column("lost_forward", lambda row: row.lostForward),
    Column("lost_backward", lambda row: row.lostBackward),
    Column("lost_unknown", lambda row: row.lostUnknown),
    Column("late", lambda row: row.late),
    Column("rtt_min_ns", lambda row: row.least),
    Column("rtt_p10_ns", lambda row: row.p10),
    Column("rtt_p25_ns", lambda row: row.p25),
    Column("rtt_median_ns", lambda row: row.median),
    Column("rtt_p75_ns", lambda row: row.p75),
    Column("rtt_p90_ns", lambda row: row.p90),
    Column("rtt_p99_ns", lambda row: row.p99),
    Column("rtt_max_ns", lambda row: row.most),
    Column("pdv_forward_median_ns", lambda row: row.pdvForward),
    Column("pdv_forward_p99_ns", lambda row: row.pdvForwardP99),
    Column("pdv_backward_median_ns", lambda row: row.pdvBackward),
    Column("pdv_backward_p99_ns", lambda row: row.pdvBackwardP99),
    Column("offset_low_ns", lambda row: row.offsetLow),
    Column("offset_estimate_ns", lambda row: row.offset),
    Column("offset_high_ns", lambda row: row.offsetHigh),
    Column("verdict", lambda row: VERDICTS[row.verdict]),
    Column("hops_forward", lambda row: row.hopsForward),
    Column("hops_backward", lambda row: row.hopsBackward),
    Column("stalled_ns", lambda row: row.stalled),
)


def csvPieces(asked: AskedSpan, step: int, rows: Sequence[KeptRow]) -> Iterator[str]:
    """
    Write the points of a peer as CSV (RFC 4180), a piece for each.

    @param step: how long each is, in seconds.
    """
    yield _line(["peer", "step_s", *(each.name for each in COLUMNS)])
    name = cell(asked.peer)
    for row in rows:
        yield _line([name, step, *(each.of(row) for each in COLUMNS)])


def _line(values: Sequence[object]) -> str:
    """
    Write a line.  What is not known is empty.
    """
    held = StringIO()
    csv.writer(held).writerow(values)
    return held.getvalue()


def cell(name: str) -> str:
    """
    Write a name into a cell.  A spreadsheet must not compute it: an apostrophe stands
    before one that looks like a formula.
    """
    return f"'{name}" if name.startswith(_FORMULA) else name
