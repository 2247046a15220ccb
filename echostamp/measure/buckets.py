"""
Probes in buckets: what is kept of many of them, in little memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from echostamp.measure.block import LOST, UNKNOWN
from echostamp.measure.bursts import Bursts
from echostamp.measure.counts import (
    C_DUPLICATES,
    C_LATE,
    C_LOST,
    C_RECEIVED,
    C_SKIPPED,
    COUNTS,
    tally,
)
from echostamp.measure.extremes import Extremes
from echostamp.measure.hull import Hull
from echostamp.measure.rows import hullsOf, number, resolution, timedOf
from echostamp.measure.samplerows import THINNED, SampleRows
from echostamp.measure.segments import Segments
from echostamp.measure.windowspec import Rounding

#: So many new buckets are begun before old ones are joined.
_NEW = 6


class Buckets:
    """
    Probes whose fates became known one after the other, oldest first.

    A bucket counts some of them that follow one another.  Old buckets are joined, as
    far as a L{Rounding} lets them be, and removed when no window needs them.  Every
    bucket has L{SampleRows}; one that has no row of each probe has L{Extremes}, too.
    """

    __slots__ = (
        "_bursts",
        "_counts",
        "_extremes",
        "_isThin",
        "_joined",
        "_newest",
        "_removed",
        "_room",
        "_rounding",
        "_rows",
        "_times",
        "_until",
    )

    def __init__(self, rounding: Rounding) -> None:
        """
        @param rounding: how much may be in a bucket.
        """
        self._rounding = rounding
        # For each bucket when the fates of its first and its last probe became known,
        # and its counts.
        self._times = array("q")
        self._counts = array("I")
        self._bursts = Segments("I")
        self._extremes = Extremes()
        self._rows = SampleRows(rounding.tiers, self._extremes.measure)
        # The newest bucket: its bursts, whether it is thin, until when it takes probes,
        # and for how many that were due it still has room.
        self._newest = Bursts()
        self._isThin = False
        self._until = self._room = 0
        self._joined = 0
        self._removed = -1

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self._bursts)

    # --- What comes in ----------------------------------------------------------------

    def take(
        self,
        now: int,
        behind: int,
        others: Callable[[], int],
        time: int,
        flags: int,
        before: int,
        row: Sequence[int],
    ) -> None:
        """
        Take a probe.

        @param now: by the monotonic clock.
        @param behind: how many probes were due after it.
        @param others: gives how many of those have a row.
        @param time: when its fate became known, by the monotonic clock.
        @param flags: what happened to it.
        @param before: the RTT of the probe sent before it.
        @param row: its row.
        """
        top, wait, t1, t2, t3, t4, rtt = row
        if time > self._until or not self._room:
            self._open(now, time, behind)
        self._times[-1] = time
        self._room -= 1
        if flags:
            tally(self._counts, len(self._counts) - COUNTS, flags)
            if flags & LOST:
                self._newest.lose(number(top))
        else:
            self._counts[C_RECEIVED - COUNTS] += 1
        if rtt == UNKNOWN == t2:
            return
        if self._isThin:
            coarse = resolution(top)
            self._extremes.take(rtt, wait, coarse, t1, t2, t3, t4)
            if number(top) % self._rows.every[-1]:
                return
            if UNKNOWN not in (rtt, before):
                self._rows.takeIpdv(abs(rtt - before))
        self._rows.take(row)
        if len(self._rows) > THINNED and self._rows.isFull(others()):
            self._tidy(now, behind)
            self._rows.thin(self._tiers(now), others())
            self._isThin = self._rows.every[-1] > 1

    def late(self) -> None:
        """Count a late reply, of a probe that was taken."""
        if self._counts:
            self._counts[C_LATE - COUNTS] += 1

    def repeated(self) -> None:
        """Count a duplicate, of the reply to a probe that was taken."""
        if self._counts:
            self._counts[C_DUPLICATES - COUNTS] += 1

    def forgetClock(self) -> None:
        """
        Forget what is known of the far clock.
        """
        self._extremes.forgetClock()
        self._rows.forgetClock()

    # --- Buckets ----------------------------------------------------------------------

    def _tiers(self, now: int) -> list[int]:
        """
        Give the tier of each bucket.
        """
        return [self._rounding.tier(now - last) for last in self._times[1::2]]

    def _due(self, index: int) -> int:
        """
        Give how many probes of a bucket were due.
        """
        counts = self._counts[COUNTS * index : COUNTS * (index + 1)]
        return counts[C_RECEIVED] + counts[C_LOST] + counts[C_SKIPPED]

    def _open(self, now: int, time: int, behind: int) -> None:
        """
        Begin a bucket.
        """
        if len(self) >= self._joined + _NEW:
            self._tidy(now, behind)
            self._rows.relax(self._tiers(now))
            self._joined = len(self)
        self._settle()
        self._newest = Bursts()
        self._times.extend((time, time))
        self._counts.extend([0] * COUNTS)
        self._bursts.append()
        self._extremes.append()
        self._rows.append(self._rounding.tier(now - time))
        self._isThin = self._rows.every[-1] > 1
        self._until = time + self._rounding.width(now - time)
        self._room = self._rounding.most(behind)

    def _settle(self) -> None:
        """
        Put the bursts of the newest bucket to those of the others.
        """
        if self._bursts:
            self._bursts[len(self) - 1] = self._newest.packed()

    def _tidy(self, now: int, behind: int) -> None:
        """
        Remove the buckets that no window includes, and join those that may be.
        """
        self._settle()
        self._extremes.settle()
        due = [self._due(index) for index in range(len(self))]
        later = behind + sum(due)
        gone = 0
        for first, count in zip(self._times[::2], due, strict=True):
            later -= count
            if not self._rounding.isOver(now - first, later):
                break
            gone += 1
        self._removeFirst(gone)
        del due[:gone]
        later = behind + sum(due[1:])
        index = 0
        while index + 2 < len(self):  # the newest bucket still takes probes
            later -= due[index + 1]
            first, last = self._times[2 * index], self._times[2 * index + 3]
            both = due[index] + due[index + 1]
            age = now - last
            isShort = last - first <= self._rounding.width(age)
            if isShort and both <= self._rounding.most(later):
                self._join(index, self._rounding.tier(age))
                due[index : index + 2] = [both]
            else:
                index += 1

    def _removeFirst(self, count: int) -> None:
        """
        Remove the first buckets.
        """
        self._removed = self.before(count)
        del self._times[: 2 * count]
        del self._counts[: COUNTS * count]
        self._bursts.remove(0, count)
        self._extremes.remove(0, count)
        self._rows.removeFirst(count)

    def _join(self, index: int, tier: int) -> None:
        """
        Join a bucket with the next one.
        """
        del self._times[2 * index + 1 : 2 * index + 3]
        counts, at = self._counts, COUNTS * index
        for column in range(at, at + COUNTS):
            counts[column] += counts[column + COUNTS]
        del counts[at + COUNTS : at + 2 * COUNTS]
        later = self._bursts[index + 1]
        if later:
            bursts = Bursts.unpacked(self._bursts[index])
            bursts.join(Bursts.unpacked(later))
            self._bursts[index] = bursts.packed()
        self._bursts.remove(index + 1, index + 2)
        self._rows.join(index, tier)
        self._extremes.join(index)
        self._extremes.remove(index + 1, index + 2)

    # --- What is known ----------------------------------------------------------------

    def since(self, start: int) -> int:
        """
        Give the index of the first bucket of which all probes came after a time.

        @param start: by the monotonic clock.
        """
        return sum(first <= start for first in self._times[::2])

    def last(self, count: int) -> int:
        """
        Give the index of a bucket, so that it and the later ones have so many probes
        that were due; that of the first one, if there are not so many.
        """
        index = len(self)
        while index and count > 0:
            index -= 1
            count -= self._due(index)
        return index

    def began(self, index: int) -> int:
        """
        Give when the fate of a bucket's first probe became known.
        """
        return self._times[2 * index]

    def before(self, index: int) -> int:
        """
        Give when the fate of the last probe before a bucket became known; -1 if there
        was none.
        """
        return self._times[2 * index - 1] if index else self._removed

    def counts(self, first: int) -> list[int]:
        """
        Give the counts of the buckets from an index on, column by column.
        """
        counts = self._counts[first * COUNTS :]
        return [sum(counts[column::COUNTS]) for column in range(COUNTS)]

    def bursts(self, first: int) -> Bursts:
        """
        Give the bursts of loss of the buckets from an index on.
        """
        self._settle()
        found = Bursts()
        for index in range(first, len(self)):
            part = self._bursts[index]
            if part:
                found.join(Bursts.unpacked(part))
        return found

    def every(self, first: int) -> int:
        """
        Give the number whose multiples have a row in all buckets from an index on.
        """
        return max(self._rows.every[first:], default=1)

    def rows(self, first: int) -> array[int]:
        """
        Give the rows of the buckets from an index on.
        """
        return self._rows.since(first)

    def ipdv(self, first: int) -> array[int]:
        """
        Give the IPDV of every so many pairs of the buckets from an index on, where not
        all have a row of each probe.
        """
        return self._rows.ipdv(first)

    def rtts(self, first: int) -> tuple[list[int], list[int]]:
        """
        Give extremes of the RTTs that have no row, of the buckets from an index on:
        from sending, and from when the probes were due.
        """
        return self._extremes.rtts(first)

    def hulls(self, first: int) -> list[tuple[Hull, Hull, int]]:
        """
        Give the bounds of the offset from each bucket from an index on: from above,
        from below, and the coarsest resolution of its stamps.
        """
        self._extremes.settle()
        found = []
        for index in range(first, len(self)):
            if self._rows.every[index] > 1:
                found.append(self._extremes.hulls(index))
            else:
                probes = timedOf(self._rows.of(index))
                found.append((*hullsOf(probes), probes.coarsest))
        return found
