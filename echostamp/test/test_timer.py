"""Tests for L{echostamp.tls.timer}."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from echostamp.tls.timer import Timer


class TimerTests(SynchronousTestCase):
    """
    L{Timer} makes one call.
    """

    def setUp(self) -> None:
        """Make a timer that notes its calls."""
        self.clock = Clock()
        self.timer = Timer(self.clock)
        self.calls: list[str] = []

    def start(self, name: str) -> None:
        """Have a call noted after two seconds."""
        self.timer.start(2.0, lambda: self.calls.append(name))

    def test_onlyTheLast(self) -> None:
        """A call that is started replaces the one before."""
        self.start("first")
        self.clock.advance(1.0)
        self.start("second")
        self.clock.pump([1.0, 0.9])
        self.assertEqual(self.calls, [])
        self.clock.advance(0.2)
        self.assertEqual(self.calls, ["second"])

    def test_stopped(self) -> None:
        """A timer that is stopped calls nothing, and may be stopped at any time."""
        self.timer.stop()
        self.start("first")
        self.timer.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.start("second")
        self.clock.advance(3.0)
        self.timer.stop()
        self.assertEqual(self.calls, ["second"])

    def test_lateness(self) -> None:
        """A call can see how late it is."""
        late: list[float] = []
        self.timer.start(2.0, lambda: late.append(self.timer.lateness))
        self.clock.advance(7.0)
        self.assertEqual(late, [5.0])
        self.timer.stop()
        self.assertEqual(self.timer.lateness, 0.0)
