"""Tests for L{echostamp.line.draining}."""

from __future__ import annotations

from typing import Any

from echostamp.line.draining import DRAINED, Draining
from echostamp.test.echocases import EchoCase
from echostamp.test.fakes import FakeSocketConnection, FakeTransport, lost


class FakeConnection:
    """
    A connection that notes the steps of its end.
    """

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.isHolding = False
        self.steps: list[str] = []

    def answerRest(self) -> bool:
        """Note the step; replies wait if the test says so."""
        self.steps.append("answer")
        return not self.isHolding

    def halfClose(self) -> None:
        """Note the step."""
        self.steps.append("half-close")

    def close(self) -> None:
        """Note the step."""
        self.steps.append("close")


class DrainingTests(EchoCase):
    """
    The steps of draining, and their timer.
    """

    def setUp(self) -> None:
        """Begin to drain a bare socket."""
        super().setUp()
        self.begin(FakeSocketConnection(self.reactor))

    def begin(self, transport: Any) -> None:
        """Begin to drain a connection."""
        self.connection = FakeConnection(transport)
        self.draining = Draining(self.reactor, self.connection)
        self.draining.wait()

    def test_bareSocket(self) -> None:
        """Each silence leads to one step: FIN after the replies, then the close."""
        self.advance(DRAINED - 0.01)
        self.assertEqual(self.connection.steps, [])
        self.advance(0.02)
        self.assertEqual(self.connection.steps, ["answer", "half-close"])
        self.advance(DRAINED)
        self.assertEqual(self.connection.steps[2:], ["close"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_otherTransport(self) -> None:
        """A transport that cannot be half-closed is closed after one silence."""
        self.draining.stop()
        self.begin(FakeTransport())
        self.advance(DRAINED + 0.01)
        self.assertEqual(self.connection.steps, ["answer", "close"])

    def test_inputStartsTheTimeAgain(self) -> None:
        """As long as the peer sends, the connection stays."""
        for _ in range(10):
            self.advance(DRAINED * 0.9)
            self.draining.wait()
        self.assertEqual(self.connection.steps, [])

    def test_stoppedProcess(self) -> None:
        """What came while the process was stopped is read before the silence counts."""
        self.reactor.advance(60)
        self.draining.wait()
        self.reactor.advance(0)
        self.assertEqual(self.connection.steps, [])

    def test_repliesWait(self) -> None:
        """While replies wait there is no timer; the peer is not read from."""
        self.connection.isHolding = True
        self.advance(DRAINED + 0.01)
        self.assertEqual(self.connection.steps, ["answer"])
        self.assertFalse(self.connection.transport.isRead)
        self.draining.wait()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.connection.isHolding = False
        self.draining.wait()
        self.advance(DRAINED + 0.01)
        self.assertEqual(self.connection.steps[1:], ["answer", "half-close"])

    def test_stop(self) -> None:
        """No step follows after a stop; a second stop does nothing."""
        self.draining.stop()
        self.draining.stop()
        self.advance(1)
        self.assertEqual(self.connection.steps, [])


class DrainedEchoTests(EchoCase):
    """
    Draining an echo.
    """

    def test_openMessageIsAnswered(self) -> None:
        """An open message is answered before FIN.  Input after FIN is ignored."""
        transport = self.socket()
        echo = transport.protocol
        echo.dataReceived(b"a\nb")
        echo.drain()
        echo.drain()
        self.advance(DRAINED + 0.01)
        transport.turn()
        self.assertTrue(transport.isHalfClosed)
        self.assertFalse(transport.isClosed)
        echo.dataReceived(b"late\n")
        self.advance(DRAINED + 0.01)
        transport.turn()
        self.assertEqual(transport.sent, b"[30:00] a\n[30:00] b")
        self.assertTrue(transport.isClosed)
        self.assertFalse(transport.isAborted)

    def test_peerKeepsSending(self) -> None:
        """Each read starts the silence again."""
        transport = self.socket()
        transport.protocol.drain()
        for _ in range(5):
            self.advance(DRAINED * 0.9)
            transport.protocol.dataReceived(b"a\n")
        self.assertFalse(transport.isHalfClosed)

    def test_slowPeer(self) -> None:
        """A peer that does not read gets its replies before FIN."""
        transport = self.socket(room=3)
        transport.protocol.dataReceived(b"a\n")
        transport.protocol.drain()
        self.advance(1)
        self.assertFalse(transport.isHalfClosed)
        transport.turn(room=100)
        self.advance(DRAINED + 0.01)
        transport.turn()
        self.assertEqual(transport.sent, b"[30:00] a\n")
        self.assertTrue(transport.isHalfClosed)

    def test_afterTheEndOfTheInput(self) -> None:
        """A connection whose input has ended closes by itself; it is not drained."""
        transport = self.socket(room=3)
        transport.protocol.dataReceived(b"a\n")
        transport.protocol.readConnectionLost()
        transport.protocol.drain()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_inputEndsWhileDrained(self) -> None:
        """The end of the input stops draining and closes the connection."""
        transport = self.socket()
        transport.protocol.drain()
        transport.protocol.readConnectionLost()
        transport.turn()
        self.assertTrue(transport.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """A lost connection leaves no timer."""
        transport = self.socket()
        transport.protocol.drain()
        lost(transport)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
