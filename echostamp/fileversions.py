"""
Tells whether files have changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

#: A file's time of change in nanoseconds, its size and its inode; L{None} for no file.
Version = tuple[int, int, int] | None


def fileVersions(paths: Iterable[str | None]) -> list[Version]:
    """
    Give which version of each file there is now; L{None} also where there is no path.
    """
    return [None if path is None else _version(path) for path in paths]


def _version(path: str) -> Version:
    """
    Give which version of a file there is.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
