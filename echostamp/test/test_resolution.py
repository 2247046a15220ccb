"""Tests for L{echostamp.measure.resolution}."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.resolution import (
    ObservedResolution,
    StampResolution,
    TickingClock,
)
from echostamp.rfc8762.timestamps import (
    ntpTimestamp,
    ptpTimestamp,
    readTimestamp,
)

#: A moment in 2026.
NOW = 1_790_000_000_000_000_000

SECOND = 1_000_000_000

TIMESTAMPS = st.lists(st.integers(0, 10**10), min_size=1, max_size=30)


class ObservedResolutionTests(SynchronousTestCase):
    """
    How finely a clock counts.
    """

    @given(st.integers(0, 9), TIMESTAMPS, st.booleans())
    def test_neverFiner(self, digits: int, times: list[int], isPtp: bool) -> None:
        """Whatever a clock counts in, it is never called finer, by either format."""
        found, unit = ObservedResolution(), 10**digits
        for time in times:
            shown = NOW + time // unit * unit
            wire = ptpTimestamp(shown, 0) if isPtp else ntpTimestamp(shown)
            self.assertGreaterEqual(
                found.observe(readTimestamp(wire, isPtp, NOW, 0)), unit
            )

    def test_offByOne(self) -> None:
        """What the wire's units have moved by one nanosecond is still a multiple, and
        by two no longer."""
        found = ObservedResolution()
        for off in -1, 0, 1:
            self.assertEqual(found.observe(NOW + 5_000_000 + off), 10**6)
        for off in -2, 2:
            self.assertEqual(ObservedResolution().observe(NOW + 5_000_000 + off), 1)

    def test_soonFound(self) -> None:
        """One timestamp that is no multiple is enough, for good."""
        found = ObservedResolution()
        self.assertEqual(found.observe(NOW), 10**9)
        self.assertEqual(found.observe(NOW + 5_000_000), 10**6)
        self.assertEqual(found.observe(NOW), 10**6)
        self.assertEqual(found.observe(NOW + 7_123_456), 1)
        self.assertEqual(found.observe(NOW), 1)


class TickingClockTests(SynchronousTestCase):
    """
    Clocks that tick in steps of any length.
    """

    def step(
        self,
        step: float,
        probes: int = 32,
        interval: int = SECOND,
        unit: int = 1,
        jitter: float = 0.1,
    ) -> int:
        """
        Give what is inferred of a clock.

        @param step: in which it counts, in nanoseconds.
        @param unit: of the last digit that it shows.
        @param jitter: of the intervals, as a part of them.
        """
        found, source = TickingClock(), random.Random(str((step, interval)))
        for seq in range(probes):
            t1 = NOW + int((seq + source.random() * jitter) * interval)
            at = t1 - NOW + source.randrange(50_000, 90_000)
            stamp = NOW + int(at // step * step) // unit * unit
            found.observe(stamp, unit, t1, t1 + 150_000)
        return found.step

    def test_anyStep(self) -> None:
        """Whatever the step is, it is found, whatever the interval: never a finer one,
        and hardly a coarser one."""
        source = random.Random(4)
        steps = [SECOND / 60, 15_625_000, 20_000_000, SECOND / 1024, 4_000_000]
        steps += [10 ** source.uniform(4, 8) for _ in range(40)]
        for step in steps:
            for interval in SECOND, SECOND // 5, SECOND // 100:
                found = self.step(step, interval=interval, jitter=0.6)
                self.assertTrue(step <= found + 1 <= step + 9, (step, found))

    def test_fewDigits(self) -> None:
        """So is a step that is cut to microseconds, or a few units of its digits."""
        for step in SECOND / 60, 15_625_000, 20_000_000:
            found = self.step(step, unit=1000)
            self.assertTrue(step <= found <= step + 8000, (step, found))
        # The digits hide how far the ticks are from whole milliseconds.
        self.assertEqual(self.step(4_000_000, unit=1_000_000), 5_000_000)

    def test_fewDigitsAtAnyPhase(self) -> None:
        """With a step of a few units of the digits, and ticks between them, the clock
        is never further behind its timestamps than the step that is found, but for 1 %
        of the runs."""
        late, runs = 0, 0
        steps = 15_625_000, SECOND // 60, 20_000_000, 33_333_333, 55_000_000
        for step, interval, seed in product(
            steps, (10**8, 2 * 10**8, 10**9), range(20)
        ):
            source, found = random.Random(str((step, interval, seed))), TickingClock()
            phase, behind = source.randrange(SECOND), 0
            for seq in range(20):
                t1 = NOW + int((seq + source.random() / 10) * interval)
                at = t1 + source.randrange(50_000, 90_000)
                stamp = ((at - phase) // step * step + phase) // 10**6 * 10**6
                found.observe(stamp, 10**6, t1, t1 + 150_000)
                behind = max(behind, at - stamp)
            runs += 1
            late += behind >= found.step
        self.assertLessEqual(late, runs // 100)

    def test_clocksThatAreSet(self) -> None:
        """A clock that is set ahead or back, once or twice, or one that runs fast, is
        not taken for one that ticks; nor are three machines that answer in turns."""

        def step(ahead: Callable[[int], int]) -> int:
            found, source = TickingClock(), random.Random(5)
            for seq in range(32):
                t1 = NOW + seq * SECOND + source.randrange(SECOND // 10)
                stamp = t1 + source.randrange(50_000, 90_000) + ahead(seq)
                found.observe(stamp, 1, t1, t1 + 150_000)
            return found.step

        self.assertEqual(step(lambda seq: 10**9 * (seq > 9)), 0)
        self.assertEqual(step(lambda seq: -(10**9) * (seq > 9)), 0)
        self.assertEqual(step(lambda seq: 10**9 * (9 < seq < 20)), 0)
        self.assertEqual(step(lambda seq: seq * 500_000), 0)
        self.assertEqual(step(lambda seq: seq * 7 % 3 * 40_000_000), 0)

    def test_soon(self) -> None:
        """Five different timestamps are enough; of fewer the digits are believed,
        unless one came twice."""
        tick = SECOND / 60
        self.assertApproximates(self.step(tick, 5), tick, 8)
        self.assertEqual(self.step(tick, 4), 0)
        self.assertApproximates(self.step(tick, 20, 10**6), tick, 8)

    def test_oneTick(self) -> None:
        """While all timestamps are the same, the step may be long."""
        self.assertEqual(self.step(100_000_000, 5, 10**6), SECOND)

    def test_fineClocks(self) -> None:
        """A clock that counts in units of its digits has no step."""
        for interval in SECOND * 10, SECOND, SECOND // 100, SECOND // 1000:
            for unit in 1, 1000:
                self.assertEqual(self.step(unit, interval=interval, unit=unit), 0)

    def test_schedule(self) -> None:
        """Intervals that are all alike are no step of the far clock."""
        found = TickingClock()
        for seq in range(32):
            at = NOW + seq * SECOND
            found.observe(at + 345_678, 1, at, at + 1_000_000)
        self.assertEqual(found.step, 0)

    def test_stamps(self) -> None:
        """Of stamps the decimals count, too, from the first one on; not where our own
        times are as round."""
        found, own = StampResolution(), StampResolution()
        for seq in range(10):
            t1 = NOW + seq * 987_654_321 + 123_456
            ms = t1 // 1_000_000 * 1_000_000
            self.assertGreaterEqual(found.observe(ms, 1, t1, t1 + 1), 1_000_000)
            self.assertEqual(own.observe(ms, 1, ms, ms + 1), 1)
        self.assertEqual(found.observe(ms, 1, t1, t1 + 1), 1_000_000)
        self.assertEqual(found.observe(ms, SECOND, t1, t1 + 1), SECOND)
