"""
A clock that a test steers, in the place of the system's.

Python imports this at its start where this folder is in C{PYTHONPATH}.  The file that
C{ECHOSTAMP_TEST_CLOCK} names holds two numbers: by how many nanoseconds the clock is
ahead, and by how many parts in a million it is fast from now on.

The kernel's timestamps of packets would be those of the system's clock: no socket has
them.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any

_time_ns = time.time_ns
_BEGAN = _time_ns()
_PATH = os.environ["ECHOSTAMP_TEST_CLOCK"]


def steered() -> int:
    """Give the time, in nanoseconds since the epoch."""
    with open(_PATH, encoding="ascii") as file:
        ahead, ppm = map(float, file.read().split())
    now = _time_ns()
    return now + int(ahead) + int((now - _BEGAN) * ppm / 1e6)


time.time_ns = steered
time.time = lambda: steered() / 1e9


# Of Linux, SO_TIMESTAMPNS and SO_TIMESTAMPING.
_TIMESTAMPS = 35, 37

_setsockopt = socket.socket.setsockopt


def setsockopt(self: socket.socket, level: int, option: int, *value: Any) -> None:
    """Set an option of a socket, unless it asks for the kernel's timestamps."""
    if level == socket.SOL_SOCKET and option in _TIMESTAMPS:
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
    _setsockopt(self, level, option, *value)


socket.socket.setsockopt = setsockopt  # type: ignore[method-assign, assignment]
