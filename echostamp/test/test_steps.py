"""Tests for L{echostamp.history.steps}."""

from __future__ import annotations

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.row import DAY, HOUR, MINUTE
from echostamp.history.steps import MOST_POINTS, MOST_ROWS, isQuick, stepOf

TIMES = strategies.integers(0, 2**34)
LENGTHS = strategies.sampled_from([MINUTE, HOUR, DAY])


class StepTests(SynchronousTestCase):
    """
    Tests for the length of points.
    """

    @given(LENGTHS, TIMES, strategies.integers(1, 2**34), TIMES | strategies.none())
    def test_bounds(
        self, length: int, began: int, span: int, asked: int | None
    ) -> None:
        """Points are made of whole rows, are as long as asked for, and are not too
        many."""
        ended = began + span
        step = stepOf(length, began, ended, asked)
        self.assertEqual(step % length, 0)
        self.assertGreaterEqual(step, asked or length)
        count = len(range(began // step, -(-ended // step)))
        self.assertLessEqual(count, MOST_POINTS)

    def test_usual(self) -> None:
        """The usual spans have round points, whenever they begin."""
        for length, span, asked, step in [
            (MINUTE, HOUR, None, MINUTE),
            (MINUTE, 16 * HOUR, None, MINUTE),
            (MINUTE, 17 * HOUR, None, 2 * MINUTE),
            (MINUTE, DAY, None, 2 * MINUTE),
            (MINUTE, DAY, 90, 2 * MINUTE),
            (MINUTE, HOUR, 170, 3 * MINUTE),
            (HOUR, 7 * DAY, None, HOUR),
            (HOUR, 90 * DAY, None, 3 * HOUR),
            (HOUR, 90 * DAY, DAY, DAY),
            (DAY, 3650 * DAY, None, 7 * DAY),
            (DAY, 36_500 * DAY, None, 42 * DAY),
        ]:
            for began in 0, 1, length - 1:
                self.assertEqual(stepOf(length, began, began + span, asked), step)

    def test_partly(self) -> None:
        """Points that are only partly in a span count, too."""
        span = MOST_POINTS * 7 * DAY
        self.assertEqual(stepOf(DAY, 0, span, None), 7 * DAY)
        self.assertEqual(stepOf(DAY, DAY, DAY + span, None), 14 * DAY)

    def test_quick(self) -> None:
        """A span that has too many rows is not read from them."""
        self.assertTrue(isQuick(MINUTE, 5, 5 + MOST_ROWS * MINUTE))
        self.assertFalse(isQuick(MINUTE, 5, 6 + MOST_ROWS * MINUTE))
