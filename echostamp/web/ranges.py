"""
Which span of time the plots of a page show; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from echostamp.web.query import textGiven, wholeGiven

#: The spans that a page offers, in seconds.
RANGES = {"1h": 3600, "24h": 86400, "7d": 604_800, "90d": 7_776_000}

#: The one that is shown if none is asked for.
USUAL = "24h"

#: The last time that can be asked for, in 2255: it is less than 2**63 nanoseconds.
_LAST = 9_000_000_000

#: Times of the present live in whole minutes: rows are as long as one.
_MINUTE = 60


class PlotSpan(NamedTuple):
    """
    A span of time.

    @ivar name: one of L{RANGES}.
    @ivar to: where it ends, in seconds since the UNIX epoch; L{None} for the present.
    """

    name: str = USUAL
    to: int | None = None

    @property
    def length(self) -> int:
        """How long it is, in seconds."""
        return RANGES[self.name]

    def bounds(self, now: float) -> tuple[int, int]:
        """
        Give its begin and its end, in seconds since the UNIX epoch.

        @param now: the present time.
        """
        ended = int(now) // _MINUTE * _MINUTE if self.to is None else self.to
        return ended - self.length, ended

    def earlier(self, now: float) -> PlotSpan:
        """
        Give the span before it.
        """
        return PlotSpan(self.name, self.bounds(now)[0])

    def later(self, now: float) -> PlotSpan:
        """
        Give the span behind it, or the last one.
        """
        ended = self.bounds(now)[1] + self.length
        return PlotSpan(self.name, None if ended >= now else ended)


def spanOf(query: Mapping[bytes, list[bytes]]) -> PlotSpan:
    """
    Read which span is asked for.  What cannot be used counts as not given.
    """
    name = textGiven(query, b"range")
    return PlotSpan(name if name in RANGES else USUAL, wholeGiven(query, b"to", _LAST))
