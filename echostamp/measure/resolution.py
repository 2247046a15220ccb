"""
Clocks that do not say how finely they count.
"""

from __future__ import annotations

#: The coarsest that is looked for, in nanoseconds: whole seconds.
_COARSEST = 1_000_000_000


class ObservedResolution:
    """
    The resolution of a clock, by what it shows: the greatest power of ten, of
    nanoseconds, of which all its timestamps are multiples, up to a second.

    A clock of 1 ns shows a multiple of 1000 once in a thousand timestamps: after a few
    of them what is found is the clock's own, and before it is coarser, never finer.
    """

    def __init__(self) -> None:
        self._grain = _COARSEST

    def observe(self, timestamp: int) -> int:
        """
        See one timestamp more.

        @param timestamp: in nanoseconds since the epoch; one that came in NTP's format,
            whose units are no nanoseconds, may be off by one.
        @return: the resolution, in nanoseconds.
        """
        while self._grain > 1 and (timestamp + 1) % self._grain > 2:
            self._grain //= 10
        return self._grain
