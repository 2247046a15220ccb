"""
Rings when another member says the client's name; pure.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import lru_cache

#: What a terminal rings at.
BEL = "\a"

#: The least time between two rings, in seconds.
_PAUSE = 1.0


class Bell:
    """
    Finds the client's name in messages, as a whole word in upper or lower case, and
    rings at most once a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """
        @param clock: gives seconds.
        """
        self._clock = clock
        self._last = -_PAUSE
        self._tail = ""

    def ring(self, name: str, text: str, isFirst: bool, isLast: bool) -> str:
        """
        Look for a name in a message, or in the next piece of one.

        @param name: the client's name; empty where it is not known.
        @param text: the piece.
        @param isFirst: whether it is the first one.
        @param isLast: whether it is the last one.
        @return: L{BEL}, or nothing.
        """
        if not name:
            return ""
        text = (" " if isFirst else self._tail) + text
        # What follows a name at the end of a piece decides whether it is a whole word.
        # So that much is kept, and the character before it.
        self._tail = text[-len(name) - 1 :]
        found = _word(name).search(text, 1)
        if not found or (found.end() == len(text) and not isLast):
            return ""
        now = self._clock()
        if now - self._last < _PAUSE:
            return ""
        self._last = now
        return BEL


@lru_cache(maxsize=1)
def _word(name: str) -> re.Pattern[str]:
    """
    Make what finds a name as a whole word: C{-} is a part of many names.
    """
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE)
