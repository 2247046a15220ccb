"""
Repeats attempts to reach a far end, with backoff.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: The first and the longest wait between two attempts, and by what part of a second
#: chance makes each longer: clients of one far end must not all come back together.
FIRST_DELAY, LONGEST_DELAY, JITTER = 0.5, 15.0, 1.0

#: By what each wait is longer than the one before.
_FACTOR = 1.5


class Retries:
    """
    Repeats an attempt after a wait.  The wait grows until an attempt succeeds.
    """

    def __init__(
        self, clock: IReactorTime, chance: Callable[[], float] = random.random
    ) -> None:
        """
        @param clock: runs the timer.
        @param chance: gives numbers from 0 to 1.
        """
        self._clock = clock
        self._chance = chance
        self._delay = FIRST_DELAY
        self._timer: IDelayedCall | None = None
        self.isStopped = False

    def succeeded(self) -> None:
        """
        Begin again with the shortest wait, and make no attempt that still waits.
        """
        self._delay = FIRST_DELAY
        self.cancel()

    def retry(self, attempt: Callable[[], object]) -> None:
        """
        Make another attempt after the wait, unless one waits already, or the retries
        were stopped.
        """
        if not self.isStopped and self._timer is None:
            wait = self._delay + JITTER * self._chance()
            self._delay = min(_FACTOR * self._delay, LONGEST_DELAY)
            self._timer = self._clock.callLater(wait, self._run, attempt)

    def _run(self, attempt: Callable[[], object]) -> None:
        """
        Make the attempt.
        """
        self._timer = None
        attempt()

    def stop(self) -> None:
        """
        Make no more attempts.
        """
        self.isStopped = True
        self.cancel()

    def cancel(self) -> None:
        """
        Make no attempt that still waits.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
