"""Tests for L{echostamp.line.sending}."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface.verify import verifyObject

from echostamp.baresocket import isBareSocket
from echostamp.line.sending import (
    DirectReplySender,
    ReplySender,
    replySender,
)
from echostamp.test.echocases import EchoCase, actions
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, FakeTransport


class Owner:
    """
    Counts how often blocked replies have been sent.
    """

    gone = 0

    def repliesGone(self) -> None:
        """Count."""
        self.gone += 1


class ReplySenderTests(EchoCase):
    """
    Both senders, with an owner that only counts.
    """

    def setUp(self) -> None:
        """Make an owner, and a sender for each kind of transport."""
        super().setUp()
        self.owner = Owner()
        self.plain, self.bare = FakeTransport(), FakeSocketConnection(self.reactor)
        self.senders = [replySender(each, self.owner) for each in self.transports()]

    def transports(self) -> tuple[Any, Any]:
        """Give a transport that can only write, and a bare socket."""
        return self.plain, self.bare

    def test_kinds(self) -> None:
        """A bare socket gets a direct sender, any other transport a plain one."""
        plain, direct = self.senders
        self.assertIs(type(plain), ReplySender)
        self.assertIs(type(direct), DirectReplySender)
        verifyObject(IPushProducer, plain)
        verifyObject(IPullProducer, direct)
        self.assertEqual([each.growth for each in self.senders], [0, 0])

    def test_emptyReplies(self) -> None:
        """Empty replies are skipped."""
        for sender, transport in zip(self.senders, self.transports(), strict=True):
            sender.send(iter([b"a", b"", b"b"]))
            self.assertEqual(transport.sent, b"ab")
            self.assertFalse(sender.isBlocked or sender.isFull or sender.isHolding)
        self.assertEqual(self.owner.gone, 0)

    def test_emptyRepliesWhileBlocked(self) -> None:
        """Empty replies are skipped behind a blocked reply, too."""
        self.bare.room = 0
        _, direct = self.senders
        direct.send(iter([b"a", b"", b"b", b""]))
        self.bare.turn(10)
        self.assertEqual(self.bare.sent, b"ab")
        self.assertEqual(self.owner.gone, 1)

    def test_nextReplyIsMadeLate(self) -> None:
        """A reply is made when the previous one has been sent."""
        made = []

        def replies() -> Iterator[bytes]:
            for reply in b"first", b"second":
                made.append(reply)
                yield reply

        self.bare.room = 3
        _, direct = self.senders
        direct.send(replies())
        self.assertTrue(direct.isBlocked and direct.isFull and direct.isHolding)
        self.assertEqual(made, [b"first"])
        self.bare.turn(100)
        self.assertEqual(made, [b"first", b"second"])
        self.assertEqual(self.bare.sent, b"firstsecond")
        self.assertEqual((direct.isBlocked, self.owner.gone), (False, 1))

    def test_blockedAgain(self) -> None:
        """If the transport is full again, the owner has to wait."""
        plain, _ = self.senders
        self.plain.fill()
        write = self.plain.write

        def fill(data: bytes) -> None:
            write(data)
            self.plain.fill()

        self.patch(self.plain, "write", fill)
        plain.send(iter([b"a"]))
        plain.send(iter([b"b"]))
        self.plain.drain()
        self.assertEqual((self.plain.sent, self.owner.gone), (b"a", 0))
        self.plain.drain()
        self.assertEqual((self.plain.sent, self.owner.gone), (b"ab", 0))
        self.plain.drain()
        self.assertEqual(self.owner.gone, 1)

    def test_stopProducing(self) -> None:
        """When the connection is lost, queued replies are dropped."""
        plain, _ = self.senders
        self.plain.fill()
        plain.send(iter([b"a"]))
        plain.stopProducing()
        self.plain.drain()
        self.assertEqual(self.plain.sent, b"")

    def test_tls(self) -> None:
        """A socket under TLS is not a bare socket."""
        self.assertTrue(isBareSocket(self.bare))
        self.bare.TLS = True
        self.assertFalse(isBareSocket(self.bare))
        self.assertFalse(isBareSocket(self.plain))


class PlainTransportTests(EchoCase):
    """
    An echo on a transport that can only C{write}.
    """

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.transport = FakeTransport()
        self.echo = self.connect(self.transport)

    def test_repliesAreWritten(self) -> None:
        """A transport of any kind gets its replies by C{write}."""
        self.echo.dataReceived(b"hello\n")
        self.assertEqual(self.transport.value(), b"[30:00] hello\n")

    def test_fullTransportIsNotReadFrom(self) -> None:
        """Rule 6: while the transport is full, the peer is not read from."""
        self.transport.fill()
        self.echo.dataReceived(b"a\n")
        self.assertFalse(self.transport.isRead)
        self.assertEqual(self.transport.value(), b"")
        self.transport.drain()
        self.assertTrue(self.transport.isRead)
        self.assertEqual(self.transport.value(), b"[30:00] a\n")

    def test_dataWhileFull(self) -> None:
        """TLS may deliver more after it was told to pause: all of it is answered."""
        self.transport.fill()
        for line in b"a\n", b"b\n", b"c\n":
            self.echo.dataReceived(line)
        self.transport.drain()
        self.assertEqual(self.transport.value(), b"[30:00] a\n[30:00] b\n[30:00] c\n")

    def test_endOfInput(self) -> None:
        """The end of the input releases the transport, and closes it."""
        self.echo.dataReceived(b"a")
        self.echo.readConnectionLost()
        self.assertIsNone(self.transport.producer)
        self.assertTrue(self.transport.isClosed)
        self.assertEqual(self.transport.value(), b"[30:00] a")

    def test_tlsIsNeverWrittenPast(self) -> None:
        """A socket under TLS gets its octets by C{write} only."""
        transport = FakeSocketConnection(self.reactor)
        sender = replySender(transport, self.echo)
        self.assertIs(type(sender), DirectReplySender)
        transport.TLS, transport.protocol = True, self.transport
        self.transport.unregisterProducer()
        sender = replySender(transport, self.echo)
        self.assertIs(type(sender), ReplySender)


class BothSendersTests(EchoCase):
    """
    Properties of both senders.
    """

    @given(actions)
    def test_bothWaysSendTheSame(self, actions: list[bytes | float | int]) -> None:
        """A bare socket and any other transport carry the same replies, even if either
        is full at times.  Reads and time only come while both are read from."""
        self.reactor = FakeReactor()
        direct = self.socket(room=0)
        plain = FakeTransport()
        self.connect(plain)
        for action in actions:
            if isinstance(action, int):
                direct.turn(room=action)
                (plain.fill if action < 1000 else plain.drain)()
            elif direct.isRead and plain.isRead:
                if isinstance(action, float):
                    self.reactor.pump([action, 0, 0])
                else:
                    direct.protocol.dataReceived(action)
                    plain.protocol.dataReceived(action)
        direct.turn(room=1 << 30)
        plain.drain()
        for transport in direct, plain:
            transport.protocol.readConnectionLost()
        direct.turn()
        self.assertEqual(bytes(direct.sent), bytes(plain.sent))
