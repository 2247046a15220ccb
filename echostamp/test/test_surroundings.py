"""Tests for L{echostamp.probe.surroundings}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.surroundings import surroundings
from echostamp.test.fakes import FakeReactor
from echostamp.times import SECOND, Moment


class SurroundingsTests(SynchronousTestCase):
    """
    Tests for the timers and clocks that probers share.
    """

    def test_shared(self) -> None:
        """The agenda runs by the given clock, and the stall watch watches it."""
        reactor = FakeReactor()
        made = surroundings(reactor, lambda: Moment(1, 2, SECOND), lambda: 0.5, True)
        self.assertIs(made.agenda.watcher, made.stalls)
        self.assertEqual(made.chance(), 0.5)
        made.agenda.at(2 * SECOND, lambda: None)
        (timer,) = reactor.getDelayedCalls()
        self.assertEqual(timer.getTime(), 0.995)
