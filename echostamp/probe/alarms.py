"""
Timers that call one function, at most one time ahead.

L{ReactorAlarm} works on every system.  L{KernelAlarm} costs less CPU and is exact on
every reactor: a reactor that uses C{epoll} counts in milliseconds.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.times import SECOND

#: Of C{time.h} and C{sys/timerfd.h}: the monotonic clock; a timer that does not block,
#: and is closed when another program is run; a time, not a duration.
_MONOTONIC, _NONBLOCK_CLOEXEC, _ABSOLUTE = 1, os.O_NONBLOCK | os.O_CLOEXEC, 1


class Alarm(Protocol):
    """
    Calls a function at a time.
    """

    def set(self, when: int) -> None:
        """
        Call the function at a time, not at the one that was set before.

        @param when: nanoseconds by the monotonic clock.
        """


class ReactorAlarm:
    """
    An alarm by a timer of the reactor.
    """

    def __init__(
        self, reactor: Any, clock: Callable[[], int], call: Callable[[], object]
    ) -> None:
        """
        @param reactor: an L{IReactorTime <twisted.internet.interfaces.IReactorTime>}.
        @param clock: gives nanoseconds by the monotonic clock.
        @param call: the function.
        """
        self._reactor = reactor
        self._clock = clock
        self._call = call
        self._timer: IDelayedCall | None = None

    def set(self, when: int) -> None:
        """Set the timer, or move it."""
        wait = max(when - self._clock(), 0) / SECOND
        if self._timer is not None and self._timer.active():
            self._timer.reset(wait)
        else:
            self._timer = self._reactor.callLater(wait, self._call)


@implementer(IReadDescriptor)
class KernelAlarm:
    """
    An alarm by a C{timerfd} of Linux, which the reactor reads.
    """

    def __init__(self, reactor: Any, call: Callable[[], object]) -> None:
        """
        @param reactor: an L{IReactorFDSet
            <twisted.internet.interfaces.IReactorFDSet>}.
        @param call: the function.
        @raise OSError: the system has no such timers, or no descriptor is left.
        """
        try:
            library = ctypes.CDLL(None, use_errno=True)
            create, self._setTime = library.timerfd_create, library.timerfd_settime
        except AttributeError:
            raise OSError("no timerfd") from None
        self._descriptor: int = create(_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # C{struct itimerspec}: seconds and nanoseconds of the interval, of which there
        # is none, and of the time.
        self._time = (ctypes.c_long * 4)()
        self._call = call
        self._isSet = False
        reactor.addReader(self)

    def set(self, when: int) -> None:
        """Set the timer, or move it."""
        # The time 0 would switch it off.
        self._time[2], self._time[3] = divmod(when if when > 0 else 1, SECOND)
        self._setTime(self._descriptor, _ABSOLUTE, self._time, None)
        self._isSet = True

    def fileno(self) -> int:
        """Give the descriptor of the timer."""
        return self._descriptor

    def logPrefix(self) -> str:
        """Name this for the log."""
        return "timer"

    def doRead(self) -> None:
        """Call the function.  Usually it sets the timer again, and so clears it."""
        self._isSet = False
        self._call()
        if not self._isSet:
            # There is nothing if it was set to a later time in the same turn.
            with suppress(BlockingIOError):
                os.read(self._descriptor, 8)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stopped."""
        os.close(self._descriptor)
        self._descriptor = -1
