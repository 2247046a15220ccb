"""
Entries and states of a relay that are not ours.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

log = Logger(namespace="echostamp")

#: Seconds between two lines of the log.
INTERVAL = 60.0


class Hostile:
    """
    Counts what is not ours, and logs it now and then.

    @ivar count: how much there was.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        """
        @param reactor: tells the time.
        """
        self.count = 0
        self._reactor = reactor
        self._logged = -INTERVAL

    def refuse(self, what: str, error: ValueError) -> None:
        """
        Count something.

        @param what: what it is.
        @param error: says what is wrong with it.
        """
        self.count += 1
        now = self._reactor.seconds()
        if now - self._logged >= INTERVAL:
            self._logged = now
            text = "relay: {what} is not ours: {why} ({count} so far)"
            log.warn(text, what=what, why=str(error), count=self.count)
