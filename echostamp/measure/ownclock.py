"""
Steps of our own clock.
"""

from __future__ import annotations

from collections.abc import Callable


class OwnClock:
    """
    Detects when our own clock was set.  The kernel slews both of its clocks alike: only
    a step changes CLOCK_REALTIME minus CLOCK_MONOTONIC.  Each reading bounds this
    difference.  The bounds of all readings since the last step also show a step during
    a slow reading.

    @ivar steps: how many steps were seen.  A probe is void if this number changed
        between the probe and its reply.
    """

    def __init__(
        self, tolerance: int = 1_000, stepped: Callable[[], object] | None = None
    ) -> None:
        """
        @param stepped: called at each step.
        @param tolerance: nanoseconds by which the difference may change by itself.
        """
        self.steps = 0
        self._tolerance = tolerance
        self._stepped = stepped
        self._known: tuple[int, int] | None = None

    def observe(self, before: int, realtime: int, after: int) -> int:
        """
        Compare the clocks.

        @param before: CLOCK_MONOTONIC, read just before CLOCK_REALTIME.
        @param realtime: CLOCK_REALTIME.
        @param after: CLOCK_MONOTONIC, read just after it.
        @return: C{steps}, this one included.
        """
        low, high = realtime - after, realtime - before
        if self._known is not None:
            least, most = self._known
            if low <= least and most <= high:
                # The usual case: this reading bounds the difference less closely.
                return self.steps
            if low > most + self._tolerance or high < least - self._tolerance:
                self.steps += 1
                if self._stepped is not None:
                    self._stepped()
            elif max(low, least) <= min(high, most):
                low, high = max(low, least), min(high, most)
        self._known = low, high
        return self.steps
