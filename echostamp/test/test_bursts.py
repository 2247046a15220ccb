"""Tests for L{echostamp.measure.bursts}."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import LOST, Block
from echostamp.measure.bursts import (
    MOST_LENGTHS,
    MOST_LENGTHS_OF_RUN,
    Bursts,
    LossBursts,
)
from echostamp.measure.samples import Run


def lengthsOf(isLost: list[bool]) -> dict[int, int]:
    """
    Give the lengths of bursts, by their definition.
    """
    found = Counter(len(list(group)) for lost, group in groupby(isLost) if lost)
    return dict(sorted(found.items()))


class LossBurstsTests(SynchronousTestCase):
    """
    Bursts of a run.
    """

    def test_burstsGoOn(self) -> None:
        """A burst may reach over what is taken at once."""
        losses, run = LossBursts(), Run()
        for seq in range(6):
            run.send(seq, seq)
            if seq:
                run.lose(seq)
        losses.update(run.blocks(0, 3))
        losses.update(run.blocks(3))
        self.assertEqual(losses.lengths(), {5: 1})

    def test_everyLength(self) -> None:
        """A far end that loses ever longer bursts is counted in few lengths."""
        losses, block = LossBursts(), Block()
        for length in range(1, MOST_LENGTHS_OF_RUN + 101):
            block.flags = array("H", [LOST] * length + [0])
            losses.update([block])
        lengths = losses.lengths()
        self.assertEqual(len(lengths), MOST_LENGTHS_OF_RUN)
        self.assertEqual(sum(lengths.values()), MOST_LENGTHS_OF_RUN + 100)
        self.assertTrue(all(lengths[each] == 1 for each in range(1, 500)))


class BurstsTests(SynchronousTestCase):
    """
    Bursts of parts.
    """

    @given(st.lists(st.booleans(), max_size=40), st.integers(0, 40), st.integers(0, 40))
    def test_parts(self, isLost: list[bool], one: int, other: int) -> None:
        """Three parts have together the bursts of the whole, however they are parted,
        and also when the numbers of probes begin again."""
        for start in 0, (1 << 31) - 20:
            cuts = [0, *sorted((one, other)), len(isLost)]
            whole = Bursts()
            for first, end in pairwise(cuts):
                part = Bursts()
                for at, lost in enumerate(isLost[first:end], first):
                    if lost:
                        part.lose(start + at)
                whole.join(Bursts.unpacked(part.packed()))
            self.assertEqual(whole.lengths(), lengthsOf(isLost))

    def test_manyLengths(self) -> None:
        """Of too many lengths those next to each other become one; the number of bursts
        stays, and about the number of lost probes."""
        part, seq = Bursts(), 0
        lengths = [1, *range(1, 41), 1]
        for length in lengths:
            for _ in range(length):
                part.lose(seq)
                seq += 1
            seq += 1
        packed = part.packed()
        self.assertLessEqual(len(packed), 4 + 2 * MOST_LENGTHS)
        found = Bursts.unpacked(packed).lengths()
        self.assertEqual(sum(found.values()), len(lengths))
        lost = sum(length * count for length, count in found.items())
        self.assertApproximates(lost, sum(lengths), sum(lengths) / 20)
