"""
Ask a relay several things, one after the other, until that is over.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.intercom.relay import RelayError

log = Logger()

Found = TypeVar("Found")


class _Over(Exception):
    """
    The errand is over: nothing of it goes on.
    """


class Errand:
    """
    Runs coroutines that ask a relay, over one connection.

    Once the errand is over its coroutines do nothing more, whatever answers come.

    @ivar isOver: see L{end}.
    """

    def __init__(self, reactor: Any, failed: Callable[[], None]) -> None:
        """
        @param reactor: the clock, and what runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param failed: called once when the relay did not do something, while the errand
            is not over.
        """
        self.isOver = False
        self._reactor = reactor
        self._failed = failed
        self._hasFailed = False
        self._timers: set[IDelayedCall] = set()

    def end(self) -> None:
        """
        Be over.
        """
        self.isOver = True
        for each in self._timers:
            each.cancel()
        self._timers.clear()

    def seconds(self) -> float:
        """
        Read the clock.
        """
        return float(self._reactor.seconds())

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """
        Run something; it begins at once.
        """
        Deferred.fromCoroutine(coroutine).addErrback(self._fail)

    def _fail(self, failure: Failure) -> None:
        """
        Report that a coroutine has failed.
        """
        if failure.check(_Over, RelayError) is None:
            log.failure("following the relay", failure)
        if not (self.isOver or self._hasFailed):
            self._hasFailed = True
            self._failed()

    async def ask(self, answer: Deferred[Found]) -> Found:
        """
        Wait for an answer.

        @raise RelayError: from the relay.
        """
        found = await answer
        if self.isOver:
            raise _Over
        return found

    async def sleep(self, seconds: float) -> None:
        """
        Wait for some time.
        """
        if self.isOver:
            raise _Over
        slept: Deferred[None] = Deferred()

        def wake() -> None:
            self._timers.remove(timer)
            slept.callback(None)

        timer = self._reactor.callLater(seconds, wake)
        self._timers.add(timer)
        await slept
