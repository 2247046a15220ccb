"""The history of a daemon that is killed, and on a disk that is full or read-only."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import TestCase

from echostamp.history.interfaces import EventQuery
from echostamp.history.row import MINUTE
from echostamp.history.store import SqliteHistory
from echostamp.test.historycases import NOON, row
from loadtests import historywriter
from loadtests.historywriter import NAMES
from tests.harness import figure, lack, run, start, tool

#: The program that writes.
WRITER = str(Path(historywriter.__file__).absolute())

#: How often the daemon is killed; every so many times it begins a new file.
KILLED, NEW = 100, 10


class KillTests(TestCase):
    """
    A daemon that is killed in the middle of a write.
    """

    def test_killed(self) -> None:
        """Whenever it is killed, the file can be opened, and nothing is lost that was
        written."""
        rng = random.Random(11)
        path = Path(self.mktemp()).absolute()
        written = beyond = 0
        for number in range(KILLED):
            if not number % NEW:
                path = Path(self.mktemp()).absolute()
                written += beyond
                beyond = 0
            last = self.killed(path, rng)
            beyond = max(beyond, self.assertWhole(path, last))
        figure(
            f"killed {KILLED} times: each of {written + beyond} minutes of "
            f"{len(NAMES)} peers is there"
        )
        self.assertGreater(written, KILLED)

    def killed(self, path: Path, rng: random.Random) -> int | None:
        """
        Write, and kill the writer at any time.

        @return: the last minute that was written; L{None} if there was none.
        """
        writer = start(
            self,
            *(sys.executable, WRITER, "minutes", str(path)),
            stdout=subprocess.PIPE,
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(rng.randrange(8))]
        # Any moment of a write, of the merging of hours, or of the start will do.
        time.sleep(rng.uniform(0, 0.02))
        writer.kill()
        rest = writer.stdout.read()
        writer.stdout.close()
        writer.wait()
        whole = [each for each in [*lines, *rest.split(b"\n")[:-1]] if each]
        return int(whole[-1]) if whole else None

    def assertWhole(self, path: Path, last: int | None) -> int:
        """
        Assert that all minutes are in a file, up to the last one that was written.

        @return: how many there are.
        """
        history = SqliteHistory(str(path))
        found = history.points(NAMES[-1], 0, 2**40, MINUTE).rows
        events = history.events(EventQuery(most=10**6))
        history.close()
        connection = sqlite3.connect(path)
        (state,) = connection.execute("PRAGMA quick_check").fetchone()
        minutes = connection.execute("SELECT at FROM minutes WHERE peer = 1").fetchall()
        connection.close()
        self.assertEqual(state, "ok")
        self.assertEqual(
            [at for (at,) in minutes],
            list(range(NOON, NOON + len(minutes) * MINUTE, MINUTE)),
        )
        due = sum(each.due for each in found)
        self.assertEqual(due, len(minutes) * row(NOON).due)
        self.assertEqual(len(events), len(minutes) * len(NAMES[::10]))
        if last is not None:
            self.assertLessEqual((last - NOON) // MINUTE + 1, len(minutes))
        return len(minutes)


class DiskTests(TestCase):
    """
    A small disk.
    """

    def wrote(self, mount: str, *arguments: str) -> list[str]:
        """Run the writer in a folder that is a small disk, and give its lines."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        # The disk covers the folder only for a shell that enters it again.
        inside = (
            *(tool("unshare", "util-linux"), "--user", "--map-root-user", "--mount"),
            *("sh", "-c", f'{mount} && cd "$0" && exec "$@"', str(folder)),
        )
        if run(*inside, "true").returncode:
            lack("user namespaces")
        tried = run(*inside, sys.executable, WRITER, *arguments)
        self.assertEqual((tried.returncode, tried.stderr), (0, b""))
        return tried.stdout.decode().splitlines()

    def test_full(self) -> None:
        """A full disk is reported in a line each time; what was written is there, and
        writing goes on when there is room."""
        lines = self.wrote(
            'mount -t tmpfs -o size=16m none "$0" && head -c 8000000 /dev/zero '
            '> "$0/ballast"',
            *("full", "history", "ballast"),
        )
        *errors, written, opened = [line.split("\t") for line in lines]
        self.assertEqual(len(errors), 3)
        before = int(errors[0][1])
        for text, rows, events in errors:
            self.assertEqual(text, "no space is left on its disk (SQLITE_FULL)")
            self.assertEqual(int(rows), int(events))
            self.assertGreaterEqual(int(rows), before)
        figure(f"a small disk was full after {before} minutes of {len(NAMES)} peers")
        self.assertGreater(before, 20)
        more = str(int(errors[-1][1]) + 50)
        self.assertEqual(written, ["written", more, more])
        self.assertEqual(opened, ["opened", more, more])

    def test_readOnly(self) -> None:
        """A disk that is read-only is reported in a line."""
        lines = self.wrote('mount -t tmpfs -o ro none "$0"', "open", "history")
        self.assertEqual(lines, ["Read-only file system"])
