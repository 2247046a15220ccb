"""Tests for L{echostamp.daemon.historywriter}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from echostamp.daemon.historywriter import MOST, PATIENCE, HistoryWriter
from echostamp.history.interfaces import HistoryError
from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event, Kind
from echostamp.test.monitorcases import MonitorCase
from echostamp.times import SECOND

#: What a write says on a disk that is full.
FULL = HistoryError("no space is left on its disk")


class HistoryWriterTests(MonitorCase):
    """
    What is to be kept is written, or waits.
    """

    def setUp(self) -> None:
        """Make a writer whose writes the test ends."""
        super().setUp()
        self.writes: list[tuple[Mapping[str, KeptRow], Sequence[Event]]] = []
        self.writing: Deferred[None] | None = None
        self.writer = HistoryWriter("/h", self.surroundings, self.write)

    def write(
        self, rows: Mapping[str, KeptRow], events: Sequence[Event]
    ) -> Deferred[None]:
        """Begin a write."""
        assert self.writing is None, "one at a time"
        self.writes.append((rows, events))
        self.writing = Deferred()
        return self.writing

    def end(self, failure: Exception | None = None) -> None:
        """End a write."""
        writing, self.writing = self.writing, None
        assert writing is not None
        if failure is None:
            writing.callback(None)
        else:
            writing.errback(failure)

    def minute(self, at: int) -> None:
        """Write the row of a minute."""
        self.writer.rows({"a": KeptRow(at, due=1)})

    def event(self, text: str) -> None:
        """Report an event."""
        self.writer.event(Event(Kind.DOWN, "a", 7, text=text))

    def found(self) -> list[tuple[list[int], list[str]]]:
        """Give the minutes and the events of each write."""
        return [
            ([row.at for row in rows.values()], [each.text for each in events])
            for rows, events in self.writes
        ]

    def test_together(self) -> None:
        """Rows are written at once, with the events before them."""
        self.event("x")
        self.event("y")
        self.minute(60)
        self.assertEqual(self.found(), [([60], ["x", "y"])])
        self.end()
        self.run_(60)
        self.assertEqual(len(self.writes), 1)

    def test_eventsSoon(self) -> None:
        """Events do not wait for the minute; those that follow closely are written with
        the first one."""
        self.event("x")
        self.run_(PATIENCE / SECOND - 0.1)
        self.event("y")
        self.assertEqual(self.writes, [])
        self.run_(0.2)
        self.assertEqual(self.found(), [([], ["x", "y"])])
        self.end()
        self.event("z")
        self.run_(PATIENCE / SECOND)
        self.assertEqual(self.found()[1:], [([], ["z"])])

    def test_slowDisk(self) -> None:
        """While a write takes long, the others wait; they follow in their order."""
        self.minute(60)
        self.event("x")
        self.minute(120)
        self.minute(180)
        self.event("y")
        self.run_(10)
        self.assertEqual(self.found(), [([60], [])])
        for _ in range(4):
            self.end()
        self.assertEqual(self.found()[1:], [([120], ["x"]), ([180], []), ([], ["y"])])
        self.assertIsNone(self.writing)
        self.assertEqual(self.writer.errors, 0)

    def test_fullDisk(self) -> None:
        """A disk that is full is said once, and counted each time; what waits is
        written when there is room."""
        with capturedLogs() as logs:
            self.minute(60)
            self.end(FULL)
            self.event("x")
            self.minute(120)
            self.end(FULL)
            self.assertEqual(self.writer.errors, 2)
            self.minute(180)
            for _ in range(3):
                self.end()
        self.assertEqual(
            self.found(),
            [([60], []), ([60], []), ([60], []), ([120], ["x"]), ([180], [])],
        )
        self.assertEqual(
            list(map(formatEvent, logs)),
            [
                "--history '/h': no space is left on its disk; what is to be written "
                "waits",
                "--history '/h': written again",
            ],
        )

    def test_again(self) -> None:
        """A disk that is full again is said again."""
        with capturedLogs() as logs:
            for at in 60, 120:
                self.minute(at)
                self.end(FULL)
                self.event("x")
                self.run_(PATIENCE / SECOND)
                self.end()
                self.end()
        self.assertEqual(len(logs), 4)
        self.assertEqual(self.writer.errors, 2)

    def test_longFull(self) -> None:
        """The rows of an hour wait; then the oldest are lost, and their number is said
        when something is written again."""
        with capturedLogs() as logs:
            for minute in range(MOST + 2):
                self.minute(60 * minute)
                self.end(FULL)
            self.assertEqual(self.writer.waiting, MOST + 2)
            self.minute(60 * (MOST + 2))
            for _ in range(MOST):
                self.end()
        written = [rows["a"].at for rows, _ in self.writes[-MOST:]]
        self.assertEqual(written, [60 * each for each in range(3, MOST + 3)])
        self.assertEqual(
            formatEvent(logs[-1]),
            "--history '/h': written again; lost: 3 rows and events",
        )
        self.assertEqual((self.writer.errors, self.writer.waiting), (MOST + 2, 0))

    def test_longSlow(self) -> None:
        """Of the rows that wait for a disk that takes no end, those that are being
        written are not dropped; how many others were is said."""
        for minute in range(MOST + 2):
            self.minute(60 * minute)
        self.assertEqual(self.writer.waiting, MOST + 2)
        with capturedLogs() as logs:
            self.end()
        self.assertEqual(
            list(map(formatEvent, logs)),
            ["--history '/h': written again; lost: 2 rows and events"],
        )
        self.assertEqual(self.found()[1], ([60 * 3], []))
        self.assertEqual(self.writer.waiting, MOST - 1)

    def test_stuck(self) -> None:
        """A disk that has been busy for more than a minute is said once, and counted in
        each minute."""
        with capturedLogs() as logs:
            for minute in range(4):
                self.minute(60 * minute)
                self.run_(60)
            self.assertEqual(self.writer.errors, 3)
            self.end()
        self.assertEqual(
            list(map(formatEvent, logs)),
            [
                "--history '/h': its disk has been busy for longer than a minute; what "
                "is to be written waits",
                "--history '/h': written again",
            ],
        )

    def test_noRows(self) -> None:
        """A minute without rows and events is not written."""
        self.writer.rows({})
        self.event("x")
        self.writer.rows({})
        self.assertEqual(self.found(), [([], ["x"])])

    def test_longFullWithoutRows(self) -> None:
        """Events wait as long as rows do, also where there are no rows."""
        self.minute(0)
        for minute in range(2 * MOST):
            self.event(str(minute))
            self.writer.rows({})
        self.writer.rows({})
        self.end()
        for _ in range(MOST - 1):
            self.end()
        self.assertIsNone(self.writing)
        self.assertEqual(self.found()[1], ([], [str(MOST + 1)]))

    def test_wrong(self) -> None:
        """What cannot be written for another reason holds up nothing."""
        self.minute(60)
        self.end(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.minute(120)
        self.end()
        self.assertEqual(self.found(), [([60], []), ([120], [])])
        self.assertEqual(self.writer.errors, 1)

    def test_fullAfterFailure(self) -> None:
        """A disk that is full after that is said."""
        self.minute(60)
        self.end(ZeroDivisionError())
        self.flushLoggedErrors(ZeroDivisionError)
        self.minute(120)
        with capturedLogs() as logs:
            self.end(FULL)
        self.assertEqual(len(logs), 1)

    def test_finish(self) -> None:
        """At the end what waits is written at once."""
        self.minute(60)
        self.event("x")
        finished = self.writer.finish()
        self.end()
        self.assertNoResult(finished)
        self.end()
        self.successResultOf(finished)
        self.run_(60)
        self.assertEqual(self.found(), [([60], []), ([], ["x"])])

    def test_finishWithoutRoom(self) -> None:
        """At the end a write that fails is not tried again."""
        self.minute(60)
        self.minute(120)
        finished = self.writer.finish()
        self.end(FULL)
        self.successResultOf(finished)
        self.assertEqual(self.writer.waiting, 2)

    def test_finished(self) -> None:
        """After the end nothing is tried any more."""
        self.event("x")
        finished = self.writer.finish()
        self.end(FULL)
        self.successResultOf(finished)
        self.run_(60)
        self.assertEqual(self.found(), [([], ["x"])])

    def test_nothing(self) -> None:
        """Where nothing waits, the end is there."""
        finished: Any = self.writer.finish()
        self.successResultOf(finished)
        self.assertEqual(self.writes, [])
