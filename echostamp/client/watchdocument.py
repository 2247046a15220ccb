"""
Writes a target's window as JSON: see C{docs/watch.schema.json}.
"""

from __future__ import annotations

from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.monitor.totals import totals
from echostamp.report.document import Json, windowStats
from echostamp.text import printable


def document(snapshot: PeerSnapshot, window: int, isLast: bool) -> Json:
    """
    Make the JSON document of a target.

    @param window: the length of the window, in nanoseconds.
    @param isLast: whether the run ends here.
    """
    found = snapshot.window
    return {
        "target": printable(snapshot.peer.name),
        "address": snapshot.address or None,
        "transport": snapshot.transport,
        "time": snapshot.at,
        "window": window,
        "last": isLast,
        "up": snapshot.isUp,
        "since": snapshot.since,
        "resolved": snapshot.isResolved,
        "downs": snapshot.downs,
        "down_for": snapshot.downFor,
        "exceeded": {name.replace("-", "_"): text for name, text in snapshot.exceeded},
        "stats": None if found is None else windowStats(found),
        "totals": totals(snapshot.tally),
    }
