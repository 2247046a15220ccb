"""
Rows of a history as JSON and as CSV; pure.

C{docs/api.schema.json} describes the JSON.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from echostamp.history.row import KeptRow
from echostamp.measure.verdicts import TEXTS, VERDICTS

#: The columns of CSV, with their units.  Those from C{time_s} on are a L{KeptRow}.
CSV_COLUMNS = (
    *("peer", "step_s", "time_utc", "time_s", "due", "sent", "received"),
    *("lost_forward", "lost_backward", "lost_unknown", "late"),
    *("rtt_min_ns", "rtt_p10_ns", "rtt_p25_ns", "rtt_median_ns", "rtt_p75_ns"),
    *("rtt_p90_ns", "rtt_p99_ns", "rtt_max_ns"),
    *("pdv_forward_median_ns", "pdv_forward_p99_ns"),
    *("pdv_backward_median_ns", "pdv_backward_p99_ns"),
    *("offset_low_ns", "offset_estimate_ns", "offset_high_ns", "verdict"),
    *("hops_forward", "hops_backward", "stalled_ns"),
)

#: What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


def historyDocument(
    peer: str, began: int, ended: int, step: int, rows: Sequence[KeptRow]
) -> dict[str, Any]:
    """
    Make the JSON of a peer's points.

    @param began: the beginning of the span that was asked for, in seconds since the
        UNIX epoch.
    @param ended: its end.
    @param step: how long each point is, in seconds.
    """
    points = [pointDocument(row) for row in rows]
    return {"peer": peer, "from": began, "to": ended, "step": step, "points": points}


def historyPieces(
    peer: str, began: int, ended: int, step: int, rows: Sequence[KeptRow]
) -> Iterator[str]:
    """
    Write the JSON of a peer's points, a piece for each; see L{historyDocument}.
    """
    yield json.dumps(historyDocument(peer, began, ended, step, ())).removesuffix("]}")
    comma = "\n"
    for row in rows:
        yield comma + json.dumps(pointDocument(row))
        comma = ",\n"
    yield "\n]}\n"


def pointDocument(row: KeptRow) -> dict[str, Any]:
    """
    Make the JSON of a point.  Durations are nanoseconds; what is not known is null.
    """
    offset = _known(low=row.offsetLow, estimate=row.offset, high=row.offsetHigh)
    if offset is not None:
        offset["verdict"] = TEXTS[VERDICTS[row.verdict]]
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
        "forward": _way(row.pdvForward, row.pdvForwardP99),
        "backward": _way(row.pdvBackward, row.pdvBackwardP99),
        "offset": offset,
        "hops": {"forward": row.hopsForward, "backward": row.hopsBackward},
        "stalled": row.stalled,
    }


def _known(**values: int | None) -> dict[str, Any] | None:
    """
    Give values, or L{None} where none is known.
    """
    return values if any(each is not None for each in values.values()) else None


def _way(middle: int | None, high: int | None) -> dict[str, Any] | None:
    """
    Make the JSON of one way.
    """
    pdv = _known(median=middle, p99=high)
    return None if pdv is None else {"pdv": pdv}


def csvHead() -> str:
    """
    Write the line that names the columns, without its end.
    """
    return _line(CSV_COLUMNS)


def csvLine(peer: str, step: int, row: KeptRow) -> str:
    """
    Write a point as a line of CSV (RFC 4180), without its end.  What is not known is
    empty.

    @param step: how long it is, in seconds.
    """
    # A spreadsheet must not compute a name.
    name = f"'{peer}" if peer.startswith(_FORMULA) else peer
    utc = f"{datetime.fromtimestamp(row.at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    values: list[object] = list(row)
    values[KeptRow._fields.index("verdict")] = VERDICTS[row.verdict]
    return _line([name, step, utc, *values])


def csvPieces(peer: str, step: int, rows: Sequence[KeptRow]) -> Iterator[str]:
    """
    Write the points of a peer as a file of CSV, a piece for each line.

    @param step: how long each is, in seconds.
    """
    yield f"{csvHead()}\r\n"
    for row in rows:
        yield f"{csvLine(peer, step, row)}\r\n"


def _line(values: Sequence[object]) -> str:
    """
    Write values as CSV.
    """
    held = StringIO()
    csv.writer(held, lineterminator="").writerow(values)
    return held.getvalue()
