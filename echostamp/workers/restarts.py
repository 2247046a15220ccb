"""
When a worker is started again whose process has ended.
"""

from __future__ import annotations

#: Seconds until a worker is started again: after the first death within L{WINDOW}
#: seconds, the second, and so on.
DELAYS = (0.0, 0.25, 0.5, 1.0, 2.0)

#: Seconds in which deaths count.
WINDOW = 60.0

#: Seconds between two tries after more deaths than that.
RARELY = 30.0


class Restarts:
    """
    The deaths of one worker.  More than five within a minute make its restarts rare,
    until a process has lived for a minute.

    @ivar isRare: whether the restarts are rare.
    """

    def __init__(self) -> None:
        self.isRare = False
        self._deaths: list[float] = []

    def died(self, now: float) -> float:
        """
        Note a death.

        @param now: seconds, by a clock that is never set.
        @return: seconds until the worker is to be started again.
        """
        if self.isRare and now - self._deaths[-1] >= RARELY + WINDOW:
            self.isRare = False
            self._deaths.clear()
        self._deaths = [each for each in self._deaths if now - each < WINDOW]
        self._deaths.append(now)
        self.isRare = self.isRare or len(self._deaths) > len(DELAYS)
        return RARELY if self.isRare else DELAYS[len(self._deaths) - 1]
