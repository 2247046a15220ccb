"""
The median of the last durations of one kind, in bounded memory.  Pure: no Twisted, no
clock, no I/O.
"""

from __future__ import annotations

from array import array
from statistics import median

#: Durations of which a median is made.
LAST = 64

#: Longer durations count as this one, in nanoseconds.
_LONGEST = (1 << 31) - 1


class LastDurations:
    """
    The last L{LAST} durations of one kind, 4 octets each.
    """

    __slots__ = ("_count", "_durations")

    def __init__(self) -> None:
        self._count = 0
        self._durations = array("i", [0]) * LAST

    def add(self, duration: int) -> None:
        """
        Keep a duration.

        @param duration: nanoseconds; from 2.1 s on they all count as 2.1 s.
        """
        if not -_LONGEST <= duration <= _LONGEST:
            duration = _LONGEST if duration > 0 else -_LONGEST
        self._durations[self._count % LAST] = duration
        self._count += 1

    def median(self) -> int | None:
        """
        Give their median, in nanoseconds; L{None} where there are none.
        """
        known = self._durations[: self._count]
        return round(median(known)) if known else None
