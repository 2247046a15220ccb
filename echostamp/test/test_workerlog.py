"""Tests for L{echostamp.daemon.workerlog}."""

from __future__ import annotations

import errno
import re
from functools import partial
from typing import Any

from twisted.logger import LogEvent, Logger, LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import workerlog
from echostamp.daemon.workerlog import PipeLog, WorkerLines


class Pipe:
    """
    A pipe with so much room.
    """

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.octets = b""

    def write(self, descriptor: int, octets: bytes) -> int:
        """Take what fits."""
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "no room")
        taken = octets[: self.room]
        self.room -= len(taken)
        self.octets += taken
        return len(taken)


class LogCase(SynchronousTestCase):
    """
    Tests of what a parent logs.
    """

    def read(self, octets: bytes, most: int = 1000) -> list[tuple[str, str]]:
        """Give the levels and the texts that a parent logs of a worker's octets."""
        events: list[LogEvent] = []
        admitted: list[str] = []

        def admits(kind: str) -> bool:
            admitted.append(kind)
            return admitted.count(kind) <= most

        append: Any = events.append
        logger = partial(Logger, observer=append)
        self.patch(workerlog, "Logger", logger)
        WorkerLines(2, admits).dataReceived(octets)
        return [(event["log_level"].name, formatEvent(event)) for event in events]


class PipeLogTests(LogCase):
    """
    Tests for L{PipeLog} and L{WorkerLines}.
    """

    def setUp(self) -> None:
        """Make a log on a pipe."""
        self.pipe = Pipe()
        self.log = PipeLog(1, self.pipe.write)
        self.logger = Logger(namespace="echostamp", observer=self.log)

    def test_line(self) -> None:
        """A line has its level, and the worker's number in front."""
        self.logger.warn("{peer} is late", peer="192.0.2.1:7")
        self.assertEqual(
            self.read(self.pipe.octets), [("warn", "worker 2: 192.0.2.1:7 is late")]
        )

    def test_anyText(self) -> None:
        """Newlines, braces and other characters come through as they are."""
        self.logger.info("{text}", text="a{b}\nc\u2028\x00\ud83d\xe9")
        self.assertEqual(
            self.read(self.pipe.octets),
            [("info", "worker 2: a{b}\nc\u2028\x00\ud83d\xe9")],
        )

    def test_traceback(self) -> None:
        """A failure has its traceback."""
        try:
            raise ValueError("no good")
        except ValueError:
            self.logger.failure("while reading")
        ((level, text),) = self.read(self.pipe.octets)
        self.assertEqual(level, "critical")
        self.assertTrue(text.startswith("worker 2: while reading\nTraceback"), text)
        self.assertIn("ValueError: no good", text)

    def test_ofTwisted(self) -> None:
        """What Twisted tells of its work is left out, but not its warnings."""
        twisted = Logger(namespace="twisted.internet", observer=self.log)
        twisted.info("starting")
        twisted.warn("out of memory")
        self.assertEqual(
            self.read(self.pipe.octets), [("warn", "worker 2: out of memory")]
        )

    def test_kinds(self) -> None:
        """The parent bounds the lines of each kind."""
        for _ in range(5):
            self.logger.info("arrived", bounded="arrivals")
            self.logger.info("left", bounded="departures")
        found = [text for _, text in self.read(self.pipe.octets, most=2)]
        self.assertEqual(found, ["worker 2: arrived", "worker 2: left"] * 2)

    def test_othersAreBounded(self) -> None:
        """Lines without a kind are one kind at each level: many that tell little hide
        no error.  What is no line of a log is a warning."""
        for each in "one", "two":
            self.logger.info(each)
        self.logger.warn("three")
        octets = self.pipe.octets + b"four\nfive\n"
        found = [text for _, text in self.read(octets, most=2)]
        expected = ["one", "two", "three", "four"]
        self.assertEqual(found, ["worker 2: " + each for each in expected])

    def test_fullPipe(self) -> None:
        """Lines wait for room, and those beyond a limit are left out and counted."""
        self.pipe.room = 10
        for _ in range(100):
            self.logger.info("{text}", text="x" * 16_000)
        self.pipe.room = 1 << 30
        self.log.flush()
        self.logger.info("later")
        texts = [text for _, text in self.read(self.pipe.octets)]
        self.assertEqual(texts[-1], "worker 2: later")
        found = re.match(r"worker 2: (\d+) lines left out: the log's pip", texts[-2])
        assert found, texts[-2]
        self.assertEqual(int(found[1]) + len(texts) - 2, 100)
        self.assertLess(len(self.pipe.octets), 1_100_000)

    def test_longLine(self) -> None:
        """A long text is cut."""
        self.logger.info("{text}", text="\U0001f600" * 20_000)
        ((_, text),) = self.read(self.pipe.octets)
        self.assertEqual(text, "worker 2: " + "\U0001f600" * 16_384)

    def test_noParent(self) -> None:
        """Without a reader nothing waits, and nothing fails."""

        def broken(descriptor: int, octets: bytes) -> int:
            raise BrokenPipeError(errno.EPIPE, "nobody reads")

        log = PipeLog(1, broken)
        Logger(namespace="echostamp", observer=log).info("lost")
        Logger(namespace="echostamp", observer=log).info("lost")


class WorkerLinesTests(LogCase):
    """
    What comes from a worker and is no line of its log.
    """

    def test_others(self) -> None:
        """They are shown as they are, printable, and as warnings."""
        for octets in (
            b"Fatal Python error: Aborted",
            b"[1, 2, 3, 4]",
            b'"abcd"',
            b'["info"]',
            b"{}",
            b"7",
            b"\xff\x1b[2J",
        ):
            ((level, text),) = self.read(octets + b"\n")
            self.assertEqual(level, "warn")
            shown = octets.decode(errors="backslashreplace")
            self.assertEqual(text, "worker 2: " + shown.replace("\x1b", "\\x1b"))

    def test_emptyLine(self) -> None:
        """An empty line is none."""
        self.assertEqual(self.read(b"\n\n"), [])

    def test_endlessLine(self) -> None:
        """A line without an end is cut, and does not fill the memory."""
        found = self.read(b"x" * 300_000 + b"\nlater\n")
        self.assertEqual(found[0], ("warn", "worker 2: " + "x" * 16_384))

    def test_levels(self) -> None:
        """Each level comes through."""
        for level in LogLevel.iterconstants():
            pipe = Pipe()
            Logger("echostamp", observer=PipeLog(1, pipe.write)).emit(level, "x")
            self.assertEqual(self.read(pipe.octets), [(level.name, "worker 2: x")])
