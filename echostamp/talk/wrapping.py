"""
Breaks a line, as its pieces come, into the rows of a terminal; pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from echostamp.columns import TAB, columnsOf

#: Columns before the text of a row that continues a line with a long head.
_SMALL_INDENT = 2

#: The fewest columns of a terminal in which rows have an edge: one for the edge, two
#: for a wide character.
_NARROWEST = 3

#: CJK ideographs, kana, and the punctuation between them: a row may end after each.
_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"

#: What stays on one row if it can: a word with the space behind it, a character of CJK,
#: a space or a tab.
_WORD = re.compile(f"[^ \t{_CJK}]+ ?|[{_CJK}] ?|[ \t]")

#: A character with the selector that may make it a wide emoji.
_CHARACTER = re.compile(".\ufe0f?")


class ScreenRows:
    """
    Breaks each line into rows as wide as the terminal.

    A row ends after a space or a tab, or after a character of CJK; within a longer word
    it ends where it is full.  Every character is kept, spaces at the end of a row too:
    the rows in one piece are the line, also when they are copied from the screen.

    Nothing is held back.  A word may end its row early if it came in two pieces.

    @ivar indent: the columns before the text of a row that continues a line.  The first
        one is the edge.
    @ivar isLeft: whether the rest of the line begins on a new row.
    """

    def __init__(self, width: Callable[[], int]) -> None:
        """
        @param width: gives the columns of the terminal at this moment.
        """
        self.indent = 1
        self.isLeft = False
        self._width = width
        self._head = self._column = self._columns = 0
        self._isWrapped = False

    def begin(self, head: int, isWrapped: bool) -> None:
        """
        Begin a line.

        @param head: the columns before its text.  The rows that continue it begin below
            the text, if half of each row or more is left for them.
        @param isWrapped: whether to break the line.
        """
        self._head = head
        self._isWrapped = isWrapped
        self._column = 0
        self.isLeft = False

    def leave(self) -> None:
        """
        Let the rest of the line begin on a new row: the cursor is no longer behind what
        was shown of it.
        """
        self.isLeft = True

    def feed(self, text: str) -> list[str]:
        """
        Show more of the line.

        @param text: printable characters and tabs.
        @return: what goes on the present row, which may be empty, then the text of each
            new row.
        """
        self._columns = self._width()
        half = self._columns // 2
        wanted = (each for each in (self._head, _SMALL_INDENT) if 1 < each <= half)
        self.indent = next(wanted, 1)
        isLeft, self.isLeft = self.isLeft, False
        if not self._isWrapped or self._columns < _NARROWEST:
            return [text]
        rows: list[list[str]] = [[]]
        if isLeft:
            rows.append([])
            self._column = self.indent
        left = self._columns - self._column
        # Most texts fit.
        isShort = len(text) <= left and "\t" not in text and columnsOf(text) <= left
        for word in [text] if isShort else _WORD.findall(text):
            for isNewRow, part in self._placed(word):
                if isNewRow:
                    rows.append([])
                rows[-1].append(part)
        return ["".join(row) for row in rows]

    def _placed(self, word: str) -> Iterator[tuple[bool, str]]:
        """
        Find the place of a word.

        @return: its parts, each with whether it begins a new row.
        """
        left = max(0, self._columns - self._column)
        if word == "\t":
            # A terminal stops a tab at the last column.
            self._column += min(TAB - self._column % TAB, left)
            yield False, word
            return
        size, room = columnsOf(word), self._columns - self.indent
        if size <= left:
            self._column += size
            yield False, word
        elif size <= room:
            self._column = self.indent + size
            yield True, word
        else:
            ascii_ = range(left, len(word), room)
            cuts = list(ascii_ if word.isascii() else _cuts(word, left, room))
            yield False, word[: cuts[0]]
            for begin, end in pairwise([*cuts, len(word)]):
                yield True, word[begin:end]
            self._column = self.indent + columnsOf(word[cuts[-1] :])


def _cuts(word: str, left: int, room: int) -> Iterator[int]:
    """
    Find where to cut a word that is longer than a row.

    @param left: the columns that are left on the present row.
    @param room: the columns of each further row.
    """
    for character in _CHARACTER.finditer(word):
        size = columnsOf(character[0])
        if size > left:
            yield character.start()
            left = room
        left -= size
