"""Tests for L{echostamp.measure.distribution}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.delay import rtts, summary
from echostamp.measure.distribution import Distribution, distribution
from echostamp.measure.samples import Run


class DistributionTests(SynchronousTestCase):
    """
    Tests for counts of round trips by length.
    """

    def distribution(self, values: list[int], rows: int) -> Distribution | None:
        """Count round trips."""
        run = Run()
        for value in values:
            run.reply(run.send(0, 0), value, value)
        return distribution(run.blocks(), summary(rtts(run.blocks())), rows)

    @given(
        st.lists(st.integers(1, 10**10), min_size=1, max_size=50), st.integers(1, 20)
    )
    def test_each(self, values: list[int], rows: int) -> None:
        """Each round trip is counted in the row whose edges are around it."""
        found = self.distribution(values, rows)
        assert found
        edges, counts = found
        self.assertEqual(len(edges), len(counts))
        self.assertEqual(sum(counts), len(values))
        self.assertEqual(list(edges), sorted(edges))
        for row, count in enumerate(counts[1:], 1):
            end = edges[row + 1] if row + 1 < len(edges) else float("inf")
            self.assertEqual(count, sum(edges[row] <= value < end for value in values))

    def test_none(self) -> None:
        """There is no distribution without round trips, or without rows."""
        self.assertIsNone(self.distribution([], 4))
        self.assertIsNone(self.distribution([7], 0))
