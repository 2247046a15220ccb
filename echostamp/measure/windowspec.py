"""
Which windows there are, and how exactly their beginnings are known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from echostamp.times import SECOND

#: The beginning of a window is rounded by at most one in so many parts of it.
PARTS = 16

#: More than any duration, and more than any number of probes.
_MOST = 1 << 62


@dataclass(frozen=True)
class WindowSpec:
    """
    A window: the probes of the last seconds, or the last so many that were due.

    A probe belongs to the moment at which its fate became known: it was answered, it
    was lost, or it was due and could not be sent.

    @ivar name: what to call the window.
    @ivar length: nanoseconds; L{None} where C{count} is given.
    @ivar count: how many probes; L{None} where C{length} is given.
    """

    name: str
    length: int | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        """
        Check it.

        @raise ValueError: not exactly one of C{length} and C{count} is given, or it is
            not positive.
        """
        given = [each for each in (self.length, self.count) if each is not None]
        if len(given) != 1 or given[0] < 1:
            raise ValueError(f"window {self.name!r} needs one length or one count")


#: The windows that a prober has by default.
WINDOWS = (
    WindowSpec("10s", length=10 * SECOND),
    WindowSpec("1m", length=60 * SECOND),
    WindowSpec("5m", length=300 * SECOND),
    WindowSpec("last 20", count=20),
)


class Rounding:
    """
    How many probes may be counted together, so that every window begins where it
    should, to within one of L{PARTS} parts.

    The windows by time divide the past into tiers: the first has the age of the
    shortest window, the next that of the second one, and so on.

    @ivar tiers: how many tiers there are.
    """

    def __init__(self, windows: Iterable[WindowSpec]) -> None:
        """
        @param windows: the windows.
        """
        windows = list(windows)
        self._lengths = sorted({each.length for each in windows if each.length})
        self._counts = sorted({each.count for each in windows if each.count})
        self.tiers = len(self._lengths) + 1

    def tier(self, age: int) -> int:
        """
        Return the tier of a probe, from 0.

        @param age: nanoseconds since its fate became known.
        """
        return bisect_right(self._lengths, age)

    def width(self, age: int) -> int:
        """
        Return the longest time whose probes may be counted together.

        @param age: nanoseconds since the last of them.
        """
        tier = bisect_right(self._lengths, age)
        return self._lengths[tier] // PARTS if tier < len(self._lengths) else _MOST

    def most(self, behind: int) -> int:
        """
        Return how many probes that were due may be counted together.

        @param behind: how many were due after them.
        """
        index = bisect_right(self._counts, behind)
        return (
            max(self._counts[index] // PARTS, 1) if index < len(self._counts) else _MOST
        )

    def isOver(self, age: int, behind: int) -> bool:
        """
        Check whether no window includes a probe any longer.

        @param age: nanoseconds since its fate became known.
        @param behind: how many probes were due after it.
        """
        return (not self._lengths or age >= self._lengths[-1]) and (
            not self._counts or behind >= self._counts[-1]
        )
