"""
Detects when this process was suspended or blocked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from echostamp.probe.timers import Timers
from echostamp.times import Moment

#: How often it is looked at while a probe is in flight, and how late a look must be to
#: count as a stall.  Shorter stalls go unnoticed.  Nanoseconds.
BEAT = STALL = 10_000_000


class Stalled(Protocol):
    """
    Somebody whose probes are in flight.
    """

    @property
    def hasFlights(self) -> bool:
        """Whether a stall would matter now."""

    def stalled(self, late: int) -> None:
        """
        This process was suspended or blocked while probes were in flight.

        @param late: for how many nanoseconds.
        """


class StallWatch:
    """
    Detects when this process was suspended or blocked: a reply that was read late has
    no valid RTT.  One timer serves all probers of the process, and runs while one of
    them has probes in flight.

    @ivar lastBegan: when the last stall began, by the monotonic clock.  A probe that
        was sent before it and is answered after it may have been answered in time.
    """

    def __init__(self, timers: Timers, clock: Callable[[], int]) -> None:
        """
        @param timers: runs the timer.
        @param clock: gives nanoseconds by the monotonic clock.
        """
        self._timers = timers
        self._clock = clock
        self._watched: dict[Stalled, None] = {}
        self._next = 0
        self._isBeating = False
        self.lastBegan = 0

    def watch(self, prober: Stalled) -> None:
        """
        Watch while a prober has probes in flight.
        """
        self._watched[prober] = None
        if not self._isBeating:
            self._isBeating = True
            self._set(self._clock())

    def _set(self, now: int) -> None:
        """
        Look again soon.
        """
        self._next = now + BEAT
        self._timers.set(self._next, self._beat)

    def _beat(self) -> None:
        """
        See whether this look is late.
        """
        now = self._clock()
        self._look(now)
        for prober in tuple(self._watched):
            if not prober.hasFlights:
                del self._watched[prober]
        self._isBeating = bool(self._watched)
        if self._isBeating:
            self._set(now)

    def _look(self, now: int) -> None:
        """
        See whether there was a stall.
        """
        late = now - self._next
        if late >= STALL:
            self.lastBegan, self._next = self._next, now
            for prober in tuple(self._watched):
                if prober.hasFlights:
                    prober.stalled(late)

    def heard(self, at: Moment) -> None:
        """
        Something was read, perhaps before the timer had its turn.
        """
        if self._isBeating:
            self._look(at.after)
