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

from echostamp.probe.interfaces import Link
from echostamp.probe.linelink import LONGEST_LINE, LineLink
from echostamp.probe.messages import Messages, Reply
from echostamp.tcpinfo import TcpInfo
from echostamp.test.fakes import (
    FakeFarTransport,
    FakeReactor,
    FakeSocketConnection,
    FakeTcpSocket,
)
from echostamp.times import Moment, SetUp, Times

NOW = Moment(1, 2, 3)


class Owner:
    """
    Notes what a link tells.
    """

    def __init__(self) -> None:
        self.told: list[str] = []
        self.replies: list[Reply] = []
        self.strangers = 0

    def linkUp(self, link: Link) -> None:
        """It is there."""
        self.told.append("up")

    def linkReady(self) -> None:
        """It takes probes again."""
        self.told.append("ready")

    def answered(self, reply: Reply, at: Moment) -> None:
        """A line."""
        assert at is NOW
        self.replies.append(reply)

    def corrected(self, seq: int, times: Times) -> None:
        """Times are known better."""

    def dialFailed(self, failure: Failure) -> None:
        """A link makes no attempts."""

    def closed(self) -> None:
        """All has come."""
        self.told.append("closed")

    def strange(self, count: int) -> None:
        """Lines that answer nothing."""
        self.strangers += count

    def linkDown(self, link: Link, reason: str) -> None:
        """It is gone."""
        self.told.append(reason)


class LinkCase(SynchronousTestCase):
    """
    A link over a transport in memory.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin()

    def begin(self) -> None:
        """Make a connection."""
        self.owner = Owner()
        self.messages = Messages(b"tag")
        self.link = LineLink(self.owner, self.messages, SetUp(), lambda: NOW)
        self.transport: Any = FakeFarTransport()
        alsoProvides(self.transport, ITCPTransport)
        self.link.makeConnection(self.transport)

    def lose(self, error: Exception) -> str:
        """Lose it, and give what is said of it."""
        self.link.connectionLost(Failure(error))
        return self.owner.told[-1]


class LineLinkTests(LinkCase):
    """
    Messages out, lines in.
    """

    def test_noDelay(self) -> None:
        """Small messages leave at once; whoever owns it is told of it."""
        self.assertTrue(self.transport.noDelay)
        self.assertEqual(self.owner.told, ["up"])

    def test_otherTransports(self) -> None:
        """What is not TCP has no such option."""
        transport: Any = FakeFarTransport()
        LineLink(self.owner, self.messages, SetUp()).makeConnection(transport)
        self.assertFalse(transport.noDelay)

    def test_send(self) -> None:
        """A probe is its message."""
        self.link.send(7)
        self.assertEqual(self.transport.sent, self.messages.message(7))

    @given(st.lists(st.integers(0, 99), max_size=9), st.data())
    def test_pieces(self, seqs: list[int], data: st.DataObject) -> None:
        """However the replies are cut into reads, each is one."""
        self.begin()
        stream = b"".join(map(self.messages.message, seqs))
        cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=9))
        edges = [0, *sorted(cuts), len(stream)]
        for start, end in itertools.pairwise(edges):
            self.link.dataReceived(stream[start:end])
        self.assertEqual([reply.seq for reply in self.owner.replies], seqs)
        self.assertFalse(any(reply.isAltered for reply in self.owner.replies))

    def test_noNewline(self) -> None:
        """A far end that sends no lines is given up, however it cuts them; one whose
        lines are long is not."""
        self.link.dataReceived(b"x" * LONGEST_LINE)
        self.assertFalse(self.transport.isClosed)
        self.link.dataReceived(b"\n" + b"y" * LONGEST_LINE)
        self.assertFalse(self.transport.isClosed)
        self.link.dataReceived(b"y")
        self.assertTrue(self.transport.isClosed)
        self.assertEqual(self.lose(ConnectionLost()), "the far end sends no lines")
        self.assertEqual(self.owner.strangers, 1)

    def test_blocked(self) -> None:
        """It says when it takes no more, keeps what it has, and says when it does."""
        self.assertFalse(self.link.isBlocked)
        self.transport.fill()
        self.assertTrue(self.link.isBlocked)
        self.link.send(1)
        self.assertEqual(self.transport.sent, b"")
        self.transport.drain()
        self.assertFalse(self.link.isBlocked)
        self.assertEqual(self.transport.sent, self.messages.message(1))
        self.assertEqual(self.owner.told, ["up", "ready"])

    def test_reasons(self) -> None:
        """Why it is gone is said in words."""
        self.assertEqual(
            self.lose(ConnectionDone()), "the far end closed the connection"
        )
        self.begin()
        self.assertEqual(self.lose(ConnectionLost()), "the connection was lost")
        self.begin()
        self.link.abort("enough")
        self.assertEqual(self.lose(ConnectionLost()), "enough")

    def test_halfALine(self) -> None:
        """Half a line that the end cut off is no reply."""
        self.link.dataReceived(self.messages.message(1)[:-1])
        self.lose(ConnectionDone())
        self.assertEqual(self.owner.replies, [])


class KernelTests(LinkCase):
    """
    What the kernel knows.
    """

    def test_lastAnswerStays(self) -> None:
        """What was known stays known when the socket is gone."""
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
        link = LineLink(owner, messages, SetUp(), lambda: NOW)
        transport = FakeSocketConnection(FakeReactor())
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
