"""Tests for L{echostamp.rfc8762.lastdurations}."""

from __future__ import annotations

from statistics import median

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.lastdurations import LAST, LastDurations


class LastDurationsTests(SynchronousTestCase):
    """
    The median of the last durations.
    """

    def test_none(self) -> None:
        """Without durations there is no median."""
        self.assertIsNone(LastDurations().median())

    @given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=3 * LAST))
    def test_last(self, durations: list[int]) -> None:
        """It is the median of the last 64, as an integer."""
        last = LastDurations()
        for each in durations:
            last.add(each)
        self.assertEqual(LAST, 64)
        self.assertEqual(last.median(), round(median(durations[-LAST:])))

    def test_long(self) -> None:
        """A duration above 2.1 s counts as 2.1 s."""
        for duration, expected in (10**12, 2**31 - 1), (-(10**12), 1 - 2**31):
            last = LastDurations()
            last.add(duration)
            self.assertEqual(last.median(), expected)
