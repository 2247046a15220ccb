"""
The tables of a history, their versions, and how a file of them is opened.

The file is SQLite's, with a write-ahead log beside it (C{FILE-wal}).
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from echostamp.history.failures import failure
from echostamp.history.filelock import FILE_MODE
from echostamp.history.interfaces import HistoryError

#: What tells our files from other databases: C{EchS}.
APPLICATION = 0x45636853

#: The columns of a row but its time, as L{KeptRow <echostamp.history.row.KeptRow>}
#: orders them.
COLUMNS = (
    *("due", "sent", "received", "lost_forward", "lost_backward", "lost_unknown"),
    *("late", "rtt_min", "rtt_p10", "rtt_p25", "rtt_median", "rtt_p75", "rtt_p90"),
    *("rtt_p99", "rtt_max", "pdv_forward_median", "pdv_forward_p99"),
    *("pdv_backward_median", "pdv_backward_p99", "offset_low", "offset_estimate"),
    *("offset_high", "verdict", "hops_forward", "hops_backward", "stalled"),
)

#: Milliseconds for which a statement waits for another connection.
_PATIENCE = 5000

#: The octets of a page.  A minute changes a page for each peer: smaller ones than
#: SQLite's 4096 make the log half as long, and the file and queries stay as they are.
_PAGE = 2048

#: The log is written back into the file when it has so many pages; one that has grown
#: longer is cut to so many octets after that.
_LOG_PAGES, _LOG_OCTETS = 2000, 8 << 20

_ROWS = """
CREATE TABLE {name} (
    peer INTEGER NOT NULL, at INTEGER NOT NULL, {columns}, PRIMARY KEY (peer, at)
) WITHOUT ROWID
"""

Migration = Callable[[sqlite3.Connection], None]


def _first(connection: sqlite3.Connection) -> None:
    """
    Make the tables of the first version.
    """
    connection.execute("CREATE TABLE peers (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    columns = ", ".join(f"{each} INTEGER" for each in COLUMNS)
    for name in "minutes", "hours", "days":
        connection.execute(_ROWS.format(name=name, columns=columns))
    connection.execute(
        "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, "
        "time INTEGER, kind TEXT, peer TEXT, subject TEXT, text TEXT, "
        'left_out INTEGER, "values" TEXT)'
    )
    for name in "time", "kind", "peer":
        connection.execute(f"CREATE INDEX events_by_{name} ON events ({name})")


#: What makes each version of the one before; the first one of an empty file.
MIGRATIONS: Sequence[Migration] = (_first,)


def openForWriting(
    path: str, migrations: Sequence[Migration] = MIGRATIONS
) -> sqlite3.Connection:
    """
    Open a file, or make it.  The caller has the file's lock.

    @param path: its absolute path, without symbolic links.
    @raise HistoryError: it cannot be opened.  It is as it was.
    """
    checkFile(path, migrations)
    try:
        if _isEmpty(path):
            _create(path, migrations)
        connection = _connected(f"{Path(path).as_uri()}?mode=rw")
        try:
            _prepare(connection, migrations)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise failure(error) from error
    return connection


def checkFile(
    path: str, migrations: Sequence[Migration] = MIGRATIONS, wholly: bool = False
) -> None:
    """
    Check that a file can be opened for writing, or made, as far as that is known
    without changing anything.

    @param path: its absolute path, without symbolic links.
    @param wholly: whether to read all of it, which may take seconds.
    @raise HistoryError: it cannot.
    """
    try:
        if _isEmpty(path):
            return
        if not os.access(path, os.W_OK, effective_ids=True):
            # SQLite would open it for reading.
            raise HistoryError("it cannot be written to")
        with closing(_readable(path)) as connection:
            _check(connection, path, len(migrations))
            if wholly:
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if found != "ok":
                    raise HistoryError("it is damaged")
    except (sqlite3.Error, OSError) as error:
        raise failure(error) from error


def openForReading(path: str) -> sqlite3.Connection:
    """
    Open a file that a daemon may be writing to.

    @param path: its absolute path, without symbolic links.
    @raise HistoryError: it cannot be read.
    """
    try:
        if _isEmpty(path):
            # Say what is wrong with the path.
            os.stat(path)
            raise HistoryError("it is empty")
        connection = _readable(path)
        try:
            _check(connection, path, len(MIGRATIONS), mayBeOlder=False)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise failure(error) from error
    return connection


def logSize(path: str) -> int:
    """
    Give the octets of the write-ahead log of a file.
    """
    with suppress(FileNotFoundError):
        return os.stat(f"{path}-wal").st_size
    return 0


def _isEmpty(path: str) -> bool:
    """
    Tell whether a file is missing or empty.  This does not open the file: closing any
    descriptor of it would drop the locks that SQLite has on it in this process.

    @raise OSError: it is no file.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise HistoryError("it is no regular file")
    return not found.st_size


def _connected(uri: str) -> sqlite3.Connection:
    """
    Connect to a database.  One thread at a time may use it, not only this one.
    """
    return sqlite3.connect(
        uri,
        timeout=_PATIENCE / 1000,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )


def _readable(path: str) -> sqlite3.Connection:
    """
    Connect to a file without changing it.

    Without a log, no daemon is writing: then the file is read without locks, which
    leaves no empty log behind.
    """
    mode = "ro" if os.path.exists(f"{path}-wal") else "ro&immutable=1"
    return _connected(f"{Path(path).as_uri()}?mode={mode}")


def _create(path: str, migrations: Sequence[Migration]) -> None:
    """
    Make the file, at once with all its tables.  An empty one is replaced.
    """
    new = f"{path}-new"
    _remove(new)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    os.close(os.open(new, flags, FILE_MODE))
    try:
        with suppress(FileNotFoundError):
            os.chmod(new, stat.S_IMODE(os.stat(path).st_mode))
        with closing(_connected(f"{Path(new).as_uri()}?mode=rw")) as connection:
            connection.execute(f"PRAGMA page_size={_PAGE}")
            connection.execute(f"PRAGMA application_id={APPLICATION}")
            _prepare(connection, migrations)
        os.rename(new, path)
    except BaseException:
        _remove(new)
        raise


def _remove(path: str) -> None:
    """
    Delete a database, if there is one, and what SQLite has made beside it.
    """
    for each in path, f"{path}-wal", f"{path}-shm", f"{path}-journal":
        with suppress(FileNotFoundError):
            os.unlink(each)


def _check(
    connection: sqlite3.Connection, path: str, newest: int, mayBeOlder: bool = True
) -> None:
    """
    Check that a database is one of ours, of a version that is known, and whole.

    @param newest: the newest version that is known.
    @param mayBeOlder: whether an older one can be used.
    @raise HistoryError: it is not.
    """
    if _pragma(connection, "application_id") != APPLICATION:
        raise HistoryError("it is no history of EchoStamp")
    version = _pragma(connection, "user_version")
    if version > newest:
        raise HistoryError(
            f"a newer version of EchoStamp made it (its format is {version}, "
            f"this one knows {newest})"
        )
    if version < newest and not mayBeOlder:
        raise HistoryError(
            "an older version of EchoStamp made it; a daemon with --history converts it"
        )
    # Pages that are not in the file can only be in the log.
    size = _pragma(connection, "page_size")
    missing = _pragma(connection, "page_count") * size - os.stat(path).st_size
    if missing > logSize(path):
        raise HistoryError("it is damaged: its end is missing")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    """
    Read a number that SQLite keeps in a database.
    """
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _prepare(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """
    Set how a database is written, and migrate it to the newest version.

    With C{synchronous=FULL}, a transaction is on the disk when it is over.
    """
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit={_LOG_OCTETS}")
    version = _pragma(connection, "user_version")
    if version == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migrate in migrations[version:]:
            migrate(connection)
        connection.execute(f"PRAGMA user_version={len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
