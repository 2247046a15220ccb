"""Tests for L{echostamp.talk.typedrows}."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import unicodedata

from twisted.trial.unittest import SynchronousTestCase

from echostamp.columns import columnsOf
from echostamp.talk.typedrows import TypedRows, rowsOf


class RowsTests(SynchronousTestCase):
    """
    How many rows a typed line takes.
    """

    def test_rows(self) -> None:
        """A row that is full begins no other one; a wide character is on one row; a tab
        stays in its row."""
        for text, rows in [
            ("", 1),
            ("> ", 1),
            ("x" * 10, 1),
            ("x" * 11, 2),
            ("x" * 20, 2),
            ("x" * 21, 3),
            ("\u65e5" * 5, 1),
            ("x" + "\u65e5" * 5, 2),
            ("x" * 9 + "\u65e5" * 5, 2),
            ("e\u0301" * 10, 1),
            ("\t\t\t", 1),
            ("\t\t\txy", 2),
        ]:
            self.assertEqual(rowsOf(text, 10), rows, text)

    def test_unsure(self) -> None:
        """Where terminals differ, the rows are known only if they cannot differ."""
        emoji = "\U0001f469\u200d\U0001f52c"
        self.assertEqual(rowsOf(f"> {emoji}", 10), 1)
        self.assertEqual(rowsOf(f"> {emoji}{emoji}", 10), 1)
        self.assertIsNone(rowsOf(f"> {emoji}{emoji}{emoji}", 10))
        for control in "\x1b[D", "\x01", "\x9b":
            self.assertIsNone(rowsOf(control, 10))
        self.assertIsNone(rowsOf("x", 0))

    def test_wideSomewhere(self) -> None:
        """Characters that only some terminals show, or show wide, are not sure: too
        many rows must not be erased."""
        unsure = 0
        for character in map(chr, range(sys.maxunicode + 1)):
            isMark = unicodedata.category(character) in ("Mn", "Me", "Mc", "Cf")
            isWide = unicodedata.east_asian_width(character) in "WF"
            columns = columnsOf(character)
            if columns > (0 if isMark else 1 + isWide):
                unsure += 1
                text = "x" * (11 - columns) + character
                self.assertIsNone(rowsOf(text, 10), ascii(character))
        self.assertGreater(unsure, 200)


class TerminalTests(SynchronousTestCase):
    """
    What a real terminal says.
    """

    def setUp(self) -> None:
        """Let a terminal be standard input and output."""
        self.user, terminal = pty.openpty()
        self.addCleanup(os.close, self.user)
        self.addCleanup(os.close, terminal)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 33, 0, 0))
        self.terminal = terminal
        for fd in 0, 1:
            kept = os.dup(fd)
            os.dup2(terminal, fd)
            self.addCleanup(os.close, kept)
            self.addCleanup(os.dup2, kept, fd)

    def test_width(self) -> None:
        """The width is the terminal's, but not known where it shows nothing that is
        typed, or is no terminal."""
        self.assertEqual(TypedRows().width(), 33)
        modes = termios.tcgetattr(0)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, modes)
        self.assertEqual(TypedRows().width(), 0)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        self.assertEqual(TypedRows().width(), 0)

    def test_more(self) -> None:
        """Only whole lines count as typed."""
        rows = TypedRows()
        os.write(self.user, b"half")
        self.assertFalse(rows.isMoreTyped())
        os.write(self.user, b" a line\nmore")
        select.select([0], [], [])
        self.assertTrue(rows.isMoreTyped())
        self.assertEqual(os.read(0, 100), b"half a line\n")
        self.assertFalse(rows.isMoreTyped())

    def test_hungUp(self) -> None:
        """A terminal that was hung up has nothing more."""
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        self.assertFalse(TypedRows().isMoreTyped())
