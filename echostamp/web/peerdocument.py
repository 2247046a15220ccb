"""
Writes all that is known of a peer as JSON: see C{docs/api.schema.json}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.monitor.totals import totals
from echostamp.report.document import windowStats
from echostamp.times import SECOND
from echostamp.web.peerfigures import Week, figuresOf
from echostamp.web.rowdocument import WINDOW, peerDocument


def peerPieces(
    version: str, snapshot: Callable[[], PeerSnapshot], week: Week | None
) -> Iterator[str]:
    """
    Write the document, in steps.

    @param version: ours.
    @param snapshot: gives what is known now.
    @param week: the peer's last week, if that is known.
    """
    found = snapshot()
    yield ""
    document = fullDocument(found, week)
    yield json.dumps({"version": version, **document}, indent=1) + "\n"


def fullDocument(snapshot: PeerSnapshot, week: Week | None) -> dict[str, Any]:
    """
    Make the document of a peer: what a row has of it, and more.

    @param week: its last week, if that is known.
    """
    figures, last = figuresOf(snapshot, week), snapshot.minute
    end = snapshot.certificateEnd
    return {
        "time": snapshot.at,
        "window": WINDOW,
        **peerDocument(figures),
        "transport": snapshot.transport,
        "resolved": snapshot.isResolved,
        "downs": snapshot.downs,
        "down_for": snapshot.downFor,
        "why": {name.replace("-", "_"): why for name, why in snapshot.exceeded},
        "stats": None if last is None else {"due": figures.due, **windowStats(last)},
        "totals": totals(snapshot.tally),
        "last_rtt": snapshot.lastRtt,
        "hops": {
            "forward": snapshot.hopsForward,
            "backward": snapshot.hopsBackward,
        },
        "certificate_end": None if end is None else end * SECOND,
        "flows": [
            {"sent": each.sent, "received": each.received} for each in snapshot.flows
        ],
    }
