"""
Far clocks that print whole seconds: when to send extra probes that narrow the offset.
"""

from __future__ import annotations

from echostamp.times import SECOND

#: How many extra probes may follow one another at once, after a time without any.
AT_ONCE = 20

#: Nanoseconds from one extra probe to the next, on average.
APART = SECOND

#: What bounds need not be narrowed below, beside two round trips.
NARROW = 4_000_000


def nextTick(now: int, low: int, high: int, resolution: int, leastRtt: int) -> int:
    """
    Tell when to send a probe that narrows the offset most.

    A stamp from before the turn of the far clock's second bounds the offset from above,
    one from after it from below.  A probe that would meet the turn if the offset were
    in the middle of its bounds therefore halves them, down to about a round trip.

    @param now: when it can leave at the earliest, by our clock.
    @param low: the offset's lower bound at about that time.
    @param high: the upper one.
    @param resolution: of the far end's stamps, in nanoseconds.
    @param leastRtt: the shortest round trip seen; half of it is taken for the way
        there.
    @return: when to send, by our clock, less than C{resolution} after C{now}.
    """
    ahead = (low + high) // 2 + leastRtt // 2
    return now + -(now + ahead) % resolution


class TickProbes:
    """
    The extra probes of a run: when they are sent, and that they are not too many.

    @ivar count: how many were sent.
    """

    def __init__(self) -> None:
        self.count = 0
        self._paidUntil: int | None = None
        self._isNarrow = False

    def sent(self, at: int) -> None:
        """
        Take an extra probe that leaves.

        @param at: when, by the monotonic clock.
        """
        self.count += 1
        paidUntil = at if self._paidUntil is None else max(self._paidUntil, at)
        self._paidUntil = paidUntil + APART

    def wait(self, now: int) -> int:
        """
        Say for how many nanoseconds none must be sent.

        @param now: by the monotonic clock.
        """
        if self._paidUntil is None:
            return 0
        return max(self._paidUntil - (AT_ONCE - 1) * APART - now, 0)

    def isWorth(self, width: int, resolution: int, leastRtt: int) -> bool:
        """
        Say whether one would tell something: until the bounds are two round trips and
        L{NARROW} apart, and again when they have grown to twice as much.

        @param width: how far apart the offset's bounds are by now.
        @param resolution: of the far end's stamps.
        @param leastRtt: the shortest round trip seen.
        """
        enough = 2 * leastRtt + NARROW
        self._isNarrow = width <= (2 * enough if self._isNarrow else enough)
        return not self._isNarrow and resolution > leastRtt
