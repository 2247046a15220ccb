"""Tests for L{echostamp.rfc8762.losses}."""

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.losses import OVERTAKEN, OVERTAKEN_WITHIN, NumberedLosses
from echostamp.test.sizes import heldBy
from echostamp.times import MILLISECOND, SECOND


def t1(sequence: int, apart: int = SECOND) -> int:
    """Give when a packet was sent, by the time between two packets."""
    # Numbers start again at 0 after 2^32.
    return (sequence + (1 << 31)) % (1 << 32) * apart


def numbered(apart: int = SECOND) -> NumberedLosses:
    """Count the losses of packets that are sent at an interval."""
    return NumberedLosses(
        lambda sequence: t1(sequence - 1, apart) if sequence else None
    )


class NumberedLossesTests(SynchronousTestCase):
    """
    Losses by the numbers of a stateful reflector.
    """

    def saw(self, *replies: tuple[int, int, int]) -> NumberedLosses:
        """Take replies: our numbers, the reflector's numbers, and when they left."""
        losses = numbered()
        for sequence, number, t3 in replies:
            losses.saw(sequence, number, t1(sequence), t3)
        return losses

    def assertLost(self, losses: NumberedLosses, forward: int, backward: int) -> None:
        """Assert how many packets were lost in each direction, if none was doubled."""
        lost, hidden, _ = losses.directions
        self.assertEqual((lost - hidden, hidden), (forward, backward))

    def test_nothing(self) -> None:
        """Before the first reply nothing is lost."""
        self.assertLost(numbered(), 0, 0)
        self.assertIsNone(numbered().isStateful)

    def test_stateless(self) -> None:
        """As long as its numbers are ours, it may be stateless."""
        self.assertIsNone(self.saw((0, 0, 0), (1, 1, 1), (5, 5, 5)).isStateful)

    def test_statelessReordered(self) -> None:
        """Packets that overtake one another on the way there are no restart."""
        losses = self.saw((0, 0, 0), (2, 2, 2), (1, 1, 3), (3, 3, 4))
        self.assertIsNone(losses.isStateful)
        self.assertEqual(losses.restarts, 0)

    def test_eachWay(self) -> None:
        """A packet without a number was lost on the way there; a number that did not
        come was lost on the way back."""
        losses = self.saw((0, 0, 0), (1, 1, 1), (3, 2, 3), (7, 4, 7), (8, 5, 8))
        self.assertTrue(losses.isStateful)
        self.assertLost(losses, 3, 1)

    def test_otherBeginnings(self) -> None:
        """The reflector may have counted packets before ours."""
        losses = self.saw((0, 100, 0), (1, 101, 1), (3, 102, 3), (4, 103, 4))
        self.assertTrue(losses.isStateful)
        self.assertLost(losses, 1, 0)

    def test_restart(self) -> None:
        """A number that falls means a restart, not loss; losses around it are not
        known."""
        losses = self.saw(
            (0, 0, 0), (1, 1, 1), (5, 0, 5), (6, 1, 6), (8, 2, 8), (9, 3, 9)
        )
        self.assertEqual(losses.restarts, 1)
        self.assertLost(losses, 1, 0)

    def test_restartOfTheClock(self) -> None:
        """Where the reflector's clock restarts, too, a number that another reply had or
        one far below, shows the restart."""
        losses = numbered()
        for number in range(5):
            losses.saw(number, number, t1(number), 1000 + number)
        self.assertTrue(losses.saw(8, 0, t1(8), 0, isTaken=True))
        losses.saw(9, 1, t1(9), 1)
        self.assertEqual(losses.restarts, 1)
        self.assertLost(losses, 0, 0)
        losses = self.saw((0, 0, 90_000), (20_000, 20_000, 99_000), (20_005, 1, 1))
        self.assertEqual(losses.restarts, 1)
        self.assertLost(losses, 0, 19_999)

    def test_wrapped(self) -> None:
        """Numbers start again at 0 after 2^32, the reflector's and ours; that is no
        restart."""
        end = (1 << 32) - 1
        losses = self.saw(
            (7, end - 1, 0), (8, end, 1), (10, 0, 2), (12, 2, 4), (13, 3, 5)
        )
        self.assertEqual(losses.restarts, 0)
        self.assertLost(losses, 1, 1)
        losses = self.saw((end, 5, 1), (0, 6, 2), (end - 1, 4, 0), (2, 7, 3), (3, 8, 4))
        self.assertEqual(losses.restarts, 0)
        self.assertLost(losses, 1, 0)

    def test_overtakenByARestart(self) -> None:
        """A reply from before a restart that comes after it does not count."""
        losses = self.saw((0, 0, 0), (1, 1, 1), (4, 0, 4), (3, 3, 3), (5, 1, 5))
        self.assertEqual(losses.restarts, 1)
        self.assertLost(losses, 0, 0)

    def test_reorderedThere(self) -> None:
        """Packets that overtake one another on the way there are no loss."""
        losses = self.saw((4, 4, 4), (6, 5, 5), (5, 6, 6), (7, 7, 7))
        self.assertEqual(losses.restarts, 0)
        self.assertLost(losses, 0, 0)

    def test_reorderedBothWays(self) -> None:
        """Packets that overtake one another on both ways are no loss."""
        losses = self.saw((4, 4, 4), (5, 6, 6), (6, 5, 5), (7, 7, 7))
        self.assertEqual(losses.restarts, 0)
        self.assertLost(losses, 0, 0)

    def test_repeatedThere(self) -> None:
        """A packet that is doubled on the way there does not hide a lost one."""
        losses = self.saw((4, 4, 4), (5, 5, 5))
        losses.saw(5, 6, t1(5), 6, isRepeat=True)
        losses.saw(7, 7, t1(7), 7)
        losses.saw(8, 8, t1(8), 8)
        self.assertLost(losses, 1, 0)

    def test_doubledThere(self) -> None:
        """Where both numbers of a doubled packet come, the count is exact.  Where one
        does not, it may be that of a lost packet: a range holds the truth."""
        losses = self.saw((0, 0, 0), (1, 1, 1))
        losses.saw(1, 2, t1(1), 2, isRepeat=True)
        losses.saw(3, 3, t1(3), 3)
        losses.saw(4, 4, t1(4), 4)
        self.assertEqual(losses.directions, (1, 0, False))
        losses.saw(5, 6, t1(5), 6)
        self.assertEqual(losses.directions, (1, 1, False))

    def test_nearTheEnd(self) -> None:
        """A packet that was sent shortly before the last one may have arrived after it,
        and its reply was lost."""
        losses = self.saw((0, 0, 0), (2, 1, 2))
        self.assertEqual(losses.directions, (1, 0, True))
        for apart, near in (SECOND // 3, 2), (MILLISECOND, OVERTAKEN):
            losses = numbered(apart)
            losses.saw(0, 0, t1(0, apart), 0)
            for each in range(2, 2 + near):
                losses.saw(each, each - 1, t1(each, apart), each)
                self.assertEqual(losses.directions, (1, 1, False))
            for each in range(2 + near, 2 + 2 * near):
                losses.saw(each, each - 1, t1(each, apart), each)
            self.assertEqual(losses.directions, (1, 0, True))

    def test_nearTheBeginning(self) -> None:
        """A packet that was sent shortly after the first one may have arrived before
        it, if the reflector had counted something before."""
        for first in 0, 1, 7:
            losses = numbered()
            for each in 0, 3, 4, 5, 6:
                number = first + (each - 2 if each else 0)
                losses.saw(each, number, t1(each), each)
            self.assertEqual(losses.directions, (2, min(first, 2), not first))

    def test_repeatAfterARestart(self) -> None:
        """A late second reply to a packet from before a restart does not make those
        that were sent between them look lost."""
        losses = self.saw((0, 0, 0), (1, 1, 1), (2, 2, 2))
        self.assertTrue(losses.saw(1, 0, t1(1), 30, isRepeat=True))
        losses.saw(31, 1, t1(31), 31)
        losses.saw(32, 2, t1(32), 32)
        self.assertEqual(losses.directions, (0, 0, False))

    def test_equalTimes(self) -> None:
        """Replies that left in the same step of a coarse clock all count."""
        losses = self.saw((0, 0, 5), (1, 1, 5), (3, 2, 5), (4, 3, 5), (5, 4, 5))
        self.assertLost(losses, 1, 0)

    @given(
        st.lists(st.integers(0, 15), max_size=150),
        st.sampled_from([0, 1, 5]),
        st.integers(0, 40),
        st.integers(0, 40),
        st.sampled_from([MILLISECOND, 30 * MILLISECOND, SECOND]),
        st.randoms(use_true_random=False),
    )
    def test_any(
        self,
        fates: list[int],
        first: int,
        there: int,
        back: int,
        apart: int,
        chance: random.Random,
    ) -> None:
        """Whatever is lost, doubled and overtaken, in both directions: each one's count
        is in its range.  It is exact where every number came."""
        longest = min(there, (OVERTAKEN_WITHIN - 1) // apart)
        arrivals = []
        for sequence, fate in enumerate(fates):
            # Lost there; doubled there.  The others arrive once.
            for number in range(0 if fate < 2 else 2 if fate < 5 else 1):
                # The second one may come at any time.
                late = chance.uniform(0, 50 if number else longest)
                arrivals.append((sequence + late, sequence))
        replies = [
            (number + chance.uniform(0, back), sequence, number + first)
            for number, (_, sequence) in enumerate(sorted(arrivals))
            if chance.random() > 0.2
        ]
        losses = numbered(apart)
        answered: set[int] = set()
        for _, sequence, number in sorted(replies):
            isRepeat = sequence in answered
            losses.saw(sequence, number, t1(sequence, apart), number, isRepeat)
            answered.add(sequence)
        self.assertEqual(losses.restarts, 0)
        arrived = {sequence for _, sequence in arrivals}
        span = set(range(min(answered, default=0), max(answered, default=0)))
        lostThere = len(span - arrived)
        lostBack = len((span & arrived) - answered)
        lost, hidden, _ = losses.directions
        self.assertEqual(lostThere + lostBack, lost)
        self.assertLessEqual(lostBack, hidden)
        numbers = {number for _, _, number in replies}
        isWhole = numbers == set(range(len(arrivals)))
        if isWhole and min(fates[-2 * OVERTAKEN :], default=2) > 1:
            self.assertEqual(hidden, 0)

    def test_memory(self) -> None:
        """A reflector that restarts all the time takes no more memory, and the losses
        before each restart still count."""
        losses = numbered()
        for each in range(3000):
            for number, later in enumerate([0, 1, 3, 4]):
                sequence = 6 * each + later
                losses.saw(sequence, 7 + number, t1(sequence), sequence)
        self.assertEqual(losses.restarts, 2999)
        self.assertLost(losses, 3000, 0)
        self.assertLess(heldBy(losses), 1024)
