"""Tests for L{echostamp.rfc8762.answers}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.answers import KEPT, Answers
from echostamp.rfc8762.losses import REMEMBERED
from echostamp.test.sizes import heldBy
from echostamp.times import Times


class AnswersTests(SynchronousTestCase):
    """
    What a session-sender remembers of the last replies.
    """

    def answer(self, answers: Answers, number: int, packet: int) -> None:
        """Take the first reply to a packet."""
        answers.see(number, packet)
        answers.add(number, packet, Times(0, 10 * packet, 20 * packet, 30 * packet))

    def test_times(self) -> None:
        """The times of the last answered packets are known, by packet and by number;
        T3 can be corrected."""
        answers = Answers()
        for packet in range(KEPT + 1):
            self.answer(answers, packet + 100, packet)
        self.assertEqual((answers.packet(100), answers.times(0, 5)), (None, None))
        self.assertEqual(answers.packet(107), 7)
        self.assertEqual(answers.times(7, 5), Times(5, 70, 140, 210))
        answers.correct(7, 99)
        self.assertEqual(answers.times(7, 5), Times(5, 70, 99, 210))

    def test_sameNumber(self) -> None:
        """A number means the last packet that had it, or none if that was not its
        first reply."""
        answers = Answers()
        self.answer(answers, 5, 1)
        self.answer(answers, 5, 2)
        self.assertEqual(answers.packet(5), 2)
        answers.see(5, 3)
        self.assertIsNone(answers.packet(5))
        self.assertEqual(answers.times(2, 0), Times(0, 20, 40, 60))

    def test_restart(self) -> None:
        """After a restart the numbers mean nothing; the times of packets remain."""
        answers = Answers()
        self.answer(answers, 5, 1)
        answers.restart()
        self.assertFalse(answers.hasSeen(5))
        self.assertIsNone(answers.packet(5))
        self.assertEqual(answers.times(1, 0), Times(0, 10, 20, 30))

    @given(
        st.integers(0, (1 << 32) - 1),
        st.lists(st.integers(-30, 300) | st.sampled_from([9_999, 10_000, 20_000])),
    )
    def test_seen(self, first: int, steps: list[int]) -> None:
        """Of the last 10,000 numbers each is known that came, also beyond 2^32."""
        answers, number, most = Answers(), first, first
        seen: set[int] = set()
        for step in steps:
            number += step
            answers.see(number % (1 << 32), 0)
            most = max(most, number) if seen else number
            seen.add(number)
        for each in {*seen, first, number + 1, most - 1, most + 1}:
            isIn = each in seen and each > most - REMEMBERED
            self.assertEqual(answers.hasSeen(each % (1 << 32)), isIn)

    def test_memory(self) -> None:
        """Whatever the numbers are, 5 KiB are enough."""
        answers = Answers()
        for each in range(20_000):
            self.answer(answers, each, each)
        for each in range(20_000):
            self.answer(answers, each * 7919 % (1 << 32), each)
        self.assertLess(heldBy(answers), 5 * 1024)
