"""Tests for L{echostamp.plots.axes}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.plots.axes import extent, niceStep, roof, usual, valueAxis
from echostamp.times import MICROSECOND, MILLISECOND, SECOND

_VALUES = st.integers(-(10**19), 10**19)


class AxisTests(SynchronousTestCase):
    """
    Tests for L{valueAxis}.
    """

    def labels(self, low: int, high: int, isSigned: bool = False) -> tuple[str, ...]:
        """
        Give the unit, and the labels.
        """
        axis = valueAxis(low, high, isSigned)
        return (axis.title, *map(axis.label, axis.ticks))

    def test_units(self) -> None:
        """All labels of an axis have one unit, and no more decimals than they need."""
        for high, expected in (
            (4, ("ns", "0", "1", "2", "3", "4")),
            (900 * MICROSECOND, ("ms", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0")),
            (450 * MICROSECOND, ("µs", "0", "100", "200", "300", "400", "500")),
            (1500 * MICROSECOND, ("ms", "0.0", "0.5", "1.0", "1.5")),
            (25 * MILLISECOND, ("ms", "0", "5", "10", "15", "20", "25")),
            (2 * SECOND, ("s", "0.0", "0.5", "1.0", "1.5", "2.0")),
        ):
            self.assertEqual(self.labels(0, high), expected)

    def test_signs(self) -> None:
        """Offsets have signs; the minus sign is as wide as a plus sign."""
        self.assertEqual(
            self.labels(-MILLISECOND, 2 * MILLISECOND, isSigned=True),
            ("ms", "\u22121", "0", "+1", "+2"),
        )

    def test_nothing(self) -> None:
        """An axis without values has a scale all the same."""
        axis = valueAxis(0, 0)
        self.assertLess(axis.low, axis.high)

    def test_farFromZero(self) -> None:
        """Where the offset is many steps away from zero, labels count from the first
        tick, and the title says so."""
        day = 86_400 * SECOND
        axis = valueAxis(-day, -day + 9 * MICROSECOND, isSigned=True)
        self.assertEqual(axis.title, "µs above \u221286400 s")
        self.assertEqual(axis.label(axis.low), "0")
        self.assertEqual(axis.label(axis.low + axis.step), "+2")

    @given(_VALUES, _VALUES)
    def test_ticks(self, one: int, other: int) -> None:
        """Ticks are 1, 2 or 5 times a power of ten apart, enclose the values, are no
        more than seven, and their labels differ and stay short."""
        low, high = sorted((one, other))
        axis = valueAxis(low, high, isSigned=True)
        self.assertIn(f"{axis.step}".rstrip("0"), ("1", "2", "5"))
        self.assertLessEqual(axis.low, low)
        self.assertGreaterEqual(axis.high, high)
        ticks = list(axis.ticks)
        self.assertEqual((ticks[0], ticks[-1]), (axis.low, axis.high))
        self.assertLessEqual(2, len(ticks))
        self.assertLessEqual(len(ticks), 7)
        labels = [axis.label(each) for each in ticks]
        self.assertEqual(len(set(labels)), len(labels))
        self.assertLessEqual(max(map(len, labels)), 12)

    def test_steps(self) -> None:
        """A step is the least round one with at most so many spaces."""
        for span, spaces, step in (
            (1, 5, 1),
            (5, 5, 1),
            (6, 5, 2),
            (11, 5, 5),
            (50, 5, 10),
            (6, 3, 2),
            (7, 3, 5),
        ):
            self.assertEqual(niceStep(span, spaces), step)


class ScaleTests(SynchronousTestCase):
    """
    Tests for L{roof} and L{extent}.
    """

    def test_usual(self) -> None:
        """The usual extent is that which few values exceed."""
        self.assertEqual(usual([]), 0)
        self.assertEqual(usual([7]), 7)
        self.assertEqual(usual(range(1, 101)), 95)

    def test_calm(self) -> None:
        """Without outliers a scale ends at the greatest value."""
        self.assertEqual(roof([20] * 60, [21] * 60, [25] * 60), 25)

    def test_outlier(self) -> None:
        """Few outliers do not flatten what is usual."""
        levels = [20] * 60
        levels[30] = 900
        self.assertEqual(roof(levels, [21] * 60, [22] * 59 + [1000]), 42)

    def test_level(self) -> None:
        """A level that lasts three points is shown, however high it is."""
        levels = [20] * 997 + [100] * 3
        found = roof(levels, [21] * 1000, [*[22] * 997, 101, 102, 5000])
        self.assertEqual(found, 125)

    def test_none(self) -> None:
        """Without points, and with one or two, there is a scale."""
        self.assertEqual(roof([], [], []), 0)
        self.assertEqual(roof([5], [6], [7]), 7)
        self.assertEqual(roof([5, 5], [6, 6], [7, 7]), 7)

    def test_wideBounds(self) -> None:
        """Bounds that say little set no scale; a clock that is wrong does."""
        bounds = [(1000, 1010)] * 50
        self.assertEqual(extent([*bounds, (-9000, 9000)]), (1000, 1010))
        self.assertEqual(extent([*bounds, (5000, 5010)]), (0, 5010))
        self.assertEqual(extent([]), (0, 0))
        self.assertEqual(extent([(-3, 8)]), (-3, 8))

    def test_zero(self) -> None:
        """Zero is on the scale of an offset where it is near."""
        self.assertEqual(extent([(5, 15)]), (0, 15))
        self.assertEqual(extent([(-15, -5)]), (-15, 0))
        self.assertEqual(extent([(500, 515)]), (500, 515))
        self.assertEqual(extent([(-515, -500)]), (-515, -500))
