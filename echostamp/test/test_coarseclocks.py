"""Tests for L{echostamp.measure.coarseclocks}."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.coarseclocks import TickProbes, nextTick
from echostamp.times import SECOND

MS = 1_000_000
THEN = 1_700_000_000 * SECOND


class NextTickTests(SynchronousTestCase):
    """
    When to send so as to meet the turn of the far second.
    """

    @given(
        st.integers(-(10**18), 10**18),
        st.integers(1, SECOND),
        st.integers(0, 100 * MS),
        st.integers(0, 10 * SECOND),
    )
    def test_meetsTheTurn(self, low: int, width: int, rtt: int, wait: int) -> None:
        """With the offset in the middle of its bounds the probe arrives at the turn."""
        now = THEN + wait
        when = nextTick(now, low, low + width, SECOND, rtt)
        self.assertTrue(now <= when < now + SECOND)
        self.assertEqual((when + rtt // 2 + (low + low + width) // 2) % SECOND, 0)

    def test_fineStampsNeedNone(self) -> None:
        """Stamps finer than the round trip are narrowed by no turn."""
        self.assertFalse(TickProbes().isWorth(SECOND, 1000, MS))
        self.assertTrue(TickProbes().isWorth(SECOND, 2 * MS, MS))

    def test_narrowEnough(self) -> None:
        """Bounds that are two round trips and 4 ms apart are narrow enough, until they
        are twice as wide."""
        turns = TickProbes()
        widths = [7 * MS, 6 * MS, 7 * MS, 12 * MS, 13 * MS, 7 * MS, 5 * MS, 7 * MS]
        self.assertEqual(
            [turns.isWorth(width, SECOND, MS) for width in widths],
            [True, False, False, False, True, True, False, False],
        )

    def test_notTooMany(self) -> None:
        """Up to 20 may follow one another, and then one a second, until there were none
        for a time."""
        turns = TickProbes()
        for again in range(0, 1000 * SECOND, 100 * SECOND):
            for at in range(again, again + 20):
                self.assertEqual(turns.wait(at), 0)
                turns.sent(at)
            for second in range(1, 10):
                at = again + second * SECOND
                self.assertEqual(turns.wait(at - SECOND // 4), SECOND // 4)
                turns.sent(at)
        self.assertEqual(turns.count, 290)
