"""
A monitor and far ends in simulated time, with all that goes wrong in weeks.
"""

from __future__ import annotations

import errno
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.python.failure import Failure

from echostamp.connect.target import parseTarget
from echostamp.connect.timed import TimedEndpoint
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.exposition import Exposition
from echostamp.monitor.metricformats import Format
from echostamp.monitor.monitor import Monitor
from echostamp.monitor.peer import Limits, Peer
from echostamp.monitor.resolving import PeerResolver
from echostamp.monitor.watch import Watch, wishOf
from echostamp.monitor.watchedpeer import WatchedPeer
from echostamp.probe.dialers import Dialed, Wish
from echostamp.probe.linedialer import LineDialer
from echostamp.probe.messages import Messages
from echostamp.probe.plan import Plan
from echostamp.probe.route import Route
from echostamp.probe.surroundings import surroundings
from echostamp.probe.udpdialer import StampDialer
from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.reflector import Reflector
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeFarTransport, FakeReactor
from echostamp.test.sizes import heldBy
from echostamp.times import MILLISECOND as MS
from echostamp.times import SECOND, Moment

MINUTE, HOUR, DAY = 60, 3600, 86_400

EPOCH = 1_700_000_000 * SECOND

#: Nanoseconds between two probes.
INTERVAL = 5 * SECOND

#: The thresholds of a stormy hour.
LIMITS = Limits(5 * MS, 50 * MS, 5.0, SECOND)

#: Seconds between two scrapes.
EVERY = 10 * MINUTE

#: Of all probes, how many are lost, answered twice, and answered after the timeout.
LOST, TWICE, LATE = 0.001, 0.0005, 0.0002

#: The addresses that the name of the far end has in turns.
ADDRESSES = "192.0.2.1", "192.0.2.2"

HOST = "far.example"

LINE, STAMP = f"{HOST}:7", f"stamp:{HOST}"

HERE = "192.0.2.9", 4711

_ISO = stampFormat("iso", utc=True).stamp


class Weeks:
    """
    A monitor that watches one peer, and the peer's far end, in simulated time.

    @ivar monitor: the monitor.
    @ivar events: how many events of each kind there were.
    @ivar delay: seconds from a probe to its arrival, and from there to its reply.
    @ivar everyLost: of how many replies one is lost, in a stormy time.
    @ivar connections: how many connections were attempted, or ports made.
    """

    def __init__(self, target: str, seed: int) -> None:
        """
        @param target: L{LINE} or L{STAMP}.
        @param seed: for what happens by chance.
        """
        self.reactor: Any = WeeksReactor(self)
        self.events: Counter[Kind] = Counter()
        self.delay, self.everyLost = 0.001, 0
        self._replies = 0
        self.connections = 0
        self._chance = random.Random(seed)
        self._ahead = self._step = 0
        self._addresses = [ADDRESSES[0]]
        self._isSilent = self._isRefusing = False
        self._transport: LineTransport | None = None
        self._sender: Any = None
        self._kernel = KernelClock()
        self._far = FarPort()
        self._reflector: Any = None
        self.reflect()
        self._peer = Peer(
            "far",
            Wish(target, Plan(interval=INTERVAL, size=44 if target == STAMP else 32)),
        )
        self._surroundings = surroundings(
            self.reactor, self.clocks, self._chance.random
        )
        self.monitor = Monitor(
            self.reactor, self._surroundings, self._happened, dial=self._dial
        )
        self.monitor.watch([self._peer])
        self.monitor.start()
        self._scrape()

    # --- The near end -----------------------------------------------------------------

    @property
    def now(self) -> int:
        """Nanoseconds by the monotonic clock."""
        seconds: float = self.reactor.seconds()
        return round(seconds * 1e9)

    def clocks(self) -> Moment:
        """Read our clocks."""
        now = self.now
        return Moment(now, EPOCH + now + self._step, now)

    def _dial(self, reactor: Any, wish: Wish) -> Dialed:
        """
        Make a dialer, as L{dialerOf <echostamp.probe.dialers.dialerOf>} does, with
        simulated clocks.
        """
        if wish.target == STAMP:
            place = HOST, 862
            dialer: Any = StampDialer(
                reactor, place, SenderSession(), Route(), self.clocks
            )
            return Dialed(STAMP, dialer, wish.plan, host=HOST)
        target = parseTarget(reactor, wish.target, 5)
        endpoint = TimedEndpoint(reactor, target, 5, clock=lambda: self.now)
        messages = Messages(b"tag", wish.plan.size)
        dialer = LineDialer(reactor, endpoint, messages, self.clocks)
        return Dialed(target.name, dialer, wish.plan, target, target.host)

    def _happened(self, event: Event) -> None:
        """Count an event."""
        self.events[event.kind] += 1

    def _scrape(self) -> None:
        """Scrape, and again later."""
        self.reactor.callLater(EVERY, self._scrape)
        exposition = Exposition(Format.TEXT)
        for each in self.monitor.snapshots():
            exposition.add(each)
        for _ in exposition.chunks():
            pass

    def held(self) -> int:
        """
        Give the octets that the peer holds: without what stands for the network, and
        what all peers share.
        """
        resolver = PeerResolver(self.reactor, DeferredSemaphore(1))
        watch = Watch(self._surroundings, self._happened)
        dialed = self._dial(self.reactor, wishOf(self._peer))
        fresh = WatchedPeer(self._peer, [dialed], resolver, watch)
        kept = self, self.reactor, self.monitor, self._transport, self._far
        peer = self.monitor.peers["far"]
        return heldBy([peer, fresh], *kept) - heldBy(fresh, *kept)

    # --- The name ---------------------------------------------------------------------

    def resolveHostName(
        self, receiver: Any, host: str, *args: Any, **named: Any
    ) -> None:
        """Look a name up, as L{IHostnameResolver
        <twisted.internet.interfaces.IHostnameResolver>} says."""
        receiver.resolutionBegan(None)
        for each in self._addresses:
            receiver.addressResolved(IPv4Address("TCP", each, 0))
        receiver.resolutionComplete()

    # --- The far end of lines ---------------------------------------------------------

    def connect(self, host: str, port: int, factory: Any) -> None:
        """Answer an attempt to connect."""
        self.connections += 1
        if self._isRefusing:
            factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
            return
        transport = LineTransport(self, IPv4Address("TCP", host, port))
        transport.protocol = factory.buildProtocol(None)
        self._transport = transport
        transport.protocol.makeConnection(transport)

    def heard(self, transport: LineTransport, message: bytes) -> None:
        """Answer a message, or lose it."""
        for delay in self._delays():
            there = EPOCH + self.now + round(self.delay * 1e9) + self._ahead
            reply = _ISO(there) + message
            self.reactor.callLater(delay + self.delay, transport.receive, reply)

    def _delays(self) -> Sequence[float]:
        """
        Draw when each reply to a probe comes back: seconds beyond the least; of most
        probes there is one.
        """
        chance = self._chance.random()
        self._replies += 1
        isLost = self.everyLost and self._replies % self.everyLost == 0
        if self._isSilent or isLost or chance < LOST:
            return ()
        queued = self.delay * (1 + self._chance.expovariate(4))
        if chance > 1 - TWICE:
            return queued, 2 * queued
        return (queued + 4,) if chance > 1 - TWICE - LATE else (queued,)

    # --- The far end of STAMP ---------------------------------------------------------

    def makePort(self, reactor: Any, bound: Any, sender: Any, **options: Any) -> Any:
        """Make our port."""
        self.connections += 1
        self._sender = sender
        sender._kernel = lambda: self._kernel
        return NearPort(self, sender)

    def carry(self, port: NearPort, number: int, packet: bytes) -> None:
        """Carry a packet to the reflector, or lose it."""
        left = self.clocks().realtime + 20_000
        if self._isRefusing:
            port.sender.refused(errno.ECONNREFUSED, port.sender._peer)
        elif self._chance.random() < LOST:
            self.reactor.callLater(0, port.sender.transmitted, number, left)
        else:
            self.reactor.callLater(self.delay, self._arrive, port, number, packet, left)

    def _farClock(self) -> int:
        """
        Read the reflector's clock.
        """
        return EPOCH + self.now + self._ahead

    def reflect(self) -> None:
        """Start a reflector, which begins to count."""
        self._reflector = Reflector(
            Shared(Policy(isStateful=True)),
            self._farClock,
            lambda: self.now,
            lambda: self._kernel,
        )
        self._reflector.port = self._far

    def _arrive(self, port: NearPort, number: int, packet: bytes, left: int) -> None:
        """
        Let the reflector receive a packet, and carry its reply back.
        """
        port.sender.transmitted(number, left)
        if self._isSilent:
            return
        at = self._farClock()
        self._reflector.received(packet, HERE, at, 60, 0, None)
        while self._far.replies:
            index, reply = self._far.replies.popleft()
            self._reflector.transmitted(index, at + 30_000)
            for delay in self._delays():
                self.reactor.callLater(delay, port.receive, reply)

    # --- What happens -----------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        self.reactor.fromTimerToTimer(seconds)

    def stormyHour(self) -> None:
        """
        Let an hour pass in which everything goes wrong, each kind by itself.  Only then
        the peer has thresholds, as judging them takes time.
        """
        end = self.reactor.seconds() + HOUR
        self.monitor.watch([replace(self._peer, limits=LIMITS)])
        self.run(5 * MINUTE)
        # The far end is a black hole.
        self._isSilent = True
        self.run(MINUTE)
        self._isSilent = False
        self.run(4 * MINUTE)
        # The far end is down: it resets, and refuses.
        self._isRefusing = True
        if self._transport is not None:
            self._transport.lose(ConnectionLost())
        self.run(MINUTE)
        self._isRefusing = False
        self.run(4 * MINUTE)
        # The name has no address, and then another.
        self._addresses.clear()
        self.run(3 * MINUTE)
        self._addresses.append(ADDRESSES[self.events[Kind.UNRESOLVED] % 2])
        self.run(5 * MINUTE)
        # The far clock is set.
        self._ahead += HOUR * SECOND if self._ahead == 0 else -self._ahead
        self.run(5 * MINUTE)
        # The reflector begins to count again.
        self.reflect()
        self.run(3 * MINUTE)
        # Our own clock is set, and set back.
        for step in 10 * SECOND, 0:
            self._step = step
            self.run(4 * MINUTE)
        # This process stands still.
        self.reactor.standStill(10)
        self.run(3 * MINUTE)
        # The path is slow, and then it loses much.
        self.delay *= 10
        self.run(3 * MINUTE)
        self.delay /= 10
        self.run(3 * MINUTE)
        self.everyLost = 7
        self.run(3 * MINUTE)
        self.everyLost = 0
        self.run(end - self.reactor.seconds())
        self.monitor.watch([self._peer])


class WeeksReactor(FakeReactor):
    """
    A reactor whose connections go to the far end of L{Weeks}.
    """

    def __init__(self, weeks: Weeks) -> None:
        super().__init__()
        self.nameResolver = weeks
        self._weeks = weeks

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: Any = None,
    ) -> Any:
        """Connect in a while, and keep nothing of it."""
        connector = super().connectTCP(host, port, factory, timeout, bindAddress)
        self.tcpClients.clear()
        self.connectors.clear()
        self.callLater(0.001, self._weeks.connect, host, port, factory)
        return connector

    def standStill(self, seconds: float) -> None:
        """Let time pass without a turn."""
        self.rightNow += seconds


class LineTransport(FakeFarTransport):
    """
    A connection to the far end of L{Weeks}.
    """

    def __init__(self, weeks: Weeks, peer: IPv4Address) -> None:
        super().__init__(peerAddress=peer)
        self._weeks = weeks
        self._isLost = False

    def write(self, data: bytes) -> None:
        """Send a message."""
        self._weeks.heard(self, data)

    def loseConnection(self) -> None:
        """Close in the next turn."""
        self._weeks.reactor.callLater(0, self.lose, ConnectionLost())

    abortConnection = loseConnection

    def lose(self, error: Exception) -> None:
        """Lose the connection."""
        if not self._isLost:
            self._isLost = True
            self.protocol.connectionLost(Failure(error))

    def receive(self, data: bytes) -> None:
        """Receive data, if there is still a connection."""
        if not self._isLost:
            self.protocol.dataReceived(data)


class NearPort:
    """
    Our port.
    """

    address = HERE
    isWildcard = False
    tellsHow = stampsArrivals = stampsDepartures = True

    def __init__(self, weeks: Weeks, sender: Any) -> None:
        self.sender = sender
        self._weeks = weeks
        self._count = 0
        self._isClosed = False

    def startReading(self) -> None:
        """Do nothing: it is read."""

    def close(self) -> None:
        """Receive nothing any longer."""
        self._isClosed = True

    def readDepartures(self, most: int) -> None:
        """Do nothing: departures are reported."""

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int:
        """Send a packet."""
        number = self._count
        self._count += 1
        self._weeks.carry(self, number, packet)
        return number

    def receive(self, reply: bytes) -> None:
        """Receive a reply."""
        if not self._isClosed:
            at = self._weeks.clocks().realtime
            self.sender.received(reply, self.sender._peer, at, 250, 0, None)


class FarPort:
    """
    The reflector's port.

    @ivar replies: the replies that are on their way, and their numbers.
    """

    address = ADDRESSES[0], 862
    isWildcard = False
    tellsHow = stampsArrivals = stampsDepartures = True

    def __init__(self) -> None:
        self.replies: deque[tuple[int, bytes]] = deque()
        self._count = 0

    def readDepartures(self, most: int = 0) -> None:
        """Do nothing: departures are reported."""

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int:
        """Send a reply."""
        number = self._count
        self._count += 1
        self.replies.append((number, packet))
        return number
