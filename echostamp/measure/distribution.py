"""
Counts round trips by their length.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from echostamp.measure.block import Block
from echostamp.measure.delay import Summary, rtts

#: If the 99th percentile is at most this many times the shortest round trip, all rows
#: have one width.
WIDE = 4


class Distribution(NamedTuple):
    """
    Counts of round trips by their length.

    @ivar edges: the lower edge of each row, in nanoseconds.  The last row has no upper
        edge.
    @ivar counts: the round trips of each row.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


def distribution(
    blocks: Iterable[Block], rtt: Summary | None, rows: int
) -> Distribution | None:
    """
    Count round trips by their length, up to the 99th percentile, and count the longer
    ones.  If the 99th percentile is more than L{WIDE} times the shortest, each row is
    wider than the one before by a factor; else all rows have one width.

    @param blocks: the probes.
    @param rtt: the summary of their round trips.
    @param rows: the most rows; one more holds the longer round trips.
    @return: L{None} if there are no rows or no round trips.
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
