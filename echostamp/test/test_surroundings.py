"""Tests for L{echostamp.probe.surroundings}."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe import surroundings as surroundingsModule
from echostamp.probe.alarms import KernelAlarm
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
        made = surroundings(reactor, lambda: Moment(1, 2, SECOND), lambda: 0.5)
        self.assertIs(made.agenda.watcher, made.stalls)
        self.assertEqual(made.chance(), 0.5)
        made.agenda.at(2 * SECOND, lambda: None)
        (timer,) = reactor.getDelayedCalls()
        self.assertEqual(timer.getTime(), 1)

    def test_exact(self) -> None:
        """An exact agenda waits for a timer of the kernel's, where there is one."""
        reactor = FakeReactor()
        made = surroundings(reactor, isExact=True)
        (alarm,) = reactor.getReaders()
        self.assertIsInstance(alarm, KernelAlarm)
        self.addCleanup(alarm.connectionLost, Failure(ConnectionDone()))
        made.agenda.at(made.now() + SECOND, lambda: None)
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_noTimerfd(self) -> None:
        """Without such timers, it goes by those of the reactor."""
        reactor = FakeReactor()

        def refused(*arguments: object) -> None:
            raise OSError

        self.patch(surroundingsModule, "KernelAlarm", refused)
        made = surroundings(reactor, isExact=True)
        made.agenda.at(made.now() + SECOND, lambda: None)
        self.assertEqual(len(reactor.getDelayedCalls()), 1)
