"""
Writes lines to a file or a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TextIO

from echostamp.report.screen import COLUMNS

#: Escape sequences of a terminal.
RED, BOLD, PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[m"

#: Clears the last line of a terminal.
_CLEAR = f"\r{' ' * (COLUMNS - 1)}\r"

#: Replacements for the characters that a non-Unicode output cannot encode.
_REPLACEMENTS = str.maketrans(
    {
        "µ": "u",
        "≥": ">",
        "±": "~",
        "…": "~",
        **dict.fromkeys("▏▎▍▌▋▊▉", ":"),
        **dict(zip("▁▂▃▄▅▆▇█", "_.,-=+*#", strict=True)),
    }
)


class OutputEncoding:
    """
    Leaves out of a text what an output cannot encode.
    """

    def __init__(self, output: TextIO) -> None:
        """
        @param output: the output.
        """
        self._name = getattr(output, "encoding", None) or "utf-8"
        try:
            "µ█▏≥▁±…".encode(self._name)
            self._isUnicode = True
        except LookupError:
            self._name, self._isUnicode = "ascii", False
        except UnicodeError:
            self._isUnicode = False

    def text(self, text: str) -> str:
        """
        Give a text that the output can encode.
        """
        return text if self._isUnicode else self.octets(text).decode(self._name)

    def octets(self, text: str) -> bytes:
        """
        Encode a text.  No other character than ours takes more columns by that.
        """
        if not self._isUnicode:
            text = text.translate(_REPLACEMENTS)
        return text.encode(self._name, "replace")


def discard(output: TextIO) -> None:
    """
    Discard what cannot be written.  Python would retry when it exits, and report it.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)


class LineWriter:
    """
    Writes lines, and on a terminal a counter below the last one.

    @ivar isColoured: whether colours are used.
    @ivar isClosed: whether writing has failed.  Nothing more is written then.
    """

    def __init__(
        self, output: TextIO, isColoured: bool, closed: Callable[[], object]
    ) -> None:
        """
        @param output: where to write.
        @param isColoured: whether to use colours.
        @param closed: called when writing has failed.
        """
        self._output = output
        self._closed = closed
        self.isColoured = isColoured
        self.isClosed = False
        self._encoding = OutputEncoding(output)
        self._hasCounter = False

    def write(self, lines: Iterable[str], colour: str = "", end: str = "\n") -> None:
        """
        Write lines, and flush the output.

        @param colour: a terminal's escape sequence; it is reset after each line.
        @param end: what to write after each line.
        """
        if self.isClosed:
            return
        try:
            if self._hasCounter:
                self._hasCounter = False
                self._output.write(_CLEAR)
            for line in lines:
                isColoured = colour and self.isColoured
                text = f"{colour}{line}{PLAIN}" if isColoured else line
                self._output.write(self._encoding.text(text) + end)
            self._output.flush()
        except OSError:
            self.isClosed = True
            self._closed()

    def count(self, line: str) -> None:
        """
        Write a line on a terminal, in place of the last one that this method wrote.
        """
        if self._output.isatty():
            self.write([line[: COLUMNS - 1]], end="")
            self._hasCounter = True
