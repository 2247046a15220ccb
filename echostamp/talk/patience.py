"""
How long to wait for the last replies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

#: Seconds without a reply after which none is expected soon.  Then the prompt comes
#: back, and a far end that has answered everything is disconnected.
QUIET = 1.0


class Patience:
    """
    The timer of a conversation whose input has ended.
    """

    def __init__(
        self,
        reactor: Any,
        timeout: float,
        quiet: Callable[[], bool],
        tooLate: Callable[[], None],
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param timeout: how many seconds to wait for the next reply.
        @param quiet: called after L{QUIET} seconds, or after the timeout if that is
            shorter.  It says whether to wait for the rest of the timeout.
        @param tooLate: called after the timeout.
        """
        self._reactor = reactor
        self._timeout = timeout
        self._quiet = quiet
        self._tooLate = tooLate
        self._timer: IDelayedCall | None = None

    def begin(self) -> None:
        """Wait for the next reply."""
        self._wait(min(QUIET, self._timeout), self._isQuiet)

    def stop(self) -> None:
        """Wait no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _isQuiet(self) -> None:
        """
        Wait for the rest of the timeout, if there is something to wait for.
        """
        if self._quiet():
            self._wait(max(0, self._timeout - QUIET), self._timedOut)

    def _timedOut(self) -> None:
        """
        Wait for the next turn: there may be replies that came while this process was
        suspended.
        """
        self._wait(0, self._tooLate)

    def _wait(self, seconds: float, elapsed: Callable[[], None]) -> None:
        """
        Start the timer.
        """
        self._timer = self._reactor.callLater(seconds, elapsed)
