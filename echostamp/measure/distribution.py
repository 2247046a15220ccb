"""
How many round trips were how long.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from echostamp.measure.block import Block
from echostamp.measure.delay import Summary, rtts

#: How many times as long as the shortest round trip the longest may be where all rows
#: have one width.
WIDE = 4


class Distribution(NamedTuple):
    """
    How many round trips were how long.

    @ivar edges: the lower edge of each row, in nanoseconds, and that of the last row,
        which has no upper edge.
    @ivar counts: the round trips of each row.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


def distribution(
    blocks: Iterable[Block], rtt: Summary | None, rows: int
) -> Distribution | None:
    """
    Count how many round trips were how long, up to the 99th percentile, and how many
    were longer.  If the longest of them took more than L{WIDE} times as long as the
    shortest, the rows grow by a factor, else by a duration.

    @param blocks: the probes.
    @param rtt: the summary of their round trips.
    @param rows: the most rows; one more holds the longer round trips.
    @return: L{None} for no rows, or if there is no round trip.
    """
    if rtt is None or not rows:
        return None
    values: array[int] = rtts(blocks)
    rows = min(rows, rtt.n)
    low, high = max(rtt.min, 1), max(round(rtt.p99), rtt.min + rows)
    if high > WIDE * low:
        edges = [low * (high / low) ** (row / rows) for row in range(rows + 1)]
    else:
        edges = [low + (high - low) * row / rows for row in range(rows + 1)]
    counts = [0] * (rows + 1)
    for value in values:
        counts[max(bisect_right(edges, value) - 1, 0)] += 1
    return Distribution(tuple(edges), tuple(counts))
