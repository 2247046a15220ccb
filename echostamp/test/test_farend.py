"""Tests for L{echostamp.talk.farend}."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from echostamp.line.draining import LINGER
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
        self.far.protocol.readConnectionLost()
        self.far.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertOver(1, f"{CLOSED}, 1 message not answered")

    def part(self) -> list[None]:
        """Disconnect, and give what says that the connection is closed."""
        parted: list[None] = []
        self.far.protocol.parted.addCallback(parted.append)
        self.far.protocol.part()
        return parted

    def test_part(self) -> None:
        """Disconnecting is a FIN.  What still comes is read and discarded, until the
        far end closes, too."""
        self.read(b"a\n")
        parted = self.part()
        self.assertEqual((self.far.isHalfClosed, self.far.isClosed), (True, False))
        self.assertTrue(self.far.isRead)
        self.far.protocol.dataReceived(b"[x] a\n")
        self.assertEqual(self.near.sent, b"")
        self.far.protocol.readConnectionLost()
        self.assertTrue(self.far.isClosed)
        self.assertEqual(parted, [])
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(parted, [None])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_partFromAStuckFarEnd(self) -> None:
        """A far end that does not close in time is aborted if it owes a reply, and
        closed if it owes nothing.  Over TLS it owes its close_notify."""
        for isOwed, isTls, isAborted in [
            (True, False, True),
            (False, False, False),
            (False, True, True),
        ]:
            self.setUp()
            if isOwed:
                self.read(b"a\n")
            self.far.protocol.isTls = isTls
            self.part()
            self.assertEqual(self.far.isClosed, isTls)
            self.reactor.advance(LINGER - 0.01)
            self.assertEqual(self.far.isAborted, False)
            self.reactor.advance(0.02)
            self.assertEqual((self.far.isAborted, self.far.isClosed), (isAborted, True))
            self.far.protocol.connectionLost(Failure(ConnectionDone()))

    def test_partTwice(self) -> None:
        """Disconnecting twice, or after the end, does nothing more."""
        self.part()
        self.far.protocol.part()
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.part(), [None])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_interfaces(self) -> None:
        """The far side handles half-close, and can be paused."""
        for interface in IHalfCloseableProtocol, IPushProducer:
            verifyObject(interface, self.far.protocol)
