"""
Lengths of bursts of loss: of a run, and of parts that can be joined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from echostamp.measure.block import LOST, Block

#: The most different lengths of a part, without its first and last burst.
MOST_LENGTHS = 12

#: The most different lengths of a run.
MOST_LENGTHS_OF_RUN = 1000

#: Numbers of probes are kept in so many values.
_NUMBERS = 1 << 31


@dataclass
class LossBursts:
    """
    Bursts of loss: how many probes sent one after the other were lost (RFC 3357:
    Type-P-One-Way-Loss-Period-Lengths; of the round trip).  Of more than
    L{MOST_LENGTHS_OF_RUN} different lengths the two closest to each other become one:
    the far end may have chosen them.

    @ivar bursts: length to how many of this length.
    """

    bursts: Counter[int] = field(default_factory=Counter)
    _running: int = 0

    def update(self, blocks: Iterable[Block]) -> None:
        """Add probes."""
        for block in blocks:
            for isLost, group in groupby(map(LOST.__and__, block.flags)):
                if isLost:
                    self._running += len(list(group))
                elif self._running:
                    self.bursts[self._running] += 1
                    self._running = 0
                    shorten(self.bursts, MOST_LENGTHS_OF_RUN)

    def lengths(self) -> dict[int, int]:
        """Return the bursts by length, including one that may still go on."""
        found = self.bursts + Counter([self._running] if self._running else [])
        return dict(sorted(found.items()))

    def copy(self) -> LossBursts:
        """Return an independent copy."""
        return LossBursts(self.bursts.copy(), self._running)


def shorten(lengths: Counter[int], most: int) -> None:
    """
    Replace the two lengths that are closest to each other by their mean, until there
    are few enough.

    @param lengths: length to how many of this length.
    @param most: how many different lengths may be left.
    """
    while len(lengths) > most:
        inOrder = sorted(lengths)
        gaps = zip(inOrder[1:], inOrder, strict=False)
        _, low, high = min((b / a, a, b) for b, a in gaps)
        few, many = lengths.pop(low), lengths.pop(high)
        lengths[round((low * few + high * many) / (few + many))] += few + many


class Bursts:
    """
    The bursts of loss among some probes that follow one another.

    The first and the last burst are kept with their numbers, since they may go on in
    the part before or after.  Of the others only the lengths are kept: of more than
    L{MOST_LENGTHS} different ones the two closest to each other become one.
    """

    __slots__ = ("_ends", "_inner")

    def __init__(self) -> None:
        self._ends: list[tuple[int, int]] = []
        self._inner: Counter[int] = Counter()

    def lose(self, seq: int) -> None:
        """
        Add a lost probe.  Probes are lost in the order of their numbers.

        @param seq: its number.
        """
        self._add(seq % _NUMBERS, 1)

    def _add(self, start: int, length: int) -> None:
        """
        Add a burst after the others.
        """
        if self._ends:
            last, count = self._ends[-1]
            if (last + count) % _NUMBERS == start:
                self._ends[-1] = last, count + length
                return
        self._ends.append((start, length))
        if len(self._ends) > 2:
            _, inner = self._ends.pop(1)
            self._inner[inner] += 1

    def join(self, other: Bursts) -> None:
        """
        Add the bursts of the part that follows this one.
        """
        for index, (start, length) in enumerate(other._ends):
            self._add(start, length)
            if not index:
                self._inner.update(other._inner)

    def lengths(self) -> dict[int, int]:
        """
        Return the lengths of the bursts, and how many there are of each.
        """
        found = self._inner.copy()
        found.update(length for _, length in self._ends)
        return dict(sorted(found.items()))

    def packed(self) -> list[int]:
        """
        Return it as integers of at most 32 bits.
        """
        shorten(self._inner, MOST_LENGTHS)
        values = [each for end in self._ends for each in end]
        if self._inner:
            values += [each for item in self._inner.items() for each in item]
        return values

    @classmethod
    def unpacked(cls, values: Sequence[int]) -> Bursts:
        """
        Make it from the integers that L{packed} returned.
        """
        found = cls()
        pairs = list(zip(values[::2], values[1::2], strict=True))
        found._ends = pairs[:2]
        found._inner.update(dict(pairs[2:]))
        return found
