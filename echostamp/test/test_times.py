"""Tests for L{echostamp.times}."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from echostamp.times import SECOND, moment


class MomentTests(SynchronousTestCase):
    """
    Tests for readings of our clocks.
    """

    def test_order(self) -> None:
        """The monotonic clock is read before and after the realtime clock."""
        before, realtime, after = moment()
        self.assertLessEqual(before, after)
        self.assertLess(abs(time.time_ns() - realtime), 60 * SECOND)
