"""
Extra probes, for far clocks that show whole seconds or little more.
"""

from __future__ import annotations

from echostamp.probe.agenda import Timers
from echostamp.probe.flights import EXTRA, Flight
from echostamp.probe.interfaces import Link
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.times import Moment


class ExtraProbes:
    """
    The extra probes of a run.  They ask the far clock near the moments at which its
    stamp changes, one at a time, and are in no statistics.
    """

    def __init__(
        self,
        measurement: Measurement,
        timers: Timers,
        timeout: int,
    ) -> None:
        """
        @param measurement: knows when an extra probe would help, and takes its reply.
        @param timers: wait until then.
        @param timeout: nanoseconds after which an extra probe without a reply is given
            up.
        """
        self._measurement = measurement
        self._timers = timers
        self._timeout = timeout
        self._link: Link | None = None
        self._number = EXTRA
        self._flight: Flight | None = None

    def begin(self, link: Link | None) -> None:
        """
        Send them by another link from now on; by none, if there is none.
        """
        self._link = link
        self._flight = None

    def plan(self, now: Moment) -> None:
        """
        Set the timer for the next one, unless one is in flight or none would help.
        """
        if self._timers.isSet(self._send):
            return
        flight = self._flight
        if flight is not None and now.after - flight.sent < self._timeout:
            return
        when = self._measurement.nextExtra(now)
        if when is not None:
            self._timers.set(when, self._send)

    def _send(self) -> None:
        """
        Send one.
        """
        if self._link is None or self._link.isBlocked:
            return
        self._number += 1
        at = self._link.send(self._number)
        self._flight = self._measurement.extraSent(self._number, at)

    def answered(self, reply: Reply, at: Moment) -> None:
        """
        A reply to an extra probe has come.  Only one to the last extra probe counts.
        """
        flight = self._flight
        if flight is None or reply.seq != flight.seq:
            return
        self._flight = None
        self._measurement.extraAnswered(flight, at, reply)
        self.plan(at)
