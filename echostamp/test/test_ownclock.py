"""Tests for L{echostamp.measure.ownclock}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.ownclock import OwnClock

US, MS, SECOND = 1000, 1_000_000, 1_000_000_000
THEN = 1_700_000_000 * SECOND


class OwnClockTests(SynchronousTestCase):
    """
    Steps of our own clock.
    """

    @given(st.lists(st.tuples(st.integers(0, MS), st.integers(0, MS)), min_size=1))
    def test_readingsApartAreNoStep(self, waits: list[tuple[int, int]]) -> None:
        """However long the machine dawdled between two readings, it is no step."""
        clock = OwnClock()
        monotonic = 0
        for first, second in waits:
            realtime = THEN + monotonic + first
            clock.observe(monotonic, realtime, monotonic + first + second)
            monotonic += SECOND
        self.assertEqual(clock.steps, 0)

    def test_stepUnderASlowReading(self) -> None:
        """A step under a reading that took longer than the step is seen at the next
        one."""
        clock = OwnClock()
        seen = [
            clock.observe(
                at * SECOND, THEN + at * SECOND + took // 2 + step, at * SECOND + took
            )
            for at, (took, step) in enumerate(
                [(100, 0), (10 * MS, 4 * MS), (100, 4 * MS), (100, 4 * MS)]
            )
        ]
        self.assertEqual(seen, [0, 0, 1, 1])

    def test_smallSteps(self) -> None:
        """A step of a tenth of a millisecond is seen; what is within a microsecond is
        none, however often."""
        clock = OwnClock()
        for at, changed in enumerate([0, 900, 1800, 2700, 1800, 900, 0]):
            clock.observe(at * SECOND, THEN + at * SECOND + changed, at * SECOND)
        self.assertEqual(clock.steps, 0)
        clock.observe(7 * SECOND, THEN + 7 * SECOND + 100 * US, 7 * SECOND)
        self.assertEqual(clock.steps, 1)

    def test_step(self) -> None:
        """A step either way is seen once."""
        clock = OwnClock()
        seen = [
            clock.observe(at * SECOND, THEN + at * SECOND + step, at * SECOND + 100)
            for at, step in enumerate([0, 0, MS, MS, MS, -MS, -MS])
        ]
        self.assertEqual(seen, [0, 0, 1, 1, 1, 2, 2])

    def test_stepped(self) -> None:
        """A function is called at each step."""
        calls: list[int] = []
        clock = OwnClock(stepped=lambda: calls.append(clock.steps))
        for at, step in enumerate([0, MS, MS, 0]):
            clock.observe(at * SECOND, THEN + at * SECOND + step, at * SECOND)
        self.assertEqual(calls, [1, 2])
