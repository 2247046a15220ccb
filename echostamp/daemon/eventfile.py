"""
The file that gets the events of the monitor.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from twisted.logger import Logger

from echostamp.monitor.event import Event
from echostamp.monitor.eventlog import eventJson

log = Logger(namespace="echostamp")

#: Nobody else reads the file, nor does opening a pipe wait for its reader.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
_MODE = 0o640


class EventFile:
    """
    Appends a line of JSON for each event.  An event that cannot be written is lost;
    the daemon goes on.

    @ivar errors: how many events could not be written.
    """

    def __init__(
        self,
        path: str,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        """
        Open the file.

        @param path: its absolute path; C{-} for standard output.
        @param write: writes to a descriptor.
        @raise OSError: it cannot be opened.
        """
        self.errors = 0
        self._path = path
        self._write = write
        self._isFailing = False
        self._errorsBefore = 0
        self._number = self._open()
        self._isCut = _isCut(self._number, path)

    def _open(self) -> int:
        """
        Open the file, and give its descriptor.
        """
        return os.dup(1) if self._path == "-" else os.open(self._path, _FLAGS, _MODE)

    def reopen(self) -> None:
        """
        Open the file again: the old one may have been renamed.  If that fails, it is
        logged, and the old one stays in use.  Standard output stays as it is: behind
        C{twistd} in the background, another descriptor has its number now.
        """
        if self._path == "-" or self._number < 0:
            return
        try:
            number = self._open()
        except OSError as error:
            log.error(
                "--events {path}: {why}; events still go to the old file",
                path=repr(self._path),
                why=error.strerror,
            )
            return
        os.close(self._number)
        self._number = number
        self._isCut = _isCut(number, self._path)

    def write(self, event: Event) -> None:
        """
        Append an event, unless the file was closed.
        """
        if self._number < 0:
            return
        line = f"{eventJson(event)}\n".encode()
        # A part of the event before may have been written.
        data = b"\n" + line if self._isCut else line
        try:
            written = self._write(self._number, data)
        except OSError as error:
            self._failed(error.strerror or str(error))
            return
        self._isCut = written != len(data)
        if self._isCut:
            self._failed("only a part of it was written")
        elif self._isFailing:
            self._isFailing = False
            lost = self.errors - self._errorsBefore
            log.info("--events: written again, {count} were lost", count=lost)

    def _failed(self, why: str) -> None:
        """
        Count an event that could not be written, and log the first of several.
        """
        if not self._isFailing:
            self._isFailing = True
            self._errorsBefore = self.errors
            log.error("--events {path}: {why}", path=repr(self._path), why=why)
        self.errors += 1

    def close(self) -> None:
        """
        Close the file.  Its number may be another's from now on.
        """
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


def _isCut(number: int, path: str) -> bool:
    """
    Tell whether the last line of a file has no end, because the disk was full, or the
    daemon was killed.

    @param number: the descriptor of the file.
    @param path: its path; one that cannot be read counts as whole.
    """
    if not stat.S_ISREG(os.fstat(number).st_mode) or path == "-":
        return False
    try:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"
    except OSError:
        # It is empty, for one.
        return False
