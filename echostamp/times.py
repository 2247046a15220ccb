"""
Readings of clocks, in integer nanoseconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

#: Nanoseconds of a second, and of its parts.
SECOND, MILLISECOND, MICROSECOND = 1_000_000_000, 1_000_000, 1_000


class Moment(NamedTuple):
    """
    A reading of this machine's clocks, in nanoseconds.

    @ivar before: the monotonic clock, just before the other was read.
    @ivar realtime: since the UNIX epoch.
    @ivar after: the monotonic clock, just after it.
    """

    before: int
    realtime: int
    after: int


def moment() -> Moment:
    """
    Read the clocks.
    """
    return Moment(time.monotonic_ns(), time.time_ns(), time.monotonic_ns())


class Times(NamedTuple):
    """
    The four times of a probe and its reply, in nanoseconds since the UNIX epoch.

    @ivar t1: sent here.
    @ivar t2: received there.
    @ivar t3: its reply sent there.
    @ivar t4: received here.
    """

    t1: int
    t2: int
    t3: int
    t4: int


@dataclass
class SetUp:
    """
    How long each step of making a connection took, in nanoseconds; L{None} for a step
    that was not needed.

    @ivar resolve: looking up the name.
    @ivar connect: connecting, from the first address that was tried.
    @ivar tls: the TLS handshake.
    @ivar firstReply: from the first probe to its reply.
    """

    resolve: int | None = None
    connect: int | None = None
    tls: int | None = None
    firstReply: int | None = None
