"""Tests for L{echostamp.line.connectionlog}."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher

from echostamp.line.connectionlog import ConnectionLog
from echostamp.test.echocases import EchoCase
from echostamp.test.fakes import FakeTransport


class ConnectionLogTests(EchoCase):
    """
    The lines that the log has for a connection.
    """

    def setUp(self) -> None:
        """Observe the log."""
        super().setUp()
        self.events = EventLoggingObserver()
        globalLogPublisher.addObserver(self.events)
        self.addCleanup(globalLogPublisher.removeObserver, self.events)

    def test_beginAndEnd(self) -> None:
        """There is one line when a connection is made, and one with its counts when it
        has ended."""
        transport = FakeTransport(peerAddress=IPv4Address("TCP", "192.0.2.1", 4711))
        echo = self.connect(transport)
        echo.dataReceived(b"a\nb\nc")
        self.advance(1.5)
        echo.readConnectionLost()
        echo.connectionLost()
        self.assertEqual(
            [formatEvent(event) for event in self.events],
            [
                "192.0.2.1:4711 connected",
                "192.0.2.1:4711 disconnected: 3 messages, 5 bytes, 1.500 s",
            ],
        )

    def test_one(self) -> None:
        """One message is no plural."""
        echo = self.connect(FakeTransport())
        echo.dataReceived(b"\n")
        echo.connectionLost()
        line = formatEvent(list(self.events)[-1])
        self.assertIn(" disconnected: 1 message, 1 byte, ", line)

    def test_messagesAreNotLogged(self) -> None:
        """No message can forge a line, because no message is logged."""
        echo = self.connect(FakeTransport())
        echo.dataReceived(b"\n2015-12-14 forged {peer}\x1b[31m\n")
        echo.connectionLost()
        for event in self.events:
            self.assertNotIn("forged", formatEvent(event))

    def test_finish(self) -> None:
        """This log is always complete: its end adds no line."""
        ConnectionLog().finish()
        self.assertEqual(list(self.events), [])
