"""Tests for L{echostamp.probe.agenda}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.agenda import Timers
from echostamp.test.fakes import FakeReactor, reactorAgenda
from echostamp.times import MILLISECOND, SECOND


class AgendaCase(SynchronousTestCase):
    """
    A test of an agenda with a fake reactor.
    """

    def setUp(self) -> None:
        """Make an agenda."""
        self.begin()

    def begin(self) -> None:
        """Make an agenda."""
        self.reactor = FakeReactor()
        self.agenda = reactorAgenda(self.reactor, self.now)
        self.called: list[int] = []

    def now(self) -> int:
        """Give nanoseconds by the monotonic clock."""
        return round(self.reactor.seconds() * 1e9)

    def call(self) -> None:
        """Note the time of the call."""
        self.called.append(self.now())


class AgendaTests(AgendaCase):
    """
    Tests for functions that are called at times.
    """

    @given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=20))
    def test_inOrder(self, entries: list[tuple[int, bool]]) -> None:
        """Each function is called once, at its time, unless it was cancelled.  The
        reactor has at most one timer."""
        self.begin()
        for when, isCancelled in entries:
            entry = self.agenda.at(when * MILLISECOND, self.call)
            if isCancelled:
                entry.cancel()
        for _ in range(52):
            self.assertLessEqual(len(self.reactor.getDelayedCalls()), 1)
            self.reactor.advance(0.001)
        kept = sorted(when for when, isCancelled in entries if not isCancelled)
        self.assertEqual(
            [round(when / MILLISECOND) for when in self.called],
            [max(when, 1) for when in kept],
        )
        self.assertIsNone(self.agenda.next)

    def test_wake(self) -> None:
        """An agenda says when its next turn is due."""
        self.agenda.at(SECOND, self.call)
        self.agenda.at(2 * SECOND, self.call)
        self.assertEqual(self.agenda.wake, SECOND)
        self.reactor.advance(1)
        self.assertEqual(self.called, [SECOND])
        self.assertEqual(self.agenda.wake, 2 * SECOND)
        self.reactor.advance(1)
        self.assertIsNone(self.agenda.wake)

    def test_failure(self) -> None:
        """If a function fails, that is logged, and the others are called."""
        self.agenda.at(5, lambda: 1 // 0)
        self.agenda.at(5, self.call)
        self.agenda.at(7, self.call)
        self.reactor.advance(1)
        self.assertEqual(len(self.called), 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_withinACall(self) -> None:
        """A function may ask for another call while it runs."""
        self.agenda.at(0, lambda: self.agenda.at(0, self.call))
        self.reactor.advance(0)
        self.reactor.advance(0)
        self.assertEqual(len(self.called), 1)


class TimersTests(AgendaCase):
    """
    Tests for the functions of one prober.
    """

    def test_oneTime(self) -> None:
        """A function is called at the last time that was set."""
        timers = Timers(self.agenda)
        timers.set(5 * SECOND, self.call)
        timers.set(SECOND, self.call)
        timers.set(2 * SECOND, self.call)
        self.assertTrue(timers.isSet(self.call))
        for _ in range(9):
            self.reactor.advance(1)
        self.assertEqual(self.called, [2 * SECOND])
        self.assertFalse(timers.isSet(self.call))

    def test_stop(self) -> None:
        """No function is called after a stop, neither one that was set before nor one
        that is set later."""
        timers = Timers(self.agenda)
        timers.set(SECOND, self.call)
        timers.stop()
        timers.set(2 * SECOND, self.call)
        self.assertFalse(timers.isSet(self.call))
        self.reactor.advance(9)
        self.assertEqual(self.called, [])
