"""
Far clocks that print whole seconds: when to send extra probes that narrow the offset.
"""

from __future__ import annotations

from echostamp.times import SECOND

#: How many extra probes may follow one another at once, after a time without any.
AT_ONCE = 20

#: Nanoseconds from one extra probe to the next, on average.
APART = SECOND

#: Bounds are narrow enough when they are this far apart, plus two round trips.
NARROW = 4_000_000


def nextTick(now: int, low: int, high: int, resolution: int, leastRtt: int) -> int:
    """
    Return when to send a probe that narrows the offset most.

    The far clock's display changes once a second, at a tick.  A stamp from before a
    tick bounds the offset from above, and one from after it from below.  Suppose that
    the offset is in the middle of its bounds: a probe that arrives at a tick then
    halves them, down to about a round trip.

    @param now: the earliest time to send it, by our clock.
    @param low: the offset's lower bound at about that time.
    @param high: the upper one.
    @param resolution: of the far end's stamps, in nanoseconds.
    @param leastRtt: the shortest round trip seen.  The way there is assumed to take
        half of it.
    @return: when to send, by our clock, less than C{resolution} after C{now}.
    """
    ahead = (low + high) // 2 + leastRtt // 2
    return now + -(now + ahead) % resolution


class TickProbes:
    """
    Limits the extra probes of a run: up to L{AT_ONCE} may follow one another, then one
    each L{APART}.

    @ivar count: how many were sent.
    """

    def __init__(self) -> None:
        self.count = 0
        self._paidUntil: int | None = None
        self._isNarrow = False

    def sent(self, at: int) -> None:
        """
        Count an extra probe that is sent.

        @param at: when, by the monotonic clock.
        """
        self.count += 1
        paidUntil = at if self._paidUntil is None else max(self._paidUntil, at)
        self._paidUntil = paidUntil + APART

    def wait(self, now: int) -> int:
        """
        Return for how many nanoseconds no extra probe may be sent.

        @param now: by the monotonic clock.
        """
        if self._paidUntil is None:
            return 0
        return max(self._paidUntil - (AT_ONCE - 1) * APART - now, 0)

    def isWorth(self, width: int, resolution: int, leastRtt: int) -> bool:
        """
        Check whether an extra probe is useful.  It is until the bounds are L{NARROW}
        plus two round trips apart, and again when they are twice as far apart.

        @param width: how far apart the offset's bounds are now.
        @param resolution: of the far end's stamps.
        @param leastRtt: the shortest round trip seen.
        """
        enough = 2 * leastRtt + NARROW
        self._isNarrow = width <= (2 * enough if self._isNarrow else enough)
        return not self._isNarrow and resolution > leastRtt
