"""Tests for L{echostamp.daemon.eventfile}."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.eventfile import EventFile
from echostamp.monitor.event import Event, Kind


class EventFileTests(SynchronousTestCase):
    """
    How events are written to a file.
    """

    def setUp(self) -> None:
        """Open a file, whose writes can fail."""
        self.path = Path(self.mktemp())
        self.failure: OSError | None = None
        self.room = 1 << 20
        self.file = EventFile(str(self.path.absolute()), write=self.write)
        self.addCleanup(self.file.close)

    def write(self, number: int, data: bytes) -> int:
        """Write as much as there is room for."""
        if self.failure is not None:
            raise self.failure
        return os.write(number, data[: self.room])

    def happen(self, kind: Kind) -> None:
        """Write an event."""
        self.file.write(Event(kind, "a", 7))

    def lines(self, path: Path | None = None) -> list[str]:
        """Give the kinds of the events in the file, and whatever is no event."""
        found = []
        for line in (path or self.path).read_text().splitlines():
            try:
                found.append(json.loads(line)["event"])
            except ValueError:
                found.append(line)
        return found

    def test_append(self) -> None:
        """Each event is a line, behind those of an earlier run."""
        self.happen(Kind.DOWN)
        again = EventFile(str(self.path.absolute()))
        self.addCleanup(again.close)
        again.write(Event(Kind.UP, "a", 8))
        self.assertEqual(self.lines(), ["down", "up"])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_reopen(self) -> None:
        """After a file was renamed, the next event is in a new one."""
        self.happen(Kind.DOWN)
        old = self.path.rename(self.mktemp())
        self.happen(Kind.UP)
        self.file.reopen()
        self.happen(Kind.STALL)
        self.assertEqual(self.lines(old), ["down", "up"])
        self.assertEqual(self.lines(), ["stall"])

    def test_cannotBeReopened(self) -> None:
        """If a new file cannot be opened, the old one stays in use."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "events"
        file = EventFile(str(path))
        self.addCleanup(file.close)
        moved = Path(self.mktemp())
        folder.rename(moved)
        with capturedLogs() as logs:
            file.reopen()
        self.assertEqual(
            [formatEvent(each) for each in logs],
            [
                f"--events {str(path)!r}: {os.strerror(errno.ENOENT)}; "
                "events still go to the old file"
            ],
        )
        file.write(Event(Kind.UP, "a", 8))
        self.assertEqual(self.lines(moved / "events"), ["up"])

    def test_standardOutput(self) -> None:
        """Standard output is not opened again: it may be another file by then."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        self.patch(os, "dup", lambda number: writing)
        file = EventFile("-")
        self.patch(os, "dup", lambda number: self.fail("opened again"))
        file.reopen()
        file.write(Event(Kind.UP, "a", 8))
        self.assertIn(b'"up"', os.read(reading, 1000))

    def test_closed(self) -> None:
        """Nothing is written or closed by the number of a file that was closed."""
        number = self.file._number
        self.file.close()
        other = os.open(os.devnull, os.O_WRONLY)
        self.addCleanup(os.close, other)
        self.assertEqual(other, number)
        self.room = 0
        self.happen(Kind.UP)
        self.file.reopen()
        self.file.close()
        self.assertEqual(self.file.errors, 0)
        self.assertEqual(os.write(other, b"x"), 1)
        self.assertEqual(self.lines(), [])

    def test_fullDisk(self) -> None:
        """An event that cannot be written is counted; later ones are written."""
        self.happen(Kind.DOWN)
        self.failure = OSError(errno.ENOSPC, "No space left on device")
        self.happen(Kind.UP)
        self.happen(Kind.DOWN)
        self.failure = None
        self.happen(Kind.STALL)
        self.assertEqual(self.lines(), ["down", "stall"])
        self.assertEqual(self.file.errors, 2)

    def test_halfALine(self) -> None:
        """A part of an event that was written stays on a line of its own."""
        self.room = 5
        self.happen(Kind.DOWN)
        self.room = 1 << 20
        self.happen(Kind.UP)
        self.assertEqual(self.lines(), ['{"tim', "up"])
        self.assertEqual(self.file.errors, 1)

    def test_halfALineBeforeTheReopening(self) -> None:
        """The next event is on a line of its own, too, if the same file is opened again
        meanwhile, or by the next daemon."""
        self.room = 5
        self.happen(Kind.DOWN)
        self.room = 1 << 20
        self.file.reopen()
        self.happen(Kind.UP)
        self.room = 5
        self.happen(Kind.DOWN)
        again = EventFile(str(self.path.absolute()))
        self.addCleanup(again.close)
        again.write(Event(Kind.STALL, "", 8))
        self.assertEqual(self.lines(), ['{"tim', "up", '{"tim', "stall"])

    def test_lostEachTime(self) -> None:
        """The log says how many events were lost since they were last written."""
        with capturedLogs() as logged:
            for count in 2, 3:
                self.failure = OSError(errno.ENOSPC, "No space left on device")
                for _ in range(count):
                    self.happen(Kind.DOWN)
                self.failure = None
                self.happen(Kind.UP)
        lines = [formatEvent(each) for each in logged if "count" in each]
        again = "--events: written again, {} were lost"
        self.assertEqual(lines, [again.format(2), again.format(3)])

    def test_pipeWithoutAReader(self) -> None:
        """A pipe that nobody reads is refused at once."""
        path = self.mktemp()
        os.mkfifo(path)
        self.assertRaises(OSError, EventFile, path)
