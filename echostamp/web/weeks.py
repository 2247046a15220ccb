"""
How long the round trips of the last week took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from math import inf
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.history.interfaces import HistoryError, IHistory, Points
from echostamp.history.mixture import merged
from echostamp.history.row import DAY
from echostamp.web.peerfigures import Week
from echostamp.web.source import Source

#: A week in seconds.
WEEK = 7 * DAY

#: Seconds from one question to the history to the next.
PAUSE = 0.5

#: Seconds after which a peer's week is read again.
OLD = 3600.0

#: Seconds after the last look in which somebody still looks.
ATTENTION = 30.0

log = Logger(namespace="echostamp")


class Weeks:
    """
    Reads the last week of each peer from the history, one after the other, while
    somebody looks.
    """

    def __init__(
        self, reactor: Any, source: Source, clock: Callable[[], float] = time.time
    ) -> None:
        """
        @param reactor: runs the timers.
        @param source: has the history.
        @param clock: gives seconds since the UNIX epoch.
        """
        self._reactor = reactor
        self._source = source
        self._clock = clock
        self._found: dict[str, Week] = {}
        # When each was read last, by the reactor's clock.
        self._readAt: dict[str, float] = {}
        self._looked = -inf
        self._isReading = False
        self._timer: Any = None

    def __getitem__(self, name: str) -> Week | None:
        """Give the week of a peer; L{None} where it is not known."""
        return self._found.get(name)

    def look(self, names: Collection[str]) -> None:
        """
        Read the weeks of peers for a while, in the background.

        @param names: those of all peers; others are forgotten.
        """
        self._looked = self._reactor.seconds()
        self._readAt = {name: self._readAt.get(name, -inf) for name in names}
        self._found = {
            name: week for name, week in self._found.items() if name in self._readAt
        }
        if self._timer is None and not self._isReading:
            self._next()

    def _next(self) -> None:
        """
        Read the week of the peer whose turn it is.
        """
        now, readAt = self._reactor.seconds(), self._readAt
        isOver = now - self._looked >= ATTENTION
        if isOver or not readAt or not self._source.hasHistory:
            return
        name = min(readAt, key=lambda each: readAt[each])
        if now - readAt[name] < OLD:
            return
        readAt[name] = now
        ended = int(self._clock())

        def ask(history: IHistory) -> Points:
            return history.points(name, ended - WEEK, ended, DAY)

        self._isReading = True
        waiting = self._source.history.read(ask)
        waiting.addCallback(self._keep, name)
        waiting.addErrback(_logUnlessUnreadable).addCallback(self._rest)

    def _keep(self, points: Points, name: str) -> None:
        """
        Keep a week, unless its peer is watched no more.
        """
        if name not in self._readAt:
            return
        self._found.pop(name, None)
        if not points.rows:
            return
        row = merged(points.rows, 0)
        if row.p10 is not None and row.p90 is not None:
            self._found[name] = row.p10, row.p90

    def _rest(self, result: object) -> None:
        """
        Go on a little later.
        """
        self._isReading = False
        self._timer = self._reactor.callLater(PAUSE, self._goOn)

    def _goOn(self) -> None:
        """
        Go on.
        """
        self._timer = None
        self._next()


def _logUnlessUnreadable(failure: Failure) -> None:
    """
    Log what should not happen.  Errors of the history are reported where it is written.
    """
    if failure.check(HistoryError) is None:
        log.failure("the last week of a peer cannot be read", failure)
