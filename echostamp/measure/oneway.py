"""
One-way delays: how they vary, and between what they lie.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from echostamp.measure.delay import Summary, summary
from echostamp.measure.offset import OffsetTracker, Window
from echostamp.measure.quantiles import quantile, ranksOf, selected
from echostamp.measure.samples import Probe, Run


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
        taken out; each window has a least of its own.
    @ivar range: the delay itself (RFC 7679), in the window that the offset is reported
        of.  The quantile method is that of L{quantile}.
    """

    pdv: Summary
    range: Ranges | None


def usable(probe: Probe) -> bool:
    """
    Say whether a probe has both one-way delays.
    """
    return probe.t2 is not None and not probe.lost and not probe.void


def forward(probe: Probe) -> int:
    """Give T2 - T1, which the offset makes too long."""
    assert probe.t2 is not None
    return probe.t2 - probe.t1


def backward(probe: Probe) -> int:
    """Give T4 - T3, which the offset makes too short."""
    assert probe.t4 is not None
    assert probe.t3 is not None
    return probe.t4 - probe.t3


def variations(
    probes: Iterable[Probe], stretches: Iterable[tuple[int, float]]
) -> tuple[array[int], array[int]]:
    """
    Give the PDV of every probe, forward and backward.

    @param stretches: first probe and drift of each window, as
        L{OffsetTracker.stretches} gives them.
    """
    windows = list(stretches)
    firsts = [first for first, _ in windows]
    results = array("q"), array("q")
    parts = array("q"), array("q")
    current, began, drift = -1, 0, 0.0
    for probe in filter(usable, probes):
        index = bisect_right(firsts, probe.seq)
        if index != current:
            _aboveLeast(parts, results)
            current, began = index, probe.t1
            drift = windows[index - 1][1] if index else 0.0
        gained = round((probe.t1 - began) * drift)
        parts[0].append(forward(probe) - gained)
        parts[1].append(backward(probe) + gained)
    _aboveLeast(parts, results)
    return results


def _aboveLeast(
    parts: tuple[array[int], array[int]], results: tuple[array[int], array[int]]
) -> None:
    for part, result in zip(parts, results, strict=True):
        if part:
            least = min(part)
            result.extend(value - least for value in part)
            del part[:]


def ranges(probes: Iterable[Probe], window: Window) -> tuple[Ranges, Ranges] | None:
    """
    Give between what the delays lie, forward and backward, given the offset's bounds.

    Every probe's delay lies between two ends; so the value of any rank among the delays
    lies between those of the same rank among the lower ends and among the upper ones.

    @param probes: those of the window.
    @return: L{None} where no probe has both delays.
    """
    bends = window.bends()
    knots = [(at, *window.bounds(at)) for at in bends]
    lows, highs = (array("q"), array("q")), (array("q"), array("q"))
    for probe in filter(usable, probes):
        assert probe.t4 is not None
        resolution = probe.resolution or 0
        low, high = _between(bends, knots, probe.t1)
        lows[0].append(forward(probe) - high)
        highs[0].append(forward(probe) + resolution - low)
        low, high = _between(bends, knots, probe.t4)
        lows[1].append(backward(probe) - resolution + low)
        highs[1].append(backward(probe) + high)
    if not lows[0]:
        return None
    return _ranges(lows[0], highs[0]), _ranges(lows[1], highs[1])


def _between(
    bends: list[int], knots: list[tuple[int, int, int]], at: int
) -> tuple[int, int]:
    """
    Give the offset's bounds at a time, from those at the bends on both sides of it,
    rounded outwards.
    """
    index = min(max(bisect_right(bends, at), 1), len(bends) - 1)
    (t0, low0, high0), (t1, low1, high1) = knots[index - 1], knots[index]
    if not t0 < t1:
        return low0, high0
    passed, span = at - t0, t1 - t0
    low = low0 + (low1 - low0) * passed // span
    return low, high0 - (high0 - high1) * passed // span


def _ranges(lows: array[int], highs: array[int]) -> Ranges:
    n, middle = len(lows), Fraction(1, 2)
    ranks = ranksOf(n, [middle])
    return Ranges(
        Range(min(lows), min(highs)),
        Range(
            quantile(n, middle, selected(lows, ranks).__getitem__),
            quantile(n, middle, selected(highs, ranks).__getitem__),
        ),
        Range(max(lows), max(highs)),
    )


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
    pdvs = [summary(values) for values in variations(run, stretches)]
    if pdvs[0] is None or pdvs[1] is None:
        return None
    later = [first for first, _ in stretches if first > window.first]
    inside = run.between(window.first, min(later, default=run.sent))
    found = ranges(inside, window) or (None, None)
    return OneWay(pdvs[0], found[0]), OneWay(pdvs[1], found[1])
