"""
How exact the system's clock is, by the kernel: C{adjtimex(2)}.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

from echostamp.rfc8762.timestamps import TAI, ErrorEstimate
from echostamp.times import MICROSECOND, SECOND

#: Nanoseconds after which the kernel is asked again.
FRESH = SECOND

#: Of C{linux/timex.h}: the clock is not synchronized.
_UNSYNCHRONIZED = 0x40

#: C{adjtimex} returns this where the clock is not reliable.
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

    @ivar isSynchronized: whether a program keeps it near UTC and reports that to the
        kernel.
    @ivar error: nanoseconds that it may be wrong at most; L{None} where that is not
        known.
    @ivar tai: nanoseconds that TAI is ahead of UTC; L{None} where the kernel does not
        know.
    """

    isSynchronized: bool = False
    error: int | None = None
    tai: int | None = None

    def ptpAhead(self, chosen: int | None) -> int:
        """
        Give how many nanoseconds timestamps in PTP's format are ahead of UTC.

        @param chosen: nanoseconds by the options; L{None} for TAI's.
        """
        return (self.tai or TAI) if chosen is None else chosen

    def errorEstimate(self, isPtp: bool) -> ErrorEstimate:
        """
        Give what a packet claims about its timestamps.

        @param isPtp: whether they have PTP's format.
        """
        return ErrorEstimate(self.isSynchronized, isPtp, self.error)


def kernelClock(adjtimex: Callable[[_Timex], int] | None = None) -> KernelClock:
    """
    Ask the kernel how exact its clock is.

    @param adjtimex: fills in the structure; L{None} for the system's.
    @return: that nothing is known, where the system has no such call or forbids it.
    """
    timex = _Timex()
    try:
        state = (adjtimex or _adjtimex)(timex)
    except (OSError, AttributeError):
        return KernelClock()
    tai = timex.tai * SECOND or None
    if state == _TIME_ERROR or timex.status & _UNSYNCHRONIZED:
        return KernelClock(tai=tai)
    return KernelClock(True, timex.maxerror * MICROSECOND, tai)


def recentKernelClock() -> KernelClock:
    """
    Give what the kernel said in the last quarter of L{FRESH}, to all session-senders of
    the process.

    @return: the same object, as long as that is not asked again.
    """
    return _kernelClockIn(time.monotonic_ns() // (FRESH // 4))


@lru_cache(maxsize=1)
def _kernelClockIn(period: int) -> KernelClock:
    """
    Ask the kernel, once in each period.
    """
    return kernelClock()


@cache
def _library() -> ctypes.CDLL:
    """
    Load the C library, which takes longer than the call.
    """
    return ctypes.CDLL(None, use_errno=True)


def _adjtimex(timex: _Timex) -> int:
    """
    Call the C library's C{adjtimex}, which changes nothing here.

    @raise AttributeError: the library has none.
    @raise OSError: the call is forbidden.
    """
    state: int = _library().adjtimex(ctypes.byref(timex))
    if state < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return state
