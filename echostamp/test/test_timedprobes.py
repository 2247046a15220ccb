"""Tests for L{echostamp.measure.timedprobes}."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import Block
from echostamp.measure.envelope import Envelope
from echostamp.measure.hull import Bound
from echostamp.measure.timedprobes import TimedProbes
from echostamp.times import MILLISECOND, SECOND

THEN = 1_700_000_000 * SECOND


def probes(seed: int, count: int, isMixed: bool = False) -> TimedProbes:
    """
    Simulate probes.

    @param isMixed: they are in no order, and their resolutions differ.
    """
    source = random.Random(seed)
    drift = source.randrange(-400, 400)
    found = []
    t1 = THEN
    for _ in range(count):
        t1 += source.choice([SECOND, SECOND, SECOND // 7])
        there = 3 * MILLISECOND + int(source.expovariate(1 / MILLISECOND))
        home = 3 * MILLISECOND + int(source.expovariate(1 / MILLISECOND))
        resolution = source.choice([1, 1000, 5000]) if isMixed else 1
        t2 = t1 + there + (t1 - THEN) * drift // 10**6 // resolution * resolution
        found.append((t1, t2, t2 + 100, t1 + there + 100 + home, resolution))
    if isMixed:
        source.shuffle(found)
    block = Block()
    for t1, t2, t3, t4, resolution in found:
        block.t1.append(t1)
        block.t2.append(t2)
        block.t3.append(t3)
        block.t4.append(t4)
        block.resolution.append(resolution)
    return TimedProbes.of(block)


def linesOf(upper: list[Bound], lower: list[Bound]) -> Envelope:
    """
    Give the lines that keep bounds.
    """
    lines = Envelope()
    for time, value in upper:
        lines.atMost(time - THEN, value)
    for time, value in lower:
        lines.atLeast(time - THEN, -value)
    return lines


class FewBoundsTests(SynchronousTestCase):
    """
    A few of the bounds say what all of them do.
    """

    def test_sameLines(self) -> None:
        """Whatever the times: the same lines are left."""
        few = every = 0
        for seed in range(200):
            found = probes(seed, 1 + seed % 60, isMixed=seed % 3 == 0)
            all_, some = linesOf(*found.bounds()), linesOf(*found.fewBounds())
            self.assertEqual(all_.isEmpty, some.isEmpty)
            if not all_.isEmpty:
                self.assertEqual(all_.slopes(), some.slopes())
                for time in range(-100 * SECOND, 100 * SECOND, 7 * SECOND):
                    self.assertEqual(all_.values(time), some.values(time))
            if found.areInOrder:
                every += 2 * len(found)
                few += sum(map(len, found.fewBounds()))
        self.assertLess(few, every / 2)

    def test_resolutions(self) -> None:
        """Where resolutions differ each bound has its own."""
        found = probes(4, 200)
        mixed = TimedProbes(
            *(found.t1, found.t4, found.forward, found.backward),
            [1 + at % 7 * 1000 for at in range(200)],
        )
        self.assertTrue(mixed.areInOrder)
        self.assertIsNone(mixed.resolution)
        self.assertEqual(mixed.coarsest, 6001)
        all_, some = linesOf(*mixed.bounds()), linesOf(*mixed.fewBounds())
        self.assertEqual(all_.slopes(), some.slopes())


class DifferencesTests(SynchronousTestCase):
    """
    Columns counted from an origin.
    """

    def test_differences(self) -> None:
        """Floats hold what is left, exactly."""
        found = probes(1, 30)
        origin = found.origin()
        differences = found.differences(origin)
        for column, first, values in (
            (differences.t1, origin.time, found.t1),
            (differences.t4, origin.time, found.t4),
            (differences.forward, origin.forward, found.forward),
            (differences.backward, origin.backward, found.backward),
        ):
            self.assertEqual([first + int(each) for each in column], values)
        self.assertIs(found.differences(origin), differences)
        other = found.differences(origin._replace(time=THEN - 5))
        self.assertEqual(other.t1[0], found.t1[0] - THEN + 5)

    def test_only(self) -> None:
        """A choice of probes; all of them are the same object."""
        found = probes(2, 9)
        self.assertIs(found.only([True] * 9), found)
        some = found.only([at % 2 == 0 for at in range(9)])
        self.assertEqual(some.t1, found.t1[::2])
        self.assertEqual(some.roundTrips(), found.roundTrips()[::2])
