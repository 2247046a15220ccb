"""
Hands what is to be kept to a history, and keeps it in memory while that cannot be
written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.history.interfaces import HistoryError
from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event
from echostamp.probe.surroundings import Surroundings
from echostamp.text import counted, printable
from echostamp.times import SECOND

log = Logger(namespace="echostamp")

#: Rows of so many minutes are kept in memory at most.
MOST = 60

#: An event is written so long after it has happened at most, in nanoseconds: others
#: that follow it are written with it.
PATIENCE = 5 * SECOND

#: A write that takes so long is reported, in nanoseconds.
LONG = 60 * SECOND


class Batch(NamedTuple):
    """
    What is written together.

    @ivar rows: the rows of a minute, by the peer's name; there may be none.
    @ivar events: the events before.
    """

    rows: Mapping[str, KeptRow]
    events: Sequence[Event]


class HistoryWriter:
    """
    Writes rows once a minute, and events soon, one batch after the other.

    Where a batch cannot be written, it is tried again with each one that follows.  The
    rows of an hour wait; then the oldest are dropped.

    @ivar errors: how often something could not be written.
    """

    def __init__(
        self,
        path: str,
        surroundings: Surroundings,
        write: Callable[[Mapping[str, KeptRow], Sequence[Event]], Deferred[None]],
        most: int = MOST,
    ) -> None:
        """
        @param path: of the file, for the log.
        @param surroundings: the timers and clocks of the probes.
        @param write: writes a batch.
        @param most: see L{MOST}.
        """
        self.errors = 0
        self._path = path
        self._surroundings = surroundings
        self._write = write
        self._most = most
        self._batches: deque[Batch] = deque()
        self._events: list[Event] = []
        self._entry: Any = None
        self._isWriting = self._isFailing = False
        self._began = self._dropped = 0
        self._finished: Deferred[None] | None = None

    def rows(self, rows: Mapping[str, KeptRow]) -> None:
        """
        Write the rows of a minute, and the events before, if there are any.
        """
        if rows or self._events:
            self._enqueue(rows)
        if len(self._batches) > self._most:
            # The first one may be being written.
            self._drop(1 if self._isWriting else 0)
        if self._isWriting and self._surroundings.now() - self._began >= LONG:
            self._cannot("its disk has been busy for longer than a minute")
        self._go()

    def event(self, event: Event) -> None:
        """
        Write an event soon.
        """
        self._events.append(event)
        if self._entry is None or not self._entry.isSet:
            due = self._surroundings.now() + PATIENCE
            self._entry = self._surroundings.agenda.at(due, self._go)

    def finish(self) -> Deferred[None]:
        """
        Write at once what waits.

        @return: fires when all was written, or something could not be.
        """
        if self._entry is not None:
            self._entry.cancel()
        self._finished = Deferred()
        self._go()
        return self._finished

    @property
    def waiting(self) -> int:
        """How many rows and events are not written yet, or were dropped since."""
        waiting = sum(len(each.rows) + len(each.events) for each in self._batches)
        return self._dropped + waiting + len(self._events)

    # --- Batches ----------------------------------------------------------------------

    def _enqueue(self, rows: Mapping[str, KeptRow]) -> None:
        """
        Make a batch of rows and the events that wait.
        """
        self._batches.append(Batch(rows, self._events))
        self._events = []

    def _drop(self, index: int) -> None:
        """
        Drop a batch.
        """
        self._dropped += len(self._batches[index].rows)
        self._dropped += len(self._batches[index].events)
        del self._batches[index]

    def _go(self) -> None:
        """
        Write the oldest batch, unless one is being written.
        """
        if self._isWriting:
            return
        if not self._batches and self._events:
            self._enqueue({})
        if self._batches:
            self._isWriting, self._began = True, self._surroundings.now()
            writing = self._write(*self._batches[0])
            writing.addCallbacks(self._written, self._failed)
        elif self._finished is not None and not self._finished.called:
            self._finished.callback(None)

    def _written(self, ignored: None) -> None:
        """
        Go on with the next batch.
        """
        self._isWriting = False
        self._batches.popleft()
        if self._isFailing or self._dropped:
            self._isFailing = False
            dropped, self._dropped = self._dropped, 0
            lost = f"; lost: {rowsAndEvents(dropped)}" if dropped else ""
            log.info(
                "--history {path}: written again{lost}",
                path=repr(self._path),
                lost=lost,
            )
        self._go()

    def _failed(self, failure: Failure) -> None:
        """
        Keep what could not be written.
        """
        self._isWriting = False
        if failure.check(HistoryError):
            self._cannot(str(failure.value))
        else:
            # It would fail again.
            log.failure("--history: a batch was not written", failure)
            self._drop(0)
            self.errors += 1
        if self._finished is not None and not self._finished.called:
            self._finished.callback(None)

    def _cannot(self, why: str) -> None:
        """
        Count that something cannot be written, and log the first of several.

        @param why: why not.
        """
        self.errors += 1
        if not self._isFailing:
            log.error(
                "--history {path}: {why}; what is to be written waits",
                path=repr(self._path),
                why=printable(why),
            )
        self._isFailing = True


def rowsAndEvents(count: int) -> str:
    """
    Write how many rows and events there are.
    """
    return counted(count, "row or event", "rows and events")
