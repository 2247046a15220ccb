"""
Does long work in slices, so that the event loop has its turns between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator

from echostamp.times import MILLISECOND

#: How long a slice lasts, in nanoseconds.
SLICE = MILLISECOND


class Slices:
    """
    Does work in slices.
    """

    def __init__(self, reactor: Any, now: Callable[[], int]) -> None:
        """
        @param reactor: runs the timers.
        @param now: gives nanoseconds by the monotonic clock.
        """
        self._now = now
        self._cooperator = Cooperator(
            self._slice, lambda call: reactor.callLater(0, call)
        )

    def _slice(self) -> Callable[[], bool]:
        """
        Begin a slice.

        @return: tells whether it is over.
        """
        end = self._now() + SLICE
        return lambda: self._now() >= end

    def do(self, steps: Iterator[None]) -> Deferred[Any]:
        """
        Do all steps of some work.

        @return: fires at the end.  It fails as the work does, or with
            L{SchedulerStopped <twisted.internet.task.SchedulerStopped>} when L{stop} is
            called before.
        """
        return self._cooperator.coiterate(steps)

    def stop(self) -> None:
        """
        Leave the work as it is.
        """
        self._cooperator.stop()
