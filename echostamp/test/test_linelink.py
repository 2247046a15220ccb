"""Tests for L{echostamp.probe.linelink}."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from echostamp.line.draining import LINGER
from echostamp.probe.interfaces import Link
from echostamp.probe.linelink import LONGEST_LINE, MOST_MISSING, LineLink
from echostamp.probe.messages import Messages, Reply
from echostamp.tcpinfo import TcpInfo
from echostamp.test.fakes import (
    FakeFarTransport,
    FakeReactor,
    FakeSocketConnection,
    FakeTcpSocket,
)
from echostamp.test.sizes import heldBy
from echostamp.times import Moment, SetUp, Times

NOW = Moment(1, 2, 3)


class Owner:
    """
    Notes what a link reports.

    @ivar events: the events, as words; for a lost link, the reason.
    @ivar replies: the replies.
    @ivar strangers: how many lines were no replies.
    """

    def __init__(self) -> None:
        self.events: list[str] = []
        self.replies: list[Reply] = []
        self.strangers = 0

    def linkUp(self, link: Link) -> None:
        """Note it."""
        self.events.append("up")

    def linkReady(self) -> None:
        """Note it."""
        self.events.append("ready")

    def answered(self, reply: Reply, at: Moment) -> bool:
        """Keep the reply."""
        assert at is NOW
        self.replies.append(reply)
        return True

    def corrected(self, seq: int, times: Times) -> bool:
        """Never called."""
        return False

    def dialing(self) -> None:
        """Ignore it."""

    def dialFailed(self, failure: Failure) -> None:
        """Never called."""

    def closed(self) -> None:
        """Note it."""
        self.events.append("closed")

    def strange(self, count: int) -> None:
        """Count the lines."""
        self.strangers += count

    def linkDown(self, link: Link, reason: str) -> None:
        """Note the reason."""
        self.events.append(reason)


class LinkCase(SynchronousTestCase):
    """
    A test of a link over a transport in memory.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin()

    def begin(self) -> None:
        """Make a connection."""
        self.reactor = FakeReactor()
        self.owner = Owner()
        self.messages = Messages(b"tag")
        self.link = LineLink(
            self.reactor, self.owner, self.messages, SetUp(), lambda: NOW
        )
        self.losses = 0
        self.link.lost = self.wasLost
        self.transport: Any = FakeFarTransport()
        alsoProvides(self.transport, ITCPTransport)
        self.link.makeConnection(self.transport)

    def wasLost(self) -> None:
        """Count the connections that were lost."""
        self.losses += 1

    def lose(self, error: Exception) -> str:
        """Lose the connection, and give the reason that the link reports."""
        self.link.connectionLost(Failure(error))
        self.assertEqual(self.losses, 1)
        return self.owner.events[-1]


class LineLinkTests(LinkCase):
    """
    Tests for probes as messages and replies as lines.
    """

    def test_noDelay(self) -> None:
        """Nagle's algorithm is off.  The link reports to its owner that it is up."""
        self.assertTrue(self.transport.noDelay)
        self.assertEqual(self.owner.events, ["up"])

    def test_otherTransports(self) -> None:
        """Transports other than TCP have no such option."""
        transport: Any = FakeFarTransport()
        LineLink(self.reactor, self.owner, self.messages, SetUp()).makeConnection(
            transport
        )
        self.assertFalse(transport.noDelay)

    def test_send(self) -> None:
        """A probe is sent as its message."""
        self.link.send(7)
        self.assertEqual(self.transport.sent, self.messages.message(7))

    @given(st.lists(st.integers(0, 99), max_size=9), st.data())
    def test_pieces(self, seqs: list[int], data: st.DataObject) -> None:
        """However the stream is cut into reads, each line is one reply."""
        self.begin()
        stream = b"".join(map(self.messages.message, seqs))
        cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=9))
        edges = [0, *sorted(cuts), len(stream)]
        for start, end in itertools.pairwise(edges):
            self.link.dataReceived(stream[start:end])
        self.assertEqual([reply.seq for reply in self.owner.replies], seqs)
        self.assertFalse(any(reply.isAltered for reply in self.owner.replies))

    def test_noNewline(self) -> None:
        """A connection is aborted after too many octets without a newline, however they
        are cut into reads.  Long lines are read."""
        self.link.dataReceived(b"x" * LONGEST_LINE)
        self.assertFalse(self.transport.isClosed)
        self.link.dataReceived(b"\n" + b"y" * LONGEST_LINE)
        self.assertFalse(self.transport.isClosed)
        self.link.dataReceived(b"y")
        self.assertTrue(self.transport.isClosed)
        self.assertEqual(self.lose(ConnectionLost()), "the far end sends no lines")
        self.assertEqual(self.owner.strangers, 1)

    def test_longLinesAreNotKept(self) -> None:
        """Of a line that has not ended, a little more than a reply is kept.  It may
        still be an altered reply, and the next line is read as usual."""
        self.link.send(7)
        message = self.messages.message(7)
        for _ in range(100):
            self.link.dataReceived((message[:-1] + b"?") * 20)
            self.assertLess(heldBy(self.link._partial), 400)
        self.link.dataReceived(b"\n")
        (reply,) = self.owner.replies
        self.assertEqual((reply.seq, reply.isAltered), (7, True))
        self.link.send(8)
        self.link.dataReceived(self.messages.message(8))
        self.assertEqual(self.owner.replies[1:], [Reply(8, None, False)])
        self.assertFalse(self.transport.isClosed)

    def test_neverAnswered(self) -> None:
        """A far end that repeats a reply and sends other lines, but answers no probe,
        makes the link hold no more than it may.  A reply to an old probe is still
        read."""
        self.link.send(0)
        self.link.dataReceived(self.messages.message(0))
        for seq in range(1, 2 * MOST_MISSING):
            self.link.send(seq)
            self.link.dataReceived(b"something\n" + self.messages.message(0))
        self.assertEqual(len(self.link._missing), MOST_MISSING)
        self.assertEqual(len(self.link._kept), MOST_MISSING)
        self.assertEqual(self.owner.strangers, MOST_MISSING - 1)
        for seq in 5, 2 * MOST_MISSING - 1:
            self.link.dataReceived(self.messages.message(seq))
            self.assertEqual(self.owner.replies[-1].seq, seq)
        self.assertEqual(len(self.link._missing), 0)

    def test_blocked(self) -> None:
        """A blocked link buffers a probe, and reports when it is ready again."""
        self.assertFalse(self.link.isBlocked)
        self.transport.fill()
        self.assertTrue(self.link.isBlocked)
        self.link.send(1)
        self.assertEqual(self.transport.sent, b"")
        self.transport.drain()
        self.assertFalse(self.link.isBlocked)
        self.assertEqual(self.transport.sent, self.messages.message(1))
        self.assertEqual(self.owner.events, ["up", "ready"])

    def test_reasons(self) -> None:
        """The link reports in words why the connection was lost."""
        self.assertEqual(
            self.lose(ConnectionDone()), "the far end closed the connection"
        )
        self.begin()
        self.assertEqual(self.lose(ConnectionLost()), "the connection was lost")
        self.begin()
        self.link.abort("enough")
        self.assertEqual(self.lose(ConnectionLost()), "enough")

    def test_halfALine(self) -> None:
        """Half a line at the end of the connection is no reply."""
        self.link.dataReceived(self.messages.message(1)[:-1])
        self.lose(ConnectionDone())
        self.assertEqual(self.owner.replies, [])

    def test_finish(self) -> None:
        """A link that is owed nothing is closed, not reset."""
        self.assertTrue(self.link.finish())
        self.assertEqual(
            (self.transport.isClosed, self.transport.isAborted), (True, False)
        )
        self.assertIsNone(self.transport.producer)
        self.lose(ConnectionDone())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_finishTls(self) -> None:
        """A link over TLS is closed in any case: TLS has no half-close.  One that does
        not answer is aborted."""
        self.link.send(1)
        self.link.finish()
        self.assertEqual(
            (self.transport.isClosed, self.transport.isAborted), (True, False)
        )
        self.reactor.advance(LINGER)
        self.assertTrue(self.transport.isAborted)

    def socket(self) -> FakeSocketConnection:
        """Connect a bare socket, and send a probe."""
        self.begin()
        made = FakeSocketConnection(self.reactor)
        made.protocol = self.link
        self.link.makeConnection(made)
        self.link.send(1)
        return made

    def test_finishWhileAReplyIsMissing(self) -> None:
        """A link whose reply is missing sends FIN, and reads on until the far end
        closes."""
        transport = self.socket()
        self.link.finish()
        transport.turn()
        self.assertTrue(transport.isHalfClosed)
        self.assertFalse(transport.isClosed)
        self.assertTrue(transport.isRead)
        self.link.dataReceived(self.messages.message(1))
        transport.connectionLost(Failure(ConnectionDone()))
        self.assertFalse(transport.isAborted)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_finishFromAStuckFarEnd(self) -> None:
        """A far end that does not close is aborted if it owes a reply, else closed."""
        for isOwed in True, False:
            transport = self.socket()
            self.link.finish()
            if not isOwed:
                self.link.dataReceived(self.messages.message(1))
            transport.turn()
            self.reactor.advance(LINGER - 0.01)
            self.assertFalse(transport.isClosed)
            self.reactor.advance(0.02)
            self.reactor.advance(0)
            self.assertEqual((transport.isAborted, transport.isClosed), (isOwed, True))


class KernelTests(LinkCase):
    """
    Tests for the kernel's figures.
    """

    def test_lastAnswerStays(self) -> None:
        """The last figures are kept when the socket is closed."""
        self.link.askKernel()
        self.assertIsNone(self.link.kernel)
        self.transport.socket = FakeTcpSocket()
        self.link.askKernel()
        self.assertEqual(self.link.kernel, TcpInfo(0, 0))
        self.transport.socket = None
        self.link.askKernel()
        self.assertEqual(self.link.kernel, TcpInfo(0, 0))


class ShortcutTests(SynchronousTestCase):
    """
    A link over a bare socket, wrapped in other protocols.
    """

    def test_shortcut(self) -> None:
        """Received octets go straight to the link; the loss of the connection goes
        through the wrapper."""
        owner, messages = Owner(), Messages(b"tag")
        reactor = FakeReactor()
        link = LineLink(reactor, owner, messages, SetUp(), lambda: NOW)
        transport = FakeSocketConnection(reactor)
        transport.protocol = wrapper = ProtocolWrapper(WrappingFactory(Factory()), link)
        link.makeConnection(transport)
        link.send(3)
        transport.protocol.dataReceived(messages.message(3))
        self.assertEqual([reply.seq for reply in owner.replies], [3])
        lost: list[Failure] = []
        self.assertIsNot(transport.protocol, wrapper)
        self.patch(link, "connectionLost", lost.append)
        wrapper.factory.registerProtocol(wrapper)
        transport.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(len(lost), 1)
        self.assertEqual(wrapper.factory.protocols, {})
