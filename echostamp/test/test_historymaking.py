"""Tests for L{echostamp.daemon.historymaking}."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from echostamp.daemon import historyservice
from echostamp.daemon.historymaking import checkHistory, historyService
from echostamp.daemon.historythreads import OpenHistory
from echostamp.daemon.options import Options
from echostamp.history.interfaces import EventQuery
from echostamp.history.row import KeptRow
from echostamp.history.store import SqliteHistory
from echostamp.monitor.event import Event, Kind
from echostamp.test.daemonoptions import parsed
from echostamp.test.monitorcases import MonitorCase


class FakeMonitoring:
    """
    Watches the peers of a case.
    """

    def __init__(self, case: MonitorCase) -> None:
        self.monitor = case.monitor
        self.surroundings = case.surroundings
        self.keep: Any = None


class HistoryMakingTests(MonitorCase):
    """
    A history is made as the options say.
    """

    def setUp(self) -> None:
        """Choose a file."""
        super().setUp()
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder.absolute() / "history"
        self.opened: list[OpenHistory] = []
        self.patch(
            historyservice,
            "HistoryThreads",
            lambda reactor, opened: self.opened.append(opened),
        )

    def options(self, *more: str) -> Options:
        """Parse a command line."""
        return parsed("--peers=a", f"--history={self.path}", *more)

    def test_service(self) -> None:
        """The file is made at once, and open while the service runs: what is written
        can be read.  The service gets the events."""
        monitoring: Any = FakeMonitoring(self)
        service = historyService(self.reactor, self.options(), monitoring)
        self.assertEqual(monitoring.keep, service.event)
        self.assertTrue(self.path.exists())
        # Nobody holds it: the process forks.
        SqliteHistory(str(self.path)).close()
        service.startService()
        (found,) = self.opened
        for each in found:
            self.addCleanup(each.close)
        found.writer.write({"a": KeptRow(60, due=1)}, [Event(Kind.UP, "a", 60)])
        self.assertEqual(found.reader.peers(), ["a"])
        self.assertEqual(len(found.reader.events(EventQuery())), 1)

    def test_times(self) -> None:
        """It is kept as long as the options say."""
        options = self.options("--history-events=1h")
        monitoring: Any = FakeMonitoring(self)
        historyService(self.reactor, options, monitoring).startService()
        (found,) = self.opened
        for each in found:
            self.addCleanup(each.close)
        ats = 10_000, 13_599, 13_601
        for at in ats:
            found.writer.write({}, [Event(Kind.UP, "a", at * 10**9)])
        kept = [each.event.at // 10**9 for each in self.eventsOf(found)]
        self.assertEqual(kept, [13_601, 13_599])

    def eventsOf(self, found: OpenHistory) -> Sequence[Any]:
        """Give the events that are kept."""
        return found.reader.events(EventQuery())

    def test_check(self) -> None:
        """A check makes nothing, whether there is a file or not."""
        checkHistory(self.options())
        self.assertFalse(self.path.exists())
        SqliteHistory(str(self.path)).close()
        before = self.path.read_bytes(), sorted(self.path.parent.iterdir())
        checkHistory(self.options())
        after = self.path.read_bytes(), sorted(self.path.parent.iterdir())
        self.assertEqual(after, before)

    def test_checkEmpty(self) -> None:
        """An empty file is one that the daemon would make a history of."""
        self.path.touch()
        checkHistory(self.options())
        self.assertEqual(self.path.stat().st_size, 0)

    def test_checkDamaged(self) -> None:
        """A check reads the whole file."""
        history = SqliteHistory(str(self.path))
        for at in range(200):
            history.write({"a": KeptRow(60 * at, due=1)}, [])
        history.close()
        with self.path.open("r+b") as file:
            file.seek(-2048, os.SEEK_END)
            file.write(bytes(range(256)) * 8)
        said = f"--history {str(self.path)!r}: it is damaged"
        error = self.assertRaises(ValueError, checkHistory, self.options())
        self.assertEqual(str(error)[: len(said)], said)

    def test_checkLongName(self) -> None:
        """A name that no file can have is refused."""
        self.path = self.path.with_name("x" * 256)
        self.assertRaises(ValueError, checkHistory, self.options())

    def test_wrong(self) -> None:
        """A file that cannot be used is a line, with the path and why."""
        self.path.write_text("Dear diary")
        monitoring: Any = FakeMonitoring(self)
        said = f"--history {str(self.path)!r}: it is no history of EchoStamp"
        for make in (
            lambda: checkHistory(self.options()),
            lambda: historyService(self.reactor, self.options(), monitoring),
        ):
            line = str(self.assertRaises(ValueError, make))
            self.assertTrue(line.startswith(said), line)
            self.assertEqual(len(line.splitlines()), 1)
        self.assertEqual(self.path.read_text(), "Dear diary")
        self.assertIsNone(monitoring.keep)

    def test_noFolder(self) -> None:
        """A folder that is missing is named."""
        self.path = self.path / "history"
        said = f"--history {str(self.path.parent)!r}: No such file or directory"
        error = self.assertRaises(ValueError, checkHistory, self.options())
        self.assertEqual(str(error), said)
