"""
Probes in buckets: what is kept of many of them, in little memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Protocol

from echostamp.measure.block import UNKNOWN
from echostamp.measure.bucketcounts import BucketCounts
from echostamp.measure.extremes import Extremes
from echostamp.measure.hull import Hull
from echostamp.measure.rows import hullsOf, number, resolution, timedOf
from echostamp.measure.samplerows import THINNED, SampleRows
from echostamp.measure.windowspec import Rounding

#: So many new buckets are begun before old ones are joined.
_NEW = 6


class Later(Protocol):
    """
    The probes after those of all buckets.
    """

    def due(self) -> int:
        """Return how many of them were due."""

    def answered(self) -> int:
        """Return how many of them have a row."""


class Buckets:
    """
    Probes whose fates became known one after the other, oldest first.

    A bucket counts some of them that follow one another.  Old buckets are joined, as
    far as a L{Rounding} lets them be, and removed when no window needs them.  Every
    bucket has L{SampleRows}; one that has no row of each probe has L{Extremes}, too.

    @ivar known: what happened to the probes of each bucket, and when.
    @ivar isApart: whether the far end gives T2 and T3 apart; set by the owner.
    @ivar resolution: stamps are no finer than this, in nanoseconds; likewise.
    """

    __slots__ = (
        "_extremes",
        "_isThin",
        "_joined",
        "_room",
        "_rounding",
        "_rows",
        "_until",
        "isApart",
        "known",
        "resolution",
    )

    def __init__(self, rounding: Rounding) -> None:
        """
        @param rounding: how much may be in a bucket.
        """
        self._rounding = rounding
        self.isApart = False
        self.resolution = 1
        self._begin(-1)

    def _begin(self, removed: int) -> None:
        """
        Begin without buckets.

        @param removed: when the fate of the last probe before became known; -1 if there
            was none.
        """
        self.known = BucketCounts(removed)
        self._extremes = Extremes()
        self._rows = SampleRows(self._rounding.tiers)
        # The newest bucket: whether it is thin, until when it takes probes, and for how
        # many that were due it still has room.
        self._isThin = False
        self._until = self._room = 0
        self._joined = 0

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self.known)

    # --- What comes in ----------------------------------------------------------------

    def take(
        self,
        now: int,
        later: Later,
        time: int,
        flags: int,
        before: int,
        row: Sequence[int],
    ) -> None:
        """
        Take a probe.

        @param now: by the monotonic clock.
        @param later: those after it.
        @param time: when its fate became known, by the monotonic clock.
        @param flags: what happened to it.
        @param before: the RTT of the probe sent before it.
        @param row: its row.
        """
        top, wait, t1, t2, t4, rtt = row
        if time > self._until or not self._room:
            behind = later.due()
            if self._rounding.isOver(now - time, behind):
                # Those before it are over, too.
                self._begin(time)
                return
            self._open(now, time, behind)
        self.known.take(time, flags, number(top))
        self._room -= 1
        if rtt == UNKNOWN == t2:
            return
        if self._isThin:
            residence = t4 - t1 - rtt if self.isApart else 0
            coarse = max(resolution(top), self.resolution)
            self._extremes.take(rtt, wait, coarse, t1, t2, t4, residence)
            if number(top) % self._rows.every[-1]:
                return
            if UNKNOWN not in (rtt, before):
                self._rows.takeIpdv(abs(rtt - before))
        self._rows.take(row)
        if len(self._rows) > THINNED and self._rows.isFull(later.answered()):
            self._tidy(now, later.due())
            self._rows.thin(self._tiers(now), later.answered(), self._measure)
            self._isThin = self._rows.every[-1] > 1

    def _measure(self, index: int, rows: array[int]) -> None:
        """
        Take the extremes of a bucket's probes, before it keeps fewer rows.
        """
        self._extremes.measure(index, rows, self.isApart, self.resolution)

    def forgetClock(self) -> None:
        """
        Forget what is known of the far clock.
        """
        self._extremes.forgetClock()
        self._rows.forgetClock()

    # --- Buckets ----------------------------------------------------------------------

    def _tiers(self, now: int) -> list[int]:
        """
        Return the tier of each bucket.
        """
        return [self._rounding.tier(now - last) for last in self.known.lasts]

    def _open(self, now: int, time: int, behind: int) -> None:
        """
        Begin a bucket.
        """
        if len(self) >= self._joined + _NEW:
            self._tidy(now, behind)
            self._rows.relax(self._tiers(now))
            self._joined = len(self)
        self.known.append(time)
        self._extremes.append()
        self._rows.append(self._rounding.tier(now - time))
        self._isThin = self._rows.every[-1] > 1
        self._until = time + self._rounding.width(now - time)
        self._room = self._rounding.most(behind)

    def _tidy(self, now: int, behind: int) -> None:
        """
        Remove the buckets that no window includes, and join those that may be.
        """
        self._extremes.settle()
        rounding, known = self._rounding, self.known
        due = [known.due(index) for index in range(len(self))]
        later = behind + sum(due)
        gone = 0
        for first, count in zip(known.firsts[:-1], due, strict=False):
            later -= count
            if not rounding.isOver(now - first, later):
                break
            gone += 1
        known.removeFirst(gone)
        self._extremes.remove(0, gone)
        self._rows.removeFirst(gone)
        del due[:gone]
        later = behind + sum(due[1:])
        index = 0
        while index + 2 < len(self):  # the newest bucket still takes probes
            later -= due[index + 1]
            first, last = known.firsts[index], known.lasts[index + 1]
            both = due[index] + due[index + 1]
            age = now - last
            if last - first <= rounding.width(age) and both <= rounding.most(later):
                self._join(index, rounding.tier(age))
                due[index : index + 2] = [both]
            else:
                index += 1

    def _join(self, index: int, tier: int) -> None:
        """
        Join a bucket with the next one.
        """
        self.known.join(index)
        self._rows.join(index, tier, self._measure)
        self._extremes.join(index)
        self._extremes.remove(index + 1, index + 2)

    # --- What is known ----------------------------------------------------------------

    def every(self, first: int) -> int:
        """
        Return the number whose multiples have a row in all buckets from an index on.
        """
        return max(self._rows.every[first:], default=1)

    def rows(self, first: int) -> array[int]:
        """
        Return the rows of the buckets from an index on.
        """
        return self._rows.since(first)

    def ipdv(self, first: int) -> array[int]:
        """
        Return the IPDV of every so many pairs of the buckets from an index on.
        """
        return self._rows.ipdv(first)

    def rtts(self, first: int) -> tuple[list[int], list[int]]:
        """
        Return extremes of the RTTs that have no row, of the buckets from an index on:
        from sending, and from when the probes were due.
        """
        return self._extremes.rtts(first)

    def hulls(self, first: int) -> list[tuple[Hull, Hull, int]]:
        """
        Return the bounds of the offset from each bucket from an index on: from above,
        from below, and the coarsest resolution of its stamps.
        """
        self._extremes.settle()
        found = []
        for index in range(first, len(self)):
            if self._rows.every[index] > 1:
                found.append(self._extremes.hulls(index))
            else:
                probes = timedOf(self._rows.of(index), self.isApart, self.resolution)
                found.append((*hullsOf(probes), probes.coarsest))
        return found
