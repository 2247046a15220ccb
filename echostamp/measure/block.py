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

#: The bits of a column of flags.
LOST, LATE, ALTERED, DUPLICATED, REORDERED, VOID = (1 << bit for bit in range(6))


#: The greatest time that a column holds, and the coarsest resolution.
_GREATEST = (1 << 63) - 1
_LONGEST_RESOLUTION = (1 << 32) - 1

#: How far a stamp may be from our own clock: 146 years but for a quarter of an hour, so
#: that the difference of two such, and a drift, still fits 64 bits.
_FARTHEST = (1 << 62) - (1 << 40)


def isStorable(t1: int, t2: int, t3: int, t4: int, resolution: int) -> bool:
    """
    Say whether the far end's times of a probe fit the columns, and so do the
    differences of one-way delays.  They do not where they are 146 years from ours, or
    outside the years 1678 to 2261.

    @param resolution: of C{t2} and C{t3}; it must be above 0 and below 4.3 s.
    """
    return (
        max(abs(t2), abs(t3)) <= _GREATEST
        and max(abs(t2 - t1), abs(t4 - t3)) < _FARTHEST
        and 0 < resolution <= _LONGEST_RESOLUTION
    )


class Probe(NamedTuple):
    """
    One message out, and its reply.  L{None} stands for what is not known.

    @ivar seq: its number in the run, from 0.
    @ivar due: when it was to leave.
    @ivar t1: when it left.
    @ivar t2: when it was received there, as the stamp says it.
    @ivar t3: when its reply left there; C{t2} where the far end gives one stamp.
    @ivar t4: when its reply was received here.
    @ivar rtt: the round trip, from the clock that its caller trusts most.
    @ivar resolution: of C{t2} and C{t3}: the clock showed at least C{t2} and less than
        C{t2 + resolution}.
    @ivar lost: no reply came in time.
    @ivar late: a reply came after the probe had been called lost.
    @ivar altered: the reply was not what had been sent.
    @ivar duplicated: more than one reply came.
    @ivar reordered: its reply came behind that of a later probe (RFC 4737, section
        3.3).
    @ivar void: our own clock was set while it was under way, or its reply waited to be
        read, so that its times cannot be compared; its RTT may stand.
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
        The RTT with the wait before it: had it left when it was due, the reply would
        have taken so long.
        """
        rtt = self.rttInTime
        return None if rtt is None else rtt + self.t1 - self.due


class Block:
    """
    Some probes sent one after the other, one column for each of their fields: 54 octets
    a probe.  In times L{UNKNOWN} stands for what is not known; the resolution is known
    where C{t2} is.
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
        Give some of the probes, counted from the block's first.
        """
        found = Block.__new__(Block)
        vars(found).update((name, each[first:end]) for name, each in vars(self).items())
        return found

    def only(self, isChosen: list[bool]) -> Block:
        """
        Give those of the probes that are chosen.
        """
        found = Block()
        for name, each in vars(self).items():
            getattr(found, name).extend(compress(each, isChosen))
        return found
