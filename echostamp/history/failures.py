"""
Writes in a line why a file of a history cannot be used.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from echostamp.history.interfaces import HistoryError
from echostamp.text import printable

#: SQLite's primary result codes, and what they mean for a user.
_WORDS = {
    sqlite3.SQLITE_FULL: "no space is left on its disk",
    sqlite3.SQLITE_NOTADB: "it is no history of EchoStamp",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_READONLY: "it, or its folder, cannot be written to",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, cannot be opened",
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_BUSY: "another program has locked it",
    sqlite3.SQLITE_IOERR: "its disk cannot be read or written",
}


def failure(error: sqlite3.Error | OSError) -> HistoryError:
    """
    Make the error that says why a file cannot be used.  Its text names no file.
    """
    if isinstance(error, OSError):
        return HistoryError(printable(error.strerror or str(error)))
    code = getattr(error, "sqlite_errorcode", 0)
    words = _WORDS.get(code & 0xFF)
    name = getattr(error, "sqlite_errorname", None) or str(error)
    return HistoryError(printable(f"{words} ({name})" if words else str(error)))


@contextmanager
def explained() -> Iterator[None]:
    """
    Raise L{HistoryError} in place of the errors of SQLite and of the system.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise failure(error) from error
