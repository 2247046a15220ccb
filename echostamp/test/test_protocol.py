"""Tests for L{echostamp.line.protocol} and L{echostamp.line.sending}."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from echostamp.addresses import peerName
from echostamp.line.protocol import TimestampEcho, TimestampEchoFactory
from echostamp.line.sending import DirectReplySender, ReplySender, replySender
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, FakeTransport, lost
from echostamp.test.programs import (
    ABORT,
    DRAIN,
    END,
    LOSE,
    READ,
    ROOM,
    VANISH,
    WAIT,
    checkConnection,
)

SECOND = 1_000_000_000
BEGIN = 1450085400 * SECOND


class EchoCase(SynchronousTestCase):
    """
    A server whose clock is the reactor's, and stamps seconds in UTC.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor = FakeReactor()

    def clock(self) -> int:
        """Give the reactor's time."""
        return BEGIN + round(self.reactor.seconds() * 1e9)

    def connect(self, transport: Any, **options: Any) -> TimestampEcho:
        """Connect a protocol to a transport."""
        options = {"stampFormat": stampFormat("%M:%S", utc=True), **options}
        factory = TimestampEchoFactory(self.reactor, clock=self.clock, **options)
        echo = factory.buildProtocol(None)
        assert isinstance(echo, TimestampEcho)
        transport.protocol = echo
        echo.makeConnection(transport)
        return echo

    def socket(self, room: int = 1 << 30, **options: Any) -> FakeSocketConnection:
        """Connect a protocol to a bare socket."""
        transport = FakeSocketConnection(self.reactor, room)
        self.connect(transport, **options)
        return transport

    def advance(self, seconds: float) -> None:
        """Let time pass, in turns of a millisecond."""
        for _ in range(round(seconds * 1000)):
            self.reactor.advance(0.001)


class MessageTests(EchoCase):
    """
    What a message is, when time passes.
    """

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.transport = self.socket()
        self.echo = self.transport.protocol

    def test_lineIsAnsweredAtOnce(self) -> None:
        """A line's reply is in the kernel before C{dataReceived} returns."""
        self.echo.dataReceived(b"hello\n")
        self.assertEqual(self.transport.sent, b"[30:00] hello\n")
        self.assertTrue(self.transport.isRead)

    def test_plainClientIsAnsweredAfterAPause(self) -> None:
        """Rule 2: before the first newline a pause ends a message, each time."""
        for text in b"hello", b"again":
            self.transport.sent.clear()
            self.echo.dataReceived(text)
            self.advance(0.099)
            self.assertEqual(self.transport.sent, b"")
            self.advance(0.002)
            self.assertEqual(self.transport.sent, b"[30:00] " + text)

    def test_pauseBeginsAnewWithEveryRead(self) -> None:
        """Rule 2: nothing has come for the whole pause."""
        self.echo.dataReceived(b"he")
        self.advance(0.09)
        self.echo.dataReceived(b"llo")
        self.advance(0.09)
        self.assertEqual(self.transport.sent, b"")
        self.advance(0.02)
        self.assertEqual(self.transport.sent, b"[30:00] hello")

    def test_oneMoreReadMustFindNothing(self) -> None:
        """Rule 2: a timer that runs before a read that is due ends nothing."""
        self.echo.dataReceived(b"he")
        self.reactor.advance(5)
        self.echo.dataReceived(b"llo")
        self.reactor.advance(0)
        self.reactor.advance(0)
        self.assertEqual(self.transport.sent, b"")
        self.advance(0.11)
        self.assertEqual(self.transport.sent, b"[30:05] hello")

    def test_stampIsTheReadsNotThePauses(self) -> None:
        """Rule 4: the stamp is when the last octets came."""
        self.transport = self.socket(pause=3)
        self.transport.protocol.dataReceived(b"hello")
        self.advance(3.01)
        self.assertEqual(self.transport.sent, b"[30:00] hello")

    def test_afterANewlineNoPauseEndsAMessage(self) -> None:
        """Rule 2: a line that the network splits is not stamped twice."""
        self.echo.dataReceived(b"a\nb")
        self.reactor.advance(3600)
        self.reactor.advance(1)
        self.echo.dataReceived(b"c\n")
        self.assertEqual(self.transport.sent, b"[30:00] a\n[30:01] bc\n")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_pauseOfZeroMakesEachReadAMessage(self) -> None:
        """Rule 2: C{--pause 0} answers as the tutorial's server does."""
        transport = self.socket(pause=0)
        for data in b"he", b"llo", b"a\nb", b"c\n":
            transport.protocol.dataReceived(data)
        self.assertEqual(
            transport.sent, b"[30:00] he[30:00] llo[30:00] a\n[30:00] bc\n"
        )

    def test_endOfInputEndsAMessage(self) -> None:
        """Rule 5: what is left when the input ends is answered, then comes FIN."""
        self.echo.dataReceived(b"a\nb")
        self.advance(2)
        self.echo.readConnectionLost()
        self.transport.turn()
        self.assertEqual(self.transport.sent, b"[30:00] a\n[30:00] b")
        self.assertTrue(self.transport.isClosed)

    def test_endOfInputWithNothingOpen(self) -> None:
        """Rule 2: an empty rest gets no stamp."""
        self.echo.readConnectionLost()
        self.transport.turn()
        self.assertEqual(self.transport.sent, b"")
        self.assertTrue(self.transport.isClosed)

    def test_endOfInputDuringAPause(self) -> None:
        """The pause that was running ends nothing a second time."""
        self.echo.dataReceived(b"hello")
        self.echo.readConnectionLost()
        self.transport.turn()
        self.advance(0.2)
        self.assertEqual(self.transport.sent, b"[30:00] hello")

    def test_longMessageBeforeAnyNewlineEndsByAPauseToo(self) -> None:
        """Rule 3: a message over the limit ends by rule 2."""
        transport = self.socket(maxLength=3)
        transport.protocol.dataReceived(b"long")
        transport.protocol.dataReceived(b"er")
        self.advance(0.2)
        transport.protocol.dataReceived(b"next")
        self.assertEqual(transport.sent, b"[30:00] longer[30:00] next")

    def test_nothingElseIsSent(self) -> None:
        """Rule 7: no banner."""
        self.advance(1)
        self.assertEqual(self.transport.sent, b"")

    def test_smallRepliesDoNotWaitForEachOther(self) -> None:
        """TCP_NODELAY is set where there is TCP."""
        transport = FakeSocketConnection(self.reactor)
        alsoProvides(transport, ITCPTransport)
        self.connect(transport)
        self.assertTrue(transport.noDelay)

    def test_halfClose(self) -> None:
        """The transport is told that this protocol handles a half-close."""
        verifyObject(IHalfCloseableProtocol, self.echo)
        self.echo.writeConnectionLost()
        self.assertFalse(self.transport.isClosed)

    def test_stampTextIsMadeOnlyWhenItChanges(self) -> None:
        """Within one step of the resolution there is one text."""
        made = []
        form = stampFormat("%M:%S", utc=True)

        class Counting:
            resolution = form.resolution

            def stamp(self, ns: int) -> bytes:
                made.append(ns)
                return form.stamp(ns)

        factory = TimestampEchoFactory(
            self.reactor,
            Counting(),  # type: ignore[arg-type]
            clock=self.clock,
        )
        stamps = []
        for _ in range(20):
            stamps.append(factory.stamp())
            self.reactor.advance(0.1)
        self.assertEqual(stamps, [b"[30:00] "] * 10 + [b"[30:01] "] * 10)
        self.assertEqual(len(made), 2)


class SlowPeerTests(EchoCase):
    """
    Rule 6: a peer that does not read is not read from.
    """

    def test_unreadReplyStopsReading(self) -> None:
        """One reply that the kernel did not take is enough."""
        transport = self.socket(room=5)
        transport.protocol.dataReceived(b"hello\n")
        self.assertFalse(transport.isRead)
        transport.turn(room=1000)
        self.assertEqual(transport.sent, b"[30:00] hello\n")
        self.assertTrue(transport.isRead)

    def test_afterThatRepliesGoStraightAgain(self) -> None:
        """A peer that reads again is served as before."""
        transport = self.socket(room=5)
        transport.protocol.dataReceived(b"hello\n")
        transport.turn(room=1000)
        transport.protocol.dataReceived(b"again\n")
        self.assertEqual(transport.sent, b"[30:00] hello\n[30:00] again\n")

    def test_bareNewlinesDoNotPileUp(self) -> None:
        """64 KiB of newlines would make more than half a megabyte of replies."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"\n" * 65_536)
        self.assertLessEqual(transport.held, 65_536)
        transport.turn(room=1 << 30)
        self.assertEqual(transport.sent, b"[30:00] \n" * 65_536)
        self.assertTrue(transport.isRead)

    def test_stampOfRepliesThatWaited(self) -> None:
        """Rule 4: what was read at one time has that time's stamp, however late it
        is sent."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"\n" * 65_536)
        self.advance(5)
        transport.turn(room=1 << 30)
        self.assertEqual(transport.sent, b"[30:00] \n" * 65_536)

    def test_pauseRunsOnlyWhileTheServerReads(self) -> None:
        """Rule 2: while the peer is not read from, no pause ends its message."""
        transport = self.socket(room=0, maxLength=10)
        transport.protocol.dataReceived(b"longer than ten")
        self.advance(1)
        transport.turn(room=1000)
        self.advance(0.09)
        transport.protocol.dataReceived(b", still the same")
        self.assertEqual(transport.sent, b"[30:00] longer than ten, still the same")

    def test_replyAfterAPauseMayBlockToo(self) -> None:
        """The reply that a pause brought about stops reading like any other."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"hello")
        self.advance(0.2)
        self.assertFalse(transport.isRead)
        transport.turn(room=1000)
        self.assertTrue(transport.isRead)
        self.assertEqual(transport.sent, b"[30:00] hello")

    def test_endOfInputWaitsForASlowPeer(self) -> None:
        """Rule 5: every reply is sent before FIN."""
        transport = self.socket(room=3)
        transport.protocol.dataReceived(b"a")
        transport.protocol.readConnectionLost()
        self.assertFalse(transport.isClosed)
        transport.turn(room=5)
        self.assertFalse(transport.isClosed)
        transport.turn(room=100)
        self.assertEqual(transport.sent, b"[30:00] a")
        self.assertTrue(transport.isClosed)

    def test_lostWhileRepliesWait(self) -> None:
        """A peer that goes away with replies unsent leaves nothing behind."""
        transport = self.socket(room=3)
        transport.protocol.dataReceived(b"\n" * 65_536)
        lost(transport)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.reactor.writers, set())

    def test_sendFindsTheConnectionLost(self) -> None:
        """An error of C{send} ends the connection when the transport sees it."""
        transport = self.socket(room=-1)
        transport.protocol.dataReceived(b"hello\n")
        transport.turn()
        self.assertTrue(transport.isClosed)


class PlainTransportTests(EchoCase):
    """
    Transports that cannot send at once.
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
        """Rule 6 holds where the transport says that it holds enough."""
        self.transport.fill()
        self.echo.dataReceived(b"a\n")
        self.assertFalse(self.transport.isRead)
        self.assertEqual(self.transport.value(), b"")
        self.transport.drain()
        self.assertTrue(self.transport.isRead)
        self.assertEqual(self.transport.value(), b"[30:00] a\n")

    def test_whatComesWhileFullWaitsInOrder(self) -> None:
        """TLS may hand on more after it was told to pause: nothing is lost."""
        self.transport.fill()
        for line in b"a\n", b"b\n", b"c\n":
            self.echo.dataReceived(line)
        self.transport.drain()
        self.assertEqual(self.transport.value(), b"[30:00] a\n[30:00] b\n[30:00] c\n")

    def test_endOfInput(self) -> None:
        """The transport is let go of, and closed."""
        self.echo.dataReceived(b"a")
        self.echo.readConnectionLost()
        self.assertIsNone(self.transport.producer)
        self.assertTrue(self.transport.isClosed)
        self.assertEqual(self.transport.value(), b"[30:00] a")

    def test_tlsIsNeverWrittenPast(self) -> None:
        """A socket under TLS gets no octet but by C{write}."""
        transport = FakeSocketConnection(self.reactor)
        sender = replySender(transport, self.echo)
        self.assertIs(type(sender), DirectReplySender)
        transport.TLS, transport.protocol = True, self.transport
        self.transport.unregisterProducer()
        sender = replySender(transport, self.echo)
        self.assertIs(type(sender), ReplySender)


#: What may happen to a connection: a read, a pause, room for replies.
actions = st.lists(
    st.one_of(
        st.text("ab\n", min_size=1, max_size=30).map(str.encode),
        st.just(b"\n" * 20_000),
        st.floats(0.01, 0.3),
        st.integers(0, 5000),
    ),
    max_size=20,
)


class WholeConnectionTests(EchoCase):
    """
    What holds for every connection.
    """

    def play(self, transport: Any, actions: list[bytes | float | int]) -> bytes:
        """
        Do to a connection what it allows, then end its input.

        @return: what it read.
        """
        read = b""
        for action in actions:
            if isinstance(action, bytes):
                if transport.isRead:
                    transport.protocol.dataReceived(action)
                    read += action
            elif isinstance(action, float):
                self.reactor.pump([action, 0, 0])
            elif isinstance(transport, FakeSocketConnection):
                transport.turn(room=action)
                self.assertLessEqual(transport.held, 65_536 + 64)
        return read

    @given(actions, st.sampled_from([0, 0.1]), st.integers(1, 40))
    def test_noPromiseBreaks(
        self, actions: list[bytes | float | int], pause: float, maxLength: int
    ) -> None:
        """Reads, pauses, FIN and a slow peer in any order: the replies without their
        stamps are the input, and the connection closes."""
        self.reactor = FakeReactor()
        transport = self.socket(room=0, pause=pause, maxLength=maxLength)
        read = self.play(transport, actions)
        transport.turn(room=1 << 30)
        transport.protocol.readConnectionLost()
        transport.turn()
        self.assertEqual(re.sub(rb"\[\d\d:\d\d\] ", b"", transport.sent), read)
        self.assertTrue(transport.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    @given(
        st.integers(0, 255),
        st.lists(
            st.one_of(
                st.text("ab\n", min_size=1, max_size=31).map(
                    lambda text: bytes([READ | len(text)]) + text.encode()
                ),
                st.sampled_from([END, DRAIN, ABORT, LOSE, VANISH]).map(
                    lambda step: bytes([step])
                ),
                st.tuples(st.sampled_from([WAIT, ROOM]), st.integers(0, 31)).map(
                    lambda pair: bytes([pair[0] | pair[1]])
                ),
            ),
            max_size=20,
        ).map(b"".join),
    )
    def test_anyOrder(self, settings: int, program: bytes) -> None:
        """Reads, FINs, timers, room for replies, a stop, a reset and a peer that
        vanishes, in any order: no exception escapes, and no promise breaks."""
        checkConnection(bytes([settings]) + program)

    @given(actions)
    def test_bothWaysSendTheSame(self, actions: list[bytes | float | int]) -> None:
        """A bare socket and any other transport carry equal replies, also where either
        is full at times; they are read from, and time passes, when both are read."""
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


class LogTests(EchoCase):
    """
    What the log says of a connection.
    """

    def setUp(self) -> None:
        """Listen to the log."""
        super().setUp()
        self.events = EventLoggingObserver()
        globalLogPublisher.addObserver(self.events)
        self.addCleanup(globalLogPublisher.removeObserver, self.events)

    def test_whoCameAndHowItEnded(self) -> None:
        """A line when somebody comes; one with the counts when they leave."""
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

    def test_nothingThatAPeerSendsIsLogged(self) -> None:
        """No message can forge a line, as no message is in the log."""
        echo = self.connect(FakeTransport())
        echo.dataReceived(b"\n2015-12-14 forged {peer}\x1b[31m\n")
        echo.connectionLost()
        for event in self.events:
            self.assertNotIn("forged", formatEvent(event))

    def test_peerNames(self) -> None:
        """IPv4 on a dual-stack socket is IPv4; IPv6 is in brackets."""
        for address, name in [
            (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1:1"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1:1"),
            (IPv6Address("TCP", "2001:db8::1", 1), "[2001:db8::1]:1"),
            (UNIXAddress(None), "local"),
            (None, "local"),
        ]:
            self.assertEqual(peerName(address), name)
