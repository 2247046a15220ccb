"""
Whether this end keeps up: a program that is stopped, or waits for somebody to take what
it writes, reads replies later than they came.
"""

from __future__ import annotations

from collections.abc import Callable

from echostamp.probe.measurement import Sent
from echostamp.probe.timers import Timers
from echostamp.times import Moment

#: How often it is seen whether this end is held up while a probe is under way, and by
#: how much it must be late to be: what is less is not noticed.  Nanoseconds.
BEAT = HELD_UP = 10_000_000


class HoldUps:
    """
    A timer that beats while probes are under way.  Where it is late, what was under way
    may have been answered in time, and its reply has waited.
    """

    def __init__(
        self,
        underWay: dict[int, Sent],
        timers: Timers,
        clocks: Callable[[], Moment],
        heldUp: Callable[[int], None],
    ) -> None:
        """
        @param underWay: the probes that are, by number, in their order.
        @param timers: runs the timer.
        @param clocks: reads our clocks.
        @param heldUp: is told for how many nanoseconds this end was held up.
        """
        self._underWay = underWay
        self._timers = timers
        self._clocks = clocks
        self._heldUp = heldUp
        self._next = 0
        self._doubtful: set[int] = set()

    def sent(self, at: Moment) -> None:
        """
        A probe has left: from now on there is something to be missed.
        """
        if not self._timers.isSet(self._beat):
            self._set(at.after)

    def _set(self, now: int) -> None:
        """
        Beat soon.
        """
        self._next = now + BEAT
        self._timers.set(self._next, self._beat)

    def _beat(self) -> None:
        """
        See whether this is late.
        """
        now = self._clocks().after
        late = now - self._next
        if late >= HELD_UP:
            self._heldUp(late)
            # Those that have left since were not under way.
            self._doubtful.update(
                seq
                for seq, sent in self._underWay.items()
                if sent.moment.after < self._next
            )
        if self._underWay:
            self._set(now)

    def heard(self, at: Moment) -> None:
        """
        Something has been read, perhaps before the timer had its turn.
        """
        if at.after - self._next >= HELD_UP and self._timers.isSet(self._beat):
            self._beat()

    def settled(self, seq: int) -> bool:
        """
        A probe is under way no more.

        @return: whether this end was held up while it was.
        """
        wasHeldUp = seq in self._doubtful
        self._doubtful.discard(seq)
        return wasHeldUp
