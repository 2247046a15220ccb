"""
When a member that is silent is announced.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds that a new member has to request a name before it is announced.
ANNOUNCE_DELAY = 1.0


class Announcing:
    """
    Calls something L{ANNOUNCE_DELAY} seconds after a member has connected.
    """

    __slots__ = ("_announce", "_reactor", "_timer")

    def __init__(self, reactor: IReactorTime, announce: Callable[[], bool]) -> None:
        """
        @param reactor: runs the timer.
        @param announce: announces the member, and returns whether it could; otherwise
            it is called again.
        """
        self._reactor = reactor
        self._announce = announce
        self._timer: IDelayedCall | None = reactor.callLater(ANNOUNCE_DELAY, self._due)

    def stop(self) -> None:
        """
        Stop the timer.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        """
        Announce the member, or try it again later.
        """
        # A timer that is over would still use memory.
        self._timer = None
        if not self._announce():
            self._timer = self._reactor.callLater(ANNOUNCE_DELAY, self._due)
