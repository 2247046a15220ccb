"""
Intercoms in memory, for unit tests.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.pace import BACKLOG
from echostamp.intercom.room import Intercom
from echostamp.line.connectionlog import ConnectionLog
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection
from echostamp.times import SECOND


class ListLog(ConnectionLog):
    """
    A log that is a list of lines.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, kind: str, format: str, **fields: object) -> None:
        """Add a line to the list."""
        self.lines.append(format.format(**fields))


class IntercomCase(SynchronousTestCase):
    """
    Members whose kernels take as much as a test lets them.

    @ivar acknowledged: what the peer of each transport has acknowledged.
    """

    def setUp(self) -> None:
        """Make a room."""
        self.reactor = FakeReactor()
        self.begin()

    def clock(self) -> int:
        """Give the reactor's time, in nanoseconds."""
        return int(self.reactor.seconds() * SECOND)

    def begin(
        self,
        backlog: int = BACKLOG,
        hasNotices: bool = True,
        maxLength: int = 65_536,
        hasCommands: bool = True,
    ) -> None:
        """Make a room with these options."""
        self.log = ListLog()
        self.acknowledged: dict[object, int] = {}
        self.intercom = Intercom(
            self.reactor,
            backlog,
            hasNotices,
            lambda each: self.acknowledged.get(each, 0),
            hasCommands,
        )
        self.factory = TimestampEchoFactory(
            self.reactor,
            EchoSettings(stampFormat("%S", utc=True), maxLength=maxLength),
            lambda: self.clock(),
            self.log,
            self.intercom.join,
        )

    def join(self, name: bytes = b"", room: int = 1 << 30) -> FakeSocketConnection:
        """Let a member join, and clear what everybody has got."""
        connection = FakeSocketConnection(self.reactor, room)
        connection.protocol = self.factory.buildProtocol(None)
        connection.protocol.makeConnection(connection)
        if name:
            self.send(connection, b"/name %s\n" % name)
        for each in self.factory.connections:
            del each.transport.sent[:]
        return connection

    def send(self, connection: FakeSocketConnection, data: bytes) -> None:
        """Let a member send data."""
        connection.protocol.dataReceived(data)

    def assertGot(self, connection: FakeSocketConnection, data: bytes) -> None:
        """Assert what a member has got since the last time."""
        self.assertEqual(bytes(connection.sent), data)
        del connection.sent[:]

    def flood(self, sender: FakeSocketConnection, octets: int) -> int:
        """
        Let a member send lines of 1,000 octets, as long as it is read from.

        @param octets: how many it sends at most.
        @return: how many it has sent.
        """
        sent = 0
        while sent < octets and sender.isRead:
            self.send(sender, b"x" * 999 + b"\n")
            sent += 1000
        return sent

    def assertAtRest(self) -> None:
        """Disconnect everybody, and assert that no timer is left."""
        for each in tuple(self.factory.connections):
            each.abort()
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
