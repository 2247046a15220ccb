"""
One timer for the successive deadlines of a connection.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Timer:
    """
    Makes at most one call later: a new one replaces the last.
    """

    __slots__ = ("_call", "_clock")

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: makes the calls.
        """
        self._clock = clock
        self._call: IDelayedCall | None = None

    def start(self, seconds: float, elapsed: Callable[[], object]) -> None:
        """
        Call C{elapsed} later, and nothing else.

        @param seconds: how much later.
        """
        self.stop()
        self._call = self._clock.callLater(seconds, elapsed)

    def stop(self) -> None:
        """
        Call nothing.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    @property
    def lateness(self) -> float:
        """By how many seconds the call is late that is being made."""
        due = self._clock.seconds() if self._call is None else self._call.getTime()
        return self._clock.seconds() - due
