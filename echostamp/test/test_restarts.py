"""Tests for L{echostamp.workers.restarts}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.workers.restarts import Restarts


class RestartsTests(SynchronousTestCase):
    """
    Tests for L{Restarts}.
    """

    def delays(self, restarts: Restarts, *times: float) -> list[float]:
        """Give the delays after deaths."""
        return [restarts.died(each) for each in times]

    def test_delays(self) -> None:
        """The first restart is at once; the delays grow with the deaths."""
        restarts = Restarts()
        self.assertEqual(self.delays(restarts, *range(5)), [0, 0.25, 0.5, 1, 2])
        self.assertFalse(restarts.isRare)

    def test_window(self) -> None:
        """Only deaths within 60 s count."""
        restarts = Restarts()
        self.assertEqual(self.delays(restarts, 0, 59, 60, 118.9), [0, 0.25, 0.25, 0.5])
        self.assertEqual(self.delays(restarts, 179), [0])

    def test_rare(self) -> None:
        """More than five deaths within 60 s make restarts rare, for as long as no
        process lives for a minute."""
        restarts = Restarts()
        self.assertEqual(self.delays(restarts, *range(6))[-1], 30)
        self.assertTrue(restarts.isRare)
        self.assertEqual(self.delays(restarts, 36, 67, 98, 187.75), [30] * 4)
        self.assertEqual(self.delays(restarts, 277.75), [0])
        self.assertFalse(restarts.isRare)
