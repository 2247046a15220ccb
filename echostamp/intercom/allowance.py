"""
How long a room may still wait for slow readers; pure.
"""

from __future__ import annotations

from collections import deque

#: The most seconds in any L{WINDOW} for which senders are held.
MOST_WAITING = 2.0

#: Seconds within which waits are added up.
WINDOW = 20.0

#: Waits that begin within so many seconds are remembered as one, which bounds memory.
_GRAIN = 0.5


class Allowance:
    """
    Adds up the waits of the last L{WINDOW} seconds.

    Waits that are remembered as one count until the last of them has left the window.
    So the sum is never too small, and at most L{WINDOW} / 0.5 s + 1 are remembered.
    """

    def __init__(self) -> None:
        # Of each remembered wait: its first begin, its last end, the seconds waited.
        self._waits: deque[tuple[float, float, float]] = deque()

    def waited(self, begin: float, end: float) -> None:
        """
        Add a wait.

        @param begin: when it began, in seconds, not before the end of the one before.
        @param end: when it ended.
        """
        first, waited = begin, end - begin
        if self._waits and begin - self._waits[-1][0] < _GRAIN:
            first, _, before = self._waits.pop()
            waited += before
        self._waits.append((first, end, waited))

    def left(self, now: float) -> float:
        """
        Give the seconds that a wait which begins now may take.
        """
        while self._waits and self._waits[0][1] <= now - WINDOW:
            self._waits.popleft()
        return MOST_WAITING - sum(waited for _, _, waited in self._waits)
