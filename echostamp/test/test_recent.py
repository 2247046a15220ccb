"""Tests for L{echostamp.intercom.recent}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.recent import Recent


class RecentTests(SynchronousTestCase):
    """
    The last lines of a room.
    """

    def test_most(self) -> None:
        """Only so many lines are kept, however they come."""
        recent = Recent(3, 100)
        self.assertEqual(recent.shown(), [])
        recent.add(b"1\n2\n")
        self.assertEqual(recent.shown(), [b"1\n", b"2\n"])
        recent.add(b"3\n4\n")
        self.assertEqual(recent.shown(), [b"2\n", b"3\n", b"4\n"])
        recent.add(b"5\n6\n\n8\n")
        self.assertEqual(recent.shown(), [b"6\n", b"\n", b"8\n"])

    def test_octets(self) -> None:
        """The lines have so many octets at most."""
        recent = Recent(100, 10)
        recent.add(b"12\n45\n7890\n")
        self.assertEqual(recent.shown(), [b"45\n", b"7890\n"])

    def test_longLine(self) -> None:
        """A line that is too long by itself is left out, and the others stay."""
        recent = Recent(100, 10)
        recent.add(b"1\n1234567890\n2\n123456789\n")
        self.assertEqual(recent.shown(), [b"123456789\n"])
        recent.add(b"1234567890\n")
        self.assertEqual(recent.shown(), [b"123456789\n"])

    def test_none(self) -> None:
        """Where no lines are wanted, none are kept."""
        recent = Recent(0, 100)
        recent.add(b"1\n")
        self.assertEqual(recent.shown(), [])

    @given(
        st.integers(0, 4),
        st.integers(0, 12),
        st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6)),
    )
    def test_anyLines(self, most: int, octets: int, entries: list[list[int]]) -> None:
        """However the lines come, the last ones that are within both limits are kept:
        one more would be too many."""
        recent = Recent(most, octets)
        lines = []
        for lengths in entries:
            made = [b"x" * length + b"\n" for length in lengths]
            recent.add(b"".join(made))
            lines += [line for line in made if len(line) <= octets]
        shown = recent.shown()
        self.assertEqual(shown, lines[len(lines) - len(shown) :])
        self.assertLessEqual(len(shown), most)
        self.assertLessEqual(sum(map(len, shown)), octets)
        if len(shown) < min(most, len(lines)):
            more = lines[-len(shown) - 1]
            self.assertGreater(sum(map(len, shown)) + len(more), octets)
