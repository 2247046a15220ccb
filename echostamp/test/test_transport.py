"""Tests for L{echostamp.tls.transport} and its halves."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any
from weakref import ref

from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    ILoggingContext,
    IProtocol,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Factory
from zope.interface import alsoProvides, implementer
from zope.interface.verify import verifyObject

from echostamp.baresocket import isBareSocket
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, FakeTcp
from echostamp.test.tlsmessages import CLIENT, KEY_UPDATE, MessageWriter
from echostamp.test.tlsservers import CarefulRecorder, Client, Recorder, TlsServerCase
from echostamp.tls.engine import RECORD
from echostamp.tls.outgoing import MOST_UNASKED
from echostamp.tls.output import DirectOutput, WrittenOutput


class BareTcp(FakeSocketConnection):
    """
    A socket's transport, whose kernel takes as much as a test allows.
    """

    def __init__(self, reactor: FakeReactor) -> None:
        super().__init__(reactor)
        self._taken = 0

    def take(self) -> bytes:
        """Give what the kernel has got since the last call."""
        data = bytes(self.sent[self._taken :])
        self._taken += len(data)
        return data

    def getPeer(self) -> object:
        """Give an address."""
        return FakeTcp().getPeer()


@implementer(IPushProducer)
class Pusher:
    """
    A producer that records what it is asked for.
    """

    def __init__(self) -> None:
        self.events: list[str] = []

    def pauseProducing(self) -> None:
        """Record it."""
        self.events.append("pause")

    def resumeProducing(self) -> None:
        """Record it."""
        self.events.append("resume")

    def stopProducing(self) -> None:
        """Record it."""
        self.events.append("stop")


@implementer(IPullProducer)
class Puller:
    """
    A producer that writes when it is asked, as often as there is something.
    """

    def __init__(self, transport: Any, *pieces: bytes) -> None:
        self._transport = transport
        self._pieces = list(pieces)
        self.isStopped = False

    def resumeProducing(self) -> None:
        """Write what is next, or end."""
        if self._pieces:
            self._transport.write(self._pieces.pop(0))
        else:
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:
        """Note it."""
        self.isStopped = True


class EchoingRecorder(Recorder):
    """
    Sends back what it gets.
    """

    def dataReceived(self, data: bytes) -> None:
        """Record the data, and send it."""
        super().dataReceived(data)
        transport: Any = self.transport
        transport.write(data)


class TransportCase(TlsServerCase):
    """
    A server's transport, above a socket or above another transport.
    """

    def connected(
        self,
        isBare: bool = True,
        kind: type[Recorder] = CarefulRecorder,
        factory: Factory | None = None,
    ) -> Client:
        """
        Make a connection.

        @param isBare: whether there is a bare socket below.
        @param kind: the kind of protocol above.
        @param factory: makes another protocol.
        """
        below = BareTcp(self.reactor) if isBare else FakeTcp()
        tls = self.factory(kind) if factory is None else self.wrapped(factory)
        return Client(tls, transport=below).shake()

    def fill(self, client: Client) -> None:
        """Let the kernel, or the transport below, take no more."""
        if isBareSocket(client.transport):
            client.transport.room = 0
        else:
            client.transport.fill()

    def empty(self, client: Client) -> None:
        """Let it take everything."""
        if isBareSocket(client.transport):
            client.transport.turn(1 << 30)
        else:
            client.transport.drain()

    def each(self, kind: type[Recorder] = CarefulRecorder) -> list[Client]:
        """Make a connection above each kind of transport."""
        return [self.connected(isBare, kind) for isBare in (True, False)]


class InterfaceTests(TransportCase):
    """
    What it provides.
    """

    def test_interfaces(self) -> None:
        """It is a whole transport, and a whole protocol for the one below."""
        server = self.connected().server
        for interface in (
            ITransport,
            ISSLTransport,
            ITCPTransport,
            IConsumer,
            IPushProducer,
            IProtocol,
            IHalfCloseableProtocol,
            ILoggingContext,
        ):
            verifyObject(interface, server)

    def test_withoutTcp(self) -> None:
        """It provides the interfaces of TCP only above TCP."""
        client = self.connected(isBare=False)
        self.assertFalse(ITCPTransport.providedBy(client.server))
        verifyObject(ITransport, client.server)
        below = FakeTcp()
        alsoProvides(below, ITCPTransport)
        above = Client(self.factory(), transport=below).server
        self.assertTrue(ISSLTransport.providedBy(above))

    def test_outputs(self) -> None:
        """A socket gets the ciphertext directly, any other transport by C{write}."""
        bare, other = self.each()
        self.assertIsInstance(bare.server._output, DirectOutput)
        self.assertIsInstance(other.server._output, WrittenOutput)
        verifyObject(IPullProducer, bare.server._output)
        verifyObject(IPushProducer, other.server._output)

    def test_whatIsBelow(self) -> None:
        """Questions about the connection go to the transport below.  What writes to a
        socket does not."""
        server: Any = self.connected().server
        self.assertEqual(server.getPeer().host, "192.168.1.1")
        server.setTcpNoDelay(True)
        self.assertTrue(server.transport.noDelay)
        self.assertIs(server.socket, server.transport.socket)
        self.assertFalse(server.isProxysOwn)
        server.transport.isProxysOwn = True
        self.assertTrue(server.isProxysOwn)
        self.assertFalse(hasattr(server, "writeSomeData"))
        self.assertFalse(isBareSocket(server))
        self.assertEqual(server.getPeerCertificate(), {})
        self.assertEqual(server.logPrefix(), "CarefulRecorder (TLS)")


class WritingTests(TransportCase):
    """
    How data goes out.
    """

    def test_atOnce(self) -> None:
        """A small write is one record, and in the kernel at once."""
        client = self.connected()
        before = len(client.transport.sent)
        client.server.write(b"x" * 100)
        self.assertEqual(len(client.transport.sent) - before, 100 + 22)
        self.assertEqual(self.reactor.writers & {client.transport}, set())

    def test_order(self) -> None:
        """Everything arrives in order: small and large writes, sequences, and what
        waits for the peer to read."""
        for client in self.each():
            server = client.server
            expected = b""
            for size in 1, RECORD, 100_000, 3:
                for isFull in False, True:
                    if isFull:
                        self.fill(client)
                    for _ in range(3):
                        data = bytes([len(expected) % 251]) * size
                        server.write(data)
                        server.writeSequence([data, b"", data])
                        expected += 3 * data
                    server.write(b"")
                    self.empty(client)
                    client.read()
            self.assertEqual(client.received, expected)

    def test_text(self) -> None:
        """Text is an error, as with other transports."""
        for client in self.each():
            self.assertRaises(TypeError, client.server.write, "text")
            self.assertRaises(TypeError, client.server.writeSequence, ["text"])

    def test_encryptedWhenItCanBeSent(self) -> None:
        """While the peer does not read, one record waits as ciphertext."""
        client = self.connected()
        self.fill(client)
        client.server.write(b"x" * (1 << 20))
        self.assertLessEqual(client.transport.held, RECORD + 22)
        self.assertEqual(client.server.engine.unsent, 0)
        self.empty(client)
        client.read()
        self.assertEqual(len(client.received), 1 << 20)

    def test_writesAfterTheEnd(self) -> None:
        """What is written after a close, or to a connection that is lost, is
        dropped."""
        for client in self.each():
            client.server.loseConnection()
            client.server.write(b"late")
            client.server.write(b"x" * 100_000)
            self.lose(client)
            client.server.write(b"later")
            client.server.loseConnection()
            client.server.loseWriteConnection()
            client.read()
            self.assertEqual((client.received, client.isClosed), (b"", True))


class ProducerTests(TransportCase):
    """
    Push and pull producers.
    """

    def test_push(self) -> None:
        """A push producer is paused while data waits, and resumed when it has gone."""
        for client in self.each():
            producer = Pusher()
            client.server.registerProducer(producer, True)
            self.assertRaises(
                RuntimeError, client.server.registerProducer, Pusher(), True
            )
            client.server.write(b"a")
            self.assertEqual(producer.events, [])
            self.fill(client)
            client.server.write(b"b")
            client.server.write(b"c")
            self.assertEqual(producer.events, ["pause"])
            self.empty(client)
            self.assertEqual(producer.events, ["pause", "resume"])
            client.read()
            self.assertEqual(client.received, b"abc")

    def test_pushWhileBlocked(self) -> None:
        """One that is registered while data waits is paused at once."""
        for client in self.each():
            self.fill(client)
            client.server.write(b"a")
            producer = Pusher()
            client.server.registerProducer(producer, True)
            self.assertEqual(producer.events, ["pause"])

    def test_pull(self) -> None:
        """A pull producer is asked at once, then in the turn after each piece that has
        gone, and when what has waited is gone."""
        for client in self.each():
            pieces = [b"a", b"b" * 100_000, b"c"]
            producer = Puller(client.server, *pieces)
            client.server.registerProducer(producer, False)
            client.read()
            self.assertEqual(client.received, b"a")
            self.fill(client)
            self.reactor.advance(0)
            self.reactor.advance(0)
            client.read()
            self.assertLess(len(client.received), 100_000)
            self.empty(client)
            for _ in range(9):
                self.reactor.advance(0)
            client.read()
            self.assertEqual(client.received, b"".join(pieces))
            self.assertIsNone(client.server._producer)
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_closeWaits(self) -> None:
        """A close waits for the producer; what it still writes arrives."""
        for isStreaming in True, False:
            for client in self.each():
                pieces = [b"a", b"b" * 40_000]
                producer: Any = Puller(client.server, *pieces)
                if isStreaming:
                    producer = Pusher()
                client.server.registerProducer(producer, isStreaming)
                client.server.loseConnection()
                client.read()
                self.assertFalse(client.isClosed)
                if isStreaming:
                    client.server.writeSequence(pieces)
                    client.server.unregisterProducer()
                for _ in range(9):
                    self.reactor.advance(0)
                client.read()
                self.assertEqual(client.received, b"".join(pieces))
                self.assertTrue(client.isClosed)

    def test_stopped(self) -> None:
        """A producer is stopped when the connection is lost, and so is one that is
        registered later."""
        for client in self.each():
            producer, late = Pusher(), Pusher()
            client.server.registerProducer(producer, True)
            self.lose(client)
            client.server.registerProducer(late, True)
            self.assertEqual([producer.events, late.events], [["stop"], ["stop"]])
            client.server.unregisterProducer()


class ReadingTests(TransportCase):
    """
    How data comes in.
    """

    def test_records(self) -> None:
        """All whole records of a read reach the protocol at once."""
        client = self.connected()
        for octet in b"abc":
            client.write(bytes([octet]))
        client.give()
        self.assertEqual(self.protocols[-1].received, b"abc")

    def test_pause(self) -> None:
        """While the protocol pauses, nothing is read.  What had been read before
        reaches it when it resumes, in the next turn."""
        for client in self.each():
            protocol = self.protocols[-2 if isBareSocket(client.transport) else -1]
            client.server.pauseProducing()
            self.assertFalse(client.transport.isRead)
            client.say(b"early")
            self.assertEqual(protocol.received, b"")
            client.server.resumeProducing()
            self.assertTrue(client.transport.isRead)
            self.assertEqual(protocol.received, b"")
            self.reactor.advance(0)
            self.assertEqual(protocol.received, b"early")
            client.say(b" late")
            self.assertEqual(protocol.received, b"early late")

    def test_endBehindAPause(self) -> None:
        """The end of the input reaches the protocol behind what it did not read."""
        client = self.connected()
        client.server.pauseProducing()
        client.write(b"last")
        client.close()
        client.give()
        self.assertNotIn("input ended", self.protocols[-1].events)
        client.server.resumeProducing()
        self.reactor.advance(0)
        self.assertEqual(self.protocols[-1].received, b"last")
        self.assertEqual(self.protocols[-1].events[-1], "input ended")

    def test_echoThatIsNotRead(self) -> None:
        """For a peer that does not read, little is held: of records of one octet as of
        any other.  Later it gets every reply."""
        for chunk in b"\n", b"x" * 63 + b"\n", b"\n" * RECORD:
            echoes = TimestampEchoFactory(self.reactor, clock=lambda: 0)
            client = self.connected(factory=echoes)
            below = client.transport
            client.write(b"\n")
            client.give()
            below.room = 0
            lines = 0
            while below.isRead:
                for _ in range(RECORD // (len(chunk) + 22) + 1):
                    client.write(chunk)
                    lines += chunk.count(b"\n")
                data = client.pending()
                for start in range(0, len(data), RECORD):
                    # The kernel keeps what is not read.
                    client.server.dataReceived(data[start : start + RECORD])
            self.assertLess(below.held, 2 * RECORD)
            below.turn(1 << 30)
            for _ in range(99):
                self.reactor.advance(0)
                below.turn(1 << 30)
            client.read()
            self.assertEqual(client.received.count(b"\n"), lines + 1)


class ClosingTests(TransportCase):
    """
    How one direction ends, or both.
    """

    def test_halfClose(self) -> None:
        """C{loseWriteConnection} sends close_notify behind the data, and no FIN.  The
        protocol learns of it, and still reads."""
        for client in self.each():
            server = client.server
            protocol: Any = server.protocol
            self.fill(client)
            server.write(b"x" * 40_000)
            server.loseWriteConnection()
            self.assertNotIn("output ended", protocol.events)
            self.empty(client)
            client.read()
            self.assertEqual((len(client.received), client.isClosed), (40_000, True))
            self.assertEqual(protocol.events[-1], "output ended")
            self.assertFalse(client.transport.isHalfClosed)
            server.write(b"dropped")
            client.say(b"still here")
            self.assertEqual(protocol.received, b"still here")
            client.close()
            client.give()
            self.assertEqual(protocol.events[-1], "input ended")
            server.loseConnection()
            client.read()
            self.assertEqual(protocol.events.count("output ended"), 1)
            self.assertTrue(client.transport.disconnecting or client.transport.isClosed)

    def test_exceptionInALaterTurn(self) -> None:
        """An exception of the protocol's ends the connection, also where data reaches
        it after a pause."""

        class Raising(Recorder):
            def dataReceived(self, data: bytes) -> None:
                raise ZeroDivisionError

        client = self.connected(kind=Raising)
        client.server.pauseProducing()
        client.say(b"early")
        client.server.resumeProducing()
        self.assertRaises(ZeroDivisionError, self.reactor.advance, 0)
        self.assertTrue(client.transport.isAborted)

    def test_lostBeforeTheNextTurn(self) -> None:
        """Nothing is passed on after the connection is lost."""
        client = self.connected()
        client.server.pauseProducing()
        client.say(b"early")
        client.server.resumeProducing()
        self.lose(client)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.protocols[-1].received, b"")

    def test_handshakeAndDataInOneRead(self) -> None:
        """Data that comes with the end of the handshake is read at once."""
        client = Client(self.factory(), transport=BareTcp(self.reactor))
        with contextlib.suppress(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.give()
        client.read()
        client.tls.do_handshake()
        client.say(b"at once")
        self.assertEqual(self.protocols[-1].received, b"at once")

    def test_halfCloseKeepsWhatWasRead(self) -> None:
        """What was read before the close_notify, and not passed on yet, is not lost."""
        client = self.connected()
        client.server.pauseProducing()
        client.say(b"early")
        client.server.loseWriteConnection()
        client.server.resumeProducing()
        self.reactor.advance(0)
        self.assertEqual(self.protocols[-1].received, b"early")

    def test_closeDrains(self) -> None:
        """A close sends everything that waits, then close_notify, then FIN, however
        long the peer takes."""
        for client in self.each():
            self.fill(client)
            client.server.write(b"x" * 100_000)
            client.server.loseConnection()
            self.reactor.advance(100)
            self.assertFalse(client.transport.isHalfClosed)
            self.empty(client)
            if isBareSocket(client.transport):
                client.transport.turn()
            client.read()
            self.assertEqual((len(client.received), client.isClosed), (100_000, True))
            self.assertTrue(client.transport.isHalfClosed)
            # A protocol that has paused cannot keep the input unread.
            self.assertTrue(client.transport.isRead)

    def test_atOnce(self) -> None:
        """C{closeAtOnce} ends the connection now, if the input has ended and nothing
        waits; else it is like C{loseConnection}."""
        for hasEnded, isFull in (True, False), (True, True), (False, False):
            client = self.connected()
            protocol = self.protocols[-1]
            if isFull:
                self.fill(client)
                client.server.write(b"x")
            if hasEnded:
                client.close()
                client.give()
            client.server.closeAtOnce()
            isLost = hasEnded and not isFull
            self.assertEqual(protocol.events[-1] == "lost", isLost)
            self.empty(client)
            client.read()
            self.assertTrue(client.isClosed)
            self.assertEqual(protocol.events[-1] == "lost", hasEnded)

    def test_closeInTheHandshake(self) -> None:
        """A close within the handshake aborts."""
        client = Client(self.factory(), transport=FakeTcp())
        client.server.loseConnection()
        self.assertTrue(client.transport.isAborted)

    def test_damageBehindData(self) -> None:
        """Data before a damaged record is passed on.  An answer to it cannot be sent;
        the peer gets the alert."""
        for client in self.each(EchoingRecorder):
            client.tls.write(b"hello")
            damaged = b"\x17\x03\x03\x00\x20" + bytes(32)
            client.server.dataReceived(client.pending() + damaged)
            protocol: Any = client.server.protocol
            self.assertEqual(protocol.received, b"hello")
            client.read()
            self.assertIn("BAD_RECORD_MAC", str(client.error))
            self.assertEqual(client.received, b"")

    def test_memoryOfALostConnection(self) -> None:
        """The memory of TLS is freed with the connection, and not with the protocol,
        which may still use the transport."""
        for client in self.each():
            server = client.server
            tls = ref(server._engine._tls)
            self.lose(client)
            self.assertIsNone(tls())
            server.write(b"late")
            server.loseWriteConnection()
            server.loseConnection()
            server.abortConnection()
            self.assertEqual(server.getPeerCertificate(), {})

    def test_stopProducing(self) -> None:
        """As a producer it closes when it is stopped."""
        client = self.connected()
        client.server.stopProducing()
        client.read()
        self.assertTrue(client.isClosed)

    def test_abortDropsAll(self) -> None:
        """An abort drops what waits."""
        client = self.connected(isBare=False)
        self.fill(client)
        client.server.write(b"x" * 100_000)
        client.server.abortConnection()
        self.assertTrue(client.transport.isAborted)
        self.empty(client)
        client.read()
        self.assertLess(len(client.received), 100_000)


class KeyUpdateTests(TransportCase):
    """
    Key updates of TLS 1.3, by which a peer asks for answers that it does not read.
    """

    def test_answersAreBounded(self) -> None:
        """With L{MOST_UNASKED} octets of answers that wait the peer is not read from.
        When it reads, it is read from again."""
        keylog = self.folder / "keys"

        def logKeys(context: ssl.SSLContext) -> None:
            context.keylog_filename = str(keylog)

        below = BareTcp(self.reactor)
        client = Client(self.factory(), prepare=logKeys, transport=below).shake()
        server = client.server
        writer = MessageWriter(keylog, CLIENT)
        below.room = 0
        count = 0
        while below.isRead:
            read = b"".join([writer.record(KEY_UPDATE) for _ in range(100)])
            count += 100
            self.assertLess(count, 10_000)
            server.dataReceived(read)
            self.assertLess(server.engine.unsent, MOST_UNASKED + len(read))
        # The transport below may still have had a read on its way.
        held = server.engine.unsent
        server.dataReceived(writer.record(KEY_UPDATE))
        self.assertEqual(server.engine.unsent, held)
        below.turn(1 << 30)
        self.assertTrue(below.isRead)
        self.reactor.advance(0)
        below.turn()
        self.assertEqual(server.engine.unsent, 0)
        server.write(b"with the last key")
        client.read()
        self.assertEqual((client.received, client.error), (b"with the last key", None))

    def test_answersAfterTheClose(self) -> None:
        """While the connection closes, answers are dropped."""
        keylog = self.folder / "keys"

        def logKeys(context: ssl.SSLContext) -> None:
            context.keylog_filename = str(keylog)

        client = Client(
            self.factory(), prepare=logKeys, transport=BareTcp(self.reactor)
        ).shake()
        client.server.loseConnection()
        client.transport.turn()
        sent = len(client.transport.sent)
        writer = MessageWriter(keylog, CLIENT)
        for _ in range(100):
            client.server.dataReceived(writer.record(KEY_UPDATE))
        self.assertEqual(client.server.engine.unsent, 0)
        self.assertEqual(len(client.transport.sent), sent)

    def test_answerWithoutReading(self) -> None:
        """A few answers that wait do not stop the reading: two ends that both wait for
        each other would wait without end."""
        keylog = self.folder / "keys"

        def logKeys(context: ssl.SSLContext) -> None:
            context.keylog_filename = str(keylog)

        below = BareTcp(self.reactor)
        client = Client(self.factory(), prepare=logKeys, transport=below).shake()
        below.room = 0
        client.server.write(b"x" * 100_000)
        client.server.dataReceived(MessageWriter(keylog, CLIENT).record(KEY_UPDATE))
        self.assertTrue(below.isRead)
        below.turn(1 << 30)
        client.read()
        self.assertEqual(len(client.received), 100_000)
