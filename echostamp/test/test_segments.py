"""Tests for L{echostamp.measure.segments}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.segments import Segments

LISTS = st.lists(st.lists(st.integers(-9, 9), max_size=4), min_size=1, max_size=6)


class SegmentsTests(SynchronousTestCase):
    """
    Lists in one array are what a list of lists is.
    """

    @given(LISTS, st.data())
    def test_likeLists(self, lists: list[list[int]], data: st.DataObject) -> None:
        """Lists are appended, replaced, removed and emptied."""
        found = Segments("q")
        for each in lists:
            found.append(each)
        index = data.draw(st.integers(0, len(lists) - 1))
        fresh = data.draw(st.lists(st.integers(-9, 9), max_size=4))
        found[index] = fresh
        lists[index] = fresh
        self.assertEqual([found[at] for at in range(len(found))], lists)
        first = data.draw(st.integers(0, len(lists)))
        end = data.draw(st.integers(first, len(lists)))
        found.remove(first, end)
        del lists[first:end]
        self.assertEqual([found[at] for at in range(len(found))], lists)
        found.clear()
        self.assertEqual([found[at] for at in range(len(found))], [[] for _ in lists])
