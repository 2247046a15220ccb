"""Tests for L{echostamp.probe.timeouts}."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.agenda import Timers
from echostamp.probe.flights import Flight, Flights
from echostamp.probe.timeouts import FORGOTTEN, Timeouts
from echostamp.test.fakes import FakeReactor, reactorAgenda
from echostamp.test.farends import MS, ProberCase
from echostamp.times import SECOND, Moment


class DeadConnectionTests(ProberCase):
    """
    Tests for connections that count as dead.
    """

    def test_threeInARow(self) -> None:
        """If three probes in a row time out, the connection is aborted, whatever else
        is in flight: a connection may be dead unnoticed."""
        far = self.begin(interval=SECOND, timeout=2500 * MS)
        far.delay = lambda seq: None if seq >= 5 and far.attempts == 1 else 0.02
        far.run(9.49)
        self.assertEqual(len(self.found.outages), 0)
        far.run(0.02)
        (outage,) = self.found.outages
        self.assertEqual(outage.reason, "3 probes in a row timed out")
        self.assertEqual(outage.lost, 2)
        self.assertEqual(self.far.store.delays.run.lost, 5)
        far.run(3)
        far.accept()
        far.run(1)
        self.assertEqual(self.far.store.delays.run.lost, 5)
        self.assertIsNotNone(self.found.outages[0].length)

    def test_notInARow(self) -> None:
        """Timeouts that are not in a row do not end a connection, nor do late
        replies."""
        far = self.begin(interval=SECOND, timeout=100 * MS)
        far.delay = lambda seq: 0.02 if seq % 3 == 2 else None
        far.run(11.5)
        far.delay = lambda seq: 0.5
        far.run(10)
        self.assertEqual(len(self.found.outages), 0)

    def test_shortTimeouts(self) -> None:
        """However short the timeout is, a connection may be silent for a second."""
        far = self.begin(interval=10 * MS, timeout=50 * MS, delay=lambda seq: 0.3)
        far.run(3)
        self.assertEqual(len(self.found.outages), 0)
        far.delay = lambda seq: None
        far.run(1.2)
        self.assertEqual(len(self.found.outages), 0)
        far.run(0.2)
        self.assertEqual(len(self.found.outages), 1)


class FakeLink:
    """
    Notes the calls of a link.
    """

    isConnection = False

    def __init__(self) -> None:
        self.settled: list[int] = []
        self.oldest: list[int] = []

    def settle(self, seq: int) -> None:
        """Note the number."""
        self.settled.append(seq)

    def forget(self, oldest: int) -> None:
        """Note the number."""
        self.oldest.append(oldest)


class TimeoutsTests(SynchronousTestCase):
    """
    Tests for the timeouts of probes in flight, without a prober.
    """

    def setUp(self) -> None:
        """Begin on a link, with a timeout of 2 s."""
        self.reactor = FakeReactor()
        self.flights = Flights()
        self.link: Any = FakeLink()
        self.lost: list[int] = []
        self.looks: list[bool] = []
        self.begin()

    def begin(self, mostLate: int = 0) -> None:
        """Begin without timeouts."""
        timers = Timers(reactorAgenda(self.reactor, self.now))
        self.timeouts = Timeouts(
            *(self.flights, 2 * SECOND, timers, self.now, self), mostLate
        )
        self.timeouts.begin(0)

    def now(self) -> int:
        """Give nanoseconds by the monotonic clock."""
        return round(self.reactor.seconds() * 1e9)

    def timedOut(self, flight: Flight) -> None:
        """Lose a probe."""
        self.lost.append(flight.seq)
        self.flights.pop(flight.seq)

    def lookedThrough(self, isDead: bool) -> None:
        """Note whether the connection seems to be dead."""
        self.looks.append(isDead)

    def send(self) -> int:
        """Send a probe, and give its number."""
        at = Moment(self.now(), self.now(), self.now())
        seq = self.flights.next
        self.flights.sent(at.after, at, 0)
        self.timeouts.arm()
        return seq

    def run_(self, seconds: float) -> None:
        """Let time pass, with a turn each 100 ms."""
        for _ in range(round(10 * seconds)):
            self.reactor.advance(0.1)
            self.reactor.advance(0)

    def test_oneTimer(self) -> None:
        """One timer serves all probes: each is lost after its own timeout."""
        for _ in range(3):
            self.send()
            self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
            self.run_(0.5)
        self.run_(0.3)
        self.assertEqual(self.lost, [])
        self.run_(0.4)
        self.assertEqual(self.lost, [0])
        self.run_(1)
        self.assertEqual(self.lost, [0, 1, 2])
        self.assertEqual(self.link.settled, [0, 1, 2])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_settledByTheLink(self) -> None:
        """If the link finds the reply when the timeout is over, the probe is not
        lost."""
        self.link.settle = self.flights.pop
        self.send()
        self.run_(3)
        self.assertEqual((self.lost, self.looks), ([], [False]))

    def test_lastTurn(self) -> None:
        """A reply that is read in the turn after the timeout is in time."""
        seq = self.send()
        self.reactor.advance(5)
        self.flights.pop(seq)
        self.reactor.advance(0)
        self.assertEqual(self.lost, [])

    def test_deadConnection(self) -> None:
        """A connection seems to be dead after three timeouts in a row, and when it was
        silent for as long as the timeout."""
        for _ in range(3):
            self.send()
        self.run_(1)
        self.timeouts.lastHeard = self.now()
        self.run_(1.2)
        self.assertEqual((self.looks, self.timeouts.inARow), ([False], 3))
        self.send()
        self.run_(2.2)
        self.assertEqual((self.looks, self.timeouts.inARow), ([False, True], 4))
        self.timeouts.begin(self.now())
        self.assertEqual(self.timeouts.inARow, 0)

    def test_forget(self) -> None:
        """The link forgets probes that are not in flight: at each timeout, and after
        L{FORGOTTEN} replies."""
        for _ in range(FORGOTTEN + 1):
            self.flights.pop(self.send())
            self.timeouts.answered(self.link)
        self.assertEqual(self.link.oldest, [FORGOTTEN])
        self.send()
        self.run_(2.2)
        self.assertEqual(self.link.oldest[-1], FORGOTTEN + 2)

    def test_lateReplies(self) -> None:
        """The link remembers as many of the last probes as it must."""
        self.begin(mostLate=10)
        for _ in range(FORGOTTEN + 1):
            self.flights.pop(self.send())
            self.timeouts.answered(self.link)
        self.assertEqual(self.link.oldest, [FORGOTTEN - 10])
        for _ in range(20):
            self.send()
        self.run_(2.2)
        self.assertEqual(self.link.oldest[-1], FORGOTTEN + 1 + 20 - 10)
