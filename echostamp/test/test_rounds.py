"""Tests for L{echostamp.client.rounds}."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.rounds import PAUSE, SLICE, Rounds
from echostamp.test.snapshots import newPeer
from echostamp.times import SECOND

#: The time of a turn in which nothing happens, in seconds.
TURN = 1e-6


class TurnClock(Clock):
    """
    A clock that calls in a later turn what is to be called at once.
    """

    def callLater(self, delay: float, *call: Any, **named: Any) -> Any:
        """Call a function later."""
        return super().callLater(max(delay, TURN), *call, **named)


class FakeDisplay:
    """
    Notes when it gets what.
    """

    recent = 0
    isClosed = False

    def __init__(self, clock: Clock, isLive: bool, every: int) -> None:
        self.clock = clock
        self.isLive = isLive
        self.every = every
        self.taken_: list[tuple[float, str]] = []
        self.rounds: list[float] = []

    def take(self, snapshot: Any) -> None:
        """Note a snapshot."""
        self.taken_.append((self.clock.seconds(), snapshot.peer.name))

    def taken(self) -> None:
        """Note the end of a round."""
        self.rounds.append(round(self.clock.seconds(), 6))


class RoundsTests(SynchronousTestCase):
    """
    Tests for when snapshots are taken.
    """

    def setUp(self) -> None:
        """Prepare a clock."""
        self.clock = TurnClock()
        self.cost = 0.0
        self.failures: list[Failure] = []

    def snapshots(self) -> Iterator[Any]:
        """Take snapshots of three targets, which takes its time."""
        for name in "abc":
            self.clock.rightNow += self.cost
            yield newPeer(name)

    def begin(
        self, isLive: bool = False, every: int = SECOND, deadline: int | None = None
    ) -> FakeDisplay:
        """Begin."""
        display: Any = FakeDisplay(self.clock, isLive, every)
        self.rounds = Rounds(
            self.clock, self.snapshots, display, deadline, self.failures.append
        )
        self.rounds.start()
        found: FakeDisplay = display
        return found

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)

    def test_windows(self) -> None:
        """A round follows each window, all at their times."""
        display = self.begin(every=10 * SECOND)
        self.pass_(35)
        self.assertEqual([round(at) for at in display.rounds], [10, 20, 30])
        self.assertEqual("".join(name for _, name in display.taken_), "abc" * 3)

    def test_live(self) -> None:
        """A live display has a first round at once."""
        display = self.begin(isLive=True)
        self.pass_(2.5)
        self.assertEqual([round(at) for at in display.rounds], [0, 1, 2])

    def test_deadline(self) -> None:
        """At the deadline no round begins: the end has one of its own."""
        display = self.begin(every=10 * SECOND, deadline=20 * SECOND)
        self.pass_(35)
        self.assertEqual(len(display.rounds), 1)

    def test_slices(self) -> None:
        """Snapshots that take long are taken in several turns."""
        self.cost = SLICE * 0.7
        display = self.begin(isLive=True)
        self.clock.advance(TURN)
        self.clock.advance(TURN)
        self.assertEqual(len(display.taken_), 2)
        self.clock.advance(TURN)
        self.assertEqual(len(display.taken_), 3)

    def test_pause(self) -> None:
        """Rounds that take long follow one another more slowly."""
        self.cost = 1.0
        display = self.begin(isLive=True)
        self.pass_(100)
        for before, after in zip(display.rounds, display.rounds[1:], strict=False):
            self.assertGreaterEqual(after - before, 3 * self.cost * PAUSE)
        self.assertGreater(len(display.rounds), 2)

    def test_stop(self) -> None:
        """A round that is stopped is not finished, and that is no error."""
        self.cost = 1.0
        display = self.begin(isLive=True)
        self.clock.advance(TURN)
        self.clock.advance(TURN)
        self.rounds.stop()
        self.pass_(100)
        self.assertEqual((len(display.taken_), display.rounds), (1, []))
        self.assertEqual((self.failures, self.clock.getDelayedCalls()), ([], []))

    def test_failure(self) -> None:
        """An error is reported."""
        display = self.begin(isLive=True)

        def fail(snapshot: Any) -> None:
            raise ZeroDivisionError

        self.patch(display, "take", fail)
        self.pass_(1)
        self.assertEqual(len(self.failures), 1)
        self.failures[0].trap(ZeroDivisionError)
