"""Tests for L{echostamp.daemon.limits}."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.limits import TimedConnectionLog
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection


class Holding:
    """
    An output with a reply that has no place yet, although the peer reads.
    """

    isFull = isBlocked = False
    isHolding = True

    def __init__(self, output: Any) -> None:
        """
        @param output: the real one.
        """
        self._output = output

    def __getattr__(self, name: str) -> Any:
        return getattr(self._output, name)


class TimeTests(SynchronousTestCase):
    """
    How long a connection may last.
    """

    def connect(self, room: int = 1 << 30, **limits: Any) -> FakeSocketConnection:
        """Connect to a daemon with limits."""
        self.reactor = FakeReactor()
        self.connectionLog = TimedConnectionLog(self.reactor, **limits)
        factory = TimestampEchoFactory(
            self.reactor,
            EchoSettings(stampFormat("x")),
            connectionLog=self.connectionLog,
        )
        echo = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 4711))
        transport = FakeSocketConnection(self.reactor, room)
        transport.protocol = echo
        assert echo is not None
        echo.makeConnection(transport)
        return transport

    def advance(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        for _ in range(round(seconds * 100)):
            self.reactor.advance(0.01)

    def test_noLimits(self) -> None:
        """By default a connection has no limit and no timer."""
        self.connect()
        self.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_idle(self) -> None:
        """The time counts from the last complete message; single octets do not
        count."""
        transport = self.connect(idleTimeout=1)
        self.advance(0.9)
        transport.protocol.dataReceived(b"a\n")
        for _ in range(9):
            self.advance(0.1)
            transport.protocol.dataReceived(b"x")
        transport.turn()
        self.assertFalse(transport.isClosed)
        self.advance(0.2)
        transport.turn()
        self.assertTrue(transport.isClosed)
        self.advance(2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_waitsForTheRelay(self) -> None:
        """A connection whose reply waits for its place is not idle."""
        transport = self.connect(idleTimeout=1)
        transport.protocol.dataReceived(b"a\n")
        sender = transport.protocol._sender
        transport.protocol._sender = Holding(sender)
        self.advance(3)
        transport.turn()
        self.assertFalse(transport.isClosed)
        transport.protocol._sender = sender
        self.advance(1.1)
        transport.turn()
        self.assertTrue(transport.isClosed)

    def test_stoppedProcessIsIdleItself(self) -> None:
        """A message that came while the process was stopped is read before the timeout
        counts."""
        transport = self.connect(idleTimeout=1)
        self.reactor.advance(5)
        transport.protocol.dataReceived(b"a\n")
        self.reactor.advance(0)
        transport.turn()
        self.assertFalse(transport.isClosed)
        self.assertEqual(transport.sent, b"[x] a\n")
        self.advance(0.9)
        self.assertFalse(transport.isClosed)
        self.advance(0.2)
        transport.turn()
        self.assertTrue(transport.isClosed)

    def test_takingRepliesIsActivity(self) -> None:
        """A slow reader is not idle while it reads replies."""
        transport = self.connect(room=0, idleTimeout=1)
        transport.protocol.dataReceived(b"\n" * 70_000)
        for _ in range(4):
            self.advance(0.9)
            transport.turn(room=65_536)
        self.assertFalse(transport.isAborted)
        self.advance(1.1)
        self.assertTrue(transport.isAborted)

    def test_roomForRepliesIsActivity(self) -> None:
        """A peer that reads the last queued reply is not idle either."""
        transport = self.connect(room=0, idleTimeout=1)
        transport.protocol.dataReceived(b"a\n")
        self.advance(0.9)
        transport.turn(room=65_536)
        self.advance(0.9)
        self.assertFalse(transport.isClosed)
        self.advance(0.2)
        transport.turn()
        self.assertTrue(transport.isClosed)

    def test_takingOctetsIsActivity(self) -> None:
        """A peer that slowly reads what the kernel holds is not idle. One that stops is
        closed, at most two limits later."""
        taken = 0
        transport = self.connect(
            room=0, idleTimeout=1, acknowledged=lambda transport: taken
        )
        transport.protocol.dataReceived(b"a\n")
        for _ in range(40):
            self.advance(0.1)
            taken += 1
        self.assertFalse(transport.isAborted)
        self.advance(2)
        self.assertTrue(transport.isAborted)
        self.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.connectionLog._taken, {})

    def test_messagesWithoutANewlineAreActivity(self) -> None:
        """A message that a pause or a read ends is a complete message."""
        for pause in 0, 0.1:
            transport = self.connect(idleTimeout=1)
            transport.protocol.factory.pause = pause
            for _ in range(5):
                self.advance(0.5)
                transport.protocol.dataReceived(b"hello")
            self.advance(0.5)
            self.assertEqual(transport.sent, b"[x] hello" * 5)
            self.assertFalse(transport.isClosed)

    def test_longMessageIsActivity(self) -> None:
        """A message without an end is activity while it flows, but not octet by
        octet."""
        transport = self.connect(idleTimeout=1)
        for _ in range(30):
            self.advance(0.1)
            transport.protocol.dataReceived(b"x" * 16_384)
        self.assertFalse(transport.isClosed)
        for _ in range(12):
            self.advance(0.1)
            transport.protocol.dataReceived(b"x")
        transport.turn()
        self.assertTrue(transport.isClosed)

    def test_timersDoNotGather(self) -> None:
        """A busy connection has one timer for each limit."""
        transport = self.connect(idleTimeout=0.1, maxAge=60)
        for _ in range(100):
            self.advance(0.05)
            transport.protocol.dataReceived(b"a\n")
        (timers,) = self.connectionLog._timers.values()
        self.assertEqual(len(timers), 2)

    def test_age(self) -> None:
        """A connection that is too old is drained, and aborted after the grace."""
        transport = self.connect(maxAge=2, grace=1)
        for _ in range(29):
            self.advance(0.1)
            transport.protocol.dataReceived(b"a\n")
        self.assertFalse(transport.isAborted)
        self.advance(0.2)
        self.assertTrue(transport.isAborted)
        self.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_graceOfAStoppedProcess(self) -> None:
        """The grace of an old connection begins again where the process was stopped."""
        transport = self.connect(room=0, maxAge=2, grace=1)
        transport.protocol.dataReceived(b"a\n")
        self.advance(2.1)
        self.reactor.advance(60)
        self.advance(0.9)
        self.assertFalse(transport.isAborted)
        self.advance(0.2)
        self.assertTrue(transport.isAborted)
        self.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
