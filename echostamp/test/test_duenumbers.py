"""Tests for L{echostamp.probe.duenumbers}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.duenumbers import DueNumbers
from echostamp.test.sizes import heldBy


class DueNumbersTests(SynchronousTestCase):
    """
    Tests for the numbers of what was due.
    """

    @given(st.lists(st.booleans(), max_size=200), st.integers(0, 50))
    def test_numbers(self, isSent: list[bool], kept: int) -> None:
        """Sent and skipped probes share the numbers from 0 on, and the last sent ones
        can be asked for."""
        numbers, sent, expected = DueNumbers(), 0, []
        for due, each in enumerate(isSent):
            if each:
                expected.append(due)
                sent += 1
            else:
                self.assertEqual(numbers.skip(sent, max(0, sent - kept)), due)
        for seq in range(max(0, sent - kept), sent):
            self.assertEqual(numbers.of(seq), expected[seq])
        self.assertEqual(numbers.skipped, isSent.count(False))

    def test_memory(self) -> None:
        """What it keeps does not grow with the run."""
        numbers = DueNumbers()
        for sent in range(100_000):
            numbers.skip(sent, sent - 100)
        self.assertLess(heldBy(numbers), 8192)
