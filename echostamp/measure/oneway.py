"""
One-way delays: their variation, and the range in which they lie.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, pairwise, repeat
from math import ceil, floor
from operator import add, mul, sub
from typing import NamedTuple

from echostamp.measure.block import LOST, UNKNOWN, VOID, Block
from echostamp.measure.delay import Summary, summary
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import OffsetWindow, Stretch
from echostamp.measure.quantiles import SORTED, quantile, ranksOf, selected
from echostamp.measure.samples import Run
from echostamp.measure.timedprobes import TimedProbes, TimeOrigin

#: More nanoseconds than the error of a float here.
_MARGIN = 1 / 64

_MIDDLE = Fraction(1, 2)


class Range(NamedTuple):
    """
    The range in which a delay lies, in nanoseconds.  Asymmetric paths can put it
    anywhere inside.  Nothing is clamped: a negative value shows that a stamp is coarse.
    """

    low: float
    high: float


class Ranges(NamedTuple):
    """
    The ranges of the least, the median and the greatest one-way delay.
    """

    min: Range
    median: Range
    max: Range


class OneWay(NamedTuple):
    """
    One direction.

    @ivar pdv: the delay above the least seen (RFC 5481, section 4.2), with the drift
        taken out; each window has a least of its own.  L{None} if most probes are in
        windows of too few probes.
    @ivar range: the delay itself (RFC 7679), in the window of the reported offset.  The
        quantile method is that of L{quantile}.
    """

    pdv: Summary | None
    range: Ranges | None


def _timed(block: Block) -> TimedProbes:
    """
    Return the probes that have both one-way delays.
    """
    if UNKNOWN in block.t2 or any(block.flags):
        block = block.only(
            [
                t2 != UNKNOWN and not flags & (LOST | VOID)
                for t2, flags in zip(block.t2, block.flags, strict=True)
            ]
        )
    return TimedProbes.of(block)


def variations(
    run: Run, stretches: list[Stretch], isBack: bool
) -> tuple[array[int], int]:
    """
    Return the PDV of every probe in one direction.

    @param stretches: as L{OffsetTracker.stretches} gives them.
    @return: the values, and how many probes have none because they are alone in their
        window.
    """
    values = array("q")
    alone = 0
    ends = [*(stretch.first for stretch in stretches[1:]), run.sent]
    for (first, drift), end in zip(stretches, ends, strict=True):
        start = len(values)
        parts = map(_timed, run.blocks(first, end))
        _vary(values, parts, drift or 0.0, isBack)
        if drift is None or len(values) - start == 1:
            alone += len(values) - start
            del values[start:]
    return values, alone


def _vary(
    values: array[int], parts: Iterable[TimedProbes], drift: float, isBack: bool
) -> None:
    """
    Append the PDV of every probe of a stretch in one direction.

    @param values: to append to.
    @param parts: the probes, in parts.
    @param drift: of the stretch, as a part of 1.
    """
    found: list[float] = []
    origin = None
    gain = -drift if isBack else drift
    for part in parts:
        if part:
            origin = origin or part.origin()
            t1, _, forward, backward = part.differences(origin)
            gained = map(mul, t1, repeat(gain))
            found.extend(map(sub, backward if isBack else forward, gained))
    if found:
        # Half a nanosecond more, since fractions are cut.
        values.extend(map(int, map(sub, found, repeat(min(found) - 0.5))))


def ranges(
    parts: Iterable[TimedProbes], window: OffsetWindow, isBack: bool
) -> Ranges | None:
    """
    Return the ranges in which the delays in one direction lie, by the offset's bounds.

    Every probe's delay lies between two ends.  So the value of any rank among the
    delays lies between the values of the same rank among the lower and the upper ends.

    @param parts: the window's probes, in parts.
    @return: L{None} if there is none.
    """
    lower: list[float] = []
    upper: list[float] = []
    knots = window.knots()
    lows = [(knot.at, knot.low) for knot in knots]
    highs = [(knot.at, knot.high) for knot in knots]
    # The offset makes the way there too long, and the way back too short.
    change, (early, late) = (add, (lows, highs)) if isBack else (sub, (highs, lows))
    origin = None
    for part in parts:
        if part:
            origin = origin or part.origin()
            times, least, most = _columns(part, origin, isBack)
            lower.extend(map(change, least, _line(early, times, origin.time)))
            upper.extend(map(change, most, _line(late, times, origin.time)))
    if origin is None:
        return None
    first = origin.backward if isBack else origin.forward
    low, high = change(first, early[0][1]), change(first, late[0][1])
    return Ranges(*map(Range, _three(lower, low, floor), _three(upper, high, ceil)))


def _columns(
    part: TimedProbes, origin: TimeOrigin, isBack: bool
) -> tuple[list[float], list[float], list[float]]:
    """
    Return the times at which the offset's bounds are looked up, in order, and the two
    ends of each delay in one direction if there were no offset.
    """
    t1, t4, forward, backward = part.differences(origin)
    # The clock showed up to a resolution more than the stamp.
    most = backward if isBack else list(map(add, forward, part.resolutions))
    least = list(map(sub, backward, part.resolutions)) if isBack else forward
    times = t4 if isBack else t1
    if part.areInOrder:
        return times, least, most
    columns = sorted(zip(times, least, most, strict=True))
    return (
        [time for time, _, _ in columns],
        [low for _, low, _ in columns],
        [high for _, _, high in columns],
    )


def _line(
    bounds: list[tuple[int, int]], times: Sequence[float], origin: int
) -> Iterator[float]:
    """
    Return a bound of the offset at some times, less its first value.

    @param bounds: times and values, between which the bound runs straight.
    @param times: in order, counted from C{origin}.
    """
    _, first = bounds[0]
    gains, starts = [0.0], [0.0]
    if len(bounds) > 1:
        gains = [(v1 - v0) / (t1 - t0) for (t0, v0), (t1, v1) in pairwise(bounds)]
        starts = [
            value - first - gain * (at - origin)
            for (at, value), gain in zip(bounds, gains, strict=False)
        ]
    cuts = [bisect_left(times, at - origin) for at, _ in bounds[1:-1]]
    counts = list(map(sub, [*cuts, len(times)], [0, *cuts]))
    return map(
        add,
        chain.from_iterable(map(repeat, starts, counts)),
        map(mul, chain.from_iterable(map(repeat, gains, counts)), times),
    )


def _median(inOrder: Sequence[float]) -> float:
    """
    Return the median of values that are in order.
    """
    half = len(inOrder) // 2
    return (inOrder[half] + inOrder[-half - 1]) / 2


def _three(
    values: list[float], base: int, rounded: Callable[[float], int]
) -> tuple[float, float, float]:
    """
    Return the least of values, their median, and the greatest, rounded outwards.

    @param base: the value from which the values are counted.
    @param rounded: down or up, to an integer.
    """
    n = len(values)
    margin = -_MARGIN if rounded is floor else _MARGIN
    if n <= SORTED:
        inOrder = sorted(values)
        found = (
            rounded(inOrder[0] + margin),
            rounded(_median(inOrder) + margin),
            rounded(inOrder[-1] + margin),
        )
    else:
        whole = array("q", map(rounded, map(add, values, repeat(margin))))
        least, most = min(whole), max(whole)
        byRank = selected(whole, ranksOf(n, [_MIDDLE]), (least, most))
        found = least, rounded(quantile(n, _MIDDLE, byRank.__getitem__)), most
    least, median, most = found
    return base + least, base + median, base + most


def oneWays(run: Run, tracker: OffsetTracker) -> tuple[OneWay, OneWay] | None:
    """
    Summarise both directions, of the probes that are kept.

    @return: forward and backward.  L{None} if they are not known: there are no stamps,
        or the stamps are coarser than the shortest round trip.
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
        parts = map(_timed, run.blocks(window.first, end))
        found.append(OneWay(pdv, ranges(parts, window, isBack)))
    return found[0], found[1]


def oneWaysOf(
    probes: TimedProbes, window: OffsetWindow
) -> tuple[OneWay, OneWay] | None:
    """
    Summarise both directions, of the probes of one window.

    @return: as L{oneWays}.
    """
    if window.resolution > (window.leastRtt or 0):
        return None
    drift = window.drift()
    found = []
    for isBack in False, True:
        values = array("q")
        _vary(values, [probes], drift, isBack)
        pdv = summary(values) if len(values) > 1 else None
        found.append(OneWay(pdv, ranges([probes], window, isBack)))
    return found[0], found[1]
