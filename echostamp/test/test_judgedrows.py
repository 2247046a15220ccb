"""Tests for L{echostamp.web.judgedrows}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.webrows import NOW, down, path, source
from echostamp.web.judgedrow import CellView, JudgedRow
from echostamp.web.judgedrows import JudgedRows
from echostamp.web.matrixfilter import Figure
from echostamp.web.rowdata import SourceRow


class JudgedRowsTests(SynchronousTestCase):
    """
    Tests for L{JudgedRows}.
    """

    def setUp(self) -> None:
        """Begin with no row."""
        self.rows = JudgedRows()

    def judge(self, *rows: SourceRow) -> list[JudgedRow]:
        """Judge rows."""
        steps = self.rows.judge(rows)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: list[JudgedRow] = end.value
                return found

    def test_once(self) -> None:
        """A row is judged once, and a new one again."""
        row = source("ams", path())
        (first,) = self.judge(row)
        (second,) = self.judge(row)
        self.assertIs(first, second)
        (third,) = self.judge(source("ams", down()))
        self.assertEqual((first.bad, third.bad), ([], ["fra"]))

    def test_silent(self) -> None:
        """What a source said last stays as it was written when it falls silent."""
        row = source("ams", path())
        (first,) = self.judge(row)
        view = CellView(isStale=True)
        before = first.cells(view)
        (second,) = self.judge(row._replace(why="gone", silentSince=NOW))
        self.assertTrue(second.isStale(NOW))
        self.assertIs(second.cells(view), before)
        self.assertIs(second.judged, first.judged)

    def test_elsewhere(self) -> None:
        """With another place its cells have other links."""
        row = source("ams", path())
        (first,) = self.judge(row)
        (second,) = self.judge(row._replace(url="https://ams.example/"))
        self.assertNotEqual(first.cells(CellView()), second.cells(CellView()))

    def test_prepared(self) -> None:
        """A row is judged before somebody asks, and written as the one before was."""
        views = CellView(), CellView(Figure.RTT, True)
        (before,) = self.judge(source("ams", path()))
        for view in views:
            before.cells(view)
        row = source("ams", down())
        for _ in self.rows.prepare(row):
            pass
        (after,) = self.judge(row)
        self.assertEqual(after.views(), [*views])
        self.assertIn("since", after.cells(views[0])["fra"])

    def test_smallSteps(self) -> None:
        """It is written in steps, each in one way."""
        (before,) = self.judge(source("ams", path()))
        before.cells(CellView())
        before.cells(CellView(Figure.RTT, True))
        row = source("ams", down())
        steps = self.rows.prepare(row)
        counts = []
        for _ in steps:
            (known,) = self.judge(row)
            counts.append(len(known.views()))
        self.assertEqual(counts, [0, 1])

    def test_nobodyLooked(self) -> None:
        """A source of which nothing was shown is only judged."""
        row = source("ams", path())
        for _ in self.rows.prepare(row):
            self.fail("there is nothing to write")
        (judged,) = self.judge(row)
        self.assertEqual(judged.views(), [])

    def test_forgotten(self) -> None:
        """A source that is gone is forgotten."""
        row = source("ams", path())
        (first,) = self.judge(row)
        self.judge(source("fra", path("ams")))
        (second,) = self.judge(row)
        self.assertIsNot(first, second)
