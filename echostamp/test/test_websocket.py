"""Tests for L{echostamp.web.websocket}."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, ITransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.intercom.room import Intercom
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection
from echostamp.test.websockets import Reader, Writer
from echostamp.web.frames import FRAMES
from echostamp.web.websocket import (
    CLOSE_GRACE,
    LAST_GRACE,
    PIECE,
    WebSocketTransport,
)

#: The stamp of all messages here.
STAMP = b"[0.000000000] "


class FakeConnection(FakeSocketConnection):
    """
    The socket of a browser.
    """

    def getHost(self) -> object:
        """Give no address."""
        return None


class Peer:
    """
    A browser that is connected to an echo.

    @ivar connection: its socket, at the server's end.
    @ivar writer: makes its frames.
    """

    def __init__(self, case: WebSocketCase, room: int = 1 << 30) -> None:
        """
        @param case: has the echo.
        @param room: see L{FakeSocketConnection}.
        """
        self.connection = FakeConnection(case.reactor, room)
        self.writer = Writer()
        self._reader = Reader()
        self._reactor = case.reactor
        self.echo: Any = case.factory.buildProtocol(None)
        self.stream = WebSocketTransport(
            case.reactor, self.echo, lambda: case.factory.isStopping
        )
        self.connection.protocol = self.stream
        self.stream.makeConnection(self.connection)

    def send(self, frames: bytes) -> None:
        """Send frames, and let the server write."""
        self.stream.dataReceived(frames)
        self.turn()

    def turn(self, room: int = 0) -> None:
        """
        Let the server do all that it can do now.

        @param room: how many more octets the peer takes.
        """
        self.connection.room += room
        for _ in range(2000):
            self.connection.turn()
            if not any(
                each.getTime() <= self._reactor.seconds()
                for each in self._reactor.getDelayedCalls()
            ):
                break
            self._reactor.advance(0)

    def finish(self) -> None:
        """Send a FIN."""
        self.connection.readConnectionLost(Failure(ConnectionDone()))
        self.turn()

    @property
    def reader(self) -> Reader:
        """What it has read."""
        self._reader.read(bytes(self.connection.sent))
        return self._reader


class WebSocketCase(SynchronousTestCase):
    """
    An echo whose clock stands still.
    """

    def setUp(self) -> None:
        """Make it."""
        self.reactor = FakeReactor()
        self.factory = TimestampEchoFactory(
            self.reactor,
            EchoSettings(stampFormat("unix")),
            clock=lambda: 0,
        )

    def tearDown(self) -> None:
        """A connection that has ended leaves no timer."""
        for each in list(self.factory.connections):
            each.abort()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class StreamTests(WebSocketCase):
    """
    Frames are a stream of octets.
    """

    def test_interfaces(self) -> None:
        """It is a transport."""
        verifyObject(ITransport, Peer(self).stream)
        verifyObject(IConsumer, Peer(self).stream)

    def test_lines(self) -> None:
        """Lines in text and in binary frames are answered in binary ones."""
        peer = Peer(self)
        peer.send(peer.writer.data("h\xe4llo\n"))
        peer.send(peer.writer.data(b"\0\xff\n"))
        self.assertEqual(
            peer.reader.octets, STAMP + b"h\xc3\xa4llo\n" + STAMP + b"\0\xff\n"
        )

    def test_pause(self) -> None:
        """A first message without a newline is answered after the pause."""
        peer = Peer(self)
        peer.send(peer.writer.data("hello"))
        self.reactor.fromTimerToTimer(0.2)
        peer.turn()
        self.assertEqual(peer.reader.octets, STAMP + b"hello")

    @given(st.data())
    def test_anyCuts(self, data: st.DataObject) -> None:
        """However octets are put into frames, and frames are cut into reads, the
        replies without their stamps are the octets."""
        self.setUp()
        peer = Peer(self)
        octets, wire = b"\n", peer.writer.data("\n")
        texts = st.text("a\xe4\u20ac\U0001f600\n", max_size=200)
        for _ in range(data.draw(st.integers(0, 8))):
            message = data.draw(st.one_of(texts, st.binary(max_size=200)))
            octets += message if isinstance(message, bytes) else message.encode()
            cuts = sorted(data.draw(st.lists(st.integers(0, len(message)), max_size=4)))
            for begin, end in zip([0, *cuts], [*cuts, len(message)], strict=True):
                wire += peer.writer.data(message[begin:end], end == len(message))
                if end == len(message):
                    break
                wire += data.draw(st.sampled_from((b"", peer.writer.ping(b"x"))))
        octets += b"\n"
        wire += peer.writer.data("\n") + peer.writer.close()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=20)))
        for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            peer.send(wire[begin:end])
        self.assertEqual(peer.reader.octets.replace(STAMP, b""), octets)
        self.assertEqual(peer.reader.closed, (1000, ""))
        self.assertTrue(peer.connection.isClosed)
        self.tearDown()

    def test_cutCharacter(self) -> None:
        """A character may be cut between two frames, and between two reads."""
        peer = Peer(self)
        masked = b"\x01\x81" + bytes(4) + b"\xc3" + b"\x80\x82" + bytes(4) + b"\xa4\n"
        for each in masked:
            peer.send(bytes([each]))
        self.assertEqual(peer.reader.octets, STAMP + b"\xc3\xa4\n")

    def test_pings(self) -> None:
        """A ping is answered; of many in one read, the last one."""
        peer = Peer(self)
        peer.send(peer.writer.ping(b"one"))
        peer.send(b"".join(peer.writer.ping(b"%d" % each) for each in range(50)))
        self.assertEqual(peer.reader.pongs, [b"one", b"49"])

    def test_pong(self) -> None:
        """A pong that nobody has asked for means nothing."""
        peer = Peer(self)
        peer.send(b"\x8a\x80" + bytes(4) + peer.writer.data("a\n"))
        self.assertEqual(peer.reader.octets, STAMP + b"a\n")


class WrongFramesTests(WebSocketCase):
    """
    A wrong frame ends the connection.  The frames before it are answered first.
    """

    def wrong(self, frame: bytes) -> int:
        """
        Send a wrong frame between two lines.

        @return: the code of the Close frame.
        """
        peer = Peer(self)
        peer.send(peer.writer.data("a\n") + frame + peer.writer.data("b\n"))
        peer.send(peer.writer.data("c\n"))
        reader = peer.reader
        self.assertEqual(reader.octets, STAMP + b"a\n")
        self.assertFalse(peer.connection.disconnecting)
        peer.finish()
        self.assertTrue(peer.connection.isClosed)
        assert reader.closed is not None
        return reader.closed[0]

    def test_codes(self) -> None:
        """The code says what is wrong."""
        mask = bytes(4)
        for frame in (
            b"\x81\x01a",  # not masked
            b"\x83\x80" + mask,  # no such opcode
            b"\xc1\x80" + mask,  # a reserved bit
            b"\x80\x80" + mask,  # the continuation of nothing
            b"\x01\x80" + mask + b"\x81\x80" + mask,  # no continuation
            b"\x09\x80" + mask,  # a ping in fragments
            b"\x89\xfe\x00\x7e" + mask,  # a long ping
            b"\x81\xfe\x00\x01" + mask,  # a length that is written too long
            b"\x82\xff" + struct.pack("!Q", 1 << 63) + mask,  # one that is negative
            b"\x88\x81" + mask + b"x",  # half of a code
            b"\x88\x82" + mask + struct.pack("!H", 1005),  # a code that is not sent
        ):
            self.assertEqual(self.wrong(frame), 1002, frame)
        for frame in (
            b"\x81\x81" + mask + b"\xff",  # text that is no UTF-8
            b"\x88\x83" + mask + struct.pack("!H", 1000) + b"\xff",  # such a reason
        ):
            self.assertEqual(self.wrong(frame), 1007, frame)

    def test_noEnd(self) -> None:
        """A client that does not leave after a wrong frame is disconnected, and what
        it sends is not kept."""
        peer = Peer(self)
        peer.send(b"\xff")
        peer.send(b"\xff" * 2)
        self.assertEqual(peer.reader.closed, (1002, "Invalid opcode 0xf"))
        for _ in range(100):
            peer.send(bytes(PIECE))
        self.assertTrue(peer.connection.isRead)
        self.reactor.fromTimerToTimer(CLOSE_GRACE)
        peer.turn()
        self.assertTrue(peer.connection.isClosed)


class ClosingTests(WebSocketCase):
    """
    How a connection ends.
    """

    def test_peersClose(self) -> None:
        """The peer's Close frame ends the input: the rest is answered, then our Close
        frame follows, with its code."""
        peer = Peer(self)
        peer.send(peer.writer.data("a\nb") + peer.writer.close(3000, "why"))
        self.assertEqual(peer.reader.octets, STAMP + b"a\n" + STAMP + b"b")
        self.assertEqual(peer.reader.closed, (3000, "why"))
        self.assertTrue(peer.connection.isClosed)

    def test_peersFin(self) -> None:
        """So does its FIN."""
        peer = Peer(self)
        peer.send(peer.writer.data("a\nb"))
        peer.finish()
        self.assertEqual(peer.reader.octets, STAMP + b"a\n" + STAMP + b"b")
        self.assertEqual(peer.reader.closed, (1000, ""))
        self.assertTrue(peer.connection.isClosed)

    def test_finWithFrames(self) -> None:
        """A FIN that comes while frames wait ends the input behind them."""
        peer = Peer(self)
        lines = peer.writer.data("a\n") * 3 * FRAMES
        peer.stream.dataReceived(lines)
        peer.finish()
        self.assertEqual(peer.reader.octets, (STAMP + b"a\n") * 3 * FRAMES)
        self.assertTrue(peer.connection.isClosed)

    def test_drained(self) -> None:
        """A daemon that stops answers everything, and says that it goes away.  The
        connection ends when the peer has answered that."""
        peer = Peer(self)
        peer.send(peer.writer.data("a\nb"))
        self.factory.isStopping = True
        peer.echo.drain()
        self.reactor.fromTimerToTimer(1)
        peer.turn()
        self.assertEqual(peer.reader.octets, STAMP + b"a\n" + STAMP + b"b")
        self.assertEqual(peer.reader.closed, (1001, ""))
        self.assertFalse(peer.connection.isClosed)
        peer.send(peer.writer.data("late\n") + peer.writer.close(1001))
        self.assertTrue(peer.connection.isClosed)
        self.assertEqual(peer.reader.octets, STAMP + b"a\n" + STAMP + b"b")

    def test_closeIsNotAnswered(self) -> None:
        """A peer that does not answer our Close frame is disconnected soon, also where
        it sends on."""
        peer = Peer(self)
        peer.send(peer.writer.data("a\n"))
        peer.echo.close()
        for _ in range(9):
            self.reactor.fromTimerToTimer(CLOSE_GRACE / 10)
            peer.send(peer.writer.data("b\n") * 2 * FRAMES)
            self.assertFalse(peer.connection.disconnecting)
        self.reactor.fromTimerToTimer(CLOSE_GRACE / 5)
        peer.turn()
        self.assertTrue(peer.connection.isClosed)
        self.assertEqual(peer.reader.octets, STAMP + b"a\n")
        self.assertEqual(peer.reader.closed, (1000, ""))

    def test_lastOctetsAreNotRead(self) -> None:
        """A peer that does not read the end is disconnected."""
        peer = Peer(self, room=10)
        peer.send(peer.writer.data("a" * 100 + "\n"))
        peer.echo.close()
        self.reactor.fromTimerToTimer(CLOSE_GRACE + LAST_GRACE - 0.1)
        self.assertFalse(peer.connection.isAborted)
        self.reactor.fromTimerToTimer(0.2)
        self.assertTrue(peer.connection.isAborted)

    def test_halfClose(self) -> None:
        """There is no half-close: the Close frame is sent instead."""
        peer = Peer(self)
        peer.echo.halfClose()
        peer.turn()
        self.assertEqual(peer.reader.closed, (1000, ""))

    def test_abort(self) -> None:
        """An aborted connection ends at once."""
        peer = Peer(self)
        peer.echo.abort()
        self.assertTrue(peer.connection.isAborted)
        self.assertEqual(self.factory.connections, set())


class AnyEventsTests(WebSocketCase):
    """
    Whatever happens in whatever order.
    """

    @given(st.data())
    def test_anyEvents(self, data: st.DataObject) -> None:
        """No exception escapes.  The replies without their stamps are the beginning of
        what was sent in frames, and all of it where the peer reads.  An end leaves no
        connection and no timer."""
        self.setUp()
        self.factory.sender = Intercom(self.reactor).join
        peer = Peer(self, data.draw(st.sampled_from((0, 100, 1 << 30))))
        sent, hasEnded, isWrong = "", False, False
        ends: dict[str, Callable[[], object]] = {
            "fin": peer.finish,
            "peer's close": lambda: peer.stream.dataReceived(peer.writer.close()),
            "drain": peer.echo.drain,
            "close": peer.echo.close,
            "half-close": peer.echo.halfClose,
            "lost": lambda: peer.connection.connectionLost(Failure(ConnectionDone())),
        }
        events = "text", "pings", "time", "room", "octets", *ends
        for what in data.draw(st.lists(st.sampled_from(events), max_size=15)):
            if peer.connection.isClosed:
                break
            if what == "text":
                text = data.draw(st.text("a\u20ac\n", max_size=20))
                count = data.draw(st.sampled_from((1, 200)))
                peer.stream.dataReceived(peer.writer.data(text) * count)
                sent += text * count
            elif what == "pings":
                peer.stream.dataReceived(peer.writer.ping() * 200)
            elif what == "time":
                self.reactor.fromTimerToTimer(data.draw(st.sampled_from((0, 0.3, 2))))
            elif what == "room":
                peer.turn(data.draw(st.sampled_from((1, 1000, 1 << 30))))
            elif what == "octets":
                isWrong = True
                peer.stream.dataReceived(data.draw(st.binary(max_size=100)))
            else:
                hasEnded = True
                ends[what]()
        peer.turn(1 << 30)
        read = re.sub(rb"\[[^]]*(?:\] ?)?", b"", peer.reader.octets)
        if not isWrong:
            self.assertTrue(sent.encode().startswith(read))
        if not (isWrong or hasEnded):
            self.assertTrue(read.startswith(sent[: sent.rfind("\n") + 1].encode()))
        self.tearDown()
        self.assertEqual(self.factory.connections, set())


class BoundsTests(WebSocketCase):
    """
    What is held for a peer is bounded.
    """

    def held(self, peer: Peer) -> int:
        """Give the octets that are held for a peer, but for the echo's own."""
        # Nothing public of wsproto says how many it holds.
        return peer.connection.held + len(
            peer.stream._frames._frames._frame_decoder.buffer
        )

    def feed(self, peer: Peer, wire: bytes, most: int = 1 << 22) -> int:
        """
        Send octets again and again while they are read.

        @param most: how many at most.
        @return: how many were read.
        """
        sent = 0
        while peer.connection.isRead and sent < most:
            peer.send(wire[:PIECE])
            sent += PIECE
            self.assertLess(self.held(peer), 1 << 17)
        return sent

    def test_noReader(self) -> None:
        """A peer that does not read is not read from, whatever its frames are like; it
        gets everything when it reads."""
        for size in 1, 100, 5000:
            peer = Peer(self, room=0)
            frame = peer.writer.data("a" * (size - 1) + "\n")
            wire = frame * (PIECE // len(frame) + 1)
            wire = wire[: PIECE // len(frame) * len(frame)] or frame[:PIECE]
            sent = 0
            while peer.connection.isRead:
                peer.send(wire)
                sent += len(wire) // len(frame)
                self.assertLess(self.held(peer), 1 << 17)
                self.assertLess(sent, 1 << 17)
            peer.turn(1 << 30)
            self.assertTrue(peer.connection.isRead)
            reply = STAMP + b"a" * (size - 1) + b"\n"
            self.assertEqual(peer.reader.octets, reply * sent)
            peer.echo.abort()

    def test_hugeFrame(self) -> None:
        """A frame of 2**62 octets is passed on as it comes."""
        peer = Peer(self)
        peer.send(peer.writer.data("\n"))
        peer.send(b"\x82\xff" + struct.pack("!Q", 1 << 62) + bytes(4))
        self.feed(peer, b"x" * PIECE)
        self.assertGreater(len(peer.reader.octets), 1 << 21)

    def test_endlessMessage(self) -> None:
        """So is a message of any number of fragments, empty ones too, which take no
        long time in one turn."""
        for fragment in b"\x00\x80" + bytes(4), b"\x00\x81" + bytes(4) + b"x":
            peer = Peer(self)
            peer.send(peer.writer.data("", isLast=False))
            wire = fragment * (PIECE // len(fragment))
            peer.stream.dataReceived(wire)
            self.assertFalse(peer.connection.isRead)
            for turn in range(len(wire) // len(fragment) // FRAMES - 1):
                self.reactor.advance(0)
                self.assertFalse(peer.connection.isRead, turn)
            peer.turn()
            self.assertTrue(peer.connection.isRead)
            for _ in range(10):
                peer.send(wire)
                self.assertLess(self.held(peer), 1 << 15)

    def test_pingsOfNoReader(self) -> None:
        """Pings of a peer that does not read cost nothing; it gets the last pong."""
        peer = Peer(self, room=0)
        for each in range(500):
            wire = peer.writer.ping(b"%03d" % each + bytes(100)) * 100
            peer.send(wire)
            self.assertLess(self.held(peer), 1 << 16)
        peer.turn(1 << 30)
        peer.turn()
        self.assertEqual(peer.reader.pongs[-1], b"499" + bytes(100))

    def test_noReaderCloses(self) -> None:
        """A peer that closes gets the replies that it has not read before the Close
        frame."""
        peer = Peer(self, room=0)
        line = "a" * 1000 + "\n"
        sent = 0
        while peer.connection.isRead:
            peer.send(peer.writer.data(line))
            sent += 1
        peer.stream.dataReceived(peer.writer.close())
        peer.turn(1 << 30)
        self.assertEqual(peer.reader.octets, (STAMP + line.encode()) * sent)
        self.assertEqual(peer.reader.closed, (1000, ""))
        self.assertTrue(peer.connection.isClosed)


class IntercomTests(WebSocketCase):
    """
    A browser in an intercom.
    """

    def setUp(self) -> None:
        """Make one."""
        super().setUp()
        self.factory.sender = Intercom(self.reactor).join

    def test_twoPeers(self) -> None:
        """Each gets the other's lines."""
        peers = [Peer(self), Peer(self)]
        for name, peer in zip(("ann", "bob"), peers, strict=True):
            peer.send(peer.writer.data(f"/name {name}\n"))
        peers[0].send(peers[0].writer.data("<b>hello\n"))
        peers[1].turn()
        self.assertTrue(peers[0].reader.octets.endswith(STAMP + b"<b>hello\n"))
        self.assertTrue(peers[1].reader.octets.endswith(STAMP + b"<ann> <b>hello\n"))
