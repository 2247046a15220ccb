"""
Measures how long the event loop of this process is held.
"""

from __future__ import annotations

import time

from twisted.internet.task import LoopingCall


class Holds:
    """
    The CPU time from one turn of the event loop to the next.
    """

    def __init__(self) -> None:
        self._last = 0.0
        self._longest = 0.0
        self._looks = LoopingCall(self._look)

    def begin(self) -> None:
        """Begin to measure, unless that has begun."""
        if not self._looks.running:
            self._last = time.thread_time()
            self._looks.start(0)

    def _look(self) -> None:
        """Begin a turn."""
        last, self._last = self._last, time.thread_time()
        self._longest = max(self._longest, self._last - last)

    def taken(self) -> float:
        """Give the longest time, in seconds, and forget it."""
        longest, self._longest = self._longest, 0.0
        return longest

    def end(self) -> float:
        """Measure no more, and give the longest time, in seconds."""
        self._looks.stop()
        return self.taken()
