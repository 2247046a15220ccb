"""
Things to be called at times of the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from echostamp.times import SECOND


class Timers:
    """
    What is to be called, each thing at one time.
    """

    def __init__(self, reactor: Any, clock: Callable[[], int]) -> None:
        """
        @param reactor: calls: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param clock: gives nanoseconds by the monotonic clock.
        """
        self._reactor = reactor
        self._clock = clock
        self._calls: dict[str, IDelayedCall] = {}

    def set(self, when: int, call: Callable[[], object]) -> None:
        """
        Call something at a time, in the place of the time to which it was set before.

        @param when: nanoseconds by the monotonic clock.
        """
        if self.isSet(call):
            self._calls[call.__qualname__].cancel()
        delay = max(0, when - self._clock()) / SECOND
        self._calls[call.__qualname__] = self._reactor.callLater(delay, call)

    def isSet(self, call: Callable[[], object]) -> bool:
        """
        Say whether something is yet to be called.
        """
        timer = self._calls.get(call.__qualname__)
        return timer is not None and bool(timer.active())

    def stop(self) -> None:
        """
        Call nothing any more.
        """
        for timer in self._calls.values():
            if timer.active():
                timer.cancel()
