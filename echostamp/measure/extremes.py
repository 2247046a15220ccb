"""
The extremes of buckets that do not keep a row of every probe.
"""

from __future__ import annotations

from array import array

from echostamp.measure.block import UNKNOWN
from echostamp.measure.hull import Hull, joined, limit, push
from echostamp.measure.rows import hullsOf, rttsOf, timedOf
from echostamp.measure.segments import Segments
from echostamp.measure.timedprobes import NEAR_RESOLUTION

#: The most bounds of the offset that a bucket keeps, of each kind, and how many of them
#: while it is the newest one.
BOUNDS, NEWEST_BOUNDS = 6, 12

_GREATEST = (1 << 63) - 1

#: The least and the greatest RTT from sending, and from when the probes were due.
_NONE = (_GREATEST, -_GREATEST, _GREATEST, -_GREATEST)

_WIDTH = len(_NONE)


class Extremes:
    """
    For each bucket the extremes of its RTTs, and the L{BOUNDS} of the offset of each
    kind that matter most.  The newest bucket comes last; L{take} adds a probe to it.

    @ivar uppers: for each bucket but the newest a hull of bounds from above.
    @ivar lowers: the same from below.
    """

    __slots__ = (
        "_coarsest",
        "_lower",
        "_rtts",
        "_upper",
        "lowers",
        "uppers",
    )

    def __init__(self) -> None:
        self._rtts = array("q")
        self._coarsest = array("I")
        self.uppers, self.lowers = Segments("q"), Segments("q")
        # The newest bucket's hulls, which change often.
        self._upper: Hull = []
        self._lower: Hull = []

    def append(self) -> None:
        """
        Append a bucket.
        """
        self.settle()
        self._upper, self._lower = [], []
        self._rtts.extend(_NONE)
        self._coarsest.append(0)
        self.uppers.append()
        self.lowers.append()

    def settle(self) -> None:
        """
        Store the hulls of the newest bucket with those of the others.
        """
        if self._upper:
            for hull, hulls in (
                (self._upper, self.uppers),
                (self._lower, self.lowers),
            ):
                limit(hull, BOUNDS)
                hulls[len(hulls) - 1] = hull

    def take(
        self,
        rtt: int,
        wait: int,
        resolution: int,
        t1: int,
        t2: int,
        t4: int,
        residence: int,
    ) -> None:
        """
        Take the times of a probe in the newest bucket.  L{UNKNOWN} means not known.

        @param residence: from T2 to T3.
        """
        if rtt != UNKNOWN:
            rtts, due = self._rtts, rtt + wait
            if rtt < rtts[-4]:
                rtts[-4] = rtt
            if rtt > rtts[-3]:
                rtts[-3] = rtt
            if due < rtts[-2]:
                rtts[-2] = due
            if due > rtts[-1]:
                rtts[-1] = due
        if t2 != UNKNOWN:
            if resolution > self._coarsest[-1]:
                self._coarsest[-1] = resolution
            end = t4 + NEAR_RESOLUTION
            if push(self._upper, t1, t2 + resolution - t1):
                limit(self._upper, NEWEST_BOUNDS)
            if push(self._lower, end, end - t2 - residence):
                limit(self._lower, NEWEST_BOUNDS)

    def measure(
        self, index: int, rows: array[int], isApart: bool, resolution: int
    ) -> None:
        """
        Take the times of all probes of a bucket.

        @param index: of the bucket.
        @param rows: a row of each probe.
        @param isApart: whether the far end gives T2 and T3 apart.
        @param resolution: the stamps are no finer than this.
        """
        sent, due = rttsOf(rows)
        if sent:
            self._rtts[_WIDTH * index : _WIDTH * (index + 1)] = array(
                "q", (min(sent), max(sent), min(due), max(due))
            )
        probes = timedOf(rows, isApart, resolution)
        self._coarsest[index] = probes.coarsest
        upper, lower = hullsOf(probes)
        if index == len(self._coarsest) - 1:
            self._upper, self._lower = upper, lower
        else:
            for hull, hulls in (upper, self.uppers), (lower, self.lowers):
                limit(hull, BOUNDS)
                hulls[index] = hull

    def join(self, index: int) -> None:
        """
        Join a bucket with the next one.
        """
        rtts, at = self._rtts, _WIDTH * index
        for column, pick in enumerate((min, max, min, max), at):
            rtts[column] = pick(rtts[column], rtts[column + _WIDTH])
        coarsest = self._coarsest[index : index + 2]
        self._coarsest[index] = max(coarsest)
        for hulls in self.uppers, self.lowers:
            later = hulls[index + 1]
            if later:
                hull = joined(hulls[index], later)
                limit(hull, BOUNDS)
                hulls[index] = hull

    def remove(self, first: int, end: int) -> None:
        """
        Remove the buckets from an index to before another one.
        """
        del self._rtts[_WIDTH * first : _WIDTH * end]
        del self._coarsest[first:end]
        self.uppers.remove(first, end)
        self.lowers.remove(first, end)

    def forgetClock(self) -> None:
        """
        Forget all bounds of the offset.
        """
        self._upper, self._lower = [], []
        for hulls in self.uppers, self.lowers:
            hulls.clear()
        self._coarsest = array("I", bytes(4 * len(self._coarsest)))

    def rtts(self, first: int) -> tuple[list[int], list[int]]:
        """
        Return the extremes of the RTTs of the buckets from an index on: from sending,
        and from when the probes were due.
        """
        found: tuple[list[int], list[int]] = [], []
        for at in range(_WIDTH * first, len(self._rtts), _WIDTH):
            low, high, lowDue, highDue = self._rtts[at : at + _WIDTH]
            if low <= high:
                found[0].extend((low, high))
                found[1].extend((lowDue, highDue))
        return found

    def hulls(self, index: int) -> tuple[Hull, Hull, int]:
        """
        Return the bounds of a bucket: from above, from below, and the coarsest
        resolution of its stamps.
        """
        return self.uppers[index], self.lowers[index], self._coarsest[index]
