"""
One-way delays: their variation, and the range in which they lie.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import repeat
from math import trunc
from operator import add, mul, sub
from typing import NamedTuple

from echostamp.measure.block import LOST, UNKNOWN, VOID, Block
from echostamp.measure.delay import Summary, summary
from echostamp.measure.delayranges import Ranges, corridorOf, ranges
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import OffsetWindow, Stretch
from echostamp.measure.samples import Run
from echostamp.measure.timedprobes import TimedProbes


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
    flows: Sequence[TimedProbes], window: OffsetWindow
) -> tuple[OneWay, OneWay] | None:
    """
    Summarise both directions, of the probes of one window.

    @param flows: the probes of each flow, each at least one.
    @return: as L{oneWays}.
    """
    if window.resolution > (window.leastRtt or 0):
        return None
    corridor = corridorOf(window, flows[0].origin())
    drift = window.drift()
    there, back = array("q"), array("q")
    for probes in flows:
        t1, _, forward, backward = probes.differences(corridor.origin)
        gained = list(map(mul, t1, repeat(drift)))
        there.extend(_aboveLeast(map(sub, forward, gained)))
        back.extend(_aboveLeast(map(add, backward, gained)))
    return (
        OneWay(summary(there), ranges(flows, window, False, corridor)),
        OneWay(summary(back), ranges(flows, window, True, corridor)),
    )


def leastDelays(flows: Sequence[TimedProbes], window: OffsetWindow) -> int:
    """
    Return the sum of the least delays there and back, with the drift taken out.  They
    may be those of two flows.

    @param flows: the probes of each flow of the window, each at least one.
    """
    origin, drift = flows[0].origin(), window.drift()
    there, back = list[float](), list[float]()
    for probes in flows:
        t1, _, forward, backward = probes.differences(origin)
        gained = list(map(mul, t1, repeat(drift)))
        there.append(min(map(sub, forward, gained)))
        back.append(min(map(add, backward, gained)))
    return origin.forward + origin.backward + trunc(min(there) + min(back))


def _aboveLeast(delays: Iterable[float]) -> list[int]:
    """
    Return the PDV of the probes of one flow in one window.

    @param delays: with the drift taken out.
    @return: nothing for a single probe.
    """
    inOrder = sorted(delays)
    if len(inOrder) == 1:
        return []
    # Half a nanosecond more, since fractions are cut.
    return list(map(trunc, map(sub, inOrder, repeat(inOrder[0] - 0.5))))
