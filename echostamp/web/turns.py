"""
Spreads what many connections ask for over turns of the event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

#: How long calls may take before others have their turn, in seconds.  The call that
#: passes this is the last one.
SLICE = 0.001

#: In each span of so many seconds calls are done at once for L{SLICE}.
SPAN = 0.005

log = Logger(namespace="echostamp")


class Turns:
    """
    Calls functions in order: at once if that does not take long, and else in later
    turns.  200 requests that arrive together would hold the event loop for 15 ms.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: runs the turns: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        """
        self._reactor = reactor
        self._waiting: deque[Callable[[], None]] = deque()
        self._spanEnds = self._left = 0.0

    def do(self, call: Callable[[], None]) -> bool:
        """
        Call a function, now or later.

        @return: whether it was called now.
        """
        if not self._waiting:
            now = self._reactor.seconds()
            if now >= self._spanEnds:
                self._spanEnds, self._left = now + SPAN, SLICE
            if self._left > 0:
                try:
                    call()
                finally:
                    self._left -= self._reactor.seconds() - now
                return True
            self._reactor.callLater(0, self._turn)
        self._waiting.append(call)
        return False

    def _turn(self) -> None:
        """
        Call what waits, for a while.
        """
        end = self._reactor.seconds() + SLICE
        isOver = False
        while self._waiting and not isOver:
            try:
                self._waiting[0]()
            except Exception:
                log.failure("a web request failed")
            # It has waited until now: so what it leads to comes behind the others.
            self._waiting.popleft()
            isOver = self._reactor.seconds() >= end
        if self._waiting:
            self._reactor.callLater(0, self._turn)
