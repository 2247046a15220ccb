"""Tests for L{echostamp.probe.stalls}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.stalls import StallWatch
from echostamp.test.fakes import FakeReactor, reactorAgenda
from echostamp.times import MILLISECOND, Moment


class Watched:
    """
    A prober whose probes may be in flight.

    @ivar stalls: how long the stalls were, in nanoseconds.
    """

    def __init__(self) -> None:
        self.hasFlights = True
        self.stalls: list[int] = []

    def stalled(self, late: int) -> None:
        """Note the length of a stall."""
        self.stalls.append(late)


class StallWatchTests(SynchronousTestCase):
    """
    Tests for times when this process was suspended or blocked.
    """

    def setUp(self) -> None:
        """Watch two probers."""
        self.reactor = FakeReactor()
        self.agenda = reactorAgenda(self.reactor, self.now)
        self.watch = StallWatch(self.agenda)
        self.one, self.other = Watched(), Watched()

    def now(self) -> int:
        """Give nanoseconds by the monotonic clock."""
        return round(self.reactor.seconds() * 1e9)

    def run_(self, beats: int) -> None:
        """Let time pass, 10 ms a beat."""
        for _ in range(beats):
            self.reactor.advance(0.01)

    def test_oneTimerForAll(self) -> None:
        """However many probers are watched, there is one timer, and none at the end."""
        self.watch.watch(self.one, self.now())
        self.watch.watch(self.other, self.now())
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
        """A turn that is 10 ms late is a stall, for each prober with probes in flight.
        A turn that is less late is none."""
        self.watch.watch(self.one, self.now())
        self.watch.watch(self.other, self.now())
        self.run_(2)
        self.reactor.advance(0.0199)
        self.assertEqual(self.one.stalls, [])
        self.other.hasFlights = False
        self.reactor.advance(0.5)
        self.assertEqual(self.one.stalls, [490 * MILLISECOND])
        self.assertEqual(self.other.stalls, [])
        self.assertEqual(self.watch.lastBegan, self.now() - 490 * MILLISECOND)

    def test_timesWithinAStall(self) -> None:
        """A stall counts once, though a timer is set behind it for a time within: such
        as the timeout of a probe that was sent before."""
        self.watch.watch(self.one, self.now())
        self.run_(2)
        within = self.now() + 200 * MILLISECOND
        self.agenda.at(self.now(), lambda: self.agenda.at(within, int))
        self.reactor.advance(0.5)
        self.run_(2)
        self.assertEqual((self.watch.count, len(self.one.stalls)), (1, 1))
        self.reactor.advance(0.5)
        self.assertEqual(self.watch.count, 2)

    def test_heardFirst(self) -> None:
        """A reply that is read before the timer runs shows the stall, too.  It is
        counted once."""
        self.watch.watch(self.one, self.now())
        self.reactor.rightNow += 0.3
        self.watch.heard(Moment(self.now(), 0, self.now()))
        self.assertEqual(self.one.stalls, [290 * MILLISECOND])
        self.reactor.advance(0)
        self.assertEqual(len(self.one.stalls), 1)

    def test_turnsOfOthers(self) -> None:
        """The watch asks for a turn only if the agenda has none soon."""
        turns: list[int] = []
        self.agenda.at(5 * MILLISECOND, lambda: turns.append(self.now()))
        self.watch.watch(self.one, self.now())
        self.assertEqual(self.agenda.next, 5 * MILLISECOND)
        self.reactor.advance(0.005)
        self.assertEqual(len(turns), 1)
        self.assertEqual(self.agenda.next, 15 * MILLISECOND)
        self.reactor.advance(0.5)
        self.assertEqual(self.one.stalls, [490 * MILLISECOND])

    def test_notWatched(self) -> None:
        """Without probes in flight there are no stalls."""
        self.reactor.rightNow += 9
        self.watch.heard(Moment(self.now(), 0, self.now()))
        self.assertEqual(self.watch.lastBegan, 0)
