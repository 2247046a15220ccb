"""Tests for L{echostamp.web.matrix} and L{echostamp.web.matrixparts}."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.rowsamples import sourceRows
from echostamp.test.webrows import (
    NOW,
    Element,
    down,
    elements,
    mesh,
    path,
    source,
    written,
)
from echostamp.text import printable
from echostamp.times import SECOND
from echostamp.web.judgedrow import NAMELESS, JudgedRow
from echostamp.web.matrix import MOST_WITH_FIGURE, MOST_WITH_FIGURES, Matrix
from echostamp.web.matrixfilter import Figure, MatrixFilter
from echostamp.web.matrixparts import form, legend, nothing, summary
from echostamp.web.rowdata import SourceRow

NAMES = [f"host{each}" for each in range(1, 16)]


def table(rows: Sequence[SourceRow], wanted: MatrixFilter | None = None) -> str:
    """Write the table of rows."""
    matrix = Matrix([*map(JudgedRow, rows)], wanted or MatrixFilter(), NOW)
    for _ in matrix.count():
        pass
    return written(matrix.lines())


def heads(html: str, scope: str) -> list[str]:
    """Give the names in the headings of columns or rows."""
    parents = [each for each in elements(html) if each.tag in ("th", "b")]
    found = []
    for each, inner in pairwise(parents):
        if each.attributes.get("scope") == scope and inner.tag == "b":
            found.append(inner.text)
    return found


def cells(html: str) -> list[list[str]]:
    """Give the texts of the cells of each row, without totals."""
    rows: list[list[str]] = []
    for each in elements(html, "tr", "td"):
        if each.tag == "tr":
            rows.append([])
        elif "total" not in each.attributes["class"]:
            rows[-1].append(each.text)
    return rows[1:]


class TableTests(SynchronousTestCase):
    """
    Tests for the table of L{Matrix}.
    """

    def test_rows(self) -> None:
        """As many sources as targets: the sources are the rows."""
        html = table(mesh(NAMES))
        self.assertEqual(heads(html, "row"), NAMES)
        self.assertEqual(heads(html, "col"), NAMES)
        for place, row in enumerate(cells(html)):
            self.assertEqual(row, ["·"] * place + [""] + ["·"] * (14 - place))

    def test_turned(self) -> None:
        """More targets than sources: the targets are the rows, so that the page is not
        wide."""
        rows = [
            source("hub1", path("a"), down("b"), path("c")),
            source("hub2", path("a")),
        ]
        html = table(rows)
        self.assertEqual(heads(html, "row"), ["a", "b", "c"])
        self.assertEqual(heads(html, "col"), ["hub1", "hub2"])
        good = "0 %12.3 ms+1.23 ms"
        found = [[each.replace(" ", "") for each in row] for row in cells(html)]
        expected = good.replace(" ", "")
        self.assertEqual(found, [[expected, expected], ["✕down", ""], [expected, ""]])

    def test_fiveSources(self) -> None:
        """Five sources of 200 targets: five columns with their figures, and a row for
        each target."""
        targets = [f"t{each:03}" for each in range(200)]
        sources = [f"hub{each}" for each in range(1, 6)]
        html = table([source(each, *map(path, targets)) for each in sources])
        self.assertEqual(heads(html, "row"), targets)
        self.assertEqual(heads(html, "col"), sources)
        rows = cells(html)
        self.assertEqual(len(rows), 200)
        for row in rows:
            self.assertEqual(len(row), 5)
            for each in row:
                self.assertIn("12.3 ms", each)

    def test_density(self) -> None:
        """Few columns have figures, many have signs."""
        for figure, most in (
            (Figure.ALL, MOST_WITH_FIGURES),
            (Figure.RTT, MOST_WITH_FIGURE),
        ):
            for count, kind in ((most, "figures"), (most + 1, "signs")):
                html = table(mesh(NAMES[:count]), MatrixFilter(figure=figure))
                (found,) = elements(html, "table")
                self.assertIn(
                    f"matrix {kind} {figure.value} ", found.attributes["class"]
                )

    def test_roles(self) -> None:
        """It is a table for a screen reader, although its rows are blocks."""
        html = table(mesh(NAMES[:3]))
        roles = {
            "table": {"table"},
            "thead": {"rowgroup"},
            "tbody": {"rowgroup"},
            "tr": {"row"},
            "th": {"columnheader", "rowheader"},
            "td": {"cell"},
        }
        for tag, expected in roles.items():
            found = {each.attributes.get("role") for each in elements(html, tag)}
            self.assertEqual(found, expected, tag)
        for each in elements(html, "th"):
            scope = "row" if each.attributes["role"] == "rowheader" else "col"
            self.assertEqual(each.attributes["scope"], scope)
        self.assertEqual(len(elements(html, "caption")), 1)
        (scrolled,) = elements(html, "div")
        self.assertEqual(scrolled.attributes["tabindex"], "0")
        self.assertIn("aria-label", scrolled.attributes)

    def test_everyRowIsAsLong(self) -> None:
        """Each row has as many cells as there are headings."""
        for rows in mesh(NAMES), [source("hub", path("a"))], mesh(NAMES[:2]):
            html = table(rows)
            counts = set()
            for line in html.splitlines():
                if "<tr " in line:
                    counts.add(len(elements(line, "th", "td")))
            self.assertEqual(len(counts), 1)

    def test_lines(self) -> None:
        """What the script replaces is a line each, and its key names it once."""
        html = table(mesh(NAMES))
        keyed = [each for each in html.splitlines() if "data-key" in each]
        self.assertEqual(len(keyed), len(NAMES) + 1)
        keys = set()
        for line in keyed:
            self.assertRegex(line, r'^<[a-z]+ data-key="[^"]+"')
            first, *rest = elements(line)
            keys.add(first.attributes["data-key"])
            self.assertFalse(any("data-key" in each.attributes for each in rest))
        self.assertEqual(len(keys), len(keyed))

    def test_totals(self) -> None:
        """Rows and columns are summed up, with words in the title."""
        rows = mesh(NAMES[:3])
        rows[0] = source("host1", path("host2", lost=60), down("host3"))
        html = table(rows)
        titles = [
            each.attributes["title"]
            for each in elements(html, "th", "td")
            if "title" in each.attributes
        ]
        self.assertIn(
            "host3: of 2 paths: 1 down; worst loss 100 %; median RTT 12.3 ms", titles
        )
        self.assertIn(
            "of 2 paths: 1 down, 1 bad; worst loss 100 %; median RTT 12.3 ms", titles
        )
        self.assertIn("✕ 2/2", [each.text for each in elements(html, "i")])

    def test_named(self) -> None:
        """Where cells have all figures, the headings name these."""
        html = table([source("hub", path("a"), path("b"))])
        (found,) = [each for each in elements(html, "small") if each.attributes]
        self.assertEqual(found.text, "lossRTTclock")
        self.assertNotIn("named", table(mesh(NAMES)))

    def test_oneColumn(self) -> None:
        """A single column needs no totals of rows."""
        html = table([source("hub", path("a"), path("b"))])
        self.assertNotIn('class="total"', html)

    def test_silent(self) -> None:
        """A source that is silent says so, since when, and why; its cells are what
        was."""
        silent = {"silentSince": NOW - 300 * SECOND, "why": "connection <refused>"}
        for others in [source("b", path("a"))], [source("b", path("a"), path("c"))]:
            rows = [source("a", path("b"), **silent), *others]
            html = table(rows)
            self.assertEqual(
                [each.text for each in elements(html, "em")], ["silent 5 min"]
            )
            title = "a: silent since 2026-11-29 11:55:00 UTC: connection <refused>"
            found = [each.attributes.get("title", "") for each in elements(html, "th")]
            self.assertTrue([each for each in found if each.startswith(title)])
            self.assertIn('class="g s"', html)

    def test_silentDoesNotCount(self) -> None:
        """What a silent source said last is not counted as what is."""
        rows = mesh(NAMES[:3])
        rows[0] = source("host1", down("host2"), path("host3"), why="refused")
        matrix = Matrix([*map(JudgedRow, rows)], MatrixFilter(), NOW)
        for _ in matrix.count():
            pass
        self.assertEqual(matrix.levels, [4, 0, 2, 0, 0, 0])
        html = written(matrix.lines())
        titles = [each.attributes.get("title", "") for each in elements(html, "th")]
        self.assertTrue(
            [each for each in titles if "host2: of 1 path: all good" in each]
        )
        classes = [each.attributes.get("class") for each in elements(html, "i")]
        self.assertIn("d s", classes)

    def test_notAsked(self) -> None:
        """A source that was not asked for a while is old, and not silent."""
        html = table([source("a", path("b"), at=NOW - 120 * SECOND)])
        self.assertEqual([each.text for each in elements(html, "em")], ["2 min old"])
        self.assertIn('title="a: last read at 2026-11-29 11:58:00 UTC"', html)
        self.assertIn('class="g s"', html)

    def test_otherName(self) -> None:
        """One that has another name in its own files is not silent, either."""
        html = table([source("a", path("b"), why="it calls itself c")])
        self.assertEqual([each.text for each in elements(html, "em")], ["other name"])
        self.assertIn('title="a: it calls itself c"', html)

    def test_notRead(self) -> None:
        """So is one that was not asked yet."""
        html = table([source("a", path("b")), SourceRow("b", url="http://b", why="no")])
        self.assertEqual([each.text for each in elements(html, "em")], ["not read yet"])
        html = table([source("a", path("b"), path("c")), SourceRow("b", why="no")])
        self.assertIn('title="no path is measured"', html)
        self.assertIn("?", [each.text for each in elements(html, "td")])

    def test_nameless(self) -> None:
        """A daemon that is none of its peers is called so."""
        html = table([source("", path("a"), path("b"))])
        self.assertEqual(heads(html, "col"), ["this daemon"])
        self.assertIn('title="this daemon → a: ', html)

    def test_nothing(self) -> None:
        """Without sources, or without targets, there is a table without rows."""
        for rows in [], [source("a")], [SourceRow("")]:
            self.assertEqual(len(elements(table(rows), "table")), 1)


class FilteredTests(SynchronousTestCase):
    """
    Tests for what L{Matrix} leaves out.
    """

    def test_names(self) -> None:
        """Sources and targets that are not wanted are left out."""
        html = table(mesh(NAMES[:4]), MatrixFilter("host1", "2"))
        self.assertEqual(
            (heads(html, "row"), heads(html, "col")), (["host1"], ["host2"])
        )

    def test_onlyBad(self) -> None:
        """Sources and targets whose paths are good are left out; a source that is
        silent stays."""
        rows = mesh(NAMES[:5])
        rows[1].peers["host4"] = path("host4", lost=1)  # type: ignore[index]
        rows[4] = rows[4]._replace(why="refused")
        html = table(rows, MatrixFilter(onlyBad=True))
        self.assertEqual(heads(html, "row"), ["host2", "host5"])
        self.assertEqual(heads(html, "col"), ["host4"])

    def test_onlyBadOfAFigure(self) -> None:
        """What is bad in another figure is left out where one is shown."""
        rows = mesh(NAMES[:3])
        rows[0].peers["host2"] = path("host2", lost=1)  # type: ignore[index]
        rows[2].peers["host1"] = path("host1", maxRtt=1)  # type: ignore[index]
        html = table(rows, MatrixFilter(onlyBad=True, figure=Figure.RTT))
        self.assertEqual(
            (heads(html, "row"), heads(html, "col")), (["host3"], ["host1"])
        )


class PartTests(SynchronousTestCase):
    """
    Tests for what stands around the table.
    """

    def test_summary(self) -> None:
        """It counts paths by their level, the worst first, each with sign and word."""
        html = summary([5, 0, 0, 2, 0, 1], 2, 1, NOW)
        found = [each.text for each in elements(html, "li")]
        self.assertEqual(found, ["✕ 1 down", "▲ 2 warning", "· 5 good"])
        (counts,) = elements(html, "small")
        self.assertEqual(counts.text, "2 sources, 1 target, 8 paths, at 12:00:00 UTC")
        self.assertEqual(html.count("\n"), 1)

    def test_nothing(self) -> None:
        """Where there is no path, it says why."""
        html = nothing(MatrixFilter())
        self.assertIn("No peer is watched. Start the daemon with", html)
        self.assertIn("<code>--peers FILE</code>", html)
        self.assertIn("No peer is watched.", nothing(MatrixFilter(figure=Figure.RTT)))
        for wanted in MatrixFilter("a"), MatrixFilter(onlyBad=True):
            self.assertIn("No path matches the filter.", nothing(wanted))

    def fields(self, wanted: MatrixFilter, labels: Sequence[str] = ()) -> list[Element]:
        """Give the fields and choices of the form."""
        return elements(form(wanted, labels), "input", "option", "select")

    def test_form(self) -> None:
        """The form has the present filter."""
        wanted = MatrixFilter('a"><b>', "b&", "site=<x>", True, Figure.CLOCK)
        found = self.fields(wanted, ["site=<x>", "site=y"])
        values = {
            each.attributes["name"]: each.attributes["value"]
            for each in found
            if each.tag == "input"
        }
        self.assertEqual(values, {"source": 'a"><b>', "target": "b&", "bad": "1"})
        chosen = [
            each.attributes["value"] for each in found if "selected" in each.attributes
        ]
        self.assertEqual(chosen, ["site=<x>", "clock"])
        self.assertTrue(any("checked" in each.attributes for each in found))

    def test_plainForm(self) -> None:
        """Without a filter nothing is chosen, and there is nothing to undo."""
        html = form(MatrixFilter(), ["site=y"])
        self.assertNotIn("checked", html)
        self.assertNotIn("show all", html)
        self.assertIn("show all", form(MatrixFilter(onlyBad=True), []))
        (found,) = elements(html, "form")
        self.assertEqual(found.attributes["method"], "get")
        self.assertEqual(found.attributes["action"], "./")

    def test_labels(self) -> None:
        """Where no target has a label there is no choice; one that is filtered by stays
        a choice."""
        self.assertNotIn('name="label"', form(MatrixFilter(), []))
        self.assertIn('value="a=b" selected', form(MatrixFilter(label="a=b"), ["c=d"]))

    def test_fieldsAreNamed(self) -> None:
        """Each field is in its label."""
        for each in self.fields(MatrixFilter(), ["a=b"]):
            if each.tag in ("input", "select"):
                self.assertIn("label", each.parents)

    def test_legend(self) -> None:
        """The legend has each sign, and the figures of the rules."""
        html = legend()
        for each in "✕◆▲·?‖∅…":
            self.assertIn(f">{each}<", html)
        for each in "10 %", "80 %", "10 ms", "100 ms", "max-rtt-p99":
            self.assertIn(each, html)
        elements(html)


class HostileTests(SynchronousTestCase):
    """
    Tests for texts from elsewhere.
    """

    def assertHarmless(self, html: str) -> list[Element]:
        """Assert that HTML has our elements and attributes only."""
        found = elements(html)
        tags = {each.tag for each in found}
        self.assertLessEqual(
            tags,
            {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
            | {"a", "span", "i", "b", "em", "small"},
        )
        for each in found:
            self.assertLessEqual(
                set(each.attributes),
                {"role", "class", "scope", "title", "data-key", "href", "tabindex"}
                | {"aria-label"},
            )
            self.assertRegex(
                each.attributes.get("href", "peer/"), r"^(peer/|https?://)"
            )
        return found

    @given(
        st.text(), st.text(min_size=1), st.text(), st.text(), st.sampled_from(Figure)
    )
    def test_texts(
        self, name: str, target: str, why: str, url: str, figure: Figure
    ) -> None:
        """Whatever a name, a reason or an address is, it is shown as a text, and makes
        no element and no attribute."""
        rows = [
            source("own", path("a"), path(target)),
            source(name, path(target, verdict=why), why=why, url=url),
        ]
        found = self.assertHarmless(table(rows, MatrixFilter(figure=figure)))
        texts = {"".join(each.texts) for each in found if each.tag == "b"}
        self.assertIn(printable(name) or NAMELESS, texts)
        self.assertIn(printable(target), texts)

    @given(st.lists(sourceRows(), max_size=3), st.booleans())
    def test_anyRows(self, rows: list[SourceRow], onlyBad: bool) -> None:
        """Any rows that daemons may send make a table."""
        self.assertHarmless(table(rows, MatrixFilter(onlyBad=onlyBad)))
