"""Tests for L{echostamp.ring}."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.ring import Ring


class RingTests(SynchronousTestCase):
    """
    Tests for rows of integers with consecutive numbers.
    """

    @given(st.lists(st.one_of(st.integers(0, 90), st.none()), max_size=300))
    def test_asADeque(self, steps: list[int | None]) -> None:
        """However items are appended and dropped, each keeps its number and values."""
        ring, model, first = Ring("q", "I"), deque[int](), 0
        for step in steps:
            if step is None:
                number = first + len(model)
                self.assertEqual(ring.append(-number, number), number)
                model.append(number)
            else:
                ring.drop(first + step)
                for _ in range(min(step, len(model))):
                    model.popleft()
                    first += 1
        self.assertEqual(
            (ring.first, ring.end, len(ring)), (first, first + len(model), len(model))
        )
        for number in model:
            place = ring.place(number)
            self.assertEqual([each[place] for each in ring.columns], [-number, number])

    def test_outside(self) -> None:
        """A dropped item and the next item have no place: that is an L{IndexError}."""
        ring = Ring("q")
        for _ in range(3):
            ring.append(7)
        ring.drop(1)
        for number in 0, 3:
            self.assertRaises(IndexError, ring.place, number)

    def test_tooGreat(self) -> None:
        """A value that does not fit its column is refused, and nothing is appended."""
        ring = Ring("I")
        self.assertRaises(OverflowError, ring.append, 1 << 32)
        self.assertEqual(len(ring), 0)

    def test_memory(self) -> None:
        """There is room for at most an eighth more than the items.  Room that is no
        longer needed is given back."""
        ring = Ring("q")
        for number in range(100_000):
            ring.append(number)
            ring.drop(number - 3000)
        self.assertLess(len(ring.columns[0]), 3001 * 9 // 8 + 2)
        while len(ring):
            ring.drop(ring.first + 7)
            kept = len(ring)
            self.assertLessEqual(len(ring.columns[0]), kept + kept // 8 + 32)

    def test_skip(self) -> None:
        """A number can be used up without an item."""
        ring = Ring("q")
        ring.skip()
        self.assertEqual((ring.append(7), ring.first, len(ring)), (1, 1, 1))
