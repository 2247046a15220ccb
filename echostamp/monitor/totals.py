"""
Writes the counters of a peer as JSON: see C{docs/watch.schema.json}.
"""

from __future__ import annotations

from echostamp.monitor.tally import Direction, Tally


def totals(tally: Tally) -> dict[str, int]:
    """
    Make the counters since the beginning.
    """
    return {
        "skipped": sum(tally.skipped.values()),
        "sent": tally.sent,
        "received": tally.received,
        "untimed": tally.untimed,
        **{f"lost_{each.value}": tally.lost[each] for each in Direction},
        "under_way": tally.inFlight,
        "late": tally.late,
        "duplicates": tally.duplicates,
        "reordered": tally.reordered,
        "altered": tally.altered,
        "strange": tally.invalid,
    }
