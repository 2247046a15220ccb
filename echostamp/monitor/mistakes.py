"""
Collects what is wrong with the files of peers, one line for each mistake; pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from echostamp.text import printable

#: The most characters of a line: a file may hold a value of any length.
LONGEST_LINE = 500


class PeersError(ValueError):
    """
    The files of peers are wrong.

    @ivar lines: one line for each mistake: the file, the peer, the key, and what is
        wrong.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        """
        @param lines: one for each mistake.
        """
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class Place(NamedTuple):
    """
    Where a mistake is.

    @ivar file: the path of the file; empty for what concerns all files.
    @ivar part: which part of the file, as C{peer 'ams1'}; empty for all of it.
    """

    file: str = ""
    part: str = ""


class Mistakes:
    """
    The mistakes that were found so far.
    """

    def __init__(self) -> None:
        # A dict, because it keeps the order and each line once.
        self._lines: dict[str, None] = {}

    def add(self, place: Place, key: str, text: object) -> None:
        """
        Add a mistake.

        @param key: the key whose value is wrong; empty if it is not one key.
        @param text: what is wrong.
        """
        parts = (*place, key, str(text))
        line = printable(": ".join([each for each in parts if each]))
        if len(line) > LONGEST_LINE:
            line = f"{line[: LONGEST_LINE - 3]}..."
        self._lines[line] = None

    def raiseThem(self) -> None:
        """
        Raise them, if there are any.

        @raise PeersError: there are some.
        """
        if self._lines:
            raise PeersError(self._lines)


def nearest(word: str, words: Iterable[str]) -> str:
    """
    Write which known word a user may have meant; empty if none is near.
    """
    # The comparison takes long where a word is long, and no known word is.
    found = get_close_matches(word[:64], words, 1)
    return f"; did you mean {found[0]!r}?" if found else ""
