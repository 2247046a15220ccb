"""
One-way delays: how they vary, and between what they lie.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise, repeat
from typing import NamedTuple

from echostamp.measure.block import LOST, UNKNOWN, VOID, Block
from echostamp.measure.delay import Summary, summary
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import OffsetWindow, Stretch
from echostamp.measure.quantiles import quantile, ranksOf, selected
from echostamp.measure.samples import Run

#: Values that are changed at once.
_CHUNK = 4096

#: Binary digits of a drift: of what it makes in 5 minutes, a nanosecond.
_DIGITS = 40

_MIDDLE = Fraction(1, 2)


class Range(NamedTuple):
    """
    Between what a delay lies, in nanoseconds.  Asymmetric paths can put it anywhere in
    here.  Nothing is clamped: what is negative shows that a stamp is coarse.
    """

    low: float
    high: float


class Ranges(NamedTuple):
    """
    Between what the least, the median and the greatest one-way delay lie.
    """

    min: Range
    median: Range
    max: Range


class OneWay(NamedTuple):
    """
    One direction.

    @ivar pdv: the delay above the least seen (RFC 5481, section 4.2), with the drift
        taken out; each window has a least of its own.  L{None} where most probes are in
        windows of too few to have one.
    @ivar range: the delay itself (RFC 7679), in the window that the offset is reported
        of.  The quantile method is that of L{quantile}.
    """

    pdv: Summary | None
    range: Ranges | None


def usable(block: Block) -> Block:
    """
    Give the probes that have both one-way delays.
    """
    if UNKNOWN not in block.t2 and not any(block.flags):
        return block
    isFit = [
        t2 != UNKNOWN and not flags & (LOST | VOID)
        for t2, flags in zip(block.t2, block.flags, strict=True)
    ]
    return block.only(isFit)


def _ways(block: Block, isBack: bool) -> tuple[array[int], array[int]]:
    """
    Give the times between which a delay lies: T1 and T2, or T3 and T4.  The offset
    makes the way there too long, and the way back too short.
    """
    return (block.t3, block.t4) if isBack else (block.t1, block.t2)


def variations(
    run: Run, stretches: list[Stretch], isBack: bool
) -> tuple[array[int], int]:
    """
    Give the PDV of every probe in one direction.

    @param stretches: as L{OffsetTracker.stretches} gives them.
    @return: the values, and how many probes have none, because they are alone in their
        window.
    """
    values = array("q")
    alone = 0
    ends = [*(stretch.first for stretch in stretches[1:]), run.sent]
    for (first, drift), end in zip(stretches, ends, strict=True):
        start, began, least = len(values), 0, 0
        gain = round((drift or 0.0) * (-1 if isBack else 1) * (1 << _DIGITS))
        for block in map(usable, run.blocks(first, end)):
            if not block.t1:
                continue
            if len(values) == start:
                began = block.t1[0]
            columns = zip(*_ways(block, isBack), block.t1, strict=True)
            found = [
                last - first - ((t1 - began) * gain >> _DIGITS)
                for first, last, t1 in columns
            ]
            least = min(found) if len(values) == start else min(least, min(found))
            values.extend(found)
        if drift is None or len(values) - start == 1:
            alone += len(values) - start
            del values[start:]
        for at in range(start, len(values), _CHUNK):
            chunk = values[at : at + _CHUNK]
            values[at : at + _CHUNK] = array("q", [value - least for value in chunk])
    return values, alone


def ranges(
    run: Run, first: int, end: int, window: OffsetWindow, isBack: bool
) -> Ranges | None:
    """
    Give between what the delays in one direction lie, given the offset's bounds.

    Every probe's delay lies between two ends; so the value of any rank among the delays
    lies between those of the same rank among the lower ends and among the upper ones.

    @param first: the number of the window's first probe.
    @param end: that of the first probe behind it.
    @return: L{None} where no probe has both delays.
    """
    found = []
    for isUpper in False, True:
        values = _ends(run.blocks(first, end), window, isBack, isUpper)
        if not values:
            return None
        n, least, most = len(values), min(values), max(values)
        byRank = selected(values, ranksOf(n, [_MIDDLE]), (least, most))
        found.append((least, quantile(n, _MIDDLE, byRank.__getitem__), most))
    return Ranges(*map(Range, *found))


def _ends(
    blocks: Iterable[Block], window: OffsetWindow, isBack: bool, isUpper: bool
) -> array[int]:
    """
    Give the lower or the upper end of what each probe's delay can be, from the offset's
    bounds at those times between which they run straight; rounded outwards.
    """
    bends = window.bends()
    # The clock showed up to a resolution more than the stamp says.
    grain = (not isBack and isUpper) - (isBack and not isUpper)
    sign = -1 if isUpper else 1
    # What is added to a lower end, and taken from an upper one, is rounded down.
    bounds = [window.bounds(at) for at in bends]
    added = [-high if isBack == isUpper else low for low, high in bounds]
    knots = list(zip(bends, added, strict=True))
    pieces = [
        (t0, from0, from1 - from0, t1 - t0)
        for (t0, from0), (t1, from1) in pairwise(knots)
    ] or [(*knots[0], 0, 1)]
    inner = bends[1:-1]
    values = array("q")
    for block in map(usable, blocks):
        if not block.t1:
            continue
        times = block.t4 if isBack else block.t1
        last = bisect_right(inner, max(times))
        if bisect_right(inner, min(times)) == last:  # as it nearly always is
            around: Iterable[tuple[int, int, int, int]] = repeat(pieces[last])
        else:
            around = [pieces[bisect_right(inner, at)] for at in times]
        columns = zip(
            *_ways(block, isBack), times, block.resolution, around, strict=False
        )
        values.extend(
            [
                end
                - begin
                + grain * resolution
                + sign * (start + gained * (at - t0) // span)
                for begin, end, at, resolution, (t0, start, gained, span) in columns
            ]
        )
    return values


def oneWays(run: Run, tracker: OffsetTracker) -> tuple[OneWay, OneWay] | None:
    """
    Sum up both directions, of the probes that are kept.

    @return: forward and backward; L{None} where they cannot be told: no stamps, or such
        as are coarser than the shortest round trip.
    """
    window = tracker.window()
    if window is None or window.resolution > (window.leastRtt or 0):
        return None
    stretches = list(tracker.stretches())
    later = [first for first, _ in stretches if first > window.first]
    end = min(later, default=run.sent)
    found = []
    for isBack in False, True:
        values, alone = variations(run, stretches, isBack)
        pdv = None if alone > len(values) else summary(values)
        del values
        found.append(OneWay(pdv, ranges(run, window.first, end, window, isBack)))
    return found[0], found[1]
