"""
Timers of the daemon that a change of the time of day does not affect.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.application.service import Service


class MonotonicTimers(Service):
    """
    Makes the reactor time its calls by the monotonic clock.

    This service has to start before every service that uses a timer.
    """

    name = "monotonic timers"

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: runs the timers.
        """
        self._reactor = reactor

    def privilegedStartService(self) -> None:
        """
        Make the reactor use the monotonic clock.
        """
        # Twisted's reactors time calls by the time of day, and offer no other way to
        # choose a clock.  When that time is set back, all timers stop, the watchdog's
        # too; when it is set forward, all of them are due at once.  L{makeService
        # <echostamp.daemon.service.makeService>} must not change the reactor of its
        # caller, so this happens when the service starts.  Only the daemon does it,
        # because no other program shares its process.
        self._reactor.seconds = time.monotonic

    def startService(self) -> None:
        """
        Make the reactor use the monotonic clock, in case L{privilegedStartService} was
        not called.  C{twistd} calls that; C{twist} does not.
        """
        Service.startService(self)
        self.privilegedStartService()
