"""
Rows of a history as JSON and as CSV; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from echostamp.history.row import VERDICTS, KeptRow

#: The columns of CSV behind the peer's name and the length of the point, with their
#: units: those of L{KeptRow}.
CSV_COLUMNS = (
    *("at_s", "due", "sent", "received", "lost_forward", "lost_backward"),
    *("lost_unknown", "late", "rtt_min_ns", "rtt_p10_ns", "rtt_p25_ns"),
    *("rtt_median_ns", "rtt_p75_ns", "rtt_p90_ns", "rtt_p99_ns", "rtt_max_ns"),
    *("forward_pdv_median_ns", "forward_pdv_p99_ns", "backward_pdv_median_ns"),
    *("backward_pdv_p99_ns", "offset_low_ns", "offset_estimate_ns", "offset_high_ns"),
    *("verdict", "hops_forward", "hops_backward", "stalled_ns"),
)


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
    return {
        "peer": peer,
        "from": began,
        "to": ended,
        "step": step,
        "points": [pointDocument(row) for row in rows],
    }


def pointDocument(row: KeptRow) -> dict[str, Any]:
    """
    Make the JSON of a point.  Durations are nanoseconds; what is not known is null.
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
        "forward": _way(row.pdvForward, row.pdvForwardP99),
        "backward": _way(row.pdvBackward, row.pdvBackwardP99),
        "offset": None
        if row.offset is None
        else {
            "low": row.offsetLow,
            "estimate": row.offset,
            "high": row.offsetHigh,
            "verdict": VERDICTS[row.verdict],
        },
        "hops": {"forward": row.hopsForward, "backward": row.hopsBackward},
        "stalled": row.stalled,
    }


def _known(**values: int | None) -> dict[str, int | None] | None:
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


def csvValues(row: KeptRow) -> list[int | str]:
    """
    Give the values of L{CSV_COLUMNS}; what is not known is empty.
    """
    named = row._replace(verdict=VERDICTS[row.verdict])  # type: ignore[arg-type]  # its name
    return ["" if each is None else each for each in named]
