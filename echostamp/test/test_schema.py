"""Tests for L{echostamp.history.schema}, and for how a history is opened."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.history import schema
from echostamp.history.failures import failure
from echostamp.history.file import HistoryFile
from echostamp.history.filelock import FileLock
from echostamp.history.interfaces import EventQuery, HistoryError
from echostamp.history.row import MINUTE
from echostamp.history.schema import MIGRATIONS, openForReading, openForWriting
from echostamp.history.store import SqliteHistory
from echostamp.test.historycases import NOON, event, row

ALWAYS = 0, 2**40


def addColumn(connection: sqlite3.Connection) -> None:
    """Migrate to a second version."""
    connection.execute("ALTER TABLE peers ADD COLUMN colour TEXT DEFAULT 'red'")


def fail(connection: sqlite3.Connection) -> None:
    """Fail to migrate, in the middle of it."""
    connection.execute("DROP TABLE minutes")
    connection.execute("this is no SQL")


class SchemaCase(SynchronousTestCase):
    """
    A file in a folder of its own.
    """

    def setUp(self) -> None:
        """Choose the file."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.path = folder / "it's a ü%20 #?.db"

    def fill(self, minutes: int = 1) -> None:
        """Make the file, with rows and an event, and close it."""
        history = SqliteHistory(str(self.path))
        history._connection.execute("PRAGMA synchronous=OFF")
        names = [f"peer {at}" for at in range(20)]
        for at in range(minutes):
            history.write(dict.fromkeys(names, row(NOON + MINUTE * at)), [event(1)])
        history.close()

    def assertRefused(self, text: str, *ways: Callable[[str], object]) -> None:
        """Assert that the file cannot be opened, and that it stays as it is."""
        before = self.path.read_bytes() if self.path.is_file() else None
        for way in ways or (SqliteHistory, HistoryFile):
            error = self.assertRaises(HistoryError, way, str(self.path))
            self.assertEqual(str(error).count("\n"), 0)
            self.assertRegex(str(error), text)
        after = self.path.read_bytes() if self.path.is_file() else None
        self.assertEqual(after, before)

    def names(self) -> set[str]:
        """Give the names of the files in the folder."""
        return {each.name for each in self.path.parent.iterdir()}


class OpeningTests(SchemaCase):
    """
    Files that are made, and files that are refused.
    """

    def test_new(self) -> None:
        """A new file is readable by its group, and nothing but its lock is left when it
        is closed."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.fill()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)
        self.assertEqual(self.names(), {self.path.name, f"{self.path.name}-lock"})

    def test_safe(self) -> None:
        """A transaction is on the disk when it is over."""
        connection = openForWriting(str(self.path))
        self.addCleanup(connection.close)
        for name, value in ("journal_mode", "wal"), ("synchronous", 2):
            self.assertEqual(
                connection.execute(f"PRAGMA {name}").fetchone(), (value,), name
            )

    def test_reasons(self) -> None:
        """A reason has words for a user, and the name of SQLite's own code."""
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        error.sqlite_errorname = "SQLITE_IOERR_WRITE"
        said = "its disk cannot be read or written (SQLITE_IOERR_WRITE)"
        self.assertEqual(str(failure(error)), said)

    def test_again(self) -> None:
        """A file is opened again."""
        self.fill()
        self.fill(2)
        reader = HistoryFile(str(self.path))
        self.addCleanup(reader.close)
        self.assertEqual(reader.points("peer 7", *ALWAYS).rows[0].due, 120)

    def test_link(self) -> None:
        """A symbolic link is followed: both names are those of one file."""
        link = self.path.parent / "link"
        link.symlink_to(self.path)
        history = SqliteHistory(str(link))
        self.addCleanup(history.close)
        history.write({"a": row(NOON)}, [])
        self.assertRefused("another daemon", SqliteHistory)
        reader = HistoryFile(str(self.path))
        self.addCleanup(reader.close)
        self.assertEqual(reader.peers(), ["a"])

    def test_empty(self) -> None:
        """An empty file is made one, and keeps its mode; it has nothing to read."""
        self.path.touch()
        self.path.chmod(0o600)
        self.assertRefused("it is empty", HistoryFile)
        self.fill()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_noRoom(self) -> None:
        """Where a file cannot be made, nothing is left but the lock."""

        def prepare(connection: sqlite3.Connection, *rest: object) -> None:
            for end in "wal", "shm":
                Path(f"{self.path}-new-{end}").touch()
            raise sqlite3.OperationalError("disk I/O error")

        self.patch(schema, "_prepare", prepare)
        self.assertRefused("disk I/O error", SqliteHistory)
        self.assertEqual(self.names(), {f"{self.path.name}-lock"})

    def test_halfMade(self) -> None:
        """What is left of a file that was not made to its end is replaced."""
        new = Path(f"{self.path}-new")
        for each in new, Path(f"{new}-wal"), Path(f"{new}-journal"):
            each.write_bytes(b"some octets")
        self.fill()
        self.assertFalse(new.exists())

    def test_notOurs(self) -> None:
        """A file that is no database, or another program's, is refused."""
        for octets in b"x", b"peers: all\n" * 500, bytes(4096), os.urandom(9999):
            self.path.write_bytes(octets)
            self.assertRefused("it is no history of EchoStamp")
        self.path.unlink()
        for mode in "DELETE", "WAL":
            other = sqlite3.connect(self.path)
            other.execute(f"PRAGMA journal_mode = {mode}")
            other.execute("CREATE TABLE IF NOT EXISTS minutes (x)")
            other.commit()
            other.close()
            self.assertRefused("it is no history of EchoStamp")
            self.assertEqual(self.names(), {self.path.name})

    def test_noFile(self) -> None:
        """A folder, a device and a file in no folder are refused; to read, so is a file
        that is missing."""
        self.path.mkdir()
        self.assertRefused("Is a directory")
        self.path.rmdir()
        self.assertRefused("No such file or directory", HistoryFile)
        os.mkfifo(self.path)
        self.assertRefused("no regular file")
        self.assertEqual(self.names(), {self.path.name})
        self.path.unlink()
        self.path = self.path / "deeper"
        self.assertRefused("No such file or directory")

    def test_forbidden(self) -> None:
        """A file that may not be read is refused, and so is one in a folder that may
        not be written to."""
        # A user that is not root must be able to get there.
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.path = folder / "history"
        if not os.geteuid():
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
            self.addCleanup(os.seteuid, 0)
        self.fill()
        self.path.chmod(0)
        self.assertRaises(HistoryError, SqliteHistory, str(self.path))
        self.assertRaises(HistoryError, HistoryFile, str(self.path))
        self.path.chmod(0o400)
        self.assertRefused("it cannot be written to", SqliteHistory)
        HistoryFile(str(self.path)).close()
        folder.chmod(0o500)
        try:
            self.assertRefused("cannot be|ermission", SqliteHistory)
            HistoryFile(str(self.path)).close()
        finally:
            folder.chmod(0o700)

    def test_locked(self) -> None:
        """A second daemon is refused until the first has closed the file."""
        history = SqliteHistory(str(self.path))
        self.assertRefused("another daemon writes to it", SqliteHistory)
        history.close()
        self.fill()

    def test_lock(self) -> None:
        """Nobody else can have the lock before it is released."""
        lock = FileLock(str(self.path))
        self.addCleanup(lock.release)
        self.assertRaises(HistoryError, FileLock, str(self.path))
        lock.release()
        lock.release()
        FileLock(str(self.path)).release()


class VersionTests(SchemaCase):
    """
    Files of other versions.
    """

    def test_newer(self) -> None:
        """A file of a newer version is refused."""
        self.fill()
        two = [*MIGRATIONS, addColumn]
        openForWriting(str(self.path), two).close()
        self.assertRefused("a newer version of EchoStamp made it .*is 2, .*knows 1")

    def test_older(self) -> None:
        """A file of an older version is migrated by who writes it, and keeps what is in
        it."""
        self.fill()
        connection = openForWriting(str(self.path), [*MIGRATIONS, addColumn])
        found = connection.execute("SELECT name, colour FROM peers WHERE id = 2")
        self.assertEqual(found.fetchall(), [("peer 1", "red")])
        self.assertEqual(connection.execute("PRAGMA user_version").fetchone(), (2,))
        connection.close()

    def test_olderIsNotRead(self) -> None:
        """A file of an older version is not read, and the error says what to do."""
        self.fill()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 0")
        connection.close()
        self.assertRefused("older version.*a daemon with --history", openForReading)

    def test_failing(self) -> None:
        """A migration that fails changes nothing."""
        self.fill()
        self.assertRefused(
            "syntax error", lambda path: openForWriting(path, [*MIGRATIONS, fail])
        )
        self.fill()

    def test_failingAtFirst(self) -> None:
        """A file that cannot be made is not left behind."""
        self.assertRefused("no such table", lambda path: openForWriting(path, [fail]))
        self.assertEqual(list(self.path.parent.iterdir()), [])


class DamageTests(SchemaCase):
    """
    Damaged files.
    """

    def test_cut(self) -> None:
        """A file whose end is missing is refused."""
        self.fill(50)
        octets = self.path.read_bytes()
        for size in len(octets) - 1, len(octets) // 2, 4096, 4095, 512, 99:
            self.path.write_bytes(octets[:size])
            self.assertRefused("it is damaged|it is no history")

    def test_cutBesideLog(self) -> None:
        """So is one beside which a daemon that was killed has left its log."""
        self.fill(50)
        history = SqliteHistory(str(self.path))
        history.write({"a": row(NOON)}, [])
        octets, log = self.path.read_bytes(), Path(f"{self.path}-wal").read_bytes()
        history.close()
        self.path.write_bytes(octets[: len(octets) // 2])
        Path(f"{self.path}-wal").write_bytes(log)
        self.assertRefused("it is damaged")

    def test_grown(self) -> None:
        """A file is whole whose last pages are still in the log."""
        history = SqliteHistory(str(self.path))
        self.addCleanup(history.close)
        names = {f"peer {at}": row(NOON) for at in range(500)}
        before = self.path.stat().st_size
        history.write(names, [])
        self.assertEqual(self.path.stat().st_size, before)
        reader = HistoryFile(str(self.path))
        self.addCleanup(reader.close)
        self.assertEqual(len(reader.peers()), 500)

    def test_pages(self) -> None:
        """Whatever pages are damaged, opening, reading and writing give answers or
        errors of one line."""
        self.fill(120)
        octets = self.path.read_bytes()
        rng = random.Random(7)
        errors = 0
        for _ in range(60):
            page = rng.randrange(len(octets) // 2048) * 2048
            broken = bytearray(octets)
            for _ in range(40):
                broken[page + rng.randrange(rng.choice([20, 2048]))] = rng.randrange(
                    256
                )
            self.path.write_bytes(broken)
            errors += self.used()
        self.assertGreater(errors, 20)

    def used(self) -> int:
        """
        Use the file in every way.

        @return: how many errors there were.
        """
        try:
            history = SqliteHistory(str(self.path))
        except HistoryError as error:
            self.assertNotIn("\n", str(error))
            return 1
        names = [f"peer {at}" for at in range(20)]
        ways: list[Callable[[], object]] = [
            lambda: [history.points(name, *ALWAYS, 7200) for name in names],
            lambda: history.events(EventQuery(most=999)),
            lambda: history.write(dict.fromkeys(names, row(NOON + 10**5)), [event(9)]),
            history.peers,
        ]
        errors = 0
        for way in ways:
            try:
                way()
            except HistoryError as error:
                self.assertNotIn("\n", str(error))
                errors += 1
        history.close()
        return errors
