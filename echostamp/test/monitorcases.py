"""
A monitor in memory, for tests.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.error import ConnectionRefusedError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.event import Event, Kind
from echostamp.monitor.monitor import Monitor
from echostamp.monitor.peer import Peer
from echostamp.probe.dialers import Dialed, Wish
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.messages import Reply
from echostamp.probe.plan import Plan
from echostamp.probe.surroundings import surroundings
from echostamp.test.fakes import FakeReactor
from echostamp.times import MILLISECOND, SECOND, Moment, SetUp, Times

EPOCH = 1_700_000_000 * SECOND


class FakeLink:
    """
    A link whose far end answers at once, unless the test has it silent.
    """

    source = "192.0.2.1:7"
    isBlocked = isConnection = False
    isPrompt = True
    isRefused = False
    kernel = certificateEnd = losses = None
    invalid = 0

    def __init__(self, dialer: FakeDialer) -> None:
        self.address = "192.0.2.2:862"
        self.setUp = SetUp()
        self._dialer = dialer

    def send(self, seq: int) -> Moment:
        """Send a probe, and answer it when its RTT is over."""
        case = self._dialer.case
        case.sent.append((case.reactor.seconds(), self._dialer.name))
        at = case.clocks()
        if case.silent.isdisjoint((self._dialer.name, self._dialer.flow)):
            rtt = case.rtt
            case.reactor.callLater(rtt / SECOND, self._answer, seq, at.realtime, rtt)
        return at

    def _answer(self, seq: int, t1: int, rtt: int) -> None:
        """Answer a probe."""
        there = t1 + rtt // 2
        times = Times(t1, there, there, t1 + rtt)
        at = self._dialer.case.clocks()
        self._dialer.owner.answered(Reply(seq, None, False, times), at)

    def settle(self, seq: int) -> None:
        """Ignore it."""

    def forget(self, oldest: int) -> None:
        """Ignore it."""

    def askKernel(self) -> None:
        """Ignore it."""

    def details(self) -> None:
        """Give nothing."""

    def close(self) -> bool:
        """Close at once."""
        return False

    def finish(self) -> bool:
        """Close at once."""
        return False

    def abort(self, reason: str) -> None:
        """Ignore it."""


class FakeDialer:
    """
    Makes a link at once.
    """

    isLookingUp = False
    owner: LinkOwner

    def __init__(self, case: MonitorCase, name: str) -> None:
        self.case, self.name = case, name
        case.dialed[name] += 1
        self.flow = f"{name} {case.dialed[name]}"

    def start(self, owner: LinkOwner) -> None:
        """Make the link, or fail."""
        self.owner = owner
        if self.name in self.case.unlinked:
            owner.dialFailed(Failure(ConnectionRefusedError(111)))
        else:
            owner.linkUp(FakeLink(self))

    def redial(self) -> None:
        """Ignore it."""

    def stop(self) -> None:
        """Ignore it."""


def peer(name: str, target: str = "", **settings: Any) -> Peer:
    """Make a peer that is probed once a second."""
    wish = Wish(target or name, Plan(size=44, jitter=False))
    return Peer(name, wish, **settings)


class MonitorCase(SynchronousTestCase):
    """
    A monitor in memory.

    @ivar silent: the targets that do not answer, and a space and a number behind a
        target for one of its flows.
    @ivar rtt: the RTT of the next probes, in nanoseconds.
    @ivar unlinked: the targets that refuse connections.
    @ivar dialed: how many dialers were made for each target.
    @ivar sent: when probes were sent, in seconds, and to which target.
    """

    def setUp(self) -> None:
        """Make a monitor without peers."""
        self.reactor: Any = FakeReactor()
        self.step = 0
        self.silent: set[str] = set()
        self.rtt = MILLISECOND
        self.unlinked: set[str] = set()
        self.dialed: Counter[str] = Counter()
        self.sent: list[tuple[float, str]] = []
        self.events: list[Event] = []
        self.surroundings = surroundings(self.reactor, self.clocks, lambda: 0.0)
        self.monitor = Monitor(
            self.reactor, self.surroundings, self.events.append, dial=self.dial
        )

    def dial(self, reactor: Any, wish: Wish) -> Dialed:
        """Make a dialer."""
        if wish.target == "wrong":
            raise ValueError("TARGET 'wrong': it is wrong")
        return Dialed(wish.target, FakeDialer(self, wish.target), wish.plan)

    def clocks(self) -> Moment:
        """Read our clocks."""
        now = round(self.reactor.seconds() * 1e9)
        return Moment(now, EPOCH + now + self.step, now)

    def run_(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        self.reactor.fromTimerToTimer(seconds)

    def sentTo(self, name: str) -> list[float]:
        """Give when probes were sent to a target."""
        return [at for at, target in self.sent if target == name]

    def kinds(self) -> list[tuple[str, Kind]]:
        """Give the peers and kinds of the events so far."""
        return [(each.peer, each.kind) for each in self.events]
