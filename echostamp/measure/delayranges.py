"""
The range in which the one-way delays lie.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, repeat
from math import ceil, floor
from operator import add, mul, sub
from typing import NamedTuple

from echostamp.measure.offsetwindow import OffsetWindow
from echostamp.measure.quantiles import SORTED, quantile, ranksOf, selected
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


class _Line(NamedTuple):
    """
    A bound of the offset, which runs straight between some times.

    @ivar first: its value at the first of them, from which the others are counted.
    @ivar starts: for each piece, the value where it would be at the origin.
    @ivar gains: for each piece, its slope.
    """

    first: int
    starts: list[float]
    gains: list[float]


class Corridor(NamedTuple):
    """
    Both bounds of the offset in a window.

    @ivar origin: what times are counted from.
    @ivar cuts: the times between the pieces.
    @ivar low: the offset is not below it.
    @ivar high: the offset is not above it.
    """

    origin: TimeOrigin
    cuts: list[float]
    low: _Line
    high: _Line


def corridorOf(window: OffsetWindow, origin: TimeOrigin) -> Corridor:
    """
    Return the bounds of the offset in a window.
    """
    times, lows, highs = zip(*window.knots(), strict=True)
    at = [float(time - origin.time) for time in times]
    return Corridor(origin, at[1:-1], _line(at, lows), _line(at, highs))


def _line(times: list[float], values: Sequence[int]) -> _Line:
    """
    Return the line through points.
    """
    first = values[0]
    if len(times) == 1:
        return _Line(first, [0.0], [0.0])
    columns = zip(times, times[1:], values, values[1:], strict=False)
    gains = [(v1 - v0) / (t1 - t0) for t0, t1, v0, v1 in columns]
    starts = [
        value - first - gain * time
        for time, value, gain in zip(times, values, gains, strict=False)
    ]
    return _Line(first, starts, gains)


def ranges(
    parts: Iterable[TimedProbes],
    window: OffsetWindow,
    isBack: bool,
    corridor: Corridor | None = None,
) -> Ranges | None:
    """
    Return the ranges in which the delays in one direction lie, by the offset's bounds.

    Every probe's delay lies between two ends.  So the value of any rank among the
    delays lies between the values of the same rank among the lower and the upper ends.

    @param parts: the window's probes, in parts.
    @param corridor: the offset's bounds in the window, if they were collected before.
    @return: L{None} if there is no probe.
    """
    lower: list[float] = []
    upper: list[float] = []
    for part in parts:
        if part:
            corridor = corridor or corridorOf(window, part.origin())
            times, least, most = _columns(part, corridor.origin, isBack)
            cuts = [bisect_left(times, cut) for cut in corridor.cuts]
            counts = list(map(sub, [*cuts, len(times)], [0, *cuts]))
            low = _along(corridor.low, counts, times)
            high = _along(corridor.high, counts, times)
            # The offset makes the way there too long, and the way back too short.
            lower.extend(map(add, least, low) if isBack else map(sub, least, high))
            upper.extend(map(add, most, high) if isBack else map(sub, most, low))
    if corridor is None:
        return None
    origin, _, (low0, *_), (high0, *_) = corridor
    if isBack:
        low0, high0 = (
            origin.backward - origin.resolution + low0,
            origin.backward + high0,
        )
    else:
        low0, high0 = origin.forward - high0, origin.forward + origin.resolution - low0
    return Ranges(*map(Range, _three(lower, low0, floor), _three(upper, high0, ceil)))


def _along(
    line: _Line, counts: Sequence[int], times: Sequence[float]
) -> Iterator[float]:
    """
    Return the values of a line at some times, less its first value.

    @param counts: how many of the times each piece has.
    @param times: in order, counted from the origin.
    """
    starts = chain.from_iterable(map(repeat, line.starts, counts))
    gains = chain.from_iterable(map(repeat, line.gains, counts))
    return map(add, starts, map(mul, gains, times))


def _columns(
    part: TimedProbes, origin: TimeOrigin, isBack: bool
) -> tuple[list[float], list[float], list[float]]:
    """
    Return the times at which the offset's bounds are looked up, in order, and the two
    ends of each delay in one direction if there were no offset.
    """
    t1, t4, forward, backward = part.differences(origin)
    times = t4 if isBack else t1
    least = most = backward if isBack else forward
    if part.resolution != origin.resolution:
        # The clock showed up to a resolution more than the stamp.
        finer = map(sub, repeat(origin.resolution), part.resolutions)
        if isBack:
            least = list(map(add, backward, finer))
        else:
            most = list(map(sub, forward, finer))
    if part.areInOrder:
        return times, least, most
    columns = sorted(zip(times, least, most, strict=True))
    return (
        [time for time, _, _ in columns],
        [low for _, low, _ in columns],
        [high for _, _, high in columns],
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
