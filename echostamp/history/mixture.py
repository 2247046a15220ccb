"""
Merges rows of a peer to one; pure.

Counts add up.  The least and the greatest RTT are exact.  Quantiles are those of the
mixture of the rows' distributions, weighted by the replies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from echostamp.history.row import KeptRow
from echostamp.measure.verdicts import NO_FIT, VERDICTS

#: The stored points of a distribution of RTTs: shares in hundredths.
RTT_SHARES = (0, 10, 25, 50, 75, 90, 99, 100)

#: What is stored of a distribution of PDV, and the points that stand for it.
PDV_QUANTILES, _PDV_SHARES = (50, 99), (0, 50, 99)

#: Sums of floats may be off by so many hundredths of a reply, for each reply.
_ROUNDING = 1e-7

#: A number of replies, and the values at L{RTT_SHARES}.
Weighted = tuple[int, Sequence[int]]


class Bounds(NamedTuple):
    """
    Bounds of an offset, in nanoseconds; and their verdict, an index in L{VERDICTS}.
    """

    low: int
    estimate: int
    high: int
    verdict: int


def merged(rows: Sequence[KeptRow], at: int) -> KeptRow:
    """
    Merge rows of a peer.

    The offset is not below the least of the lower bounds, nor above the greatest of the
    upper ones.  Its estimate is that of L{narrowest}.  The verdict is the worst.  The
    hops are those of the last row that knows them.  The process stood still for all
    peers at once: of several rows of the same minute, the longest stall counts.

    @param rows: at least one, the oldest first.
    @param at: when the merged span began, in seconds since the UNIX epoch.
    """
    if len(rows) == 1:
        return rows[0]._replace(at=at)
    least = [row.least for row in rows if row.least is not None]
    most = [row.most for row in rows if row.most is not None]
    best = narrowest(filter(None, map(_boundsOf, rows)))
    stalls: dict[int, int] = {}
    for row in rows:
        stalls[row.at] = max(row.stalled, stalls.get(row.at, 0))
    lows = [row.offsetLow for row in rows if row.offsetLow is not None]
    highs = [row.offsetHigh for row in rows if row.offsetHigh is not None]
    counts = zip(*(row[1:8] for row in rows), strict=True)
    return KeptRow._make(
        [
            at,
            *map(sum, counts),
            min(least, default=None),
            *rttQuantiles((row.received, row[8:16]) for row in rows),
            max(most, default=None),
            *pdvQuantiles((row.received, row[16], row[17]) for row in rows),
            *pdvQuantiles((row.received, row[18], row[19]) for row in rows),
            min(lows, default=None),
            None if best is None else best.estimate,
            max(highs, default=None),
            max(row.verdict for row in rows),
            lastKnown(row.hopsForward for row in rows),
            lastKnown(row.hopsBackward for row in rows),
            sum(stalls.values()),
        ]
    )


def _boundsOf(row: KeptRow) -> Bounds | None:
    """
    Give the bounds of a row's offset; L{None} where one is missing.
    """
    low, estimate, high = row.offsetLow, row.offset, row.offsetHigh
    if low is None or estimate is None or high is None:
        return None
    return Bounds(low, estimate, high, row.verdict)


def narrowest(bounds: Iterable[Bounds]) -> Bounds | None:
    """
    Find the bounds that are closest to each other, the last of several.  Those to which
    no straight line fits count only where there are no others: they may be wrong.
    """
    noFit = VERDICTS.index(NO_FIT)
    return min(
        reversed(list(bounds)),
        key=lambda each: (each.verdict == noFit, each.high - each.low),
        default=None,
    )


def lastKnown(values: Iterable[int | None]) -> int | None:
    """
    Give the last value that is known.
    """
    last = None
    for each in values:
        if each is not None:
            last = each
    return last


def rttQuantiles(
    rows: Iterable[tuple[int, Sequence[int | None]]],
) -> Sequence[int | None]:
    """
    Give the quantiles of RTTs of several rows together.

    Each row stands for its distribution, which is taken to be linear between the points
    that are stored.  A row without replies or without RTTs counts for nothing.

    @param rows: of each the number of replies, and the RTTs at L{RTT_SHARES}, all or
        none of which are L{None}.
    @return: the RTTs at L{RTT_SHARES} without the first and the last.
    """
    parts = []
    for received, values in rows:
        known = [each for each in values if each is not None]
        if received and len(known) == len(RTT_SHARES):
            parts.append((received, known))
    asked = RTT_SHARES[1:-1]
    if not parts:
        return [None] * len(asked)
    if len(parts) == 1:
        return parts[0][1][1:-1]
    return _quantiles(parts, RTT_SHARES, asked)


def pdvQuantiles(
    rows: Iterable[tuple[int, int | None, int | None]],
) -> Sequence[int | None]:
    """
    Give the median and the 99th percentile of the PDV of several rows together.

    Only these two are stored of each row.  The least PDV is 0 by its definition, so the
    distribution is taken to be linear from 0 through both; what lies above the 99th
    percentile counts as if it were there.  Each row's PDV is above the least delay of
    its own minute: a delay that is longer for hours is not in it.

    @param rows: of each the number of replies, the median and the 99th percentile.
    """
    parts = [
        (received, (0, middle, high))
        for received, middle, high in rows
        if received and middle is not None and high is not None
    ]
    if not parts:
        return None, None
    if len(parts) == 1:
        return parts[0][1][1:3]
    return _quantiles(parts, _PDV_SHARES, PDV_QUANTILES)


def _quantiles(
    parts: Sequence[Weighted], shares: Sequence[int], asked: Sequence[int]
) -> list[int]:
    """
    Find quantiles of a mixture of distributions that are linear between their points.

    Quantiles are of type 7; see L{quantiles <echostamp.measure.quantiles>}: the one at
    C{p} of C{n} values has the rank C{(n - 1) * p}.  If each value counts half at its
    own place and half below, then so many and a half are below that rank.  So half a
    reply lies at either end of a distribution, and the others lie in even parts between
    its points.

    @param parts: the values of each at C{shares}, in rising order, and how many replies
        they stand for.
    @param shares: in hundredths.
    @param asked: which quantiles, in hundredths, in rising order.
    """
    widths = [high - low for low, high in pairwise(shares)]
    # What changes at a value: of which of the parts, how many hundredths of its replies
    # lie at the value, and how many in each nanosecond from there on.
    changes: list[tuple[int, int, float, float]] = []
    total = 0
    for number, (count, values) in enumerate(parts):
        total += count
        between = count - 1
        at, weight = values[0], 50.0
        for value, width in zip(values[1:], widths, strict=True):
            if value > at:
                density = between * width / (value - at)
                changes.append((at, number, weight, density))
                at, weight = value, 0.0
            else:
                weight += between * width
        changes.append((at, number, weight + 50.0, 0.0))
    changes.sort()
    # Below each quantile are so many hundredths of replies; none is behind the last.
    targets = [(total - 1) * each + 50 - total * _ROUNDING for each in asked] + [inf]
    found: list[int] = []
    target = targets[0]
    passed, dense, last = 0.0, 0.0, changes[0][0]
    densities = [0.0] * len(parts)
    for at, number, weight, density in changes:
        after = passed + dense * (at - last)
        while after >= target:
            # It is reached on the way to this value.
            found.append(min(at, round(last + (target - passed) / dense)))
            target = targets[len(found)]
        passed, last = after + weight, at
        while passed >= target:
            found.append(at)
            target = targets[len(found)]
        # The difference to the one before would not do: many replies in a nanosecond
        # leave a rounding error that counts in each of many seconds behind them.
        densities[number] = density
        dense = sum(densities)
    # What was rounded on the way may leave the last ones just out of reach.
    return found + [last] * (len(asked) - len(found))
