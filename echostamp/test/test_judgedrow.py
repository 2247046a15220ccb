"""Tests for L{echostamp.web.judgedrow} and L{echostamp.web.totals}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import NO_FIT
from echostamp.test.webrows import NOW, Element, down, elements, path, source
from echostamp.web.cells import Level
from echostamp.web.judgedrow import BLANK, STALE, UNHEARD, CellView, JudgedRow
from echostamp.web.matrixfilter import Figure
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow
from echostamp.web.totals import Total


def cell(row: SourceRow, name: str = "fra", view: CellView | None = None) -> Element:
    """Give the link of a cell, or what stands for one."""
    html = JudgedRow(row).cells(view or CellView())[name]
    return elements(html, "a", "span")[0]


class CellTests(SynchronousTestCase):
    """
    Tests for the cells of L{JudgedRow}.
    """

    def test_sign(self) -> None:
        """A cell has a sign, all figures in its title, and leads to its page."""
        found = cell(source("ams", path(lost=30)))
        self.assertEqual(found.text, "L")
        self.assertEqual(found.attributes["href"], "peer/fra")
        title = found.attributes["title"]
        self.assertTrue(
            title.startswith("ams → fra: loss 33.3 %, 30 of 90 probes; RTT ")
        )
        self.assertIn("clock -3.000 to +4.000 ms", title)

    def test_roles(self) -> None:
        """It says that it is a cell, and has the class of its level."""
        for peer, level in (
            (path(), "g"),
            (path(lost=1), "w"),
            (path(verdict=NO_FIT), "b"),
            (down(), "d"),
            (path(state=PeerState.NEW), "u"),
            (path(state=PeerState.PAUSED), "p"),
        ):
            html = JudgedRow(source("ams", peer)).cells(CellView())["fra"]
            (found,) = elements(html, "td")
            self.assertEqual(found.attributes, {"role": "cell", "class": level})

    def test_stale(self) -> None:
        """What was has a class of its own."""
        row = JudgedRow(source("ams", path()))
        (found,) = elements(row.cells(CellView(isStale=True))["fra"], "td")
        self.assertEqual(found.attributes["class"], "g s")

    def test_oneFigure(self) -> None:
        """Where one figure is shown, the sign is that of this figure."""
        row = source("ams", path(lost=1, maxRtt=1), down("lon"))
        for figure, sign in (
            (Figure.ALL, "lR"),
            (Figure.LOSS, "l"),
            (Figure.RTT, "R"),
            (Figure.CLOCK, "·"),
        ):
            self.assertEqual(cell(row, "fra", CellView(figure)).text, sign)
            self.assertEqual(cell(row, "lon", CellView(figure)).text, "✕")

    def test_figures(self) -> None:
        """Where there is room, each figure has its level and a sign."""
        row = source("ams", path(lost=60, maxRtt=13_000_000), down("lon"))
        html = JudgedRow(row).cells(CellView(Figure.ALL, True))
        found = elements(html["fra"], "i")
        self.assertEqual(
            [(each.attributes["class"], each.text) for each in found],
            [("b", "◆ 50 %"), ("w", "▲ 12.3 ms"), ("g", "+1.23 ms")],
        )
        (found,) = [elements(html["lon"], "i")]
        self.assertEqual([each.text for each in found], ["✕ down"])
        html = JudgedRow(row).cells(CellView(Figure.CLOCK, True))
        self.assertEqual(
            [each.text for each in elements(html["fra"], "i")], ["+1.23 ms"]
        )

    def test_itself(self) -> None:
        """There is no cell of a host to itself."""
        row = JudgedRow(source("ams", path("ams"), path("fra")))
        self.assertEqual(set(row.judged), {"fra"})
        self.assertEqual(set(row.cells(CellView())), {"fra"})

    def test_others(self) -> None:
        """A cell of another daemon leads to a page of that one."""
        found = cell(source("ams", path("fra/1"), url="https://ams:9862/x/"), "fra/1")
        self.assertEqual(found.attributes["href"], "https://ams:9862/x/peer/fra/1")

    def test_wrongPlaces(self) -> None:
        """A place that is none of the web gets no link."""
        for url in "javascript:alert(1)", "data:x", "//evil.example", "ftp://x":
            found = cell(source("ams", path(), url=url))
            self.assertEqual(found.tag, "span")
            self.assertNotIn("href", found.attributes)
            self.assertEqual(found.text, "·")

    def test_writtenOnce(self) -> None:
        """Cells are written once for each view."""
        row = JudgedRow(source("ams", path()))
        self.assertIs(row.cells(CellView()), row.cells(CellView()))
        other = CellView(Figure.RTT)
        self.assertIsNot(row.cells(CellView()), row.cells(other))

    def test_isStale(self) -> None:
        """A row is stale if it could not be read, or is old."""
        row = source("ams", path())
        for changed, expected in (
            (row, False),
            (row._replace(at=NOW - STALE), False),
            (row._replace(at=NOW - STALE - 1), True),
            (row._replace(why="refused"), True),
            (row._replace(at=None), True),
        ):
            self.assertIs(JudgedRow(changed).isStale(NOW), expected)

    def test_blank(self) -> None:
        """Cells without a path are cells, too."""
        for html in BLANK, UNHEARD:
            (found,) = elements(html, "td")
            self.assertEqual(found.attributes["role"], "cell")


class TotalTests(SynchronousTestCase):
    """
    Tests for L{Total}.
    """

    def total(self, *peers: PeerFigures, figure: Figure = Figure.ALL) -> Total:
        """Sum up paths."""
        row = JudgedRow(source("ams", *peers))
        found = row.levels(figure), row.shares, row.medians
        return Total(*[[*each.values(), None] for each in found])

    def test_words(self) -> None:
        """It says how many paths are no good, the worst loss, and the median RTT."""
        found = self.total(
            path("a", median=1000),
            path("b", median=3000, lost=60),
            path("c", median=9000, lost=1),
            down("d"),
        )
        self.assertEqual(
            found.words(),
            "of 4 paths: 1 down, 1 bad, 1 warning; worst loss 100 %; "
            "median RTT 3.00 µs",
        )
        self.assertEqual(
            elements(found.html(), "i")[0].text
            + elements(found.html(), "span")[0].text,
            "✕ 3/4100 %",
        )
        self.assertIs(found.level, Level.DOWN)

    def test_good(self) -> None:
        """Where all is good it says that."""
        self.assertTrue(self.total(path()).words().startswith("of 1 path: all good;"))

    def test_paused(self) -> None:
        """A path that is paused does not count."""
        found = self.total(path("a"), path("b", state=PeerState.PAUSED))
        self.assertEqual(found.count, 1)
        self.assertIs(found.level, Level.GOOD)
        found = self.total(path("b", state=PeerState.PAUSED))
        self.assertEqual(found.words(), "no path is measured")

    def test_nothing(self) -> None:
        """Without paths nothing is known."""
        found = self.total()
        self.assertEqual((found.count, found.loss, found.rtt), (0, "-", "-"))
        self.assertIs(found.level, Level.UNKNOWN)

    def test_oneFigure(self) -> None:
        """Of one figure, others do not count."""
        peers = path("a", lost=60), path("b", maxRtt=1)
        self.assertEqual(self.total(*peers, figure=Figure.LOSS).troubled, 1)
        self.assertEqual(self.total(*peers, figure=Figure.CLOCK).troubled, 0)
        self.assertEqual(self.total(*peers).troubled, 2)
