"""Tests for L{echostamp.probe.stalls}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.stalls import StallWatch
from echostamp.probe.timers import Timers
from echostamp.test.fakes import FakeReactor
from echostamp.times import MILLISECOND, Moment


class Watched:
    """
    Somebody whose probes may be in flight.
    """

    def __init__(self) -> None:
        self.hasFlights = True
        self.stalls: list[int] = []

    def stalled(self, late: int) -> None:
        """Note for how long."""
        self.stalls.append(late)


class StallWatchTests(SynchronousTestCase):
    """
    When this process was suspended or blocked.
    """

    def setUp(self) -> None:
        """Watch two probers."""
        self.reactor = FakeReactor()
        self.watch = StallWatch(Timers(self.reactor, self.now), self.now)
        self.one, self.other = Watched(), Watched()

    def now(self) -> int:
        """Nanoseconds by the monotonic clock."""
        return round(self.reactor.seconds() * 1e9)

    def run_(self, beats: int) -> None:
        """Let the timer run."""
        for _ in range(beats):
            self.reactor.advance(0.01)

    def test_oneTimerForAll(self) -> None:
        """However many probers are watched, there is one timer, and none at the end."""
        self.watch.watch(self.one)
        self.watch.watch(self.other)
        self.run_(3)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.one.hasFlights = False
        self.run_(3)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.other.hasFlights = False
        self.run_(2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual((self.one.stalls, self.other.stalls), ([], []))

    def test_stall(self) -> None:
        """A look that is 10 ms late is a stall, for all who have probes in flight; a
        look that is less late is none."""
        self.watch.watch(self.one)
        self.watch.watch(self.other)
        self.run_(2)
        self.reactor.advance(0.0199)
        self.assertEqual(self.one.stalls, [])
        self.other.hasFlights = False
        self.reactor.advance(0.5)
        self.assertEqual(self.one.stalls, [490 * MILLISECOND])
        self.assertEqual(self.other.stalls, [])
        self.assertEqual(self.watch.lastBegan, self.now() - 490 * MILLISECOND)

    def test_heardFirst(self) -> None:
        """A reply that is read before the timer has its turn shows the stall, once."""
        self.watch.watch(self.one)
        self.reactor.rightNow += 0.3
        self.watch.heard(Moment(self.now(), 0, self.now()))
        self.assertEqual(self.one.stalls, [290 * MILLISECOND])
        self.reactor.advance(0)
        self.assertEqual(len(self.one.stalls), 1)

    def test_notWatched(self) -> None:
        """Where no probe is in flight, nothing is a stall."""
        self.reactor.rightNow += 9
        self.watch.heard(Moment(self.now(), 0, self.now()))
        self.assertEqual(self.watch.lastBegan, 0)
