"""Tests for L{echostamp.talk.bell}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.talk.bell import BEL, Bell


def rings(text: str, *cuts: int, name: str = "ann") -> int:
    """
    Count the rings at a message.

    @param cuts: where it is cut into pieces.
    """
    now = iter(range(0, 100, 2))
    bell = Bell(lambda: next(now))
    ends = [*sorted(min(cut, len(text)) for cut in cuts), len(text)]
    begin, rung = 0, ""
    for end in ends:
        rung += bell.ring(name, text[begin:end], begin == 0, end == len(text))
        if end == len(text):
            break
        begin = end
    return rung.count(BEL)


class BellTests(SynchronousTestCase):
    """
    The own name rings.
    """

    def test_wholeWord(self) -> None:
        """The name rings as a whole word, in upper and lower case."""
        for text in (
            "ann",
            " Ann",
            "hi ann.",
            "@ann",
            "ANN: hi",
            "(ann)",
            "ann's",
            "a ann",
        ):
            self.assertEqual(rings(text), 1, text)
        for text in (
            "",
            "anna",
            "joann",
            "ann-2",
            "x-ann",
            "ann_",
            "an n",
            "Ánn",
            "éann",
        ):
            self.assertEqual(rings(text), 0, text)

    def test_anyName(self) -> None:
        """Every character of a name stands for itself."""
        for name in "a.b", "[::1]:80", "x-1", "[a]", "-":
            self.assertEqual(rings(f"hi {name}, you", name=name), 1, name)
        self.assertEqual(rings("hi axb", name="a.b"), 0)

    def test_noName(self) -> None:
        """Without a name nothing rings."""
        self.assertEqual(rings("anything", name=""), 0)

    def test_onceASecond(self) -> None:
        """It rings at most once a second."""
        now = 0.0
        bell = Bell(lambda: now)
        for now, rung in [(0.0, BEL), (0.9, ""), (1.0, BEL), (1.5, ""), (2.5, BEL)]:
            self.assertEqual(bell.ring("ann", "ann ann", True, True), rung, now)

    @given(
        st.lists(st.sampled_from(["ann", "anna", " ", "-", "nan", "x"])).map("".join),
        st.lists(st.integers(0, 30), max_size=5),
    )
    def test_pieces(self, text: str, cuts: list[int]) -> None:
        """However a message is cut, it rings if and only if the name is in it."""
        self.assertEqual(rings(text, *cuts) > 0, rings(text) > 0)
