"""
How many routers packets passed, over a run.  Pure: no Twisted, no clock, no I/O.
"""

from __future__ import annotations

from typing import NamedTuple


class Hops(NamedTuple):
    """
    The routers in one direction, by the replies that show them.

    @ivar last: how many the last packet passed.
    @ivar least: the fewest.
    @ivar most: the most.
    @ivar changes: how often a packet passed another number than the one before it.
    """

    last: int
    least: int
    most: int
    changes: int = 0


def hopsWith(before: Hops | None, hops: int | None) -> Hops | None:
    """
    Take a packet into account.

    @param before: what earlier packets have shown; L{None} where none has.
    @param hops: how many routers it passed; L{None} where that is not known.
    """
    if hops is None or (before is not None and hops == before.last):
        return before
    if before is None:
        return Hops(hops, hops, hops)
    _, least, most, changes = before
    return Hops(hops, min(least, hops), max(most, hops), changes + 1)
