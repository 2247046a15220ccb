"""Tests for L{echostamp.report.table}."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.delay import summary
from echostamp.measure.distribution import Distribution
from echostamp.report.table import ROWS, WIDTH, histogram, table


class TableTests(SynchronousTestCase):
    """
    Tests for tables of summaries.
    """

    @given(st.lists(st.integers(0, 10**11), min_size=2, max_size=20), st.booleans())
    def test_width(self, values: list[int], isFine: bool) -> None:
        """For any values, a row has at most 79 columns, and spaces between its
        figures."""
        found = summary(array("q", values))
        for line in table([("RTT", found), ("PDV forward", found)], isFine):
            self.assertLessEqual(len(line), 79)
        *_, line = table([("RTT", found)], isFine)
        self.assertEqual(len(line.split()), 9)

    def test_rounded(self) -> None:
        """A figure that only its rounding makes too long takes the next unit."""
        found = summary(array("q", [187, 1357, 924_131, 9_999_999_500]))
        head, line = table([("RTT", found)], False)
        self.assertEqual((head[:2], len(line.split())), ("ms", 9))

    def test_none(self) -> None:
        """Rows without values, and rows of differences of one value, are left out."""
        one = summary(array("q", [5]))
        self.assertEqual(len(list(table([("RTT", one)], False))), 2)
        self.assertEqual(
            len(list(table([("PDV forward", one), ("IPDV", None)], False))), 1
        )


class HistogramTests(SynchronousTestCase):
    """
    Tests for histograms.
    """

    def test_bars(self) -> None:
        """The longest bar is full.  The last row has no upper edge.  A row of zero has
        no bar."""
        found = Distribution((1e6, 2e6, 3e6), (100, 0, 1))
        self.assertEqual(
            list(histogram(found)),
            [
                f"    1.000 ms {'█' * WIDTH} 100",
                "    2.000 ms",
                "  ≥ 3.000 ms ▌ 1",
            ],
        )
        self.assertEqual(ROWS, 16)
