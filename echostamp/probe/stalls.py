"""
Detects when this process was suspended or blocked.
"""

from __future__ import annotations

from typing import Protocol

from echostamp.probe.agenda import Agenda
from echostamp.times import Moment

#: How often this process must have a turn while a probe is in flight, and how late a
#: turn must be to count as a stall.  Shorter stalls go unnoticed.  Nanoseconds.
BEAT = STALL = 10_000_000


class Stalled(Protocol):
    """
    A prober whose probes may be in flight.
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
    no valid RTT.  Each turn of the agenda shows whether it is late.  If no turn is due
    soon and a probe is in flight, the watch asks for a turn.

    @ivar lastBegan: when the last stall began, by the monotonic clock.  A probe that
        was sent before it and is answered after it may have been answered in time.
    @ivar lastEnded: when it was noticed.
    @ivar count: how many stalls there were, with and without probes in flight.
    @ivar length: how long they were in all, in nanoseconds.
    """

    lateness = STALL

    def __init__(self, agenda: Agenda) -> None:
        """
        @param agenda: its turns are watched; this object becomes its watcher.
        """
        self._agenda = agenda
        self._watched: dict[Stalled, None] = {}
        self.lastBegan = self.lastEnded = 0
        self.count = self.length = 0
        agenda.watcher = self

    def watch(self, prober: Stalled, now: int) -> None:
        """
        Watch while a prober has probes in flight.

        @param now: the present time, by the monotonic clock.
        """
        self._watched[prober] = None
        if not self._agenda.isRunning:
            self.turned(now)

    def forget(self, prober: Stalled) -> None:
        """
        Stop watching for a prober.
        """
        self._watched.pop(prober, None)

    def turned(self, now: int) -> None:
        """Ask for a turn soon, while a prober has probes in flight."""
        if not self._watched:
            return
        due = self._agenda.next
        if due is not None and due <= now + BEAT:
            return
        watched = self._watched
        while watched:
            # Each time another one is looked at first, so that none stays for long.
            prober = next(iter(watched))
            del watched[prober]
            if prober.hasFlights:
                watched[prober] = None
                self._agenda.at(now + BEAT, _nothing)
                return

    def heard(self, at: Moment) -> None:
        """
        Check for a stall when a reply is read: the agenda may have its turn later.
        """
        wake = self._agenda.wake
        if wake is not None and at.after - wake >= STALL:
            self.woke(wake, at.after)

    def covers(self, when: int) -> bool:
        """
        Tell whether a time was within the last stall.

        @param when: by the monotonic clock.
        """
        return self.lastBegan <= when <= self.lastEnded

    def woke(self, wake: int, now: int) -> None:
        """Check whether a turn is late; if so, count a stall."""
        late = now - wake
        # A timer may have been set for a time within the last stall.
        if late >= STALL and wake > self.lastEnded:
            self.lastBegan, self.lastEnded = wake, now
            self.count += 1
            self.length += late
            for prober in tuple(self._watched):
                if prober.hasFlights:
                    prober.stalled(late)


def _nothing() -> None:
    """
    Do nothing: only the turn is needed.
    """
