"""Tests for L{echostamp.probe.slots}."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.slots import PARTS, TOGETHER, Slots
from echostamp.times import MILLISECOND, SECOND


class SlotsTests(SynchronousTestCase):
    """
    The moments at which probes are due together.
    """

    def slots(self, *intervals: int) -> Slots:
        """Make the slots of probers with these intervals."""
        made = Slots()
        for interval in intervals:
            made.join(interval)
        return made

    @given(
        st.integers(0, 10**18),
        st.integers(0, 10**11),
        st.floats(0, 1),
        st.lists(st.integers(MILLISECOND, 3600 * SECOND), max_size=5),
    )
    def test_withinTheJitter(
        self, turn: int, jitter: int, chance: float, intervals: list[int]
    ) -> None:
        """A probe is due at its turn or later, by no more than its jitter."""
        due = self.slots(*intervals).choose(turn, jitter, chance)
        self.assertLessEqual(turn, due)
        self.assertLessEqual(due, turn + jitter)

    def test_alone(self) -> None:
        """A prober that is alone, or alone again, has every moment to choose from."""
        slots = self.slots(SECOND)
        chances = [each / 1000 for each in range(1001)]
        every = [7 + 100 * each for each in range(1001)]
        self.assertEqual([slots.choose(7, 100_000, each) for each in chances], every)
        slots.join(SECOND)
        together = [slots.choose(7, 100_000, each) for each in chances]
        self.assertLessEqual(len(set(together)), PARTS)
        slots.leave(SECOND)
        self.assertEqual([slots.choose(7, 100_000, each) for each in chances], every)

    def dues(self, probers: int, interval: int) -> Counter[int]:
        """
        Count the probes that are due at each moment of ten intervals.
        """
        slots = self.slots(*[interval] * probers)
        return Counter(
            slots.choose(
                turn * interval + each * interval // probers,
                interval // 10,
                # The fractions of the multiples of a root are spread evenly.
                (turn * probers + each) * 2**0.5 % 1,
            )
            for turn in range(10)
            for each in range(probers)
        )

    def test_together(self) -> None:
        """With a hundred probers, most probes are due together with others; there are
        never many at one moment, with a hundred or a thousand."""
        for probers, interval in [
            (100, SECOND),
            (100, SECOND // 10),
            (1000, SECOND),
        ]:
            found = self.dues(probers, interval)
            self.assertLess(len(found), 10 * probers / 2)
            self.assertLessEqual(max(found.values()), 3 * TOGETHER)

    def test_noRhythm(self) -> None:
        """The moments are spread over every part of any period: here of a hundredth of
        a second."""
        found = Counter(
            due % (SECOND // 100) // MILLISECOND for due in self.dues(100, SECOND)
        )
        self.assertEqual(len(found), 10)
        self.assertLess(max(found.values()), 2 * min(found.values()))

    def test_noTime(self) -> None:
        """Where the jitter is too short for slots, every moment will do."""
        slots = self.slots(MILLISECOND, MILLISECOND)
        self.assertEqual(slots.choose(5, PARTS - 1, 1.0), 5 + PARTS - 1)
