"""
What happened to the probes of buckets, and when.
"""

from __future__ import annotations

from array import array

from echostamp.measure.block import LOST
from echostamp.measure.bursts import Bursts
from echostamp.measure.counts import (
    C_DUPLICATES,
    C_LOST,
    C_RECEIVED,
    C_SKIPPED,
    COUNTS,
    tally,
    tallyReply,
)
from echostamp.measure.segments import Segments


class BucketCounts:
    """
    For each bucket when the fates of its first and its last probe became known, counts
    of what happened to its probes, and its bursts of loss.  The newest bucket comes
    last.

    @ivar firsts: when the fate of each bucket's first probe became known.
    @ivar lasts: the same of its last probe.
    """

    __slots__ = ("_bursts", "_counts", "_newest", "_removed", "firsts", "lasts")

    def __init__(self, removed: int = -1) -> None:
        """
        @param removed: when the fate of the last probe before the buckets became known;
            -1 if there was none.
        """
        self.firsts, self.lasts = array("q"), array("q")
        self._counts = array("I")
        self._bursts = Segments("I")
        self._newest = Bursts()
        self._removed = removed

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self.firsts)

    def append(self, time: int) -> None:
        """
        Append a bucket.

        @param time: when the fate of its first probe became known.
        """
        self._settle()
        self._newest = Bursts()
        self.firsts.append(time)
        self.lasts.append(time)
        self._counts.extend([0] * COUNTS)
        self._bursts.append()

    def _settle(self) -> None:
        """
        Store the bursts of the newest bucket with those of the others.
        """
        if self.firsts:
            self._bursts[len(self) - 1] = self._newest.packed()

    def take(self, time: int, flags: int, number: int) -> None:
        """
        Count a probe in the newest bucket.

        @param time: when its fate became known.
        @param flags: what happened to it.
        @param number: its number.
        """
        self.lasts[-1] = time
        if flags:
            tally(self._counts, len(self._counts) - COUNTS, flags)
            if flags & LOST:
                self._newest.lose(number)
        else:
            self._counts[C_RECEIVED - COUNTS] += 1

    def late(self, flags: int) -> None:
        """
        Count a late reply, of a probe that was taken.

        @param flags: what is known of the reply.
        """
        if self._counts:
            tallyReply(self._counts, len(self._counts) - COUNTS, flags)

    def repeated(self) -> None:
        """Count a duplicate, of the reply to a probe that was taken."""
        if self._counts:
            self._counts[C_DUPLICATES - COUNTS] += 1

    def due(self, index: int) -> int:
        """
        Return how many probes of a bucket were due.
        """
        counts = self._counts[COUNTS * index : COUNTS * (index + 1)]
        return counts[C_RECEIVED] + counts[C_LOST] + counts[C_SKIPPED]

    def join(self, index: int) -> None:
        """
        Join a bucket with the next one.
        """
        del self.lasts[index], self.firsts[index + 1]
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

    def removeFirst(self, count: int) -> None:
        """
        Remove the first buckets.
        """
        self._settle()
        self._removed = self.before(count)
        del self.firsts[:count], self.lasts[:count]
        del self._counts[: COUNTS * count]
        self._bursts.remove(0, count)

    def since(self, start: int) -> int:
        """
        Return the index of the first bucket of which all probes came after a time.
        """
        return sum(first <= start for first in self.firsts)

    def last(self, count: int) -> int:
        """
        Return the index of a bucket, so that it and the later ones have so many probes
        that were due; that of the first one, if there are not so many.
        """
        index = len(self)
        while index and count > 0:
            index -= 1
            count -= self.due(index)
        return index

    def before(self, index: int) -> int:
        """
        Return when the fate of the last probe before a bucket became known; -1 if there
        was none.
        """
        return self.lasts[index - 1] if index else self._removed

    def counts(self, first: int) -> list[int]:
        """
        Return the counts of the buckets from an index on, column by column.
        """
        counts = self._counts[first * COUNTS :]
        return [sum(counts[column::COUNTS]) for column in range(COUNTS)]

    def bursts(self, first: int) -> Bursts:
        """
        Return the bursts of loss of the buckets from an index on.
        """
        self._settle()
        found = Bursts()
        if self._bursts.areEmpty:
            return found
        for index in range(first, len(self)):
            part = self._bursts[index]
            if part:
                found.join(Bursts.unpacked(part))
        return found
