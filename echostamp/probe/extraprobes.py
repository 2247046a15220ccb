"""
Extra probes: for far clocks that show only whole seconds, or little more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from echostamp.probe.measurement import Measurement, Sent
from echostamp.probe.messages import Reply
from echostamp.probe.timers import Timers
from echostamp.times import Moment

#: Numbers of extra probes; no other is so great.
EXTRA = 10**18


class Sender(Protocol):
    """
    What sends extra probes.
    """

    @property
    def isBlocked(self) -> bool:
        """Whether a probe would have to wait for those before it."""

    def send(self, seq: int) -> Moment:
        """
        Send a probe.

        @return: when it left.
        """


class Extras:
    """
    The extra probes of a run.  They ask the far clock near the turns of what it shows,
    one at a time, and are in no statistics.
    """

    def __init__(
        self,
        measurement: Measurement,
        timers: Timers,
        clocks: Callable[[], Moment],
        timeout: int,
    ) -> None:
        """
        @param measurement: says when one would tell something, and takes what it tells.
        @param timers: waits until then.
        @param clocks: reads our clocks.
        @param timeout: nanoseconds after which one that was not answered is given up.
        """
        self._measurement = measurement
        self._timers = timers
        self._clocks = clocks
        self._timeout = timeout
        self._sender: Sender | None = None
        self._number = EXTRA
        self._underWay: Sent | None = None

    def begin(self, sender: Sender | None) -> None:
        """
        Send them by something else from now on, or not at all.
        """
        self._sender = sender
        self._underWay = None

    def plan(self) -> None:
        """
        Ask the far clock when that tells something, if it is not being asked already.
        """
        if self._timers.isSet(self._send):
            return
        now = self._clocks()
        before = self._underWay
        if before is not None and now.after - before.moment.after < self._timeout:
            return
        when = self._measurement.nextExtra(now)
        if when is not None:
            self._timers.set(when, self._send)

    def _send(self) -> None:
        """
        Send one.
        """
        if self._sender is None or self._sender.isBlocked:
            return
        self._number += 1
        at = self._sender.send(self._number)
        self._underWay = self._measurement.extraSent(self._number, at)

    def answered(self, reply: Reply, at: Moment) -> None:
        """
        A reply to one has come; only that to the last one counts.
        """
        sent = self._underWay
        if sent is None or reply.seq != sent.seq:
            return
        self._underWay = None
        reading = None if reply.isAltered else reply.reading
        self._measurement.extraAnswered(sent, at, reading)
        self.plan()
