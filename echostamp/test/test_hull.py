"""Tests for L{echostamp.measure.hull}."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.envelope import Envelope
from echostamp.measure.hull import Bound, boundsOf, hullOf, joined, limit, push

#: Bounds that are far enough apart for slopes to matter.
BOUNDS = st.lists(
    st.tuples(st.integers(-20, 20).map((2000).__mul__), st.integers(-30, 30)),
    min_size=1,
    max_size=15,
)
TIMES = st.integers(-50_000, 50_000)


def most(bounds: Iterable[Bound], time: int) -> int:
    """
    Give the greatest value of a line that keeps bounds, at a time.
    """
    lines = Envelope()
    lines.atLeast(0, -(10**6))
    for bound in bounds:
        lines.atMost(*bound)
    return lines.values(time)[1]


class HullTests(SynchronousTestCase):
    """
    A hull leaves the lines that all of its bounds leave.
    """

    @given(BOUNDS, TIMES)
    def test_hullOf(self, bounds: list[Bound], time: int) -> None:
        """The hull of bounds in any order."""
        hull = hullOf(bounds)
        self.assertEqual(most(boundsOf(hull), time), most(bounds, time))
        self.assertEqual(hull[::2], sorted(set(hull[::2])))
        self.assertLessEqual(set(boundsOf(hull)), set(bounds))

    @given(BOUNDS)
    def test_push(self, bounds: list[Bound]) -> None:
        """Bounds may come one by one, in any order; what changes nothing is said."""
        hull: list[int] = []
        for bound in bounds:
            before = list(hull)
            self.assertEqual(push(hull, *bound) or hull == before, True)
        self.assertEqual(hull, hullOf(bounds))

    @given(BOUNDS, BOUNDS)
    def test_joined(self, one: list[Bound], other: list[Bound]) -> None:
        """The hull of two hulls is that of all their bounds."""
        self.assertEqual(joined(hullOf(one), hullOf(other)), hullOf(one + other))

    @given(BOUNDS, TIMES, st.integers(2, 5))
    def test_limit(self, bounds: list[Bound], time: int, count: int) -> None:
        """Fewer bounds allow more lines, and forbid none that was allowed."""
        hull = hullOf(bounds)
        before = most(boundsOf(hull), time)
        limit(hull, count)
        self.assertLessEqual(len(hull), 2 * count)
        self.assertGreaterEqual(most(boundsOf(hull), time), before)
