"""
Order statistics in bounded memory.

Quantiles are Hyndman and Fan's type 7 (I{Sample Quantiles in Statistical Packages}, The
American Statistician 50, 1996): linear between the values of ranks around C{(n - 1) *
p}, counted from 0.  It is the default of R and numpy, and C{statistics.quantiles} with
C{method="inclusive"}; its quantile at 1/2 is the median.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import repeat
from operator import rshift

#: How many leading binary digits of a value L{Histogram} keeps.
KEPT_DIGITS = 9

#: How far a value read from a L{Histogram} may be from the true one, in parts of it.
RELATIVE_ERROR = 1 / (1 << KEPT_DIGITS)

#: Up to so many values are sorted.
SORTED = 10_000

#: Binary digits that one pass of L{selected} decides.
_DIGITS = 11

#: The part of the values, one in so many, that L{selected} copies.
_FEW = 8


def quantile(n: int, p: Fraction, ranked: Callable[[int], int]) -> float:
    """
    Return a quantile, type 7.

    @param n: how many values there are; at least one.
    @param p: from 0 to 1.
    @param ranked: returns the value of a rank from 0 to C{n - 1}.
    @return: a float, since it lies between two values.
    """
    rank, part = divmod((n - 1) * p.numerator, p.denominator)
    low = ranked(rank)
    if not part:
        return float(low)
    # One division of integers: the nearest float, as of a fraction, in less time.
    return (low * p.denominator + part * (ranked(rank + 1) - low)) / p.denominator


def ranksOf(n: int, ps: Iterable[Fraction]) -> set[int]:
    """
    Return the ranks that L{quantile} will ask for.
    """
    ranks = {(n - 1) * p.numerator // p.denominator for p in ps}
    return ranks | {min(rank + 1, n - 1) for rank in ranks}


def selected(
    values: Sequence[int], ranks: set[int], ends: tuple[int, int] | None = None
) -> dict[int, int]:
    """
    Find the values of some ranks.

    Many values are not sorted, since that takes five times their memory.  Instead,
    digit after digit, only the values that begin like a wanted one are counted.

    @param ranks: from 0 to C{len(values) - 1}.
    @param ends: the least and the greatest of them, where they are known.
    @return: rank to value.
    """
    if len(values) <= SORTED:
        inOrder = sorted(values)
        return {rank: inOrder[rank] for rank in ranks}
    low, high = ends or (min(values), max(values))
    shift = max(low.bit_length(), high.bit_length())
    # From the leading digits to the ranks among the values that begin with them.
    wanted = {0: {rank: rank for rank in ranks}, -1: {}}
    negative = sum(map((0).__gt__, values)) if low < 0 else 0
    for rank in ranks:
        if rank < negative:
            wanted[-1][rank] = wanted[0].pop(rank)
        else:
            wanted[0][rank] -= negative
    left, isMixed = values, False
    while shift:
        digits = min(shift, _DIGITS)
        before, shift = shift, shift - digits
        counted = (each for each in left if each >> before in wanted)
        counts = Counter(map(rshift, counted if isMixed else left, repeat(shift)))
        found: dict[int, dict[int, int]] = {}
        passed = dict.fromkeys(wanted, 0)
        for leading, count in sorted(counts.items()):
            low = passed[leading >> digits]
            high = passed[leading >> digits] = low + count
            within = wanted[leading >> digits].items()
            here = {rank: at - low for rank, at in within if low <= at < high}
            if here:
                found[leading] = here
        wanted = found
        # Few are worth a copy.
        isMixed = sum(map(counts.__getitem__, found)) > len(left) // _FEW
        if not isMixed:
            left = array("q", [each for each in left if each >> shift in wanted])
    return {rank: value for value, within in wanted.items() for rank in within}


class Histogram:
    """
    Counts of integers in buckets whose width grows with the value, those of
    HdrHistogram (Tene): linear within each power of two.  A value of more than
    L{KEPT_DIGITS} binary digits is known by its first ones; what is read back is the
    middle of its bucket, at most L{RELATIVE_ERROR} of the value away (0.2 %), smaller
    values exactly.  Negative ones likewise.  At most 256 buckets a power of two are
    kept, and each sign.

    @ivar n: how many values it holds.
    """

    def __init__(self) -> None:
        self.n = 0
        self._buckets: Counter[int] = Counter()

    def update(self, values: Iterable[int]) -> None:
        """
        Count values.
        """
        middles = list(map(_middle, values))
        self.n += len(middles)
        self._buckets.update(middles)

    def copy(self) -> Histogram:
        """Return an independent copy."""
        other = Histogram()
        other.n = self.n
        other._buckets = self._buckets.copy()
        return other

    def selected(self, ranks: set[int]) -> dict[int, int]:
        """
        Find the values of some ranks, as L{selected} does, within L{RELATIVE_ERROR}.
        """
        found = {}
        left = sorted(ranks, reverse=True)
        passed = 0
        for middle in sorted(self._buckets):
            passed += self._buckets[middle]
            while left and left[-1] < passed:
                found[left.pop()] = middle
        return found


def _middle(value: int) -> int:
    """
    Return the middle of the bucket that holds a value.
    """
    dropped = abs(value).bit_length() - KEPT_DIGITS
    if dropped <= 0:
        return value
    middle = (abs(value) >> dropped << dropped) + (1 << dropped >> 1)
    return -middle if value < 0 else middle
