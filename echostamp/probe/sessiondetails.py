"""
What a STAMP session has found, for those who do not know STAMP.
"""

from __future__ import annotations

from typing import NamedTuple

from echostamp.rfc8762.findings import Findings


class SessionDetails(NamedTuple):
    """
    What a session has found besides the times of its packets.

    @ivar hopsForward: how many routers the last packet passed on the way there; L{None}
        where that is not known.
    @ivar hopsBackward: on the way back, likewise.
    @ivar restarts: how often the reflector began to count again.
    """

    hopsForward: int | None = None
    hopsBackward: int | None = None
    restarts: int = 0


def sessionDetails(details: object | None) -> SessionDetails:
    """
    Give what a session has found.

    @param details: as L{Link.details <echostamp.probe.interfaces.Link.details>} gives
        them.  The line protocol has none.
    """
    if not isinstance(details, Findings):
        return SessionDetails()
    forward, backward = details.hopsForward, details.hopsBackward
    return SessionDetails(
        None if forward is None else forward.last,
        None if backward is None else backward.last,
        details.restarts,
    )
