"""
A probe, and probes as columns of integers, in few octets each.

Times are integer nanoseconds since the UNIX epoch, durations integer nanoseconds.
"""

from __future__ import annotations

from array import array
from itertools import compress
from typing import NamedTuple

#: In a column of times: not known.
UNKNOWN = -(1 << 63)

#: The bits of a column of flags, in the order of a L{Probe}'s last items.
KINDS = tuple(1 << bit for bit in range(6))
LOST, LATE, ALTERED, DUPLICATED, REORDERED, VOID = KINDS


#: The greatest time that a column holds, and the coarsest resolution.
_GREATEST = (1 << 63) - 1
_LONGEST_RESOLUTION = (1 << 32) - 1

#: How far a stamp may be from our own clock: 146 years but for a quarter of an hour, so
#: that the difference of two such, and a drift, still fits 64 bits.
_FARTHEST = (1 << 62) - (1 << 40)


def isStorable(t1: int, t2: int, t3: int, t4: int, resolution: int) -> bool:
    """
    Check whether the far end's times of a probe fit the columns.  They do not if they
    are 146 years from ours, or outside the years 1678 to 2261: 64 bits do not hold the
    one-way delays.

    @param resolution: of C{t2} and C{t3}; it must be above 0 and below 4.3 s.
    """
    return (
        -_GREATEST <= t2 <= _GREATEST
        and -_GREATEST <= t3 <= _GREATEST
        and -_FARTHEST < t2 - t1 < _FARTHEST
        and -_FARTHEST < t4 - t3 < _FARTHEST
        and 0 < resolution <= _LONGEST_RESOLUTION
    )


class Probe(NamedTuple):
    """
    A message that was sent, and its reply.  L{None} means not known.

    @ivar seq: its number in the run, from 0.
    @ivar due: when it was to be sent.
    @ivar t1: when it was sent.
    @ivar t2: when the far end received it, by the stamp.
    @ivar t3: when the far end sent its reply; C{t2} if the far end gives one stamp.
    @ivar t4: when its reply was received here.
    @ivar rtt: the round trip, by the clock that the caller trusts most.
    @ivar resolution: of C{t2} and C{t3}: the clock showed at least C{t2} and less than
        C{t2 + resolution}.
    @ivar lost: no reply came in time.
    @ivar late: a reply came after the probe had been counted as lost.
    @ivar altered: the reply differs from what was sent.
    @ivar duplicated: more than one reply came.
    @ivar reordered: its reply came after that of a later probe (RFC 4737, section 3.3).
    @ivar void: the times cannot be compared: our own clock was set while the probe was
        in flight, or its reply waited to be read.  The RTT may still be right.
    """

    seq: int
    due: int
    t1: int
    t2: int | None
    t3: int | None
    t4: int | None
    rtt: int | None
    resolution: int | None
    lost: bool
    late: bool
    altered: bool
    duplicated: bool
    reordered: bool
    void: bool

    @property
    def rttInTime(self) -> int | None:
        """The RTT, where a reply came in time."""
        return None if self.lost else self.rtt

    @property
    def rttFromDue(self) -> int | None:
        """
        The time from when the probe was due to its reply: the wait before it was sent,
        and the RTT.
        """
        rtt = self.rttInTime
        return None if rtt is None else rtt + self.t1 - self.due


class Block:
    """
    Probes that were sent one after the other, in one column for each field: 54 octets a
    probe.  A time that is not known is L{UNKNOWN}.  The resolution is known where C{t2}
    is.
    """

    def __init__(self) -> None:
        self.due = array("q")
        self.t1 = array("q")
        self.t2 = array("q")
        self.t3 = array("q")
        self.t4 = array("q")
        self.rtt = array("q")
        self.resolution = array("I")
        self.flags = array("H")

    def part(self, first: int, end: int) -> Block:
        """
        Return some of the probes, counted from the first of the block.
        """
        found = Block.__new__(Block)
        vars(found).update((name, each[first:end]) for name, each in vars(self).items())
        return found

    def only(self, isChosen: list[bool]) -> Block:
        """
        Return the chosen probes.
        """
        found = Block()
        for name, each in vars(self).items():
            getattr(found, name).extend(compress(each, isChosen))
        return found
