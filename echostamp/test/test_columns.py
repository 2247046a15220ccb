"""Tests for L{echostamp.columns}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.columns import beginning, columnsOf, fitted
from echostamp.text import printable

TEXTS = st.text(
    alphabet=st.one_of(st.sampled_from("ab-.日本e\u0301é"), st.characters())
).map(printable)


class ColumnsTests(SynchronousTestCase):
    """
    Tests for texts in columns.
    """

    def test_wide(self) -> None:
        """Wide characters take two columns, combining marks none."""
        self.assertEqual(columnsOf("abc"), 3)
        self.assertEqual(columnsOf("日本"), 4)
        self.assertEqual(columnsOf("e\u0301"), 1)

    def test_mostColumns(self) -> None:
        """What terminals differ about counts with the most columns: flags, text that
        becomes an emoji, format characters that some of them show."""
        for text, columns in [
            ("\u2764\ufe0f", 2),
            ("\U0001f1e9\U0001f1ea", 4),
            ("a\xadb", 3),
            ("\u0600", 1),
            ("\u200d", 0),
            ("\u4dc0", 2),
        ]:
            self.assertEqual(columnsOf(text), columns, ascii(text))

    def test_cutInTheMiddle(self) -> None:
        """A long name keeps its beginning and its end."""
        self.assertEqual(fitted("stamp:192.0.2.17:862", 11), "stamp…7:862")
        self.assertEqual(fitted("short", 8), "short   ")
        self.assertEqual(fitted("exact", 5), "exact")

    def test_noHalfCharacters(self) -> None:
        """A wide character that does not fit is left out, and a space takes its
        place."""
        self.assertEqual(fitted("日本語", 4), "日… ")
        self.assertEqual(beginning("日本語", 3), "日")

    def test_noMarkAlone(self) -> None:
        """A combining mark is not kept without its character."""
        self.assertEqual(fitted("xxxxe\u0301", 3), "x…e\u0301")
        self.assertEqual(fitted("aae\u0301日", 4), "aa… ")

    @given(TEXTS, st.integers(1, 30))
    def test_width(self, text: str, columns: int) -> None:
        """A text that was fitted is as wide as the column, and one that fits is
        whole."""
        found = fitted(text, columns)
        self.assertEqual(columnsOf(found), columns)
        if columnsOf(text) <= columns:
            self.assertTrue(found.startswith(text))
