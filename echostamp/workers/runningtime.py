"""
Time limits for others, of which only the time counts in which this process itself ran.

After this process was stopped, by SIGSTOP for one, it has read nothing that the others
have sent meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from echostamp.times import STOPPED

#: Seconds between two looks at the clock while a limit runs.
_BEAT = 0.25

#: Seconds by which two sums of the same times may differ.
_ROUNDING = 1e-6


class Limit:
    """
    A function that is called when a time is over.
    """

    def __init__(self, time: RunningTime, due: float, call: Callable[[], object]):
        """
        @param time: measures the time.
        @param due: when, in its seconds.
        @param call: the function.
        """
        self._time = time
        self.due = due
        self.call = call

    def cancel(self) -> None:
        """Do not call the function."""
        self._time.forget(self)


class RunningTime:
    """
    Calls functions when this process has run for a time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: gives the time, and makes the calls.
        """
        self._clock = clock
        self._ran = 0.0
        self._seen = clock.seconds()
        self._limits: list[Limit] = []
        self._beat: IDelayedCall | None = None

    def seconds(self) -> float:
        """Give the clock's time."""
        return self._clock.seconds()

    def after(self, seconds: float, call: Callable[[], object]) -> Limit:
        """
        Call a function later.

        @param seconds: of time in which this process runs.
        @param call: the function.
        """
        self._look()
        limit = Limit(self, self._ran + seconds, call)
        self._limits.append(limit)
        self._schedule()
        return limit

    def within(self, seconds: float, event: Deferred[None]) -> Deferred[bool]:
        """
        Wait for an event, but not for longer than a time.

        @param seconds: see L{after}.
        @param event: fires at the event.
        @return: fires with whether the event came in time.
        """
        came: Deferred[bool] = Deferred()
        limit = self.after(seconds, lambda: came.callback(False))

        def fired(_: None) -> None:
            if not came.called:
                limit.cancel()
                came.callback(True)

        event.addCallback(fired)
        return came

    def forget(self, limit: Limit) -> None:
        """
        Do not call the function of a limit.
        """
        if limit in self._limits:
            self._limits.remove(limit)
            self._schedule()

    def _look(self) -> None:
        """
        Count the time since the last look, as long as a stop at most.
        """
        now = self._clock.seconds()
        self._ran += min(now - self._seen, STOPPED)
        self._seen = now

    def _schedule(self) -> None:
        """
        Look again when the next limit is over, or soon.
        """
        if self._beat is not None and self._beat.active():
            self._beat.cancel()
        if self._limits:
            left = min(each.due for each in self._limits) - self._ran
            self._beat = self._clock.callLater(min(max(left, 0.0), _BEAT), self._turn)

    def _turn(self) -> None:
        """
        Call the functions whose time is over.
        """
        self._look()
        over = [each for each in self._limits if each.due <= self._ran + _ROUNDING]
        for each in over:
            # One of the functions may have cancelled another.
            if each in self._limits:
                self._limits.remove(each)
                each.call()
        self._schedule()
