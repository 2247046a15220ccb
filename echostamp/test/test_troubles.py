"""Tests for L{echostamp.web.troubles} and L{echostamp.web.faults}."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import NO_FIT
from echostamp.test.rowsamples import sourceRows
from echostamp.test.webrows import NOW, down, elements, mesh, path, source
from echostamp.times import MILLISECOND, SECOND
from echostamp.web.cells import Level
from echostamp.web.judgedrow import JudgedRow
from echostamp.web.matrixfilter import Figure, MatrixFilter
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow
from echostamp.web.troubles import MOST, Troubles, troublesHtml


def listed(
    rows: Sequence[SourceRow],
    figure: Figure = Figure.ALL,
    targets: Sequence[str] | None = None,
) -> str:
    """Write the list of what is bad."""
    if targets is None:
        targets = MatrixFilter().targets(rows)
    judged = [*map(JudgedRow, rows)]
    troubles = Troubles(judged, targets, figure, NOW)
    for each in judged:
        troubles.look(each, [each.judged.get(name) for name in targets])
    return troublesHtml(troubles.found(), [1] * len(Level))


def lines(rows: Sequence[SourceRow], figure: Figure = Figure.ALL) -> list[str]:
    """Give the lines of the list."""
    return [each.text for each in elements(listed(rows, figure), "li")]


class TroubleTests(SynchronousTestCase):
    """
    Tests for L{Troubles}.
    """

    def paths(self, *changed: PeerFigures) -> list[str]:
        """Give the lines of one source."""
        others = [path(f"other{each}") for each in range(9)]
        return lines([source("hub", *changed, *others)])

    def test_nothing(self) -> None:
        """Where nothing is bad that is said."""
        rows = mesh(["a", "b", "c"])
        self.assertIn("No path is down or bad.", listed(rows))
        rows[0].peers["b"] = path("b", lost=1)  # type: ignore[index]
        self.assertIn("No path is down or bad.", listed(rows))

    def test_unknown(self) -> None:
        """Where nothing is known of any path, that is not good."""
        for levels, text in (
            ([0, 1, 2, 0, 0, 0], "? Nothing is known of any path yet."),
            ([1, 0, 2, 0, 0, 0], "· No path is down or bad."),
            ([0, 0, 2, 1, 0, 0], "· No path is down or bad."),
        ):
            (found,) = elements(troublesHtml([], levels), "p")
            self.assertEqual(found.text, text)

    def test_path(self) -> None:
        """A single path says what is bad, and leads to its page."""
        for peer, text in (
            (down("x"), "✕ hub → x: down since 11:59:00 UTC, for 60 s"),
            (path("x", lost=15, received=45), "◆ hub → x: loss 25 %, 15 of 60 probes"),
            (
                path("x", lost=15, received=45, maxLoss=2.5),
                "◆ hub → x: loss 25 %, above 2.5 %, 15 of 60 probes",
            ),
            (
                path(
                    "x",
                    lost=15,
                    received=45,
                    maxLoss=2.5,
                    exceededSince={
                        "max_loss": NOW - 300 * SECOND,
                        "max_rtt": NOW - 999 * SECOND,
                    },
                ),
                "◆ hub → x: loss 25 %, above 2.5 %, 15 of 60 probes, since 11:55:00 "
                "UTC, for 5 min",
            ),
            (
                path("x", maxRtt=12 * MILLISECOND),
                "◆ hub → x: RTT 12.3 ms, threshold 12.0 ms",
            ),
            (
                path("x", maxRtt=20 * MILLISECOND, maxRttP99=14 * MILLISECOND),
                "◆ hub → x: RTT p99 15.0 ms, threshold 14.0 ms",
            ),
            (
                path("x", verdict=NO_FIT),
                "◆ hub → x: clock -3.000 to +4.000 ms, stepped, slewed or more than "
                "one machine",
            ),
            (
                path("x", state=PeerState.UNRESOLVED),
                "◆ hub → x: its name has no address since 11:00:00 UTC, for 60 min",
            ),
        ):
            self.assertEqual(self.paths(peer), [text])
        html = listed([source("hub", down("x y"), url="http://h"), source("a")])
        self.assertEqual(
            [each.attributes["href"] for each in elements(html, "a")],
            ["http://h/peer/x%20y"],
        )

    def test_target(self) -> None:
        """What most sources say of a target is one line."""
        rows = mesh(["a", "b", "c", "d"])
        for row, since in zip(rows[:3], (10, 30, 20), strict=True):
            bad = down("d")._replace(since=NOW - since * SECOND)
            row.peers["d"] = bad  # type: ignore[index]
        self.assertEqual(
            lines(rows),
            ["✕ d: down since 11:59:30 UTC, for 30 s, seen from 3 of 3 sources"],
        )

    def test_clock(self) -> None:
        """A wrong clock is one line, although its host sees all others wrong."""
        rows = mesh(["a", "b", "c"])
        off = {"offsetLow": 120 * MILLISECOND, "offsetHigh": 130 * MILLISECOND}
        for row in rows:
            for name in row.peers:
                if "c" in (row.source, name):
                    wrong = path(name, offset=125 * MILLISECOND, **off)
                    row.peers[name] = wrong  # type: ignore[index]
        self.assertEqual(
            lines(rows), ["◆ c: wrong clock, +125 ms, seen from 2 of 2 sources"]
        )

    def test_source(self) -> None:
        """What a source says of most of its targets is one line."""
        rows = mesh(["a", "b", "c", "d"])
        for name in "b", "c":
            rows[0].peers[name] = path(name, lost=60)  # type: ignore[index]
        self.assertEqual(lines(rows), ["◆ a: losses up to 50 % to 2 of 3 targets"])

    def test_figuresOfHosts(self) -> None:
        """The line of a host has the worst figure, and since when the first of its
        paths is bad."""
        rows = mesh(["a", "b", "c"])
        for number, row in enumerate(rows[:2], 1):
            since = {"max_rtt": NOW - number * 300 * SECOND}
            slow = path("c", median=number * 10**8, maxRtt=1, exceededSince=since)
            row.peers["c"] = slow  # type: ignore[index]
        self.assertEqual(
            lines(rows),
            [
                "◆ c: slow, up to 200 ms, since 11:50:00 UTC, for 10 min, seen from "
                "2 of 2 sources"
            ],
        )
        rows = mesh(["a", "b", "c"])
        for name in "b", "c":
            rows[0].peers[name] = down(name)  # type: ignore[index]
        self.assertEqual(
            lines(rows),
            ["✕ a: down to 2 of 2 targets, since 11:59:00 UTC, for 60 s"],
        )

    def test_silent(self) -> None:
        """A source that is silent is a line, and what it said before is not news."""
        rows = mesh(["a", "b", "c"])
        rows[0].peers["b"] = down("b")  # type: ignore[index]
        rows[0] = rows[0]._replace(why="refused <1>", silentSince=NOW - 9 * SECOND)
        rows[1] = SourceRow("b", url="http://b", why="")
        self.assertEqual(
            lines(rows),
            [
                "? a says nothing since 11:59:51 UTC: refused <1>",
                "? 1 source to be read",
            ],
        )

    def test_waiting(self) -> None:
        """Sources that were not asked lately are one line: they are not silent.  One
        that has another name is not counted."""
        rows = mesh(["a", "b", "c"])
        rows[0] = rows[0]._replace(at=NOW - 120 * SECOND)
        rows[1] = SourceRow("b", url="http://b", why="not read yet")
        rows[2] = rows[2]._replace(why="it calls itself <d>")
        self.assertEqual(
            lines(rows),
            ["? c is not counted: it calls itself <d>", "? 2 sources to be read"],
        )

    def test_order(self) -> None:
        """Faults of hosts are first, then paths that are down, then others."""
        rows = mesh(["a", "b", "c", "d", "e"])
        rows[0].peers["b"] = path("b", lost=60)  # type: ignore[index]
        rows[1].peers["c"] = down("c")  # type: ignore[index]
        for row in rows[:4]:
            row.peers["e"] = path("e", maxRtt=1)  # type: ignore[index]
        found = [each.partition(":")[0] for each in lines(rows)]
        self.assertEqual(found, ["◆ e", "✕ b → c", "◆ a → b"])

    def test_many(self) -> None:
        """A long list is cut, and says how much is missing."""
        names = [f"h{each}" for each in range(30)]
        rows = mesh(names)
        for place in range(MOST + 3):
            other = names[place + 1]
            rows[place].peers[other] = down(other)  # type: ignore[index]
        found = lines(rows)
        self.assertEqual(len(found), MOST + 1)
        self.assertEqual(found[-1], "and 3 more paths: see the matrix")

    def test_figure(self) -> None:
        """Where one figure is shown, only its faults are listed, and what is down."""
        rows = mesh(["a", "b", "c", "d"])
        rows[0].peers["b"] = path("b", lost=60)  # type: ignore[index]
        rows[1].peers["c"] = path("c", maxRtt=1)  # type: ignore[index]
        rows[2].peers["d"] = down("d")  # type: ignore[index]
        for figure, count in (
            (Figure.ALL, 3),
            (Figure.LOSS, 2),
            (Figure.RTT, 2),
            (Figure.CLOCK, 1),
        ):
            self.assertEqual(len(lines(rows, figure)), count)

    def test_filtered(self) -> None:
        """Targets that are not shown are not listed."""
        rows = mesh(["a", "b", "c", "d"])
        rows[0].peers["b"] = down("b")  # type: ignore[index]
        self.assertIn("No path", listed(rows, targets=["c"]))

    @given(st.lists(sourceRows(), max_size=3), st.sampled_from(Figure))
    def test_anyRows(self, rows: list[SourceRow], figure: Figure) -> None:
        """Any rows make a list, of our own elements only, on one line."""
        html = listed(rows, figure)
        self.assertEqual(html.count("\n"), 1)
        tags = {each.tag for each in elements(html)}
        self.assertLessEqual(tags, {"ul", "li", "b", "span", "a", "p"})

    @given(st.text(), st.text(min_size=1), st.text())
    def test_hostile(self, name: str, target: str, why: str) -> None:
        """Texts from elsewhere make no elements."""
        rows = [
            source(name, down(target), path("b"), url=f"http://{why}"),
            SourceRow(why, why=why, silentSince=NOW),
            source("x", why=why or "y"),
        ]
        html = listed(rows)
        self.assertEqual(html.count("\n"), 1)
        tags = {each.tag for each in elements(html)}
        self.assertLessEqual(tags, {"ul", "li", "b", "span", "a"})
