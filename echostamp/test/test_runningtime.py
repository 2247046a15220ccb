"""Tests for L{echostamp.workers.runningtime}."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from echostamp.workers.runningtime import RunningTime


class RunningTimeTests(SynchronousTestCase):
    """
    Tests for L{RunningTime}.
    """

    def setUp(self) -> None:
        """Make one."""
        self.clock = Clock()
        self.time = RunningTime(self.clock)
        self.called: list[float] = []

    def note(self) -> None:
        """Note a call."""
        self.called.append(self.clock.seconds())

    def advance(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        self.clock.pump([0.125] * round(seconds * 8))

    def test_limits(self) -> None:
        """Each function is called once, when its time is over."""
        self.advance(1000)
        for seconds in 10, 1, 0.5, 0:
            self.time.after(seconds, self.note)
        self.advance(20)
        self.assertEqual(self.called, [1000.125, 1000.5, 1001, 1010])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped(self) -> None:
        """Of the time in which this process was stopped, no more counts than a timer
        may be late, at whatever time it is stopped."""
        self.time.after(10, self.note)
        self.advance(3)
        self.clock.advance(60)
        self.advance(6.375)
        self.assertEqual(self.called, [])
        self.advance(0.25)
        self.assertEqual(self.called, [69.5])

    def test_cancelled(self) -> None:
        """What is cancelled is not called: not by another function of the same turn
        either."""
        second = self.time.after(1, self.note)
        first = self.time.after(0.5, second.cancel)
        self.time.after(2, self.note).cancel()
        self.clock.advance(0.5)
        first.cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        both = [self.time.after(0.25, lambda: both[1].cancel()) for _ in range(2)]
        both[1].call = self.note
        self.advance(3)
        self.assertEqual(self.called, [])

    def test_within(self) -> None:
        """An event that comes in time is told from one that does not."""
        event: Deferred[None] = Deferred()
        came = self.time.within(1, event)
        self.assertNoResult(came)
        event.callback(None)
        self.assertTrue(self.successResultOf(came))
        self.assertTrue(self.successResultOf(self.time.within(1, event)))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        late: Deferred[None] = Deferred()
        came = self.time.within(1, late)
        self.advance(1)
        self.assertFalse(self.successResultOf(came))
        late.callback(None)
