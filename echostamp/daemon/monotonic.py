"""
Timers of the daemon that a change of the time of day does not affect.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.application.service import Service


class MonotonicTimers(Service):
    """
    Has the reactor's timers run by the monotonic clock, from the start of the daemon.

    It has to start before every service that uses a timer.
    """

    name = "monotonic timers"

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: runs the timers.
        """
        self._reactor = reactor

    def privilegedStartService(self) -> None:
        """
        Choose the clock.
        """
        # Twisted's reactors time calls by the time of day, and offer no other way to
        # choose a clock.  When that time is set back, all timers stop, the watchdog's
        # too; when it is set forward, all of them are due at once.  Making a service
        # must not change the process's reactor, so this happens at the start.  Only the
        # daemon does it, because the process is its own.
        self._reactor.seconds = time.monotonic

    def startService(self) -> None:
        """
        Choose the clock where nothing has called L{privilegedStartService}: C{twist}
        does not.
        """
        Service.startService(self)
        self.privilegedStartService()
