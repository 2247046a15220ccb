"""
What the kernel says of its own clock: C{adjtimex(2)}.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import NamedTuple

#: Nanoseconds that TAI has been ahead of UTC since 2017.
TAI = 37_000_000_000

#: Nanoseconds for which what the kernel says of its clock holds.
FRESH = 1_000_000_000

#: Of C{linux/timex.h}: the clock is not synchronized.
_UNSYNCHRONIZED = 0x40

#: The answer of C{adjtimex} where the clock cannot be relied on.
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """
    C{struct timex} of C{linux/timex.h}.
    """

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    ]


class KernelClock(NamedTuple):
    """
    How far the system's clock may be from UTC.

    @ivar isSynchronized: whether somebody keeps it near UTC and has told the kernel.
    @ivar error: nanoseconds that it may be off at most; L{None} where nobody can say.
    @ivar tai: nanoseconds that TAI is ahead of UTC; L{None} where the kernel was not
        told.
    """

    isSynchronized: bool = False
    error: int | None = None
    tai: int | None = None


def kernelClock(adjtimex: Callable[[_Timex], int] | None = None) -> KernelClock:
    """
    Ask the kernel.

    @param adjtimex: fills the structure in; L{None} for the system's.
    @return: of a system that has no such call, or forbids it: that nothing is known.
    """
    timex = _Timex()
    try:
        state = (adjtimex or _adjtimex)(timex)
    except (OSError, AttributeError):
        return KernelClock()
    tai = timex.tai * 1_000_000_000 or None
    if state == _TIME_ERROR or timex.status & _UNSYNCHRONIZED:
        return KernelClock(tai=tai)
    return KernelClock(True, timex.maxerror * 1000, tai)


def _adjtimex(timex: _Timex) -> int:
    """
    Call the C library's C{adjtimex}; it changes nothing.

    @raise AttributeError: it has none.
    @raise OSError: it may not be called.
    """
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return state
