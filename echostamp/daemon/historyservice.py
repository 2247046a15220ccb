"""
Keeps rows of the peers, and events, while the daemon runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError, execute, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.daemon.historythreads import HistoryThreads, OpenHistory
from echostamp.daemon.historywriter import HistoryWriter, rowsAndEvents
from echostamp.daemon.recorder import Recorded, Recorder
from echostamp.daemon.shutdown import GRACE
from echostamp.history.interfaces import HistoryError, IHistory
from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.slices import Slices
from echostamp.probe.surroundings import Surroundings
from echostamp.text import printable

log = Logger(namespace="echostamp")

Found = TypeVar("Found")


class HistoryService(Service):
    """
    Keeps a history in a file.

    It stops behind the service that watches the peers: then their counters stay as they
    are, and the minute that is not over is written, too.
    """

    name = "history"

    #: Whether minutes are kept.
    hasMinutes = True

    def __init__(
        self,
        reactor: Any,
        surroundings: Surroundings,
        path: str,
        open_: Callable[[], OpenHistory],
        peers: Callable[[], Mapping[str, Recorded]],
    ) -> None:
        """
        @param reactor: gets what threads find, and runs timers.
        @param surroundings: the timers and clocks of the probes.
        @param path: of the file, for the log.
        @param open_: opens the history.
        @param peers: gives the peers by name.
        """
        self._reactor = reactor
        self._path = path
        self._open = open_
        self._threads: HistoryThreads | None = None
        self._writer = HistoryWriter(path, surroundings, self._write)
        slices = Slices(reactor, surroundings.now)
        self._recorder = Recorder(surroundings, slices, peers, self._writer.rows)

    # --- From start to end ------------------------------------------------------------

    def startService(self) -> None:
        """
        Open the file, and begin with the present minute.  The file was open before, but
        C{twistd} has forked since, and a connection to SQLite does not survive that.

        @raise SystemExit: it cannot be opened any more.
        """
        Service.startService(self)
        try:
            history = self._open()
        except HistoryError as error:
            raise SystemExit(
                printable(f"echostamp: --history {self._path!r}: {error}")
            ) from None
        self._threads = HistoryThreads(self._reactor, history)
        self._recorder.start()

    def stopService(self) -> Deferred[None]:
        """
        Write the minute that is not over, and close the file.

        @return: fires when that is done, or takes too long.
        """
        Service.stopService(self)
        finished = Deferred.fromCoroutine(self._finish())
        finished.addTimeout(GRACE, self._reactor)
        return finished.addErrback(self._unfinished)

    async def _finish(self) -> None:
        """
        Write the rest, and close the file.
        """
        if self._threads is None:
            return
        await self._recorder.finish()
        await self._writer.finish()
        waiting = self._writer.waiting
        if waiting:
            log.error(
                "--history {path}: not written: {what}",
                path=repr(self._path),
                what=rowsAndEvents(waiting),
            )
        await self._threads.close()

    def _unfinished(self, failure: Failure) -> None:
        """
        Log that the rest was not written, or that the file was not closed.
        """
        if not failure.check(TimeoutError):
            log.failure("--history: not closed", failure)
            return
        log.error(
            "--history {path}: not closed within {grace:g} s; perhaps not written: "
            "{what}",
            path=repr(self._path),
            grace=GRACE,
            what=rowsAndEvents(self._writer.waiting),
        )

    # --- What is kept -----------------------------------------------------------------

    def _write(self, rows: Mapping[str, KeptRow], events: Sequence[Event]) -> Any:
        """
        Write in the thread for that.
        """
        assert self._threads is not None
        return self._threads.write(rows, events)

    def event(self, event: Event) -> None:
        """
        Keep an event.
        """
        self._writer.event(event)
        if event.kind is Kind.OWN_CLOCK_STEP and self.running:
            self._recorder.look()

    def left(self, name: str, peer: Recorded) -> None:
        """
        Keep what was counted of a peer that is watched no more.
        """
        self._recorder.leave(name, peer)

    @property
    def writeErrors(self) -> Mapping[str, int]:
        """How often the file could not be written, by the option's name."""
        return {"history": self._writer.errors}

    def read(self, question: Callable[[IHistory], Found]) -> Deferred[Found]:
        """Ask something in the thread that reads."""
        if self._threads is None:
            return fail(HistoryError("it is not open yet"))
        return self._threads.read(question)


class EventsInMemory:
    """
    Keeps the last events, for a daemon without a file.
    """

    hasMinutes = False

    #: There is no file.
    writeErrors: Mapping[str, int] = MappingProxyType({})

    def __init__(self, history: IHistory) -> None:
        """
        @param history: keeps them, and waits for nothing.
        """
        self._history = history

    def event(self, event: Event) -> None:
        """
        Keep an event.
        """
        self._history.write({}, [event])

    def read(self, question: Callable[[IHistory], Found]) -> Deferred[Found]:
        """Ask something at once."""
        return execute(question, self._history)
