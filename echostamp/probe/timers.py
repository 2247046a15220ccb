"""
Calls functions at times of the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from echostamp.times import SECOND


class Timers:
    """
    Functions to be called, each at one time.
    """

    def __init__(self, reactor: Any, clock: Callable[[], int]) -> None:
        """
        @param reactor: an L{IReactorTime <twisted.internet.interfaces.IReactorTime>}.
        @param clock: gives nanoseconds by the monotonic clock.
        """
        self._reactor = reactor
        self._clock = clock
        self._calls: dict[str, IDelayedCall] = {}

    def set(self, when: int, call: Callable[[], object]) -> None:
        """
        Call a function at a time, in place of the time to which it was set before.

        @param when: nanoseconds by the monotonic clock.
        """
        if self.isSet(call):
            self._calls[call.__qualname__].cancel()
        delay = max(0, when - self._clock()) / SECOND
        self._calls[call.__qualname__] = self._reactor.callLater(delay, call)

    def isSet(self, call: Callable[[], object]) -> bool:
        """
        Say whether a function is still to be called.
        """
        timer = self._calls.get(call.__qualname__)
        return timer is not None and bool(timer.active())

    def stop(self) -> None:
        """
        Cancel all calls.
        """
        for timer in self._calls.values():
            if timer.active():
                timer.cancel()
