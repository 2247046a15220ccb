"""Tests for L{echostamp.intercom.allowance}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.allowance import MOST_WAITING, WINDOW, Allowance


class AllowanceTests(SynchronousTestCase):
    """
    The waits of a window are added up.
    """

    def test_waits(self) -> None:
        """Each wait counts until it has left the window."""
        allowance = Allowance()
        self.assertEqual(allowance.left(5.0), MOST_WAITING)
        allowance.waited(5.0, 5.5)
        allowance.waited(7.0, 8.0)
        self.assertEqual(allowance.left(8.0), MOST_WAITING - 1.5)
        self.assertEqual(allowance.left(5.5 + WINDOW), MOST_WAITING - 1.0)
        self.assertEqual(allowance.left(8.0 + WINDOW), MOST_WAITING)

    @given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3))))
    def test_anyWaits(self, attempts: list[tuple[float, float]]) -> None:
        """Whenever somebody wants to wait, and however long: in no window are the waits
        longer than allowed."""
        allowance = Allowance()
        now, waits = 0.0, []
        for pause, wanted in attempts:
            now += pause
            waited = min(wanted, allowance.left(now))
            if waited > 0:
                waits.append((now, now + waited))
                allowance.waited(now, now + waited)
                now += waited
        for _, end in waits:
            within = [min(b, end) - max(a, end - WINDOW) for a, b in waits if a < end]
            total = sum(each for each in within if each > 0)
            self.assertLessEqual(total, MOST_WAITING + 1e-9)

    def test_memory(self) -> None:
        """However many waits there are, few are remembered."""
        allowance = Allowance()
        for number in range(100_000):
            allowance.waited(number / 1000, number / 1000 + 1e-6)
            allowance.left(number / 1000)
        self.assertLess(len(allowance._waits), 50)
        self.assertAlmostEqual(allowance.left(100.0), MOST_WAITING - 0.02, places=2)
