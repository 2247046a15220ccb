"""Tests for L{echostamp.daemon.historyservice}."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, execute, fail, succeed
from twisted.logger import capturedLogs, formatEvent

from echostamp.daemon import historyservice
from echostamp.daemon.historyservice import EventsInMemory, HistoryService
from echostamp.daemon.historythreads import OpenHistory
from echostamp.daemon.shutdown import GRACE
from echostamp.history.interfaces import EventQuery, HistoryError, IHistory
from echostamp.history.memory import MemoryHistory
from echostamp.history.row import MINUTE, KeptRow
from echostamp.monitor.event import Event, Kind
from echostamp.test.monitorcases import EPOCH, MonitorCase, peer
from echostamp.times import SECOND


class FakeThreads:
    """
    Uses a history at once, unless its disk is stuck or full.
    """

    def __init__(self, case: HistoryServiceTests, history: OpenHistory) -> None:
        self._case = case
        self._history = history.writer

    def write(
        self, rows: Mapping[str, KeptRow], events: Sequence[Event]
    ) -> Deferred[None]:
        """Write."""
        if self._case.isStuck:
            return Deferred()
        return execute(self._write, rows, events)

    def _write(self, *args: Any) -> None:
        if self._case.isFull:
            raise HistoryError("it is full")
        self._history.write(*args)

    def read(self, question: Callable[[IHistory], Any]) -> Deferred[Any]:
        """Read."""
        return execute(question, self._history)

    def close(self) -> Deferred[None]:
        """Close."""
        self._case.closed += 1
        return succeed(None)


class HistoryServiceTests(MonitorCase):
    """
    The service of a history in memory.
    """

    def setUp(self) -> None:
        """Make the service with a peer."""
        super().setUp()
        self.isStuck = self.isFull = False
        self.closed = self.opened = 0
        self.history = MemoryHistory(60)
        self.failure: HistoryError | None = None
        self.patch(
            historyservice,
            "HistoryThreads",
            lambda reactor, history: FakeThreads(self, history),
        )
        self.service = HistoryService(
            self.reactor, self.surroundings, "/h", self.open, lambda: self.monitor.peers
        )
        self.monitor.watch([peer("a")])

    def open(self) -> OpenHistory:
        """Open the history."""
        self.opened += 1
        if self.failure is not None:
            raise self.failure
        return OpenHistory(self.history, self.history)

    def start(self) -> None:
        """Start the service, and watch."""
        self.service.startService()
        self.monitor.start()

    def stop(self) -> Deferred[None]:
        """Stop as the daemon does: first the peers are watched no more."""
        self.monitor.stop()
        return self.service.stopService()

    def rows(self) -> Sequence[KeptRow]:
        """Give the rows that are kept."""
        now = EPOCH // SECOND
        return self.history.points("a", now - 7200, now + 7200).rows

    def event(self, kind: Kind = Kind.DOWN) -> None:
        """Report an event."""
        self.service.event(Event(kind, "", EPOCH))

    def kinds(self) -> list[Any]:
        """Give the kinds of the events that are kept, the newest first."""
        found = self.history.events(EventQuery())
        return [each.event.kind for each in found]

    def test_minutes(self) -> None:
        """Rows and events are kept while the daemon runs; the file is not opened
        before: C{twistd} forks."""
        self.assertEqual(self.opened, 0)
        self.failureResultOf(self.service.read(_peers), HistoryError)
        self.start()
        self.event()
        self.run_(MINUTE)
        self.assertEqual([row.sent for row in self.rows()], [40])
        self.assertEqual(self.kinds(), [Kind.DOWN])
        self.assertEqual(self.successResultOf(self.service.read(_peers)), ["a"])
        self.assertTrue(self.service.hasMinutes)
        self.successResultOf(self.finished())

    def finished(self) -> Deferred[None]:
        """Stop, and let a turn pass."""
        found = self.stop()
        self.run_(0.1)
        return found

    def test_stop(self) -> None:
        """At the end the minute that is not over is kept, and what has just happened;
        then the file is closed."""
        self.start()
        self.run_(MINUTE)
        self.event()
        stopped = self.stop()
        self.assertNoResult(stopped)
        self.run_(0.1)
        self.successResultOf(stopped)
        tally = self.monitor.peers["a"].tally
        self.assertEqual(sum(row.sent for row in self.rows()), tally.sent)
        self.assertEqual(tally.sent, MINUTE)
        self.assertEqual(self.kinds(), [Kind.DOWN])
        self.assertEqual(self.closed, 1)
        self.run_(120)
        self.assertEqual(sum(row.sent for row in self.rows()), tally.sent)

    def test_stopWhileRowsAreMade(self) -> None:
        """A daemon that stops at the end of a minute loses none of its rows."""
        self.start()
        self.run_(39.99)
        self.reactor.advance(0.01)
        self.successResultOf(self.finished())
        tally = self.monitor.peers["a"].tally
        self.assertEqual(sum(row.sent for row in self.rows()), tally.sent)
        self.assertGreater(tally.sent, 38)

    def test_stuckDisk(self) -> None:
        """A disk that is stuck does not keep the daemon from ending, and the log says
        what may be missing."""
        self.start()
        self.run_(20)
        self.isStuck = True
        with capturedLogs() as logs:
            stopped = self.stop()
            self.run_(GRACE - 0.1)
            self.assertNoResult(stopped)
            self.run_(0.2)
            self.successResultOf(stopped)
        self.assertEqual(
            [formatEvent(each) for each in logs],
            [
                "--history '/h': not closed within 5 s; perhaps not written: 1 row or "
                "event",
            ],
        )

    def test_fullDisk(self) -> None:
        """A disk that is full at the end is tried once more, and the file is closed."""
        self.start()
        self.event()
        self.run_(2)
        self.isFull = True
        with capturedLogs() as logs:
            self.successResultOf(self.finished())
        self.assertEqual(
            [formatEvent(each) for each in logs],
            [
                "--history '/h': it is full; what is to be written waits",
                "--history '/h': not written: 2 rows and events",
            ],
        )
        self.assertEqual(self.closed, 1)
        self.assertEqual(self.service.writeErrors, {"history": 2})

    def test_notClosed(self) -> None:
        """What goes wrong when the file is closed is logged, and the daemon ends."""
        self.start()
        self.patch(FakeThreads, "close", lambda self: fail(ZeroDivisionError()))
        self.successResultOf(self.finished())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_takenMeanwhile(self) -> None:
        """A file that cannot be opened any more ends the process with a line."""
        self.failure = HistoryError("another daemon writes to it")
        ended = self.assertRaises(SystemExit, self.service.startService)
        line = "echostamp: --history '/h': another daemon writes to it"
        self.assertEqual(ended.code, line)
        self.successResultOf(self.service.stopService())

    def test_clockSet(self) -> None:
        """When the own clock was set, the minute ends at once."""
        self.start()
        self.run_(30)
        self.step = 600 * SECOND
        self.event(Kind.OWN_CLOCK_STEP)
        self.run_(0.1)
        self.assertEqual([row.sent for row in self.rows()], [30])
        self.successResultOf(self.finished())


class EventsInMemoryTests(MonitorCase):
    """
    A daemon without a file.
    """

    def test_events(self) -> None:
        """Events can be read at once, and rows are not kept."""
        events = EventsInMemory(MemoryHistory())
        events.event(Event(Kind.UP, "a", 7))
        found = self.successResultOf(
            events.read(lambda history: history.events(EventQuery()))
        )
        self.assertEqual([each.event.at for each in found], [7])
        self.assertFalse(events.hasMinutes)
        self.assertEqual(events.writeErrors, {})

    def test_failure(self) -> None:
        """What goes wrong is the answer."""
        events = EventsInMemory(MemoryHistory())
        self.failureResultOf(events.read(lambda history: 1 // 0), ZeroDivisionError)


def _peers(history: IHistory) -> Sequence[str]:
    """
    Ask for the peers.
    """
    return history.peers()
