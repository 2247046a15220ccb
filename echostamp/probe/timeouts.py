"""
Finds the probes whose timeout is over, and the connections that are dead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from echostamp.probe.agenda import Timers
from echostamp.probe.flights import Flight, Flights
from echostamp.probe.interfaces import Link

#: How many probes in a row must time out before a connection counts as dead.
DEAF = 3

#: How long a connection must be silent before it counts as dead, in nanoseconds,
#: however short the timeout of a probe is.
SILENCE = 1_000_000_000

#: How many probes a link may remember that are no longer in flight.
FORGOTTEN = 64


class TimeoutOwner(Protocol):
    """
    Has probes in flight.
    """

    @property
    def link(self) -> Link | None:
        """The present link."""

    def timedOut(self, flight: Flight) -> None:
        """Called when the timeout of a probe is over."""

    def lookedThrough(self, isDead: bool) -> None:
        """
        Called after L{timedOut} was called for all such probes.

        @param isDead: whether the link seems to be dead.
        """


class Timeouts:
    """
    The timeouts of the probes in flight.

    @ivar lastHeard: when the connection has last delivered a reply; set by the owner.
    @ivar inARow: how many probes in a row have timed out on this connection.
    """

    def __init__(
        self,
        flights: Flights,
        timeout: int,
        timers: Timers,
        now: Callable[[], int],
        owner: TimeoutOwner,
        mostLate: int = 0,
    ) -> None:
        """
        @param flights: the probes in flight.
        @param timeout: how long each may wait for its reply, in nanoseconds.
        @param timers: call this object when a timeout is over.
        @param now: gives nanoseconds by the monotonic clock.
        @param owner: is called for each timeout that is over.
        @param mostLate: how many of the last probes a link must remember, though they
            are no longer in flight: their replies may come late.
        """
        self._flights = flights
        self._timeout = timeout
        self._timers = timers
        self._now = now
        self._owner = owner
        self._mostLate = mostLate
        self.lastHeard = self._forgotten = self.inARow = 0

    def begin(self, now: int) -> None:
        """
        Begin to count for a new connection.
        """
        self.lastHeard = now
        self.inARow = 0

    def end(self) -> None:
        """
        Forget the owner: the run is over.
        """
        del self._owner

    def answered(self, link: Link | None) -> None:
        """
        Note that a probe was answered.
        """
        self.inARow = 0
        if link is None or link.isConnection:
            # A connection remembers no more than it needs.
            return
        oldest = self._flights.oldest
        if oldest - self._forgotten >= FORGOTTEN:
            self._forget(link)

    def _forget(self, link: Link) -> None:
        """
        Let a link forget the probes whose replies cannot even count as late.
        """
        flights = self._flights
        self._forgotten = flights.oldest
        link.forget(min(flights.oldest, flights.next - self._mostLate))

    def arm(self) -> None:
        """
        Wait for the timeout of the oldest probe in flight, unless the timer is set.
        When it ends, it is set again for the probe that is the oldest then.
        """
        if not self._timers.isSet(self._timeIsOver):
            self._wait()

    def _wait(self) -> None:
        """
        Set the timer for the oldest probe in flight.
        """
        oldest = self._flights.first()
        if oldest is not None:
            self._timers.set(oldest.sent + self._timeout, self._timeIsOver)

    def _timeIsOver(self) -> None:
        """
        Look through the probes in the next turn of the reactor: if this process was
        busy, a reply may still wait to be read.
        """
        oldest = self._flights.first()
        if oldest is None:
            return
        if oldest.sent + self._timeout > self._now():
            self._wait()
        else:
            self._timers.set(0, self._lookThrough)

    def _lookThrough(self) -> None:
        """
        Find the probes whose timeout is over; all replies so far were read.
        """
        now, owner = self._now(), self._owner
        for flight in self._flights:
            if flight.sent + self._timeout > now:
                break
            link = owner.link
            if link is not None:
                link.settle(flight.seq)
            if self._flights.get(flight.seq) is not None:
                self.inARow += 1
                owner.timedOut(flight)
        if (link := owner.link) is not None:
            self._forget(link)
        self._wait()
        silence = max(self._timeout, SILENCE)
        isDead = self.inARow >= DEAF and now - self.lastHeard >= silence
        owner.lookedThrough(isDead)
