"""
The lock that keeps a second daemon from writing to the same history.
"""

from __future__ import annotations

import fcntl
import os

from echostamp.history.failures import failure
from echostamp.history.interfaces import HistoryError

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC

#: The mode of new files: the owner may read and write them, the group may read them.
FILE_MODE = 0o640


class FileLock:
    """
    Locks a file beside another one.  The kernel ends the lock with the process.

    The other file itself is not opened: when a process closes any descriptor of a
    database, SQLite loses its own locks on it.  The file of the lock stays where it is.
    If it were deleted, two processes could lock two files of the same name.
    """

    def __init__(self, path: str) -> None:
        """
        Lock it.

        @param path: the file to lock; C{-lock} is appended.
        @raise HistoryError: another process has the lock, or the folder cannot be
            written to.
        """
        try:
            self._number = os.open(f"{path}-lock", _FLAGS, FILE_MODE)
        except OSError as error:
            raise failure(error) from error
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._number)
            raise HistoryError("another daemon writes to it") from None
        except OSError as error:
            os.close(self._number)
            raise failure(error) from error

    def release(self) -> None:
        """
        End the lock.  Its descriptor's number may be another's from now on.
        """
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)
