"""Tests for L{echostamp.probe.dialers}."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.dialers import Wish, dialerOf, sharingDialers
from echostamp.probe.plan import Plan
from echostamp.probe.udpdialer import StampDialer
from echostamp.rfc8762.sharedports import MOST_SIZE
from echostamp.test.fakes import FakeReactor
from echostamp.times import MILLISECOND


class DialersTests(SynchronousTestCase):
    """
    What kind of dialer a wish gets.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor: Any = FakeReactor()

    def stamp(self, plan: Plan, isSharing: bool = True) -> StampDialer:
        """Make a dialer for STAMP."""
        make = sharingDialers(self.reactor) if isSharing else dialerOf
        dialer = make(self.reactor, Wish("stamp:far", plan)).dialer
        assert isinstance(dialer, StampDialer)
        return dialer

    def test_times(self) -> None:
        """Over STAMP the kernel takes the times of a probe; over the line protocol this
        process does."""
        plan = Plan(size=44)
        stamp = dialerOf(self.reactor, Wish("stamp:far", plan))
        self.assertEqual((stamp.plan.size, stamp.plan.isTimedByKernel), (44, True))
        line = dialerOf(self.reactor, Wish("far", plan))
        self.assertFalse(line.plan.isTimedByKernel)

    def test_sharedPorts(self) -> None:
        """Ports are shared where that was asked for, and packets are short."""
        plan = Plan(size=44, interval=10 * MILLISECOND)
        self.assertIsNotNone(self.stamp(plan).takePort)
        self.assertIsNone(self.stamp(plan, isSharing=False).takePort)
        self.assertIsNone(self.stamp(Plan(size=44, interval=0)).takePort)
        self.assertIsNotNone(self.stamp(Plan(size=MOST_SIZE)).takePort)
        self.assertIsNone(self.stamp(Plan(size=MOST_SIZE + 4)).takePort)
