"""
One-way delays: how they vary, and between what they lie.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from operator import add, sub
from typing import NamedTuple

from echostamp.measure.block import LOST, UNKNOWN, VOID, Block
from echostamp.measure.delay import Summary, summary
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import OffsetWindow, Stretch
from echostamp.measure.quantiles import SORTED, quantile, ranksOf, selected
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
        start = len(values)
        _vary(values, map(usable, run.blocks(first, end)), drift or 0.0, isBack)
        if drift is None or len(values) - start == 1:
            alone += len(values) - start
            del values[start:]
    return values, alone


def _vary(
    values: array[int], blocks: Iterable[Block], drift: float, isBack: bool
) -> None:
    """
    Append the PDV of every probe of a stretch in one direction.

    @param values: to append to.
    @param blocks: the probes, which have both one-way delays.
    @param drift: of the stretch, as a part of 1.
    """
    start, began, least = len(values), 0, 0
    gain = round(drift * (-1 if isBack else 1) * (1 << _DIGITS))
    for block in blocks:
        if not block.t1:
            continue
        if len(values) == start:
            began = block.t1[0]
        begun, ended = _ways(block, isBack)
        found = [
            delay - ((t1 - began) * gain >> _DIGITS)
            for delay, t1 in zip(map(sub, ended, begun), block.t1, strict=True)
        ]
        least = min(found) if len(values) == start else min(least, min(found))
        values.extend(found)
    for at in range(start, len(values), _CHUNK):
        chunk = values[at : at + _CHUNK]
        values[at : at + _CHUNK] = array("q", [value - least for value in chunk])


def ranges(
    blocks: Iterable[Block], window: OffsetWindow, isBack: bool
) -> Ranges | None:
    """
    Give between what the delays in one direction lie, given the offset's bounds.

    Every probe's delay lies between two ends; so the value of any rank among the delays
    lies between those of the same rank among the lower ends and among the upper ones.

    @param blocks: the window's probes that have both one-way delays.
    @return: L{None} where no probe has.
    """
    lower, upper = array("q"), array("q")
    # What is added to a lower end, and taken from an upper one, is rounded down.
    knots = window.knots()
    lowPieces = _pieces([(at, low if isBack else -high) for at, low, high in knots])
    highPieces = _pieces([(at, -high if isBack else low) for at, low, high in knots])
    inner = [at for at, _, _ in knots[1:-1]]
    for block in blocks:
        times, early, late = _columns(block, isBack)
        cuts = [0, *(bisect_left(times, at) for at in inner), len(times)]
        for index, (first, end) in enumerate(pairwise(cuts)):
            if first < end:
                part = times[first:end]
                lower.extend(_added(part, early[first:end], *lowPieces[index], 1))
                upper.extend(_added(part, late[first:end], *highPieces[index], -1))
    if not lower:
        return None
    return Ranges(*map(Range, _threeOf(lower), _threeOf(upper)))


def _columns(
    block: Block, isBack: bool
) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """
    Give times at which the offset's bounds are looked up, in order, and between which
    two values the delay in one direction would lie if there were no offset.
    """
    begun, ended = _ways(block, isBack)
    # The clock showed up to a resolution more than the stamp says.
    latest = list(map(add, begun if isBack else ended, block.resolution))
    early = list(map(sub, ended, latest if isBack else begun))
    late = list(map(sub, ended if isBack else latest, begun))
    times = block.t4 if isBack else block.t1
    inOrder = sorted(times)
    if inOrder == times.tolist():
        return inOrder, early, late
    columns = sorted(zip(times, early, late, strict=True))
    times_, early_, late_ = zip(*columns, strict=True)
    return times_, early_, late_


def _added(
    times: Sequence[int],
    delays: Sequence[int],
    t0: int,
    start: int,
    gain: int,
    sign: int,
) -> list[int]:
    """
    Add a straight line to delays, or take it from them.

    @param t0: the time of the line's beginning.
    @param start: its value there.
    @param gain: how much it gains a nanosecond, times C{1 << _DIGITS}.
    @param sign: 1 to add the line, -1 to take it.
    """
    begin = (start << _DIGITS) - t0 * gain
    if sign > 0:
        return [
            delay + (at * gain + begin >> _DIGITS)
            for at, delay in zip(times, delays, strict=True)
        ]
    return [
        delay - (at * gain + begin >> _DIGITS)
        for at, delay in zip(times, delays, strict=True)
    ]


def _pieces(knots: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """
    Give the straight lines between points, rounded down.

    @return: for each the time and the value of its beginning, and how much it gains a
        nanosecond, times C{1 << _DIGITS}.
    """
    return [
        (t0, from0, (from1 - from0 << _DIGITS) // (t1 - t0))
        for (t0, from0), (t1, from1) in pairwise(knots)
    ] or [(*knots[0], 0)]


def _threeOf(values: array[int]) -> tuple[float, float, float]:
    """
    Give the least of values, their median, and the greatest.
    """
    n = len(values)
    if n <= SORTED:
        inOrder = sorted(values)
        return inOrder[0], quantile(n, _MIDDLE, inOrder.__getitem__), inOrder[-1]
    least, most = min(values), max(values)
    byRank = selected(values, ranksOf(n, [_MIDDLE]), (least, most))
    return least, quantile(n, _MIDDLE, byRank.__getitem__), most


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
        blocks = map(usable, run.blocks(window.first, end))
        found.append(OneWay(pdv, ranges(blocks, window, isBack)))
    return found[0], found[1]


def oneWaysOf(block: Block, window: OffsetWindow) -> tuple[OneWay, OneWay] | None:
    """
    Sum up both directions, of the probes of one window.

    @param block: the probes that have both one-way delays.
    @return: as L{oneWays}.
    """
    if window.resolution > (window.leastRtt or 0):
        return None
    drift = window.drift()
    found = []
    for isBack in False, True:
        values = array("q")
        _vary(values, [block], drift, isBack)
        pdv = summary(values) if len(values) > 1 else None
        found.append(OneWay(pdv, ranges([block], window, isBack)))
    return found[0], found[1]
