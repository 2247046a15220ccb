"""Tests for L{echostamp.rfc8762.losses}."""

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.losses import NumberedLosses
from echostamp.test.sizes import heldBy


class NumberedLossesTests(SynchronousTestCase):
    """
    Losses by the numbers of a stateful reflector.
    """

    def saw(self, *replies: tuple[int, int, int]) -> NumberedLosses:
        """Take replies: our numbers, the reflector's numbers, and when they left."""
        losses = NumberedLosses()
        for reply in replies:
            losses.saw(*reply)
        return losses

    def assertLost(self, losses: NumberedLosses, forward: int, backward: int) -> None:
        """Assert how many packets were lost in each direction."""
        self.assertEqual((losses.forward, losses.backward), (forward, backward))

    def test_nothing(self) -> None:
        """Before the first reply nothing is lost."""
        self.assertLost(NumberedLosses(), 0, 0)
        self.assertIsNone(NumberedLosses().isStateful)

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
        losses = self.saw((0, 0, 0), (1, 1, 1), (3, 2, 3), (7, 4, 7))
        self.assertTrue(losses.isStateful)
        self.assertLost(losses, 3, 1)

    def test_otherBeginnings(self) -> None:
        """The reflector may have counted packets before ours."""
        losses = self.saw((0, 100, 0), (1, 101, 1), (3, 102, 3))
        self.assertTrue(losses.isStateful)
        self.assertLost(losses, 1, 0)

    def test_restart(self) -> None:
        """A number that falls means a restart, not loss; losses around it are not
        known."""
        losses = self.saw((0, 0, 0), (1, 1, 1), (5, 0, 5), (6, 1, 6), (8, 2, 8))
        self.assertEqual(losses.restarts, 1)
        self.assertLost(losses, 1, 0)

    def test_restartOfTheClock(self) -> None:
        """Where the reflector's clock restarts, too, a number that another reply had or
        one far below, shows the restart."""
        losses = NumberedLosses()
        for number in range(5):
            losses.saw(number, number, 1000 + number)
        self.assertTrue(losses.saw(8, 0, 0, isTaken=True))
        losses.saw(9, 1, 1)
        self.assertEqual(losses.restarts, 1)
        self.assertLost(losses, 0, 0)
        losses = self.saw((0, 0, 90_000), (20_000, 20_000, 99_000), (20_005, 1, 1))
        self.assertEqual(losses.restarts, 1)
        self.assertLost(losses, 0, 19_999)

    def test_wrapped(self) -> None:
        """Numbers start again at 0 after 2^32, the reflector's and ours; that is no
        restart."""
        end = (1 << 32) - 1
        losses = self.saw((7, end - 1, 0), (8, end, 1), (10, 0, 2), (12, 2, 4))
        self.assertEqual(losses.restarts, 0)
        self.assertLost(losses, 1, 1)
        losses = self.saw((end, 5, 1), (0, 6, 2), (end - 1, 4, 0), (2, 7, 3))
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
        losses.saw(5, 6, 6, isRepeat=True)
        losses.saw(7, 7, 7)
        self.assertLost(losses, 1, 0)

    @given(
        st.lists(st.sampled_from(["", "there", "back", "twice"]), max_size=60),
        st.integers(0, 9),
        st.randoms(use_true_random=False),
    )
    def test_any(self, fates: list[str], most: int, chance: random.Random) -> None:
        """Whatever is lost and doubled, and in whatever order replies come: between the
        first reply and the last, each direction has its right count."""
        fates = ["", *fates, ""]
        replies, number, seen = [], 0, set()
        for sequence, fate in enumerate(fates):
            if fate == "there":
                continue
            for _ in range(2 if fate == "twice" else 1):
                if fate != "back":
                    replies.append((number + chance.uniform(0, most), sequence, number))
                number += 1
        losses = NumberedLosses()
        for _, sequence, each in sorted(replies):
            losses.saw(sequence, each, each, isRepeat=sequence in seen)
            seen.add(sequence)
        self.assertLost(losses, fates.count("there"), fates.count("back"))
        self.assertEqual(losses.restarts, 0)

    def test_memory(self) -> None:
        """A reflector that restarts all the time takes no more memory, and the losses
        before each restart still count."""
        losses = NumberedLosses()
        for each in range(3000):
            losses.saw(3 * each, 7, 3 * each)
            losses.saw(3 * each + 2, 8, 3 * each + 2)
        self.assertEqual(losses.restarts, 2999)
        self.assertLost(losses, 3000, 0)
        self.assertLess(heldBy(losses), 1024)
