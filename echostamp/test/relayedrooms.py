"""
Rooms of several daemons in memory, for unit tests.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.memoryrelay import MemoryBroker, MemoryRelay
from echostamp.intercom.relayedroom import RelayedIntercom, RelayedSettings
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection
from echostamp.test.rooms import ListLog
from echostamp.times import SECOND


class Daemon:
    """
    A daemon of a room.

    @ivar room: its intercom.
    @ivar relay: its connection to the others.
    @ivar factory: makes the protocols of its connections.
    @ivar log: what it has logged about them.
    """

    def __init__(
        self, reactor: FakeReactor, broker: MemoryBroker, place: str, **options: Any
    ) -> None:
        """
        @param reactor: runs the timers.
        @param broker: has the stream.
        @param place: what the daemon is called.
        @param options: of L{RelayedSettings}; and C{maxLength}.
        """
        self.reactor = reactor
        self.log = ListLog()
        self.relay = MemoryRelay(broker)
        self.acknowledged: dict[object, int] = {}
        ids = count(1)
        maxLength = options.pop("maxLength", 65_536)
        self.room = RelayedIntercom(
            reactor,
            self.relay,
            RelayedSettings(place, **options),
            acknowledged=lambda each: self.acknowledged.get(each, 0),
            newId=lambda: f"{place}{next(ids)}".encode().hex().rjust(32, "0").encode(),
        )
        self.factory = TimestampEchoFactory(
            reactor,
            EchoSettings(stampFormat("%S", utc=True), maxLength=maxLength),
            lambda: int(reactor.seconds() * SECOND),
            self.log,
            self.room.join,
        )
        self.room.serve(self.factory)
        self.room.start()


class RelayedCase(SynchronousTestCase):
    """
    Daemons of one room, whose relay is in memory.
    """

    def setUp(self) -> None:
        """Make the stream."""
        self.reactor = FakeReactor()
        self.broker = MemoryBroker(self.reactor, 1000)
        self.daemons: list[Daemon] = []

    def start(self, place: str, **options: Any) -> Daemon:
        """Start a daemon, which enters the room."""
        daemon = Daemon(self.reactor, self.broker, place, **options)
        self.daemons.append(daemon)
        self.pump()
        return daemon

    def pump(self, turns: int = 12) -> None:
        """Let the relay carry what was said."""
        for _ in range(turns):
            self.reactor.advance(0)

    def join(
        self, daemon: Daemon, name: bytes = b"", room: int = 1 << 30
    ) -> FakeSocketConnection:
        """Let a member join, and clear what everybody has got."""
        connection = self.connect(daemon, room)
        if name:
            self.send(connection, b"/name %s\n" % name)
        for each in self.daemons:
            for echo in each.factory.connections:
                del echo.transport.sent[:]
        return connection

    def connect(self, daemon: Daemon, room: int = 1 << 30) -> FakeSocketConnection:
        """Make a connection."""
        connection = FakeSocketConnection(self.reactor, room)
        connection.protocol = daemon.factory.buildProtocol(None)
        connection.protocol.makeConnection(connection)
        return connection

    def send(self, connection: FakeSocketConnection, data: bytes) -> None:
        """Let a member send data, which the relay carries."""
        connection.protocol.dataReceived(data)
        self.pump()

    def assertGot(self, connection: FakeSocketConnection, data: bytes) -> None:
        """Assert what a member has got since the last time."""
        self.assertEqual(bytes(connection.sent), data)
        del connection.sent[:]
