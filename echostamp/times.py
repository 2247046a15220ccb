"""
Times and clock readings, in integer nanoseconds; a leaf.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

#: Nanoseconds in a second, a millisecond and a microsecond.
SECOND, MILLISECOND, MICROSECOND = 1_000_000_000, 1_000_000, 1_000

#: Seconds by which a timer is late only where this process was stopped, by SIGSTOP for
#: one, or its machine was.
STOPPED = 0.5


class Moment(NamedTuple):
    """
    One reading of this machine's two clocks, in nanoseconds.

    @ivar before: the monotonic clock, read just before the realtime clock.
    @ivar realtime: the realtime clock: nanoseconds since the UNIX epoch.
    @ivar after: the monotonic clock, read just after the realtime clock.
    """

    before: int
    realtime: int
    after: int


#: The same as L{Moment}, in half the time.
_momentOf = partial(tuple.__new__, Moment)


def moment() -> Moment:
    """
    Read both clocks of this machine.
    """
    return _momentOf((time.monotonic_ns(), time.time_ns(), time.monotonic_ns()))


class Times(NamedTuple):
    """
    The four times of a probe and its reply, in nanoseconds since the UNIX epoch.

    @ivar t1: sent here.
    @ivar t2: received there; 0 where the far end does not say so.
    @ivar t3: its reply sent there, likewise.
    @ivar t4: received here.
    """

    t1: int
    t2: int
    t3: int
    t4: int


#: The same as L{Times}, of a tuple, in half the time.
timesOf = partial(tuple.__new__, Times)


@dataclass
class SetUp:
    """
    The durations of the steps that set up a connection, in nanoseconds.

    A step that did not take place is L{None}.

    @ivar resolve: the look-up of the host name.
    @ivar connect: the connection, from the first address that was tried.
    @ivar tls: the TLS handshake.
    @ivar firstReply: from the first probe to its reply.
    """

    resolve: int | None = None
    connect: int | None = None
    tls: int | None = None
    firstReply: int | None = None
