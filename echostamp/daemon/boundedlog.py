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
        self._second: Any = None

    def admits(self, kind: str) -> bool:
        """
        Count a line, and say whether to write it: its kind has not reached the limit.

        @param kind: what the line is about; each kind has a count of its own.
        """
        if self._second is None:
            self._second = self._reactor.callLater(1, self._endSecond)
        self._lines[kind] += 1
        return self._lines[kind] <= self._most

    def finish(self) -> None:
        """
        Write how many lines were left out, and stop the timer.
        """
        if self._second is not None:
            self._second.cancel()
            self._endSecond()

    def _endSecond(self) -> None:
        """
        Write how many lines of each kind were left out, and count from zero.
        """
        lines, self._lines = self._lines, Counter()
        self._second = None
        for kind, count in lines.items():
            if count > self._most:
                self._logger.info(
                    "{count} more lines left out: {kind}",
                    count=count - self._most,
                    kind=kind,
                )
