"""Tests for L{echostamp.daemon.shutdown}, and for how one connection is drained."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.shutdown import DrainingService
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, FakeTransport


class DrainCase(SynchronousTestCase):
    """
    A daemon with connections and a constant stamp.
    """

    def setUp(self) -> None:
        """Make a factory."""
        self.reactor = FakeReactor()
        self.factory = TimestampEchoFactory(
            self.reactor, EchoSettings(stampFormat("x"))
        )

    def connect(self, transport: Any) -> Any:
        """Connect a transport."""
        echo = self.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
        transport.protocol = echo
        assert echo is not None
        echo.makeConnection(transport)
        return transport

    def socket(self, room: int = 1 << 30) -> FakeSocketConnection:
        """Connect a bare socket."""
        made: FakeSocketConnection = self.connect(
            FakeSocketConnection(self.reactor, room)
        )
        return made

    def advance(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        for _ in range(round(seconds * 100)):
            self.reactor.advance(0.01)


class ConnectionTests(DrainCase):
    """
    One connection is drained.
    """

    def test_finWhenNothingComes(self) -> None:
        """After 0.25 s without input the output is closed, then the connection."""
        transport = self.socket()
        transport.protocol.drain()
        self.advance(0.24)
        self.assertFalse(transport.isHalfClosed)
        self.advance(0.02)
        transport.turn()
        self.assertTrue(transport.isHalfClosed)
        self.assertFalse(transport.isClosed)
        self.advance(0.26)
        transport.turn()
        self.assertTrue(transport.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_whatStillComesIsAnswered(self) -> None:
        """Input restarts the wait, and is answered."""
        transport = self.socket()
        transport.protocol.drain()
        for _ in range(3):
            self.advance(0.2)
            transport.protocol.dataReceived(b"a\n")
        self.assertEqual(transport.sent, b"[x] a\n" * 3)
        self.assertFalse(transport.isHalfClosed)

    def test_openMessageIsAnswered(self) -> None:
        """A message without an end is answered, as at the end of the input."""
        transport = self.socket()
        transport.protocol.dataReceived(b"a\nb")
        transport.protocol.drain()
        self.advance(0.3)
        transport.turn()
        self.assertEqual(transport.sent, b"[x] a\n[x] b")

    def test_afterTheFinInputIsThrownAway(self) -> None:
        """Input after our FIN is read and discarded: a close with unread input resets
        the connection."""
        transport = self.socket()
        transport.protocol.drain()
        self.advance(0.26)
        transport.turn()
        transport.protocol.dataReceived(b"late\n")
        self.assertTrue(transport.isRead)
        self.assertEqual(transport.sent, b"")
        transport.protocol.readConnectionLost()
        transport.turn()
        self.assertTrue(transport.isClosed)

    def test_slowReaderIsWaitedFor(self) -> None:
        """While replies are queued, nothing is closed. Then the input that waits in the
        kernel is read and answered, too."""
        transport = self.socket(room=1)
        transport.protocol.dataReceived(b"a\n")
        transport.protocol.drain()
        self.advance(5)
        self.assertFalse(transport.isHalfClosed)
        transport.turn(room=1000)
        transport.protocol.dataReceived(b"b\n")
        self.advance(0.3)
        transport.turn()
        self.assertEqual(transport.sent, b"[x] a\n[x] b\n")
        self.assertTrue(transport.isHalfClosed)

    def test_lastReplyMayBlock(self) -> None:
        """The reply to a message without an end may have to wait, too."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"\n")
        transport.turn(room=5)
        transport.protocol.dataReceived(b"open")
        transport.protocol.drain()
        self.advance(0.3)
        self.assertFalse(transport.isHalfClosed)
        transport.turn(room=1000)
        self.advance(0.3)
        transport.turn()
        self.assertEqual(transport.sent, b"[x] \n[x] open")
        self.assertTrue(transport.isHalfClosed)

    def test_inputHasEndedAlready(self) -> None:
        """A connection whose input has ended closes by itself."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"a")
        transport.protocol.readConnectionLost()
        transport.protocol.drain()
        transport.protocol.drain()
        transport.turn(room=100)
        self.assertEqual(transport.sent, b"[x] a")
        self.assertTrue(transport.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_transportWithoutHalfClose(self) -> None:
        """Under TLS the whole connection is closed."""
        transport = self.connect(FakeTransport())
        transport.protocol.drain()
        self.advance(0.3)
        self.assertTrue(transport.isClosed)


class ServiceTests(DrainCase):
    """
    The daemon stops.
    """

    def setUp(self) -> None:
        """Make the service."""
        super().setUp()
        self.stops = self.count = 0
        self.reactor.stop = self.stop  # type: ignore[method-assign]
        self.service = DrainingService(
            self.reactor, self.factory, 2, lambda: self.count
        )
        self.service.startService()

    def stop(self) -> None:
        """Stop the reactor."""
        self.stops += 1

    def test_signalsStopTheReactor(self) -> None:
        """The first signal stops the reactor, a second one does not do it again."""
        self.service.signalled("SIGTERM")
        self.service.signalled("SIGINT")
        self.assertEqual(self.stops, 1)

    def test_noConnections(self) -> None:
        """Without connections the service stops at once."""
        self.successResultOf(self.service.stopService())

    def test_handshakeIsNotComplete(self) -> None:
        """A connection whose TLS handshake or PROXY header is not complete has 0.25 s
        to complete it, and is drained then."""
        self.count = 1
        stopped = self.service.stopService()
        self.advance(0.2)
        transport = self.socket()
        transport.protocol.dataReceived(b"a\n")
        self.advance(0.2)
        self.assertNoResult(stopped)
        self.assertEqual(transport.sent, b"[x] a\n")
        for _ in range(2):
            self.advance(0.3)
            transport.turn()
        self.advance(0.1)
        self.successResultOf(stopped)

    def test_handshakeIsNeverComplete(self) -> None:
        """A connection that never completes it delays the end by no more than that."""
        self.count = 1
        stopped = self.service.stopService()
        self.advance(0.24)
        self.assertNoResult(stopped)
        self.advance(0.1)
        self.successResultOf(stopped)

    def test_logIsCompleted(self) -> None:
        """When no connection is left, the log is completed."""
        ends: list[int] = []
        self.factory.connectionLog.finish = (  # type: ignore[method-assign]
            lambda: ends.append(len(self.factory.connections))
        )
        self.socket(room=0).protocol.dataReceived(b"a\n")
        self.service.stopService()
        self.assertEqual(ends, [])
        self.advance(2.1)
        self.assertEqual(ends, [0])

    def test_everyConnectionIsDrained(self) -> None:
        """The service has stopped when the last connection has ended."""
        transports = [self.socket(), self.socket()]
        stopped = self.service.stopService()
        self.advance(0.3)
        for transport in transports:
            transport.turn()
        self.assertNoResult(stopped)
        self.advance(0.3)
        for transport in transports:
            transport.turn()
        self.advance(0.1)
        self.successResultOf(stopped)

    def test_connectionsAfterTheGrace(self) -> None:
        """A connection that is left after the grace is aborted."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"a\n")
        stopped = self.service.stopService()
        self.advance(1.9)
        self.assertFalse(transport.isAborted)
        self.advance(0.2)
        self.assertTrue(transport.isAborted)
        self.successResultOf(stopped)

    def test_graceOfAStoppedProcess(self) -> None:
        """The time in which the process was stopped is not part of the grace."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"a\n")
        stopped = self.service.stopService()
        self.reactor.advance(60)
        self.advance(0.5)
        transport.turn(room=100)
        self.advance(0.3)
        transport.turn()
        self.assertEqual(transport.sent, b"[x] a\n")
        self.advance(0.3)
        transport.turn()
        self.assertFalse(transport.isAborted)
        self.advance(0.1)
        self.successResultOf(stopped)

    def test_secondSignalAborts(self) -> None:
        """A second signal aborts all connections."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"a\n")
        self.service.signalled("SIGTERM")
        stopped = self.service.stopService()
        self.service.signalled("SIGTERM")
        self.assertTrue(transport.isAborted)
        self.advance(0.1)
        self.successResultOf(stopped)
