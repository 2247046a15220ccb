"""Tests for L{echostamp.line.protocol}."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from echostamp.line.draining import DRAINED
from echostamp.line.protocol import ACTIVE, QUIT_GRACE
from echostamp.test.echocases import EchoCase, actions
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
    Unlogged,
    checkConnection,
)


class MessageTests(EchoCase):
    """
    Where messages end, and which stamps they get.
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

    def test_eachReadStartsThePauseAgain(self) -> None:
        """Rule 2: a message ends after a whole pause without input."""
        self.echo.dataReceived(b"he")
        self.advance(0.09)
        self.echo.dataReceived(b"llo")
        self.advance(0.09)
        self.assertEqual(self.transport.sent, b"")
        self.advance(0.02)
        self.assertEqual(self.transport.sent, b"[30:00] hello")

    def test_oneMoreReadMustFindNothing(self) -> None:
        """Rule 2: a timer that runs before a read of its turn ends no message."""
        self.echo.dataReceived(b"he")
        self.reactor.advance(5)
        self.echo.dataReceived(b"llo")
        self.reactor.advance(0)
        self.reactor.advance(0)
        self.assertEqual(self.transport.sent, b"")
        self.advance(0.11)
        self.assertEqual(self.transport.sent, b"[30:05] hello")

    def test_stampIsOfTheRead(self) -> None:
        """Rule 4: the stamp is the time of the last read, not the end of the pause."""
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
        """Rule 5: the end of the input ends the last message; FIN follows the reply."""
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
        """A message that the end of the input has ended is not ended by its pause."""
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
        """TCP_NODELAY is set on TCP connections."""
        transport = FakeSocketConnection(self.reactor)
        alsoProvides(transport, ITCPTransport)
        self.connect(transport)
        self.assertTrue(transport.noDelay)

    def test_halfClose(self) -> None:
        """The protocol declares that it handles a half-close."""
        verifyObject(IHalfCloseableProtocol, self.echo)
        self.echo.writeConnectionLost()
        self.assertFalse(self.transport.isClosed)


class ActivityTests(EchoCase):
    """
    When a connection was last active, for its log.
    """

    def test_messages(self) -> None:
        """A message is activity when it is complete."""
        transport = self.socket(connectionLog=Unlogged())
        echo = transport.protocol
        self.advance(1)
        before = self.reactor.seconds()
        echo.dataReceived(b"a\nb")
        self.advance(1)
        echo.dataReceived(b"c")
        self.assertEqual(echo.lastActive, before)

    def test_longMessage(self) -> None:
        """An unfinished message is activity for each L{ACTIVE} octets."""
        transport = self.socket(connectionLog=Unlogged(), maxLength=2 * ACTIVE)
        echo = transport.protocol
        self.advance(1)
        echo.dataReceived(b"x" * (ACTIVE - 1))
        self.assertEqual(echo.lastActive, 0)
        echo.dataReceived(b"x")
        self.assertEqual(echo.lastActive, self.reactor.seconds())

    def test_repliesGone(self) -> None:
        """A peer that reads the replies that waited is active."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"a\n")
        self.advance(1)
        transport.turn(room=1000)
        self.assertEqual(transport.protocol.lastActive, self.reactor.seconds())

    def test_age(self) -> None:
        """The age of a connection is the time since it was made."""
        self.advance(1)
        echo = self.socket().protocol
        self.advance(2)
        self.assertAlmostEqual(echo.age, 2)

    def test_waitingReplies(self) -> None:
        """The connection reports whether replies wait for the peer."""
        transport = self.socket(room=3)
        echo = transport.protocol
        self.assertFalse(echo.isFull or echo.isBlocked)
        echo.dataReceived(b"a\n")
        self.assertTrue(echo.isFull and echo.isBlocked)

    def test_peer(self) -> None:
        """An IPv4 peer of a dual-stack socket has its IPv4 address; IPv6 addresses are
        in brackets."""
        for address, name in [
            (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1:1"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1:1"),
            (IPv6Address("TCP", "2001:db8::1", 1), "[2001:db8::1]:1"),
            (UNIXAddress(None), "local"),
        ]:
            self.assertEqual(self.connect(FakeTransport(None, address)).peer, name)


class EndTests(EchoCase):
    """
    Connections that the server ends.
    """

    def test_end(self) -> None:
        """An idle connection is closed."""
        transport = self.socket()
        transport.protocol.end()
        transport.turn()
        self.assertTrue(transport.isClosed)
        self.assertFalse(transport.isAborted)

    def test_endWithUnreadReplies(self) -> None:
        """An idle connection is aborted if its peer does not read."""
        transport = self.socket(room=3)
        transport.protocol.dataReceived(b"a\n")
        transport.protocol.end()
        self.assertTrue(transport.isAborted)

    def test_inputAfterTheClose(self) -> None:
        """TLS may deliver data after the close: it is counted, and not answered."""
        transport = FakeTransport()
        echo = self.connect(transport)
        echo.end()
        echo.dataReceived(b"late\n")
        self.assertEqual((echo.messages, echo.octets), (0, 5))
        self.assertEqual(transport.sent, b"")

    def test_quit(self) -> None:
        """FIN is sent behind the replies.  The rest of the input is counted and
        discarded, until the peer closes."""
        transport = self.socket()
        echo = transport.protocol
        echo.dataReceived(b"a\nhalf")
        echo.quit()
        transport.turn()
        self.assertTrue(transport.isHalfClosed and transport.isRead)
        echo.dataReceived(b"late\n")
        self.advance(10)
        self.assertFalse(transport.isClosed)
        echo.readConnectionLost()
        self.assertTrue(transport.isClosed)
        self.assertFalse(transport.isAborted)
        self.assertEqual(transport.sent, b"[30:00] a\n")
        self.assertEqual(echo.octets, 11)

    def test_quitAndNotClosed(self) -> None:
        """A peer that has quit has some time to close, whatever it sends.  The time
        begins when it has read its replies."""
        transport = self.socket(room=3)
        transport.protocol.dataReceived(b"a\n")
        transport.protocol.quit()
        self.advance(2 * QUIT_GRACE)
        transport.turn(room=1000)
        for late in b"late\n", b"late":
            transport.protocol.dataReceived(late)
            self.advance(QUIT_GRACE / 2 - 1)
        self.assertTrue(transport.isHalfClosed)
        self.assertFalse(transport.isClosed)
        self.advance(2)
        self.assertTrue(transport.isClosed)
        self.assertFalse(transport.isAborted)
        self.assertEqual(transport.sent, b"[30:00] a\n")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_quitWithUnreadReplies(self) -> None:
        """A peer that does not read gets its replies when it reads again, then FIN."""
        for inputEnds in False, True:
            transport = self.socket(room=3)
            echo = transport.protocol
            echo.dataReceived(b"a\nhalf")
            echo.quit()
            transport.turn()
            self.assertFalse(transport.isHalfClosed)
            echo.dataReceived(b"late\n")
            if inputEnds:
                echo.readConnectionLost()
            transport.turn(room=1000)
            self.assertEqual(transport.sent, b"[30:00] a\n")
            self.assertEqual(transport.isHalfClosed, not inputEnds)
            self.assertEqual(transport.isClosed, inputEnds)
            self.assertEqual(transport.isRead, not inputEnds)

    def test_quitWithoutHalfClose(self) -> None:
        """A transport that has no half-close is closed."""
        transport = FakeTransport()
        echo = self.connect(transport)
        echo.dataReceived(b"a\n")
        echo.quit()
        self.assertTrue(transport.isClosed)
        self.assertEqual(transport.sent, b"[30:00] a\n")

    def test_quitThenDrained(self) -> None:
        """A daemon that stops waits for the peer no longer than for others."""
        transport = self.socket()
        transport.protocol.quit()
        transport.protocol.drain()
        for _ in range(2):
            transport.turn()
            self.advance(DRAINED + 0.01)
        transport.turn()
        self.assertTrue(transport.isHalfClosed and transport.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_abortDuringAPause(self) -> None:
        """An aborted connection leaves no timer."""
        transport = self.socket()
        transport.protocol.dataReceived(b"hello")
        transport.protocol.abort()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(transport.sent, b"")


class SlowPeerTests(EchoCase):
    """
    Rule 6: a peer that does not read is not read from.
    """

    def test_unreadReplyStopsReading(self) -> None:
        """Reading stops after one reply that the kernel did not take."""
        transport = self.socket(room=5)
        transport.protocol.dataReceived(b"hello\n")
        self.assertFalse(transport.isRead)
        transport.turn(room=1000)
        self.assertEqual(transport.sent, b"[30:00] hello\n")
        self.assertTrue(transport.isRead)

    def test_repliesGoToTheSocketAgain(self) -> None:
        """A peer that reads again gets its replies directly."""
        transport = self.socket(room=5)
        transport.protocol.dataReceived(b"hello\n")
        transport.turn(room=1000)
        transport.protocol.dataReceived(b"again\n")
        self.assertEqual(transport.sent, b"[30:00] hello\n[30:00] again\n")

    def test_bareNewlinesDoNotPileUp(self) -> None:
        """The replies to 64 KiB of newlines, 640 KiB, are not made at once."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"\n" * 65_536)
        self.assertLessEqual(transport.held, 131_072)
        transport.turn(room=1 << 30)
        self.assertEqual(transport.sent, b"[30:00] \n" * 65_536)
        self.assertTrue(transport.isRead)

    def test_stampOfRepliesThatWaited(self) -> None:
        """Rule 4: a reply has the stamp of its read, however late it is sent."""
        transport = self.socket(room=0)
        transport.protocol.dataReceived(b"\n" * 65_536)
        self.advance(5)
        transport.turn(room=1 << 30)
        self.assertEqual(transport.sent, b"[30:00] \n" * 65_536)

    def test_pauseRunsOnlyWhileTheServerReads(self) -> None:
        """Rule 2: while the server does not read, no pause ends a message."""
        transport = self.socket(room=0, maxLength=10)
        transport.protocol.dataReceived(b"longer than ten")
        self.advance(1)
        transport.turn(room=1000)
        self.advance(0.09)
        transport.protocol.dataReceived(b", still the same")
        self.assertEqual(transport.sent, b"[30:00] longer than ten, still the same")

    def test_replyAfterAPauseMayBlockToo(self) -> None:
        """A reply after a pause can stop reading, like any other reply."""
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
        """A lost connection with unsent replies leaves no timer and no writer."""
        transport = self.socket(room=3)
        transport.protocol.dataReceived(b"\n" * 65_536)
        lost(transport)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.reactor.writers, set())

    def test_sendFindsTheConnectionLost(self) -> None:
        """After an error of C{send} the transport ends the connection."""
        transport = self.socket(room=-1)
        transport.protocol.dataReceived(b"hello\n")
        transport.turn()
        self.assertTrue(transport.isClosed)


class WholeConnectionTests(EchoCase):
    """
    Properties of every connection.
    """

    def play(self, transport: Any, actions: list[bytes | float | int]) -> bytes:
        """
        Do the actions that the connection allows.

        @return: the octets that it has read.
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
        """After reads, pauses and a slow peer in any order, and then FIN: the replies
        without their stamps are the input, and the connection closes."""
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
        """After reads, FINs, timers, room for replies, a stop, a reset and a peer that
        vanishes, in any order: no exception escapes, and every promise holds."""
        checkConnection(bytes([settings]) + program)
