"""Tests for L{echostamp.plots.plotpaths}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.row import KeptRow
from echostamp.plots.plotpaths import Across, band, bars, line, runs, spans

#: Ten minutes: a row is 1,000 wide.
_ACROSS = Across(0, 600, 60)


def _row(minute: int, median: int | None = 5, lost: int = 0) -> KeptRow:
    """
    Give a row.
    """
    return KeptRow(minute * 60, median=median, lostForward=lost, least=1, most=9)


def _median(row: KeptRow) -> int:
    """
    Give the median of a row that has one.
    """
    return row.median or 0


class PathTests(SynchronousTestCase):
    """
    Tests for paths.
    """

    def runs(self, *rows: KeptRow) -> list[list[KeptRow]]:
        """
        Divide rows where the median is not known.
        """
        return runs(rows, 60, lambda row: row.median is not None)

    def test_gaps(self) -> None:
        """A row that is missing divides a run, and one that is not known does."""
        found = self.runs(_row(0), _row(1), _row(3), _row(4, None), _row(5), _row(6))
        minutes = [[each.at // 60 for each in run] for run in found]
        self.assertEqual(minutes, [[0, 1], [3], [5, 6]])

    def test_line(self) -> None:
        """A line leads from the begin of the first row through the middle of each to
        the end of the last; it does not cross a gap."""
        found = line(_ACROSS, self.runs(_row(0), _row(1, 7), _row(3)), int, _median)
        self.assertEqual(found, "M0 5 500 5 1500 7 2000 7M3000 5 3500 5 4000 5")

    def test_band(self) -> None:
        """A band is between two lines, and closed for each run."""
        found = band(
            _ACROSS,
            self.runs(_row(0), _row(2)),
            int,
            lambda row: row.least or 0,
            lambda row: row.most or 0,
        )
        self.assertEqual(
            found,
            "M0 9 500 9 1000 9 1000 1 500 1 0 1Z"
            "M2000 9 2500 9 3000 9 3000 1 2500 1 2000 1Z",
        )

    def test_bars(self) -> None:
        """A row without losses has no bar."""
        rows = [_row(0), _row(1, lost=4)]
        found = bars(_ACROSS, rows, int, lambda row: row.lostForward)
        self.assertEqual(found, "M1000 0V4H2000V0Z")

    def test_spans(self) -> None:
        """Rows one after the other are one line."""
        self.assertEqual(
            spans(_ACROSS, [_row(0), _row(1), _row(4)], 3), "M0 3H2000M4000 3H5000"
        )

    def test_nothing(self) -> None:
        """Without rows there is no path."""
        self.assertEqual(line(_ACROSS, [], int, _median), "")
        self.assertEqual(spans(_ACROSS, [], 3), "")

    def test_share(self) -> None:
        """Places of text are shares of the width."""
        self.assertEqual(_ACROSS.share(150), "25.00%")
