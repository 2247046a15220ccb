"""
One-way delays: their variation, and the range in which they lie.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import chain, repeat
from math import ceil, floor, trunc
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
        values.extend(map(trunc, map(sub, found, repeat(min(found) - 0.5))))


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


class _Corridor(NamedTuple):
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


def _corridor(window: OffsetWindow, origin: TimeOrigin) -> _Corridor:
    """
    Return the bounds of the offset in a window.
    """
    times, lows, highs = zip(*window.knots(), strict=True)
    at = [float(time - origin.time) for time in times]
    return _Corridor(origin, at[1:-1], _line(at, lows), _line(at, highs))


def _line(times: list[float], values: Sequence[int]) -> _Line:
    """
    Return the line through points.
    """
    first, count = values[0], len(times)
    if count == 1:
        return _Line(first, [0.0], [0.0])
    gains = [
        (values[i] - values[i - 1]) / (times[i] - times[i - 1]) for i in range(1, count)
    ]
    starts = [
        value - first - gain * time
        for time, value, gain in zip(times, values, gains, strict=False)
    ]
    return _Line(first, starts, gains)


def ranges(
    parts: Iterable[TimedProbes],
    window: OffsetWindow,
    isBack: bool,
    corridor: _Corridor | None = None,
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
            corridor = corridor or _corridor(window, part.origin())
            times, least, most = _columns(part, corridor.origin, isBack)
            cuts = [bisect_left(times, cut) for cut in corridor.cuts]
            counts = list(map(sub, [*cuts, len(times)], [0, *cuts]))
            low, high = (
                map(
                    add,
                    chain.from_iterable(map(repeat, line.starts, counts)),
                    map(
                        mul, chain.from_iterable(map(repeat, line.gains, counts)), times
                    ),
                )
                for line in (corridor.low, corridor.high)
            )
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
    corridor = _corridor(window, probes.origin())
    t1, _, forward, backward = probes.differences(corridor.origin)
    gained = list(map(mul, t1, repeat(window.drift())))
    there, back = map(sub, forward, gained), map(add, backward, gained)
    return (
        OneWay(_pdv(there), ranges([probes], window, False, corridor)),
        OneWay(_pdv(back), ranges([probes], window, True, corridor)),
    )


def _pdv(delays: Iterable[float]) -> Summary | None:
    """
    Summarise the PDV of the probes of one window.

    @param delays: with the drift taken out.
    @return: L{None} for a single probe.
    """
    inOrder = sorted(delays)
    # Half a nanosecond more, since fractions are cut.
    values = list(map(trunc, map(sub, inOrder, repeat(inOrder[0] - 0.5))))
    return summary(values) if len(values) > 1 else None
