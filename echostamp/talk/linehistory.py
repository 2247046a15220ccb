"""
Keeps typed lines in a file, for later sessions.  It needs the extra C{terminal}, which
is prompt_toolkit.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from prompt_toolkit.history import History

#: The most lines that are kept from one session to the next, and their most octets.
MOST, MOST_OCTETS = 1000, 1 << 20

#: Seconds to wait for the lock, which another session has for milliseconds.
PATIENCE = 0.5

#: The first line of the file.  Another file is never changed.
_FIRST = b"# lines that were typed in echostamp talk\n"


class LineHistory(History):
    """
    The lines that were typed, in a file with one line each.

    Sessions may use one file at the same time: each line is written to its end under a
    lock.  The file is shortened when it is opened, in place: another session may have
    it open, and the disk may be full.
    """

    def __init__(self, path: str, failed: Callable[[str], None] | None = None) -> None:
        """
        Open the file, or make it.  Only its owner can read it.

        @param failed: called with the reason when a line cannot be written.
        @raise OSError: it cannot be read or written.
        @raise ValueError: it is no regular file, or has something else.
        """
        super().__init__()
        self.failed = failed
        flags = os.O_RDWR | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        try:
            with self._locked():
                self._lines = self._opened()
        except BaseException:
            os.close(self._fd)
            raise

    def _opened(self) -> list[str]:
        """
        Read the lines, and shorten the file to those that are kept.
        """
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size and os.pread(self._fd, len(_FIRST), 0) != _FIRST:
            raise ValueError("it was not written by echostamp talk")
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            os.fchmod(self._fd, 0o600)
        begin = max(len(_FIRST), status.st_size - MOST_OCTETS)
        text = os.pread(self._fd, MOST_OCTETS, begin)
        if begin > len(_FIRST):
            text = text[text.find(b"\n") + 1 :]
        lines = [line for line in text.split(b"\n") if line][-MOST:]
        kept = _FIRST + b"".join(line + b"\n" for line in lines)
        if len(kept) != status.st_size:
            self._write(kept, 0)
            os.ftruncate(self._fd, len(kept))
        return [line.decode("utf-8", "replace") for line in lines]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """
        Keep other sessions from writing.

        @raise OSError: another program has locked the file for too long.
        """
        end = time.monotonic() + PATIENCE
        while not self._lock():
            if time.monotonic() >= end:
                raise OSError(errno.EAGAIN, "another program has locked it")
            time.sleep(PATIENCE / 100)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _lock(self) -> bool:
        """
        Lock the file, unless it is locked.
        """
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _write(self, data: bytes, at: int) -> None:
        """
        Write everything.
        """
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._fd, rest, at)
            rest, at = rest[written:], at + written

    def load_history_strings(self) -> Iterator[str]:
        """Give the lines of earlier sessions, the last one first."""
        return reversed(self._lines)

    def store_string(self, string: str) -> None:
        """
        Keep what was typed.  After a failure nothing more is kept.

        @param string: a line, or several pasted ones.
        """
        if self._fd < 0:
            return
        data = b"".join(
            line.encode("utf-8", "replace") + b"\n"
            for line in string.split("\n")
            if line
        )
        try:
            with self._locked():
                self._append(data)
        except OSError as error:
            self.close()
            if self.failed is not None:
                self.failed(error.strerror or str(error))

    def _append(self, data: bytes) -> None:
        """
        Write lines to the end of the file, all of them or none.
        """
        end = os.fstat(self._fd).st_size
        try:
            self._write(data if end else _FIRST + data, end)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, end)
            raise

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
