"""Tests for L{echostamp.client.livescreen}."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import sys
import termios
from fcntl import ioctl
from io import StringIO
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.client import livescreen
from echostamp.client.livescreen import LiveScreen, isForeground, size

#: Seconds after which a test gives up waiting.
DEADLINE = 30.0

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[?7l", b"\x1b[?7h\x1b[?25h\x1b[?1049l"


class ReadingClock(Clock):
    """
    A clock that notes what is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Read."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Read no more."""
        if reader in self.readers:
            self.readers.remove(reader)


class LiveScreenTests(SynchronousTestCase):
    """
    Tests for a terminal that shows screens and sends keys.
    """

    def setUp(self) -> None:
        """Open a terminal in place of standard input and output."""
        self.foreground = os.getpgrp()
        self.master, self.slave = pty.openpty()
        self.addCleanup(os.close, self.slave)
        self.addCleanup(self.close)
        self.modes = termios.tcgetattr(self.slave)
        get, change, flush = termios.tcgetattr, termios.tcsetattr, termios.tcflush
        self.write = write = os.write
        self.patch(termios, "tcgetattr", lambda fd: get(self.slave))
        self.patch(termios, "tcsetattr", lambda fd, *args: change(self.slave, *args))
        self.patch(termios, "tcflush", lambda fd, *args: flush(self.slave, *args))
        self.patch(os, "write", lambda fd, data: write(self.slave, data))
        self.patch(livescreen, "privateDescriptor", lambda fd, flags: self.slave)
        self.patch(os, "fpathconf", lambda fd, name: 0)
        self.patch(signal, "signal", lambda number, handler: None)
        self.patch(os, "tcgetpgrp", lambda fd: self.foreground)
        self.patch(sys, "stdout", StringIO())
        self.reactor = ReadingClock()
        self.pressed: list[str] = []
        self.gone = 0
        self.screen = LiveScreen(self.reactor, self.pressed.extend, self.leave)

    def close(self) -> None:
        """Hang up."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def leave(self) -> None:
        """Note that the terminal is gone."""
        self.gone += 1

    def assertShown(self, expected: bytes) -> None:
        """Assert what the terminal got.  It may come in pieces."""
        got = b""
        while len(got.replace(b"\r\r", b"\r")) < len(expected):
            self.assertTrue(select.select([self.master], [], [], DEADLINE)[0], got)
            got += os.read(self.master, 65536)
        # The terminal puts a carriage return before each newline, too.
        self.assertEqual(got.replace(b"\r\r", b"\r"), expected)

    def type(self, data: bytes) -> None:
        """Type something, and let it be read."""
        self.write(self.master, data)
        self.screen.doRead()

    def test_modes(self) -> None:
        """While the screen is shown, each key is read at once and not echoed; then the
        terminal is as it was."""
        self.screen.begin()
        self.assertShown(ENTER)
        modes = termios.tcgetattr(0)
        self.assertFalse(modes[3] & (termios.ICANON | termios.ECHO))
        self.assertTrue(modes[3] & termios.ISIG)
        self.assertEqual(modes[6][termios.VINTR], self.modes[6][termios.VINTR])
        self.assertEqual(modes[6][termios.VQUIT], b"\0")
        self.assertEqual(self.reactor.readers, [self.screen])
        verifyObject(IReadDescriptor, self.screen)
        self.screen.end()
        self.assertShown(LEAVE)
        self.assertEqual(termios.tcgetattr(0), self.modes)
        self.assertEqual(self.reactor.readers, [])

    def test_statement(self) -> None:
        """The end of the statement gives the terminal back after an error."""
        with self.assertRaises(KeyError), self.screen:
            self.screen.begin()
            self.assertShown(ENTER)
            raise KeyError
        self.assertShown(LEAVE)
        self.assertEqual(termios.tcgetattr(0), self.modes)

    def test_draw(self) -> None:
        """A line is cleared before it is written, and nothing below is left."""
        self.screen.begin()
        self.assertShown(ENTER)
        self.screen.draw(["one", "two"])
        self.assertShown(b"\x1b[H\x1b[Kone\r\n\x1b[Jtwo")

    def test_full(self) -> None:
        """A terminal that takes no more skips screens, and none is cut in two."""
        self.screen.begin()
        self.assertShown(ENTER)
        taken: list[bytes] = []
        room = 4

        def write(fd: int, data: bytes) -> int:
            nonlocal room
            if not room:
                raise BlockingIOError
            part, room = data[:room], max(0, room - len(data))
            taken.append(part)
            return len(part)

        self.patch(os, "write", write)
        self.screen.draw(["one"])
        self.screen.draw(["two"])
        room = 1000
        self.screen.draw(["three"])
        self.assertEqual(b"".join(taken), b"\x1b[H\x1b[Jone\x1b[H\x1b[Jthree")

    def test_keys(self) -> None:
        """Keys are passed on; the Escape character alone waits a little."""
        self.screen.begin()
        self.type(b"a\x1b[A")
        self.assertEqual(self.pressed, ["a", "up"])
        self.type(b"\x1b")
        self.assertEqual(self.pressed, ["a", "up"])
        self.reactor.advance(0.2)
        self.assertEqual(self.pressed, ["a", "up", "escape"])
        self.type(b"\x1b")
        self.type(b"[B")
        self.reactor.advance(0.2)
        self.assertEqual(self.pressed[3:], ["down"])

    def test_suspend(self) -> None:
        """Before this process stops, the terminal is as it was.  It draws again once it
        is in the foreground."""
        stops: list[tuple[int, int]] = []
        self.patch(os, "kill", lambda pid, number: stops.append((pid, number)))
        self.screen.begin()
        self.assertShown(ENTER)
        self.screen.suspend()
        self.assertEqual(stops, [(os.getpid(), signal.SIGSTOP)])
        self.assertShown(LEAVE)
        self.assertEqual(termios.tcgetattr(0), self.modes)
        self.foreground = -1
        self.screen.resume()
        self.screen.draw(["one"])
        self.assertEqual(self.reactor.readers, [])
        self.foreground = os.getpgrp()
        self.screen.draw(["two"])
        self.assertShown(ENTER + b"\x1b[H\x1b[Jtwo")
        self.assertEqual(self.reactor.readers, [self.screen])

    def test_stopped(self) -> None:
        """After a stop from elsewhere the modes are set again."""
        self.screen.begin()
        termios.tcsetattr(0, termios.TCSANOW, self.modes)
        self.screen.resume()
        self.screen.draw(["one"])
        self.assertFalse(termios.tcgetattr(0)[3] & termios.ECHO)

    def test_ended(self) -> None:
        """After the end nothing is drawn."""
        self.screen.begin()
        self.screen.end()
        self.assertShown(ENTER + LEAVE)
        self.screen.draw(["one"])
        self.assertEqual(termios.tcgetattr(0), self.modes)

    def test_gone(self) -> None:
        """A terminal that has hung up is noticed by reading."""
        self.screen.begin()
        self.close()
        self.screen.doRead()
        self.assertEqual((self.gone, self.reactor.readers), (1, []))

    def test_goneOutput(self) -> None:
        """A terminal that has hung up is noticed by writing."""
        self.screen.begin()

        def fail(fd: int, data: bytes) -> int:
            raise OSError(5, "Input/output error")

        self.patch(os, "write", fail)
        self.screen.draw(["one"])
        self.assertEqual(self.gone, 1)

    def test_notOurs(self) -> None:
        """A terminal that does not control this process has no background."""

        def fail(fd: int) -> int:
            raise OSError(25, "Inappropriate ioctl for device")

        self.patch(os, "tcgetpgrp", fail)
        self.assertTrue(isForeground())

    def test_size(self) -> None:
        """The size is the terminal's; one that does not say it has 80 columns and 24
        lines."""
        self.patch(os, "get_terminal_size", lambda fd: os.terminal_size(self.ask()))
        self.assertEqual(size(), (80, 24))
        ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
        self.assertEqual(size(), (100, 30))

    def ask(self) -> tuple[int, int]:
        """Give the columns and lines of the terminal."""
        answer = ioctl(self.slave, termios.TIOCGWINSZ, bytes(8))
        lines, columns, _, _ = struct.unpack("4H", answer)
        return columns, lines
