"""Tests for L{echostamp.measure.windowspec}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.windowspec import WINDOWS, Rounding, WindowSpec
from echostamp.times import SECOND


class WindowSpecTests(SynchronousTestCase):
    """
    Windows that cannot be.
    """

    def test_oneOrTheOther(self) -> None:
        """A window has a length or a count, and it is positive."""
        for length, count in (None, None), (1, 1), (0, None), (None, -1):
            self.assertRaises(ValueError, WindowSpec, "odd", length, count)


class RoundingTests(SynchronousTestCase):
    """
    How many probes may be counted together.
    """

    def test_tiers(self) -> None:
        """The older probes are the wider may be what counts them together."""
        rounding = Rounding(WINDOWS)
        self.assertEqual(rounding.tiers, 4)
        for age, tier, width in (
            (0, 0, 10 * SECOND // 16),
            (9 * SECOND, 0, 10 * SECOND // 16),
            (10 * SECOND, 1, 60 * SECOND // 16),
            (60 * SECOND, 2, 300 * SECOND // 16),
            (299 * SECOND, 2, 300 * SECOND // 16),
        ):
            self.assertEqual(rounding.tier(age), tier)
            self.assertEqual(rounding.width(age), width)
        self.assertEqual(rounding.tier(300 * SECOND), 3)
        self.assertGreater(rounding.width(300 * SECOND), 10**6 * SECOND)

    def test_counts(self) -> None:
        """A window by count is divided likewise."""
        rounding = Rounding([WindowSpec("a", count=20), WindowSpec("b", count=160)])
        self.assertEqual(
            [rounding.most(behind) for behind in (0, 19, 20, 159)], [1, 1, 10, 10]
        )
        self.assertGreater(rounding.most(160), 10**6)

    def test_over(self) -> None:
        """A probe is over when no window includes it, neither by time nor by count."""
        rounding = Rounding(WINDOWS)
        for age, behind, isOver in (
            (299 * SECOND, 1000, False),
            (300 * SECOND, 19, False),
            (300 * SECOND, 20, True),
        ):
            self.assertEqual(rounding.isOver(age, behind), isOver)
        self.assertTrue(Rounding([]).isOver(0, 0))
