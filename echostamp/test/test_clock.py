"""Tests for L{echostamp.rfc8762.clock}."""

from __future__ import annotations

import ctypes
import errno
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762 import clock
from echostamp.rfc8762.clock import (
    FRESH,
    KernelClock,
    _library,
    _Timex,
    kernelClock,
    recentKernelClock,
)
from echostamp.rfc8762.timestamps import ErrorEstimate
from echostamp.test.fakes import osError
from echostamp.times import SECOND

#: Of C{linux/timex.h}.
STA_PLL, STA_UNSYNC, STA_NANO = 0x0001, 0x0040, 0x2000
TIME_OK, TIME_INS, TIME_ERROR = 0, 1, 5


class Kernel:
    """
    An C{adjtimex} in memory.
    """

    def __init__(self, state: int, status: int, maxerror: int, tai: int) -> None:
        """
        @param maxerror: microseconds.
        @param tai: seconds.
        """
        self._state = state
        self._fields = {"status": status, "maxerror": maxerror, "tai": tai}

    def __call__(self, timex: Any) -> int:
        assert timex.modes == 0, "nothing is to be changed"
        for name, value in self._fields.items():
            setattr(timex, name, value)
        return self._state


class KernelClockTests(SynchronousTestCase):
    """
    How exact the clock is, by the kernel.
    """

    def test_synchronized(self) -> None:
        """A synchronized clock has an error, which the kernel gives in microseconds; a
        leap second to come does not change that."""
        for state in TIME_OK, TIME_INS:
            kernel = Kernel(state, STA_PLL | STA_NANO, 1234, 37)
            self.assertEqual(
                kernelClock(kernel), KernelClock(True, 1_234_000, 37_000_000_000)
            )

    def test_taiIsNotTold(self) -> None:
        """Where the kernel does not know how far TAI is ahead, it gives 0."""
        self.assertEqual(
            kernelClock(Kernel(TIME_OK, STA_PLL, 5, 0)), KernelClock(True, 5000, None)
        )

    def test_notSynchronized(self) -> None:
        """A clock that is not synchronized has no reliable error; TAI may be known all
        the same."""
        for state, status in [(TIME_ERROR, 0), (TIME_OK, STA_UNSYNC)]:
            self.assertEqual(
                kernelClock(Kernel(state, status, 16_000_000, 37)),
                KernelClock(False, None, 37_000_000_000),
            )

    def test_forbidden(self) -> None:
        """Where the call is forbidden, or does not exist, nothing is known."""
        for error in osError(errno.EPERM), osError(errno.ENOSYS), AttributeError():

            def fail(timex: Any, error: Exception = error) -> int:
                raise error

            self.assertEqual(kernelClock(fail), KernelClock(False, None, None))

    def test_packets(self) -> None:
        """The clock gives the error estimate of packets, and PTP's distance from UTC:
        TAI by the kernel, else 37 s, or what is chosen."""
        clock = KernelClock(True, 5000, None)
        self.assertEqual(clock.errorEstimate(True), ErrorEstimate(True, True, 5000))
        self.assertEqual(clock.ptpAhead(None), 37 * SECOND)
        self.assertEqual(clock._replace(tai=36).ptpAhead(None), 36)
        self.assertEqual(clock._replace(tai=36).ptpAhead(0), 0)

    def test_library(self) -> None:
        """The C library's error is raised, and its answer is used."""

        class Library:
            result = -1

            def adjtimex(self, timex: Any) -> int:
                ctypes.set_errno(errno.EPERM)
                timex._obj.maxerror, timex._obj.tai = 1234, 37
                return self.result

        library = Library()

        def load(name: None, use_errno: bool) -> Library:
            assert use_errno, "errno must be this call's"
            return library

        self.patch(ctypes, "CDLL", load)
        _library.cache_clear()
        self.addCleanup(_library.cache_clear)
        self.assertEqual(kernelClock(), KernelClock())
        for result, isSynchronized in [
            (TIME_OK, True),
            (TIME_INS, True),
            (TIME_ERROR, False),
        ]:
            library.result = result
            error = 1_234_000 if isSynchronized else None
            self.assertEqual(
                kernelClock(), KernelClock(isSynchronized, error, 37_000_000_000)
            )

    def test_layout(self) -> None:
        """C{struct timex} of a 64-bit Linux: 208 octets, C{maxerror} at 24, C{status}
        at 40, C{tai} at 160."""
        if ctypes.sizeof(ctypes.c_long) == 8:
            timex = _Timex
            self.assertEqual(ctypes.sizeof(timex), 208)
            self.assertEqual(
                (timex.maxerror.offset, timex.status.offset, timex.tai.offset),
                (24, 40, 160),
            )

    def test_system(self) -> None:
        """This system's answer, whatever it is, is consistent."""
        found = kernelClock()
        self.assertEqual(found.isSynchronized, found.error is not None)
        self.assertGreaterEqual(found.error or 0, 0)

    def test_recent(self) -> None:
        """The kernel is asked once in a quarter of a second, for all who want to
        know."""
        now = [FRESH]
        made = [KernelClock(True, each, None) for each in range(2)]
        answers = iter(made)
        self.patch(clock, "time", SimpleNamespace(monotonic_ns=lambda: now[0]))
        self.patch(clock, "kernelClock", lambda: next(answers))
        clock._kernelClockIn.cache_clear()
        self.addCleanup(clock._kernelClockIn.cache_clear)
        self.assertIs(recentKernelClock(), made[0])
        now[0] += FRESH // 4 - 1
        self.assertIs(recentKernelClock(), made[0])
        now[0] += 1
        self.assertIs(recentKernelClock(), made[1])
