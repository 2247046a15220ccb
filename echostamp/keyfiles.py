"""
How the files of certificates and keys are read; a leaf.

Often only root may read them, and a daemon is no longer root when it begins a worker.
So the daemon keeps what it has read, and a worker gets it in a message.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

#: The permissions of others than the owner and the group.
_OF_OTHERS = 0o007

#: Where Linux has the open files of a process as paths.
_OPEN = "/proc/self/fd"


class Files:
    """
    Reads files from the disk, and remembers nothing.
    """

    def absolute(self, path: str) -> str:
        """
        Give the absolute path of a file.

        @param path: as an option has it.
        @return: empty for an empty path: that names no file, not the working directory.
        """
        return os.path.abspath(path) if path else ""

    def read(self, path: str, most: int = -1, isSecret: bool = False) -> bytes:
        """
        Read a file.

        @param most: how many octets are read at most; -1 for all.
        @param isSecret: whether to refuse a file that others may read.
        @raise OSError: it cannot be read, or others may read it.
        """
        with open(path, "rb") as file:
            if isSecret and os.fstat(file.fileno()).st_mode & _OF_OTHERS:
                raise PermissionError(
                    errno.EPERM, "others may read it; chmod o= it", path
                )
            return file.read(most)

    @contextmanager
    def named(self, path: str) -> Iterator[str]:
        """
        Give a path where OpenSSL finds a file, while the context lasts.

        @param path: of a file that was read.
        @raise OSError: it cannot be had.
        """
        yield path

    def isExposed(self, path: str) -> bool:
        """
        Return whether others than the owner and the group may read a file.
        """
        try:
            return bool(os.stat(path).st_mode & _OF_OTHERS)
        except OSError:
            return False

    def accept(self, paths: Iterable[str]) -> None:
        """
        Note that files are right as they were last read.

        @param paths: absolute paths.
        """


#: The files on the disk.
DISK = Files()


class OpenFiles(Files):
    """
    Reads files from the disk, and remembers them for the workers.

    OpenSSL gets what was read, not what is on the disk by then: so a certificate and a
    key that are replaced meanwhile are not remembered as a pair that was never checked.

    @ivar contents: what is in the files that were accepted last, by absolute path.
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self._read: dict[str, bytes] = {}

    def read(self, path: str, most: int = -1, isSecret: bool = False) -> bytes:
        """Read a file, and remember it until it is accepted or read again."""
        found = self._read[self.absolute(path)] = super().read(path, most, isSecret)
        return found

    @contextmanager
    def named(self, path: str) -> Iterator[str]:
        """Give a path that has what was read."""
        with _inMemory(self._read[self.absolute(path)]) as name:
            yield name

    def accept(self, paths: Iterable[str]) -> None:
        """Keep what was read."""
        self.contents.update((path, self._read[path]) for path in paths)


class GivenFiles(Files):
    """
    Has the files that another process has read.
    """

    def __init__(self, contents: Mapping[str, bytes], folder: str) -> None:
        """
        @param contents: see L{replace}.
        @param folder: the working directory in which that process made the paths
            absolute.
        """
        self._contents = contents
        self._folder = folder

    def replace(self, contents: Mapping[str, bytes]) -> None:
        """
        Have other contents.

        @param contents: by absolute path.
        """
        self._contents = contents

    def absolute(self, path: str) -> str:
        """Give the absolute path that a file has in the other process."""
        return os.path.normpath(os.path.join(self._folder, path)) if path else ""

    def read(self, path: str, most: int = -1, isSecret: bool = False) -> bytes:
        """Give a file.  The other process has checked who may read it."""
        content = self._contents.get(self.absolute(path))
        if content is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return content if most < 0 else content[:most]

    @contextmanager
    def named(self, path: str) -> Iterator[str]:
        """Give a path that has what was given."""
        with _inMemory(self.read(path)) as name:
            yield name

    def isExposed(self, path: str) -> bool:
        """Return that nobody else may read a file: the other process has warned."""
        return False


@contextmanager
def _inMemory(content: bytes) -> Iterator[str]:
    """
    Give a path that has a content, and that no other process of another user can open.

    @raise OSError: the system is no Linux, or has no C{/proc}.
    """
    if not (hasattr(os, "memfd_create") and os.path.isdir(_OPEN)):
        raise OSError(errno.ENOSYS, "this takes Linux, with /proc mounted")
    with open(os.memfd_create("echostamp"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"{_OPEN}/{file.fileno()}"
