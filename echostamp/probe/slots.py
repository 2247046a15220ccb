"""
Moments at which the probes of several probers are due together; pure.
"""

from __future__ import annotations

from echostamp.times import SECOND

#: How many probes are due at one moment, on average, at most.
TOGETHER = 3

#: A slot is at most so many parts of the jitter long: two slots must fit into it, and a
#: choice must be left.
PARTS = 4

#: The golden ratio, as a fraction of 2^64.  The fractions of its multiples are spread
#: evenly, and do not repeat.
_BITS = 64
_GOLDEN, _WHOLE = 0x9E37_79B9_7F4A_7C15, 1 << _BITS


class Slots:
    """
    Chooses when the probes of a process are due, as far as their jitter leaves a
    choice.

    To wake up takes more CPU than to send a probe.  So the time is cut into slots, and
    each slot has one moment at which probes of all probers may be due.  The slots are
    so short that there are few probes in each: they are no burst.  The moment is at
    another place in each slot, so it has no rhythm.
    """

    def __init__(self) -> None:
        self._probers = 0
        self._perSecond = 0.0

    def join(self, interval: int) -> None:
        """
        Count the probes of one more prober.

        @param interval: from one to the next, in nanoseconds.
        """
        self._probers += 1
        self._perSecond += SECOND / interval

    def leave(self, interval: int) -> None:
        """
        Count the probes of a prober no longer.

        @param interval: as for L{join}.
        """
        self._probers -= 1
        self._perSecond -= SECOND / interval

    def choose(self, turn: int, jitter: int, chance: float) -> int:
        """
        Choose when a probe is due.  A prober that is alone has every moment to choose
        from.

        @param turn: when it is due at the earliest, in nanoseconds by the monotonic
            clock.
        @param jitter: how much later it may be due.
        @param chance: a number from 0 to 1, for the choice.
        """
        length = 0
        if self._probers > 1:
            length = min(jitter // PARTS, int(TOGETHER * SECOND / self._perSecond))
        if not length:
            return turn + round(jitter * chance)
        slot = -(-(turn + round((jitter - 2 * length) * chance)) // length)
        return slot * length + (slot * _GOLDEN % _WHOLE * length >> _BITS)
