"""
The resolution of clocks that do not state it.
"""

from __future__ import annotations

#: The coarsest resolution that is looked for, in nanoseconds: whole seconds.
_COARSEST = 1_000_000_000


class ObservedResolution:
    """
    The resolution of a clock, by its timestamps: the greatest power of ten of
    nanoseconds, up to a second, of which all timestamps are multiples.

    A clock of 1 ns shows a multiple of 1000 once in a thousand timestamps.  So the
    result is right after a few timestamps; before, it is coarser, never finer.
    """

    __slots__ = ("_grain",)

    def __init__(self) -> None:
        self._grain = _COARSEST

    def observe(self, timestamp: int) -> int:
        """
        Take a timestamp into account.

        @param timestamp: in nanoseconds since the epoch.  It may be off by one if it
            came in NTP's format, whose units are not nanoseconds.
        @return: the resolution, in nanoseconds.
        """
        while self._grain > 1 and (timestamp + 1) % self._grain > 2:
            self._grain //= 10
        return self._grain
