"""Tests for L{echostamp.talk.wrapping}."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.columns import columnsOf
from echostamp.talk.wrapping import ScreenRows

#: Text of all widths, with many spaces.
TEXTS = st.text(
    st.one_of(
        st.sampled_from(" \tab-[<>日本、e\u0301\u200d\ufe0f\u2764\U0001f469\U0001f3fd"),
        st.characters(exclude_categories=["C", "Zl", "Zp"]),
    ),
    max_size=200,
)


def wrapped(text: str, columns: int, head: int = 0) -> list[str]:
    """
    Break a line that comes in one piece.
    """
    rows = ScreenRows(lambda: columns)
    rows.begin(head, isWrapped=True)
    return rows.feed(text)


def shownColumns(row: str, begin: int, columns: int) -> int:
    """
    Find the column of the cursor behind a row, as a terminal does.
    """
    column = begin
    for number, part in enumerate(row.split("\t")):
        if number:
            column = min(columns, column + 8 - column % 8)
        column += columnsOf(part)
    return column


class RowsTests(SynchronousTestCase):
    """
    A line becomes rows.
    """

    def test_words(self) -> None:
        """A row ends behind a space.  The space stays, in its last column too."""
        self.assertEqual(
            wrapped("[1] <b> one two three", 12, 5),
            ["[1] <b> one ", "two ", "three"],
        )
        self.assertEqual(wrapped("aaaa bbbb cc", 9), ["aaaa ", "bbbb cc"])
        self.assertEqual(wrapped("aaaa bbbb", 9), ["aaaa bbbb"])
        self.assertEqual(wrapped("a           b", 8), ["a       ", "    b"])

    def test_indent(self) -> None:
        """The rows begin under the text, unless the head takes more than half of a
        row."""
        for columns, head, indent in [
            (80, 33, 33),
            (80, 40, 40),
            (80, 41, 2),
            (40, 32, 2),
            (40, 15, 15),
            (4, 32, 2),
            (3, 32, 1),
        ]:
            rows = ScreenRows(lambda columns=columns: columns)  # type: ignore[misc]
            rows.begin(head, isWrapped=True)
            rows.feed("")
            self.assertEqual(rows.indent, indent, (columns, head))

    def test_longWords(self) -> None:
        """A word that is longer than a row is broken where the row is full."""
        self.assertEqual(
            wrapped("see abcdefghijklmno", 8), ["see abcd", "efghij", "klmno"]
        )
        self.assertEqual(wrapped("see ééééééééééé", 8), ["see éééé", "éééééé", "é"])

    def test_wide(self) -> None:
        """CJK is broken between any two characters, and none is cut in halves."""
        self.assertEqual(wrapped("日本語日本語", 8), ["日本語日", "本語"])
        self.assertEqual(wrapped("a日本語日本", 6), ["a日本", "語日", "本"])

    def test_marks(self) -> None:
        """A mark stays with its character."""
        self.assertEqual(
            wrapped("e\u0301" * 9, 5), ["e\u0301" * 5, "e\u0301" * 3, "e\u0301"]
        )
        self.assertEqual(
            wrapped("\u2764\ufe0f" * 3, 5), ["\u2764\ufe0f" * 2, "\u2764\ufe0f"]
        )

    def test_tabs(self) -> None:
        """A tab goes to the next stop, and no further than the last column."""
        self.assertEqual(wrapped("a\tb\tc", 18), ["a\tb\tc"])
        self.assertEqual(wrapped("a\tb\t\t\tc", 17), ["a\tb\t\t\t", "c"])

    def test_narrow(self) -> None:
        """A terminal whose width makes no sense gets the line as it is."""
        for columns in 0, 1, 2, -1:
            self.assertEqual(wrapped("one two", columns), ["one two"])

    def test_resized(self) -> None:
        """The width is asked for when text is shown."""
        widths = [8, 12]
        rows = ScreenRows(lambda: widths[0])
        rows.begin(2, isWrapped=True)
        self.assertEqual(rows.feed("[1] one two"), ["[1] one ", "two"])
        del widths[0]
        self.assertEqual(rows.feed(" three four"), [" three ", "four"])

    def test_left(self) -> None:
        """When something else was written behind a piece, the rest gets a new row."""
        rows = ScreenRows(lambda: 80)
        rows.begin(4, isWrapped=True)
        self.assertEqual(rows.feed("[1] one"), ["[1] one"])
        rows.leave()
        self.assertEqual(rows.feed(" two"), ["", " two"])
        self.assertEqual(rows.feed(" three"), [" three"])

    def test_longLine(self) -> None:
        """Long lines take linear time: in pieces, without a space, in any script."""
        for text in "x" * 1_000_000, "é" * 1_000_000, "日" * 300_000, "x " * 300_000:
            rows = ScreenRows(lambda: 40)
            rows.begin(4, isWrapped=True)
            began = time.process_time()
            shown = rows.feed(text)
            for _ in range(1000):
                shown += rows.feed("x y")
            self.assertLess(time.process_time() - began, 10)
            self.assertEqual("".join(shown), text + "x y" * 1000)

    @given(st.lists(TEXTS), st.integers(3, 90), st.integers(0, 60))
    def test_everything(self, pieces: list[str], columns: int, head: int) -> None:
        """However a line comes, its rows in one piece are the line, and each fits."""
        rows = ScreenRows(lambda: columns)
        rows.begin(head, isWrapped=True)
        shown = [""]
        for piece in pieces:
            first, *more = rows.feed(piece)
            shown[-1] += first
            shown += more
        self.assertEqual("".join(shown), "".join(pieces))
        for number, row in enumerate(shown):
            begin = rows.indent if number else 0
            if columns > 3:
                self.assertLessEqual(shownColumns(row, begin, columns), columns)
