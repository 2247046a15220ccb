"""
Sends extra probes, for far clocks whose stamps are coarse.
"""

from __future__ import annotations

from echostamp.probe.agenda import Timers
from echostamp.probe.flights import EXTRAS_FROM, Flight
from echostamp.probe.interfaces import Link
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.times import Moment

#: For how long none is looked for after it was found that none helps, in nanoseconds:
#: to find that out takes longer than everything else about a reply.
_PAUSE = 100_000_000


class ExtraProbes:
    """
    The extra probes of a run.  Each reads the far clock near a moment at which its
    stamp changes.  At most one is in flight, and none is in the statistics.
    """

    def __init__(
        self,
        measurement: Measurement,
        timers: Timers,
        timeout: int,
    ) -> None:
        """
        @param measurement: computes when an extra probe helps, and reads its reply.
        @param timers: call this object then.
        @param timeout: how long an extra probe may wait for its reply, in nanoseconds.
        """
        self._measurement = measurement
        self._timers = timers
        self._timeout = timeout
        self._link: Link | None = None
        self._number = EXTRAS_FROM
        self._flight: Flight | None = None
        self._pausesUntil = 0

    def begin(self, link: Link | None) -> None:
        """
        Use another link from now on.

        @param link: L{None} while there is none.
        """
        self._link = link
        self._flight = None
        self._pausesUntil = 0

    def plan(self, now: Moment) -> None:
        """
        Set the timer for the next extra probe, unless one is in flight or none helps.
        """
        if now.after < self._pausesUntil or self._timers.isSet(self._send):
            return
        flight = self._flight
        if flight is not None and now.after - flight.sent < self._timeout:
            return
        when = self._measurement.nextExtra(now)
        if when is None:
            self._pausesUntil = now.after + _PAUSE
        else:
            self._timers.set(when, self._send)

    def _send(self) -> None:
        """
        Send an extra probe.
        """
        if self._link is None or self._link.isBlocked:
            return
        self._number += 1
        at = self._link.send(self._number)
        self._flight = self._measurement.extraSent(self._number, at)

    def answered(self, reply: Reply, at: Moment) -> None:
        """
        Read a reply to an extra probe.  Only the first reply to the last one counts.
        """
        flight = self._flight
        if flight is None or reply.seq != flight.seq:
            return
        self._flight = None
        self._measurement.extraAnswered(flight, at, reply)
        self.plan(at)
