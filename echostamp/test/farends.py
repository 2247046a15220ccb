"""
Far ends in memory, with clocks of their own, for tests of the prober.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.target import parseTarget
from echostamp.connect.timed import TimedEndpoint
from echostamp.probe.flights import EXTRAS_FROM
from echostamp.probe.keptprobes import KeptProbes
from echostamp.probe.linedialer import LineDialer
from echostamp.probe.memorysink import MemorySink
from echostamp.probe.messages import Messages
from echostamp.probe.plan import Plan
from echostamp.probe.prober import Prober
from echostamp.probe.surroundings import surroundings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeFarTransport, FakeReactor
from echostamp.times import MILLISECOND, SECOND, Moment

MS = MILLISECOND

#: What our clock shows when the monotonic one begins.
EPOCH = 1_700_000_000 * SECOND


ISO, CTIME = stampFormat("iso", utc=True).stamp, stampFormat("ctime", utc=True).stamp


def keptBy(prober: Prober) -> KeptProbes:
    """
    Give the store of a run that keeps its probes one by one.
    """
    store = prober.measurement.store
    assert isinstance(store, KeptProbes)
    return store


class FarTransport(FakeFarTransport):
    """
    A connection whose far end answers as L{Far} is set.

    @ivar lines: each message, after the time in seconds when it was sent.
    """

    def __init__(self, far: Far) -> None:
        super().__init__()
        self.lines: list[tuple[float, bytes]] = []
        self.isLost = False
        self._far = far

    def write(self, data: bytes) -> None:
        """Note when a message was sent, and answer it."""
        super().write(data)
        self.lines.append((self._far.reactor.seconds(), data))
        self._far.heard(self, data)

    def loseConnection(self) -> None:
        """Close in the next turn."""
        self._far.reactor.callLater(0, self.lose, ConnectionLost())

    abortConnection = loseConnection

    def lose(self, error: Exception) -> None:
        """Lose the connection."""
        if not self.isLost:
            self.isLost = True
            self.protocol.connectionLost(Failure(error))

    def receive(self, data: bytes) -> None:
        """Receive data, if there is still a connection."""
        if not self.isLost:
            self.protocol.dataReceived(data)


class Far:
    """
    A run of probes, and the far end, in memory.

    @ivar delay: seconds from message to reply, by its number; L{None} for no reply.
    @ivar stamp: gives the stamp for a time of our clock.
    @ivar ahead: nanoseconds by which the far clock is ahead.
    @ivar step: nanoseconds by which our own clock has been set.
    @ivar isOver: whether the run is over.
    """

    def __init__(
        self,
        plan: Plan,
        sink: Any = None,
        target: str = "192.0.2.1:7",
        zone: int | None = None,
        chance: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.reactor = FakeReactor()
        self.sink = MemorySink()
        self.messages = Messages(b"tag", plan.size)
        self.delay: Callable[[int], float | None] = lambda seq: 0.020
        self.stamp: Callable[[int], bytes] = ISO
        self.ahead = 0
        self.step = 0
        self.transports: list[FarTransport] = []
        self.isOver = False
        found = parseTarget(self.reactor, target, 5)
        endpoint = TimedEndpoint(self.reactor, found, 5, clock=lambda: self.now)
        self.prober = Prober(
            LineDialer(self.reactor, endpoint, self.messages, self.clocks),
            plan,
            sink or self.sink,
            surroundings(self.reactor, self.clocks, chance),
            zone,
        )
        self.prober.done.addCallback(self.done)

    def done(self, nothing: None) -> None:
        """Note that the run is over."""
        assert not self.isOver
        self.isOver = True

    @property
    def store(self) -> KeptProbes:
        """The probes of the run."""
        return keptBy(self.prober)

    @property
    def now(self) -> int:
        """Nanoseconds by the monotonic clock."""
        return round(self.reactor.seconds() * 1e9)

    def clocks(self) -> Moment:
        """Read our clocks."""
        return Moment(self.now, EPOCH + self.now + self.step, self.now)

    def start(self) -> None:
        """Begin, and connect."""
        self.prober.start()
        self.accept()

    @property
    def attempts(self) -> int:
        """How many attempts to connect there were."""
        return len(self.reactor.tcpClients)

    def accept(self) -> FarTransport:
        """Accept the last attempt to connect."""
        transport = FarTransport(self)
        self.transports.append(transport)
        factory: Any = self.reactor.tcpClients[-1][2]
        transport.protocol = factory.buildProtocol(None)
        transport.protocol.makeConnection(transport)
        return transport

    def refuse(self, error: Exception) -> None:
        """Refuse the last attempt to connect."""
        factory: Any = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(error))

    def run(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        self.reactor.fromTimerToTimer(seconds)

    def heard(self, transport: FarTransport, message: bytes) -> None:
        """Answer a message after its delay."""
        found = re.match(rb"tag (\d+) ", message)
        assert found
        delay = self.delay(int(found[1]))
        if delay is not None:
            there = EPOCH + self.now + round(delay * 1e9 / 2) + self.ahead
            reply = self.stamp(there) + message
            self.reactor.callLater(delay, transport.receive, reply)

    def reply(self, line: bytes) -> None:
        """Send a line back."""
        self.transports[-1].receive(line)

    def sent(self, extras: bool = False) -> list[tuple[float, int]]:
        """Give the probes of all connections: the time in seconds, and the number."""
        found = [
            (when, int(data.split()[1]))
            for transport in self.transports
            for when, data in transport.lines
        ]
        return [(when, seq) for when, seq in found if (seq >= EXTRAS_FROM) == extras]

    def times(self) -> list[float]:
        """Give when probes were sent, in seconds."""
        return [round(when, 6) for when, _ in self.sent()]


class ProberCase(SynchronousTestCase):
    """
    A test of a run of probes in memory.
    """

    def begin(self, **plan: Any) -> Far:
        """Begin a run, with a connection."""
        chance = plan.pop("chance", lambda: 0.0)
        delay = plan.pop("delay", lambda seq: 0.020)
        stamp = plan.pop("stamp", ISO)
        self.far = Far(Plan(**plan), chance=chance)
        self.far.delay, self.far.stamp = delay, stamp
        self.sink = self.far.sink
        self.found = self.far.prober.measurement
        self.far.start()
        return self.far

    def seqs(self, what: str) -> list[int | str]:
        """Give the subjects of all events with one name."""
        return [subject for event, subject in self.sink.events if event == what]
