"""
Checks standard input and output before a command runs.
"""

from __future__ import annotations

import fcntl
import os


def unusableStandardIO() -> str:
    """
    Check that standard input and output can be used.

    This runs before the reactor is made: its own descriptors would take the numbers of
    closed ones.

    @return: what is wrong; empty if both can be used.
    """
    for fd, name, useless, what in (
        (0, "standard input", os.O_WRONLY, "reading"),
        (1, "standard output", os.O_RDONLY, "writing"),
    ):
        try:
            mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError as error:
            return f"{name}: {error.strerror}"
        if mode == useless:
            return f"{name}: not open for {what}"
    return ""
