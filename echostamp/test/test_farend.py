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
        """A transport that knows no half-close tells the same."""
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertOver(1, CLOSED)

    def test_noticeOfTheFinChangesNothing(self) -> None:
        """That our FIN is out ends nothing."""
        self.read(b"a\n")
        self.endInput()
        self.far.protocol.writeConnectionLost()
        self.assertNotOver()

    def test_slowReader(self) -> None:
        """Replies are not read while nobody takes them."""
        self.near.fill()
        self.assertFalse(self.far.isRead)
        self.near.drain()
        self.assertTrue(self.far.isRead)

    def test_smallMessagesLeaveAtOnce(self) -> None:
        """TCP_NODELAY is set, where there is TCP."""
        self.assertTrue(self.far.noDelay)
        local = FakeFarTransport()
        FarEnd(self.conversation).makeConnection(local)
        self.assertFalse(local.noDelay)

    def test_lostOnce(self) -> None:
        """The reason of the end is reported once."""
        self.read(b"a\n")
        self.far.protocol.connectionLost(Failure(ConnectionLost()))
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertOver(1, "far:7: the connection was lost, 1 message not answered")

    def test_interfaces(self) -> None:
        """It is told of a FIN, and it can be paused."""
        for interface in IHalfCloseableProtocol, IPushProducer:
            verifyObject(interface, self.far.protocol)
