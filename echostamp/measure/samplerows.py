"""
Rows of some of the probes of buckets.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from echostamp.measure.block import UNKNOWN
from echostamp.measure.rows import T2, WIDTH, ipdvOf, thinned
from echostamp.measure.segments import Segments

#: The most rows while there is one of every answered probe, and the most when not.
EXACT, THINNED = 600, 304

#: How many rows are left when there are fewer than one of every probe and they were
#: L{THINNED}.
LEFT = 264

#: Called before the rows of a bucket that has one of every probe become fewer, with its
#: index and the rows.
Leave = Callable[[int, "array[int]"], object]


class SampleRows:
    """
    For each bucket a row of every probe whose number is a multiple of the bucket's
    C{every}, a power of two.  That is 1 until the rows are too many; then buckets are
    thinned: those of the tier that has most rows.  A thinned bucket has besides the
    IPDV of every so many pairs of probes.  The newest bucket comes last.

    @ivar every: for each bucket, its C{every}.
    """

    __slots__ = (
        "_everyOfTier",
        "_ipdv",
        "_lengths",
        "_newest",
        "_newestIpdv",
        "_rows",
        "every",
    )

    def __init__(self, tiers: int) -> None:
        """
        @param tiers: in how many tiers buckets may be.
        """
        # The rows of the newest bucket are apart: an array that grows takes more memory
        # than its items.
        self._rows, self._newest = array("q"), array("q")
        self._ipdv, self._newestIpdv = Segments("q"), array("q")
        self._lengths = array("H")
        self.every = array("I")
        self._everyOfTier = [1] * tiers

    def __len__(self) -> int:
        """How many rows there are."""
        return (len(self._rows) + len(self._newest)) // WIDTH

    def append(self, tier: int) -> None:
        """
        Append a bucket.

        @param tier: its tier.
        """
        self._settle()
        self._lengths.append(0)
        self._ipdv.append()
        self.every.append(self._everyOfTier[tier])

    def _settle(self) -> None:
        """
        Store the rows of the newest bucket with those of the others.
        """
        if self._newest:
            self._rows = self._rows + self._newest
            self._newest = array("q")
        if self._newestIpdv:
            last = len(self._ipdv) - 1
            self._ipdv[last] = [*self._ipdv[last], *self._newestIpdv]
            self._newestIpdv = array("q")

    def take(self, row: Sequence[int]) -> None:
        """
        Append a row to the newest bucket.
        """
        self._newest.extend(row)
        self._lengths[-1] += 1

    def takeIpdv(self, value: int) -> None:
        """
        Append the IPDV of a pair to the newest bucket.
        """
        self._newestIpdv.append(value)

    def isFull(self, others: int) -> bool:
        """
        Check whether the rows are too many.

        @param others: how many rows are kept elsewhere.
        """
        if max(self.every) == 1:
            return len(self) + others > EXACT
        return len(self) > THINNED

    def of(self, index: int) -> array[int]:
        """
        Return the rows of a bucket.
        """
        self._settle()
        first = WIDTH * sum(self._lengths[:index])
        return self._rows[first : first + WIDTH * self._lengths[index]]

    def since(self, first: int) -> array[int]:
        """
        Return the rows of the buckets from an index on.
        """
        self._settle()
        return self._rows[WIDTH * sum(self._lengths[:first]) :]

    def ipdv(self, first: int) -> array[int]:
        """
        Return the IPDV of every so many pairs of the buckets from an index on, by the
        greatest C{every} of these buckets.
        """
        self._settle()
        every = max(self.every[first:], default=1)
        found = array("q")
        for index in range(first, len(self.every)):
            found.extend(self._ipdvOf(index, every))
        return found

    def _ipdvOf(self, index: int, every: int) -> Sequence[int]:
        """
        Return the IPDV of every so many pairs of a bucket.
        """
        now = self.every[index]
        if now == 1:
            return ipdvOf(self.of(index))[::every]
        return self._ipdv[index][:: every // now]

    def join(self, index: int, tier: int, leave: Leave) -> None:
        """
        Join a bucket with the next one.

        @param tier: of the bucket.
        """
        every = max(*self.every[index : index + 2], self._everyOfTier[tier])
        self._coarsen({index: every, index + 1: every}, leave)
        self._lengths[index] += self._lengths[index + 1]
        self._ipdv[index] = [*self._ipdv[index], *self._ipdv[index + 1]]
        self._ipdv.remove(index + 1, index + 2)
        del self._lengths[index + 1], self.every[index + 1]

    def removeFirst(self, count: int) -> None:
        """
        Remove the first buckets.
        """
        self._settle()
        del self._rows[: WIDTH * sum(self._lengths[:count])]
        self._ipdv.remove(0, count)
        del self._lengths[:count], self.every[:count]

    def forgetClock(self) -> None:
        """
        Forget the far end's times.
        """
        self._settle()
        self._rows[T2::WIDTH] = array("q", [UNKNOWN]) * len(self)

    def thin(self, tiers: Sequence[int], others: int, leave: Leave) -> None:
        """
        Remove rows where they are too many, or nearly so.

        @param tiers: the tier of each bucket.
        @param others: how many rows are kept elsewhere.
        """
        while self.isFull(others) or (max(self.every) > 1 and len(self) > LEFT):
            counts = self._inTiers(tiers)
            fullest = counts.index(max(counts))
            self._everyOfTier[fullest] *= 2
            every = self._everyOfTier[fullest]
            self._coarsen(
                {
                    index: max(every, self.every[index])
                    for index, tier in enumerate(tiers)
                    if tier == fullest
                },
                leave,
            )

    def relax(self, tiers: Sequence[int]) -> None:
        """
        Let later buckets keep more rows again in tiers that have few.

        @param tiers: the tier of each bucket.
        """
        few = THINNED // (4 * len(self._everyOfTier))
        for tier, count in enumerate(self._inTiers(tiers)):
            if count < few:
                self._everyOfTier[tier] = max(self._everyOfTier[tier] // 2, 1)

    def _inTiers(self, tiers: Sequence[int]) -> list[int]:
        """
        Return how many rows each tier has.
        """
        counts = [0] * len(self._everyOfTier)
        for tier, count in zip(tiers, self._lengths, strict=True):
            counts[tier] += count
        return counts

    def _coarsen(self, changes: dict[int, int], leave: Leave) -> None:
        """
        Keep fewer rows of some buckets.

        @param changes: the index of a bucket, to its C{every} from now on.
        """
        self._settle()
        for index, every in changes.items():
            before = self.every[index]
            if every == before:
                continue
            part = self.of(index)
            if before == 1:
                leave(index, part)
            self._ipdv[index] = self._ipdvOf(index, every)
            first = WIDTH * sum(self._lengths[:index])
            self._rows[first : first + len(part)] = fewer = thinned(part, every)
            self._lengths[index] = len(fewer) // WIDTH
            self.every[index] = every
