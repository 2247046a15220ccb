"""Tests for L{echostamp.client.watchrow}."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.watchrow import (
    ORDERS,
    LossWindow,
    OffsetBounds,
    Row,
    TargetState,
    matching,
    ordered,
)
from echostamp.test.watchrows import row
from echostamp.times import SECOND


def names(rows: Iterable[Row]) -> str:
    """Join the names of rows."""
    return " ".join(each.name for each in rows)


class OrderTests(SynchronousTestCase):
    """
    Tests for the order of rows, and which are shown.
    """

    def test_worst(self) -> None:
        """First come those that are down, then those above a threshold; then more
        losses come before fewer."""
        rows = [
            row("up", 0),
            row("some", 1, missing=1.5),
            row("many", 2, missing=30.0),
            row("new", 3, TargetState.NEW),
            row("over", 4, TargetState.OVER),
            row("unresolved", 5, TargetState.NO_ADDRESS),
            row("down", 6, TargetState.DOWN, missing=100.0),
            row("paused", 7, TargetState.PAUSED),
        ]
        self.assertEqual(
            names(ordered(rows, "worst")),
            "down unresolved over new many some up paused",
        )

    def test_steady(self) -> None:
        """A median that is a little greater changes no place; one that is twice as
        great does."""
        rows = [row("a", 0, median=9.0), row("b", 1, median=10.0)]
        self.assertEqual(names(ordered(rows, "worst")), "a b")
        rows = [row("a", 0, median=9.0), row("b", 1, median=20.0), row("c", 2)]
        self.assertEqual(names(ordered(rows, "worst")), "b a c")

    def test_figures(self) -> None:
        """The greatest figure comes first, whatever its sign, and an unknown one
        last."""
        rows = [
            row("unknown", 0),
            row("low", 1, median=1.0, missing=0.0, offset=OffsetBounds(5, 4, 6)),
            row("high", 2, median=2.0, missing=9.0, offset=OffsetBounds(-7, -8, -6)),
        ]
        for order in "median", "loss", "offset":
            self.assertEqual(names(ordered(rows, order)), "high low unknown")
            self.assertEqual(names(ordered(rows, order, True)), "unknown low high")

    def test_name(self) -> None:
        """Names are in the order of their characters."""
        rows = [row("b", 0), row("a", 1)]
        self.assertEqual(names(ordered(rows, "name")), "a b")

    @given(st.permutations(range(6)), st.sampled_from(sorted(ORDERS)))
    def test_given(self, places: list[int], order: str) -> None:
        """Rows that are equal stay in the order in which they were given."""
        rows = [row("same", each) for each in places]
        found = [each.place for each in ordered(rows, order)]
        self.assertEqual(found, sorted(places))

    def test_matching(self) -> None:
        """A part of the name finds a row, in any case; bad ones can be asked for."""
        rows = [
            row("Ams1", 0),
            row("ams2", 1, TargetState.DOWN),
            row("fra", 2, missing=0.1),
            row("lon", 3, missing=0.0),
        ]
        self.assertEqual(names(matching(rows, "AMS")), "Ams1 ams2")
        self.assertEqual(names(matching(rows, "", onlyBad=True)), "ams2 fra")
        self.assertEqual(names(matching(rows, "ams", onlyBad=True)), "ams2")


class LossWindowTests(SynchronousTestCase):
    """
    Tests for counts in a window.
    """

    def test_window(self) -> None:
        """What was counted before the window is left out, and nothing else."""
        window = LossWindow(60 * SECOND, 0, (0, 0))
        found = [window.add(at * SECOND, (at, at // 2)) for at in range(1, 200)]
        self.assertEqual(found[9], (10, 5))
        self.assertEqual(found[59], (60, 30))
        self.assertEqual(found[99], (60, 30))
        self.assertEqual(found[198], (60, 30))

    def test_quiet(self) -> None:
        """Losses of a moment leave the window as others do, and counts that stay take
        no memory."""
        window = LossWindow(60 * SECOND, 0, (0,))
        found = [
            window.add(at * SECOND, (0 if at < 100 else 3,))[0] for at in range(200)
        ]
        self.assertEqual(found, [0] * 100 + [3] * 60 + [0] * 40)
        self.assertLess(len(window._samples), 3)

    @given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1))
    def test_bounds(self, steps: list[tuple[int, int]]) -> None:
        """A count is never more than all, and memory stays bounded."""
        window, now, count = LossWindow(60 * SECOND, 0, (0,)), 0, 0
        for wait, more in steps:
            now, count = now + wait * SECOND, count + more
            (found,) = window.add(now, (count,))
            self.assertTrue(more <= found <= count)
            self.assertLessEqual(len(window._samples), LossWindow.PARTS + 2)
