"""Tests for L{echostamp.monitor.clocksteps}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import FITS, NO_FIT, OffsetReport
from echostamp.monitor.clocksteps import ClockSteps
from echostamp.times import SECOND


class ClockStepsTests(SynchronousTestCase):
    """
    When a far clock was set.
    """

    def setUp(self) -> None:
        """Begin."""
        self.steps = ClockSteps()

    def look(
        self, second: int, estimate: int, misfit: int | None = None
    ) -> tuple[int, int] | None:
        """Look at an offset: the last misfit was at a time, or there is none."""
        verdict, window = FITS, 60
        if misfit is not None:
            verdict, window = NO_FIT, second - misfit
        report = OffsetReport(
            *(0, estimate, 0, 0, 0.0, 0.0, 0.0, window * SECOND, 1, verdict)
        )
        return self.steps.look(report, second * SECOND)

    def test_step(self) -> None:
        """A step is found once, with the offsets before and after."""
        self.assertIsNone(self.look(0, 7))
        self.assertEqual(self.look(15, 99, misfit=12), (7, 99))
        for second in 30, 45, 60:
            self.assertIsNone(self.look(second, 99, misfit=13))
        self.assertIsNone(self.look(75, 99))

    def test_secondStep(self) -> None:
        """A second step is found while the first one is still in the window."""
        self.look(0, 7)
        self.assertEqual(self.look(15, 99, misfit=12), (7, 99))
        self.assertEqual(self.look(30, 5, misfit=25), (99, 5))
        self.assertIsNone(self.look(45, 5, misfit=25))

    def test_unknown(self) -> None:
        """What is not known is no step, and neither is a misfit at first."""
        self.assertIsNone(self.steps.look(None, 0))
        self.assertIsNone(self.look(15, 99, misfit=12))
        self.assertIsNone(self.look(30, 99, misfit=12))
