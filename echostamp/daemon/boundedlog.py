"""
A log whose number of lines per second is bounded, so that a flood cannot fill the disk.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.logger import Logger

#: Lines of one kind that the log takes in a second.
LINES_A_SECOND = 50

log = Logger(namespace="echostamp")


class BoundedLog:
    """
    Admits a limited number of lines of each kind in a second.  It counts the others,
    and logs how many they were.
    """

    def __init__(
        self, reactor: Any, mostASecond: int = LINES_A_SECOND, logger: Logger = log
    ) -> None:
        """
        @param reactor: runs the timer: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param mostASecond: how many lines of one kind are written in a second.
        @param logger: where it logs this.
        """
        self._reactor = reactor
        self._most = mostASecond
        self._logger = logger
        self._lines: Counter[str] = Counter()
        self._end = 0.0
        self._timer: Any = None

    def admits(self, kind: str) -> bool:
        """
        Count a line, and say whether to write it: its kind has not reached the limit.

        @param kind: what the line is about; each kind has a count of its own.
        """
        now = self._reactor.seconds()
        if now >= self._end and self._timer is None:
            self._lines.clear()
            self._end = now + 1
        self._lines[kind] += 1
        if self._lines[kind] <= self._most:
            return True
        if self._timer is None:
            # Only now: with a timer, each turn of the reactor costs more CPU.
            self._timer = self._reactor.callLater(self._end - now, self._endSecond)
        return False

    def finish(self) -> None:
        """
        Write how many lines were left out, and stop the timer.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._endSecond()

    def _endSecond(self) -> None:
        """
        Write how many lines of each kind were left out, and count from zero.
        """
        lines, self._lines = self._lines, Counter()
        self._end = 0.0
        self._timer = None
        for kind, count in lines.items():
            if count > self._most:
                self._logger.info(
                    "{count} more lines left out: {kind}",
                    count=count - self._most,
                    kind=kind,
                )
