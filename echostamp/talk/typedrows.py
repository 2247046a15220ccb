"""
Erases typed lines from a terminal whose own line editing is used.
"""

from __future__ import annotations

import array
import fcntl
import os
import re
import termios
from contextlib import suppress
from unicodedata import category

from echostamp.columns import TAB, columnsOf
from echostamp.text import UNSAFE

#: What terminals give different columns: emojis, their parts, what joins those, octets
#: that are no UTF-8, parts of Hangul syllables, and what L{columnsOf} counts because
#: some terminals show it, or show it wide.
_UNSURE = re.compile(
    "[\xad\u0600-\u0605\u06dd\u070f\u0890-\u0891\u08e2\u1160-\u11ff\u200c-\u200d"
    "\u2300-\u27bf\u3248-\u324f\u4dc0-\u4dff\ud7b0-\ud7ff\ufe0f\ufffd"
    "\U000110bd\U000110cd\U0001d300-\U0001d376\U0001f000-\U000fffff]"
)


def rowsOf(text: str, width: int) -> int | None:
    """
    Count the rows that a prompt and a typed line take on a terminal.

    @param text: both.
    @param width: the terminal's columns.
    @return: L{None} where terminals differ.
    """
    if width < 1 or UNSAFE.search(text):
        return None
    most = _rows(text, width)
    sure = "".join(each for each in _UNSURE.sub("", text) if category(each) != "Mc")
    return most if most == _rows(sure, width) else None


def _rows(text: str, width: int) -> int:
    """
    Count rows.  What fills a row begins no other one.
    """
    rows, column = 1, 0
    for character in text:
        if character == "\t":
            column = max(column, min(width - 1, column - column % TAB + TAB))
            continue
        columns = columnsOf(character)
        if column + columns > width:
            rows, column = rows + 1, 0
        column += columns
    return rows


class TypedRows:
    """
    The rows that were typed since the prompt, while nothing was shown below them.

    What was typed before the prompt is not behind it, but belongs to the first line,
    and the terminal does not tell how much that is.  So a first line that is longer
    than its row stays: a row that was received must not be erased.

    @ivar shown: how often something was shown.
    """

    def __init__(self) -> None:
        self.shown = 0
        self._rows: int | None = None

    def begin(self) -> None:
        """Count from here: what is typed begins in this row."""
        self._rows = 0

    def beginBehind(self, shown: int) -> None:
        """
        Count from a prompt that has reached the terminal, unless more was shown, or
        whole lines were typed before it and have not been read.

        @param shown: C{shown} when the prompt was written.
        """
        if shown == self.shown and not self.isMoreTyped():
            self.begin()

    def forget(self) -> None:
        """Erase nothing: something is shown below what was typed."""
        self.shown += 1
        self._rows = None

    def erased(self, typed: str) -> str:
        """
        Count a line that was typed.

        @param typed: the line, without its newline, and the prompt in front of the
            first one.
        @return: what erases the rows, once all lines that were typed have been counted.
        """
        rows = rowsOf(typed, self.width())
        if self._rows is None or rows is None or rows > 1 > self._rows:
            self._rows = None
            return ""
        self._rows += rows
        return "" if self.isMoreTyped() else f"\x1b[{self._rows}A\r\x1b[J"

    def width(self) -> int:
        """Give the columns of the terminal; 0 if they are not known."""
        try:
            isShown = termios.tcgetattr(0)[3] & termios.ECHO
            return os.get_terminal_size(1).columns if isShown else 0
        except (OSError, termios.error):
            return 0

    def isMoreTyped(self) -> bool:
        """Say whether more whole lines were typed."""
        octets = array.array("i", [0])
        # A terminal that was hung up says nothing.
        with suppress(OSError):
            fcntl.ioctl(0, termios.FIONREAD, octets)
        return octets[0] > 0
