"""Tests for L{echostamp.measure.block}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import LOST, UNKNOWN, Block, Probe


def block(count: int) -> Block:
    """
    Make a block whose probes differ in every column.
    """
    made = Block()
    for at in range(count):
        for number, (name, column) in enumerate(vars(made).items()):
            column.append(at if name == "flags" else 100 * at + number)
    return made


def rows(made: Block) -> list[tuple[int, ...]]:
    """
    Give a block's probes, each with the values of all columns.
    """
    return list(zip(*vars(made).values(), strict=True))


class BlockTests(SynchronousTestCase):
    """
    Parts of a block.
    """

    @given(st.integers(0, 9), st.integers(0, 9))
    def test_part(self, first: int, end: int) -> None:
        """A part has the same columns of the probes from the first to the end."""
        made = block(9)
        self.assertEqual(rows(made.part(first, end)), rows(made)[first:end])

    @given(st.lists(st.booleans(), min_size=9, max_size=9))
    def test_only(self, chosen: list[bool]) -> None:
        """Of the chosen probes every column is taken."""
        made = block(9)
        expected = [row for row, isIn in zip(rows(made), chosen, strict=True) if isIn]
        self.assertEqual(rows(made.only(chosen)), expected)

    def test_octets(self) -> None:
        """A probe takes 54 octets."""
        each = sum(column.itemsize for column in vars(Block()).values())
        self.assertEqual(each, 54)

    def test_unknownIsNoTime(self) -> None:
        """The value for an unknown time fits a column, and no flag is that value."""
        made = Block()
        made.t1.append(UNKNOWN)
        made.flags.append(LOST)
        self.assertEqual((made.t1[0], made.flags[0]), (UNKNOWN, LOST))


class ProbeTests(SynchronousTestCase):
    """
    What a probe's times say.
    """

    def probe(self, rtt: int | None, lost: bool) -> Probe:
        """
        Make a probe that left 3 ns after it was due.
        """
        no = False
        return Probe(0, 5, 8, None, None, 20, rtt, None, lost, lost, no, no, no, no)

    def test_inTime(self) -> None:
        """A reply in time has an RTT, from sending and from when it was due."""
        probe = self.probe(12, lost=False)
        self.assertEqual((probe.rttInTime, probe.rttFromDue), (12, 15))

    def test_late(self) -> None:
        """A late reply has neither RTT."""
        probe = self.probe(12, lost=True)
        self.assertEqual((probe.rttInTime, probe.rttFromDue), (None, None))

    def test_untimed(self) -> None:
        """A reply that waited to be read has neither RTT."""
        probe = self.probe(None, lost=False)
        self.assertEqual((probe.rttInTime, probe.rttFromDue), (None, None))
