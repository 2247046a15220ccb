"""Tests for L{echostamp.talk.farend}."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from echostamp.talk.consoles import PipeConsole
from echostamp.talk.farend import FarEnd
from echostamp.test.conversations import CLOSED, TalkCase
from echostamp.test.fakes import FakeFarTransport


class FarEndTests(TalkCase):
    """
    Events of the connection reach the conversation.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole)

    def test_connectionIsClosedCleanly(self) -> None:
        """A transport without half-close reports the end in the same way."""
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertOver(1, CLOSED)

    def test_noticeOfTheFinChangesNothing(self) -> None:
        """Our own FIN ends nothing."""
        self.read(b"a\n")
        self.endInput()
        self.far.protocol.writeConnectionLost()
        self.assertNotOver()

    def test_slowReader(self) -> None:
        """Replies are not read while the output is blocked."""
        self.near.fill()
        self.assertFalse(self.far.isRead)
        self.near.drain()
        self.assertTrue(self.far.isRead)

    def test_smallMessagesLeaveAtOnce(self) -> None:
        """TCP_NODELAY is set on a TCP connection."""
        self.assertTrue(self.far.noDelay)
        local = FakeFarTransport()
        FarEnd(self.conversation).makeConnection(local)
        self.assertFalse(local.noDelay)

    def test_lostOnce(self) -> None:
        """The reason for the end is reported once."""
        self.read(b"a\n")
        self.far.protocol.connectionLost(Failure(ConnectionLost()))
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertOver(1, "far:7: the connection was lost, 1 message not answered")

    def test_interfaces(self) -> None:
        """The far side handles half-close, and can be paused."""
        for interface in IHalfCloseableProtocol, IPushProducer:
            verifyObject(interface, self.far.protocol)
