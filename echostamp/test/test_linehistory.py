"""Tests for L{echostamp.talk.linehistory}."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.talk import linehistory
from echostamp.talk.linehistory import MOST, MOST_OCTETS, LineHistory
from echostamp.test.fakes import osError

FIRST = b"# lines that were typed in echostamp talk\n"


class LineHistoryTests(SynchronousTestCase):
    """
    Typed lines are kept in a file.
    """

    def setUp(self) -> None:
        """Choose a path."""
        self.path = Path(self.mktemp())

    def opened(self) -> LineHistory:
        """Open the file."""
        history = LineHistory(str(self.path))
        self.addCleanup(history.close)
        return history

    def lines(self) -> list[str]:
        """Give the lines that a new session has, the oldest one first."""
        return list(self.opened().load_history_strings())[::-1]

    def mode(self) -> int:
        """Give the permissions of the file."""
        return stat.S_IMODE(self.path.stat().st_mode)

    def test_nextSession(self) -> None:
        """What was typed is there in the next session; pasted lines are lines."""
        history = self.opened()
        for typed in "one", "日本 \udcff", "two\n\nthree":
            history.append_string(typed)
        self.assertEqual(self.lines(), ["one", "日本 ?", "two", "three"])

    def test_mode(self) -> None:
        """Only the owner can read the file, also where others could before."""
        self.addCleanup(os.umask, os.umask(0))
        self.opened()
        self.assertEqual(self.mode(), 0o600)
        for before, after in (0o644, 0o600), (0o400, 0o400), (0o666, 0o600):
            self.path.chmod(before)
            if os.access(self.path, os.W_OK):
                self.opened()
                self.assertEqual(self.mode(), after)

    def test_foreignMode(self) -> None:
        """The mode of another user's file is left alone."""
        self.opened()
        self.path.chmod(0o666)
        self.patch(os, "geteuid", lambda: os.getuid() + 1)
        self.opened()
        self.assertEqual(self.mode(), 0o666)

    def test_otherFiles(self) -> None:
        """A file with anything else is refused, and not changed."""
        for content in b"precious\n", b"x", FIRST[:-1]:
            self.path.write_bytes(content)
            self.path.chmod(0o644)
            self.assertRaises(ValueError, self.opened)
            self.assertEqual((self.path.read_bytes(), self.mode()), (content, 0o644))

    def test_noFiles(self) -> None:
        """A folder, a named pipe, and a path into nothing are refused at once."""
        self.path.mkdir()
        self.assertRaises(IsADirectoryError, self.opened)
        self.path.rmdir()
        os.mkfifo(self.path)
        self.assertRaises(ValueError, self.opened)
        self.path.unlink()
        self.path = self.path / "file"
        self.assertRaises(FileNotFoundError, self.opened)
        self.assertRaises(FileNotFoundError, LineHistory, "")

    def test_bounded(self) -> None:
        """Only the last lines are kept from one session to the next."""
        history = self.opened()
        for number in range(MOST + 10):
            history.append_string(str(number))
        kept = [str(number) for number in range(10, MOST + 10)]
        self.assertEqual(self.lines(), kept)
        self.assertEqual(self.path.read_text().splitlines()[1:], kept)

    def test_boundedOctets(self) -> None:
        """Of long lines fewer are kept."""
        history = self.opened()
        for letter in "abcd":
            history.append_string(letter * (MOST_OCTETS // 3))
        self.assertEqual([line[0] for line in self.lines()], ["c", "d"])
        self.assertLess(self.path.stat().st_size, MOST_OCTETS)

    def test_twoSessions(self) -> None:
        """Sessions at the same time lose none of each other's lines, also when a third
        one shortens the file."""
        one, other = self.opened(), self.opened()
        for number in range(MOST):
            (one if number % 2 else other).append_string(str(number))
        other.append_string("last")
        self.opened()
        one.append_string("more")
        lines = self.lines()
        self.assertEqual(lines[-3:], [str(MOST - 1), "last", "more"])
        self.assertEqual(len(lines), MOST)

    def test_emptied(self) -> None:
        """A file that was emptied during a session is a good one afterwards."""
        history = self.opened()
        self.path.write_bytes(b"")
        history.append_string("one")
        self.assertEqual(self.lines(), ["one"])

    def test_lastLineWithoutEnd(self) -> None:
        """A line that an editor left without its newline stays a line of its own."""
        self.path.write_bytes(FIRST + b"one")
        self.opened().append_string("two")
        self.assertEqual(self.lines(), ["one", "two"])

    def test_failure(self) -> None:
        """A write that fails is reported once, and leaves the file as it was."""
        history = self.opened()
        history.append_string("one")
        reasons: list[str] = []
        history.failed = reasons.append
        write = os.pwrite
        written: list[int] = []

        def fullDisk(fd: int, data: bytes, at: int) -> int:
            if written:
                raise osError(errno.ENOSPC)
            written.append(1)
            return write(fd, data[:1], at)

        self.patch(os, "pwrite", fullDisk)
        history.append_string("two")
        history.append_string("three")
        self.assertEqual(reasons, [os.strerror(errno.ENOSPC)])
        self.assertEqual(history.get_strings()[-1], "three")
        self.assertEqual(self.path.read_bytes(), FIRST + b"one\n")

    def test_locked(self) -> None:
        """A file that another program has locked is waited for a little.  Then it is
        not used."""
        self.patch(linehistory, "PATIENCE", 0)
        history = self.opened()
        other = os.open(self.path, os.O_RDONLY)
        self.addCleanup(os.close, other)
        fcntl.flock(other, fcntl.LOCK_EX)
        reasons: list[str] = []
        history.failed = reasons.append
        history.append_string("one")
        self.assertEqual(reasons, ["another program has locked it"])
        self.assertRaises(OSError, self.opened)
        fcntl.flock(other, fcntl.LOCK_UN)
        self.assertEqual(self.lines(), [])

    def test_lockedForLittle(self) -> None:
        """A lock that another session has for a moment loses nothing."""
        history = self.opened()
        other = os.open(self.path, os.O_RDONLY)
        self.addCleanup(os.close, other)
        fcntl.flock(other, fcntl.LOCK_EX)

        def unlock(seconds: float) -> None:
            fcntl.flock(other, fcntl.LOCK_UN)

        self.patch(time, "sleep", unlock)
        history.append_string("one")
        self.assertEqual(self.lines(), ["one"])

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
    def test_everything(self, typed: list[str]) -> None:
        """Whatever is typed is there again, line by line."""
        self.path.unlink(missing_ok=True)
        history = LineHistory(str(self.path))
        for each in typed:
            history.store_string(each)
        history.close()
        again = LineHistory(str(self.path))
        again.close()
        expected = [line for each in typed for line in each.split("\n") if line]
        self.assertEqual(list(again.load_history_strings())[::-1], expected)
