"""Tests for L{echostamp.tls.server}."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from twisted.internet.interfaces import (
    IPushProducer,
)
from twisted.internet.protocol import Factory
from zope.interface import implementer

from echostamp.line.protocol import TimestampEchoFactory
from echostamp.test.authority import ORGANIZATION, Authority
from echostamp.test.fakes import FakeTcp
from echostamp.test.tlsservers import (
    PEER,
    CarefulRecorder,
    Client,
    Recorder,
    TlsServerCase,
)
from echostamp.tls.engine import Engine
from echostamp.tls.server import peerSubject
from echostamp.tls.transport import CLOSE_GRACE


class NoProtocols(Factory):
    """
    A factory that makes no protocol.
    """

    def buildProtocol(self, addr: object) -> None:
        """Make none."""


class HandshakeTests(TlsServerCase):
    """
    Handshakes succeed or are refused.
    """

    hasTls12 = True

    def test_protocolIsConnectedWhenTlsIsUp(self) -> None:
        """The protocol is connected when the handshake is complete, not before."""
        for prepare in self.versions():
            client = Client(self.factory(), prepare=prepare)
            self.assertEqual(self.protocols[-1].events, [])
            client.shake()
            self.assertEqual(self.protocols[-1].events, ["made None", "handshake"])
            client.write(b"hello")
            client.give()
            self.assertEqual(self.protocols[-1].received, b"hello")
            self.lose(client)
            self.assertEqual(self.protocols[-1].events[-1], "lost")
        self.assertEqual((self.refused, self.admitted), ([], []))

    def versions(self) -> list[Callable[[ssl.SSLContext], object]]:
        """Give functions that make a client use TLS 1.3 and TLS 1.2."""
        return [
            lambda context: setattr(context, "minimum_version", ssl.TLSVersion.TLSv1_3),
            lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_2),
        ]

    def assertRefused(self, client: Client, why: str) -> None:
        """Assert that a client gets an alert and a FIN, that its protocol is never
        connected, and that the reason is reported once."""
        client.shake()
        self.assertTrue(client.transport.isHalfClosed)
        self.assertIsNotNone(client.error)
        self.lose(client)
        self.assertEqual([why for _, why in self.refused], [why])
        self.refused.clear()
        self.assertEqual(self.protocols[-1].events, [])
        self.assertEqual(self.admitted, [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_weakSuites(self) -> None:
        """TLS 1.2 is refused without authenticated encryption."""

        def cbc(context: ssl.SSLContext) -> None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA")

        self.assertRefused(
            Client(self.factory(), prepare=cbc), "TLS handshake: no shared cipher"
        )

    def test_noTls(self) -> None:
        """A client that does not use TLS is refused with a reason."""
        client = Client(self.factory())
        client.server.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.assertTrue(client.transport.isHalfClosed)
        self.lose(client)
        self.assertEqual(
            [why for _, why in self.refused], ["TLS handshake: http request"]
        )

    def test_certificateOfTheClientCa(self) -> None:
        """A client with a certificate of the CA is accepted, and its subject is
        known."""
        ours = self.file("client.pem", self.authority.issue("probe 7"))
        client = Client(self.factory(clientCA=self.ca), ours).shake()
        self.assertEqual(
            self.protocols[-1].events,
            [f"made CN=probe 7{ORGANIZATION}", "handshake"],
            client.error,
        )
        self.assertEqual(self.admitted, [(PEER, f"CN=probe 7{ORGANIZATION}")])

    def test_noCertificate(self) -> None:
        """A client without a certificate is refused in the handshake."""
        for prepare in self.versions():
            self.assertRefused(
                Client(self.factory(clientCA=self.ca), prepare=prepare),
                "its certificate: peer did not return a certificate",
            )

    def test_certificateOfAnotherCa(self) -> None:
        """A certificate of another CA, or an expired one, is refused; the reason says
        which."""
        for content, why in [
            (Authority().issue(), "unable to get local issuer certificate"),
            (self.authority.issue(begin=-9, end=-2), "certificate has expired"),
            (self.authority.issue(begin=2, end=9), "certificate is not yet valid"),
        ]:
            self.assertRefused(
                Client(
                    self.factory(clientCA=self.ca), self.file("client.pem", content)
                ),
                f"its certificate: {why}",
            )

    def test_subjectIsSafeToShow(self) -> None:
        """A subject is one line of printable characters."""
        ours = self.file("client.pem", self.authority.issue("a\nb\x1b[31m"))
        Client(self.factory(clientCA=self.ca), ours).shake()
        shown = r"CN=a\nb\x1b[31m" + ORGANIZATION
        self.assertEqual(self.admitted.pop(), (PEER, shown))

    def test_subjectThatCannotBeRead(self) -> None:
        """A certificate that breaks the rules of X.509 is accepted, and not shown."""

        def unreadable(engine: Engine) -> dict[str, object]:
            raise ValueError("parse error")

        ours = self.file("client.pem", self.authority.issue())
        self.patch(Engine, "certificate", unreadable)
        Client(self.factory(clientCA=self.ca), ours).shake()
        self.assertEqual(self.admitted, [(PEER, "a subject that cannot be read")])

    def test_clientRefusesOurs(self) -> None:
        """A client that refuses the server's certificate is reported in the words of
        its alert."""

        for prepare in self.versions():

            def strict(
                context: ssl.SSLContext,
                prepare: Callable[[ssl.SSLContext], object] = prepare,
            ) -> None:
                prepare(context)
                context.verify_mode = ssl.CERT_REQUIRED

            client = Client(self.factory(), prepare=strict)
            client.shake()
            self.lose(client)
            self.assertEqual(
                [why for _, why in self.refused],
                ["our certificate, says its alert: unknown ca"],
            )
            self.refused.clear()

    def test_closeInTheHandshake(self) -> None:
        """A close_notify within the handshake ends it."""
        client = Client(self.factory())
        client.server.dataReceived(b"\x15\x03\x01\x00\x02\x01\x00")
        self.lose(client)
        self.assertEqual(len(self.refused), 1)

    def test_subjectOfOthers(self) -> None:
        """Without a certificate there is no subject."""
        self.assertIsNone(peerSubject(FakeTcp()))
        self.assertIsNone(peerSubject(None))

    def test_silence(self) -> None:
        """A handshake that is not complete in time is aborted, even if octets
        arrive."""
        client = Client(self.factory())
        for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc":
            self.reactor.advance(1)
            client.server.dataReceived(bytes([octet]))
        self.assertFalse(client.transport.isAborted)
        self.reactor.advance(1.1)
        self.assertTrue(client.transport.isAborted)
        self.lose(client)
        self.assertEqual(
            [why for _, why in self.refused], ["no TLS handshake within 10 s"]
        )

    def test_stoppedProcess(self) -> None:
        """A handshake has all of its time again where the process was stopped."""
        client = Client(self.factory())
        self.reactor.advance(60)
        self.reactor.advance(9)
        self.assertFalse(client.transport.isAborted)
        client.shake()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_timeIsOnlyForTheHandshake(self) -> None:
        """After the handshake there is no time limit."""
        client = Client(self.factory()).shake()
        self.reactor.advance(100)
        self.assertFalse(client.transport.isAborted)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_endInTheHandshake(self) -> None:
        """A connection that ends within the handshake was never connected."""
        for close in (
            lambda client: client.server.readConnectionLost(),
            lambda client: None,
        ):
            client = Client(self.factory())
            close(client)
            self.lose(client)
            self.assertEqual(
                self.refused.pop(),
                (PEER, "the connection ended before its TLS handshake"),
            )
            self.assertEqual(self.protocols[-1].events, [])
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_alertIsNotLost(self) -> None:
        """The alert is followed by a FIN. Later input is discarded, and then the
        connection is closed."""
        client = Client(self.factory(clientCA=self.ca)).shake()
        self.assertIn("certificate required", str(client.error))
        self.assertTrue(client.transport.isHalfClosed)
        self.assertTrue(client.transport.isRead)
        client.server.dataReceived(b"whatever")
        client.server.writeConnectionLost()
        self.assertFalse(client.transport.isClosed)
        self.reactor.advance(CLOSE_GRACE + 0.1)
        self.assertTrue(client.transport.isClosed)

    def test_alertThatIsNotRead(self) -> None:
        """A peer that does not read the alert is disconnected."""
        client = Client(self.factory(clientCA=self.ca)).shake()
        self.reactor.advance(CLOSE_GRACE + 0.1)
        self.assertTrue(client.transport.isAborted)

    def test_noProtocol(self) -> None:
        """Where the factory makes no protocol, the port gets none, and closes the
        connection."""
        factory = self.wrapped(NoProtocols())
        self.assertIsNone(factory.buildProtocol(None))

    def test_nothingIsKept(self) -> None:
        """No timer is left of a connection that has ended, whether it was accepted or
        not."""
        factory = self.factory()
        for client in Client(factory).shake(), Client(factory):
            self.lose(client)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class ClosingTests(TlsServerCase):
    """
    How a connection ends.
    """

    def connected(self, kind: type[Recorder] = CarefulRecorder) -> Client:
        """Make a connection."""
        return Client(self.factory(kind)).shake()

    def test_closeNotifyBehindData(self) -> None:
        """All data is answered when close_notify arrives in the same segment."""
        echoes = TimestampEchoFactory(self.reactor, clock=lambda: 0)
        client = Client(self.wrapped(echoes)).shake()
        client.write(b"a\nb\nlast")
        client.close()
        client.give()
        client.read()
        lines = client.received.split(b"\n")
        self.assertEqual(
            [line.partition(b"] ")[2] for line in lines], [b"a", b"b", b"last"]
        )
        self.assertTrue(client.isClosed)
        self.assertTrue(client.transport.isClosed)

    def test_inputEndsAsItDoesOnTcp(self) -> None:
        """The protocol can still send after the peer's close_notify."""
        client = self.connected()
        client.close()
        client.give()
        protocol = self.protocols[-1]
        self.assertEqual(protocol.events[-1], "input ended")
        self.assertFalse(client.transport.isClosed)
        protocol.transport.write(b"more")
        protocol.transport.loseConnection()
        client.read()
        self.assertEqual((client.received, client.isClosed), (b"more", True))
        self.assertTrue(client.transport.isClosed)

    def test_finEndsTheInputToo(self) -> None:
        """It can still send after a FIN, with or without a close_notify before it."""
        for hasNotified in True, False:
            client = self.connected()
            if hasNotified:
                client.close()
                client.give()
            client.server.readConnectionLost()
            protocol = self.protocols[-1]
            self.assertEqual(protocol.events.count("input ended"), 1)
            protocol.transport.write(b"more")
            protocol.transport.loseConnection()
            client.read()
            self.assertEqual((client.received, client.isClosed), (b"more", True))
            self.assertTrue(client.transport.isClosed)

    def test_dataBehindTheEnd(self) -> None:
        """Data after a close_notify is discarded."""
        client = self.connected()
        client.close()
        client.give()
        client.server.dataReceived(b"garbage")
        self.assertEqual(self.protocols[-1].received, b"")
        self.assertEqual(self.protocols[-1].events.count("input ended"), 1)

    def test_protocolWithoutHalfClose(self) -> None:
        """A protocol without half-close is closed when the peer closes, with or without
        a producer."""
        for hasProducer in False, True:
            client = self.connected(Recorder)
            if hasProducer:
                client.server.registerProducer(Idle(), True)
            client.close()
            client.give()
            client.read()
            self.assertTrue(client.isClosed)
            self.assertTrue(client.transport.isClosed)
            self.assertIsNone(client.transport.producer)

    def test_finBehindOurCloseNotify(self) -> None:
        """Our close_notify is followed by our FIN. Input is discarded until the peer
        closes."""
        client = self.connected()
        client.transport.pauseProducing()
        self.protocols[-1].transport.loseConnection()
        client.read()
        self.assertTrue(client.isClosed)
        self.assertTrue(client.transport.isHalfClosed)
        self.assertTrue(client.transport.isRead)
        self.assertFalse(client.transport.isClosed)
        client.write(b"too late")
        client.give()
        self.assertEqual(self.protocols[-1].received, b"")
        client.close()
        client.give()
        self.assertTrue(client.transport.isClosed)

    def test_peerThatNeverCloses(self) -> None:
        """A peer has a limited time to close after our FIN."""
        client = self.connected()
        self.protocols[-1].transport.loseConnection()
        self.reactor.advance(100)
        self.assertFalse(client.transport.isClosed)
        client.server.writeConnectionLost()
        self.reactor.advance(CLOSE_GRACE - 0.1)
        self.assertFalse(client.transport.isClosed)
        self.reactor.advance(0.2)
        self.assertTrue(client.transport.isClosed)

    def test_finWhileWeClose(self) -> None:
        """A peer's FIN after ours ends the wait."""
        client = self.connected()
        self.protocols[-1].transport.loseConnection()
        client.server.readConnectionLost()
        self.assertTrue(client.transport.isClosed)

    def test_transportWithoutHalfClose(self) -> None:
        """A transport without half-close is closed."""
        client = self.connected()
        client.server.transport = WithoutHalfClose(client.transport)
        self.protocols[-1].transport.loseConnection()
        self.assertTrue(client.transport.isClosed)

    def test_damagedRecord(self) -> None:
        """A damaged record ends the connection, also with a producer."""
        client = self.connected()
        client.server.registerProducer(Idle(), True)
        client.server.dataReceived(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.assertIsNone(client.transport.producer)
        self.assertTrue(client.transport.isHalfClosed)
        self.reactor.advance(CLOSE_GRACE + 0.1)
        self.assertTrue(client.transport.isAborted)
        self.lose(client)
        self.assertEqual(self.protocols[-1].events[-1], "lost")
        self.assertEqual(self.refused, [])

    def test_damagedRecordWhileWeClose(self) -> None:
        """It does so also after we have closed our side."""
        client = self.connected()
        self.protocols[-1].transport.loseConnection()
        client.server.dataReceived(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.reactor.advance(CLOSE_GRACE + 0.1)
        self.assertTrue(client.transport.isAborted)

    def test_abort(self) -> None:
        """An abort takes effect at once; a second one does nothing."""
        client = self.connected()
        self.protocols[-1].transport.abortConnection()
        self.assertTrue(client.transport.isAborted)
        self.assertFalse(client.transport.isHalfClosed)
        client.write(b"x")
        client.give()
        self.assertEqual(self.protocols[-1].received, b"")
        self.lose(client)
        client.server.abortConnection()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_buffersAreSmall(self) -> None:
        """The transport's buffer is smaller than Twisted's, because TLS holds the data
        again."""
        self.assertLessEqual(self.connected().transport.bufferSize, 1 << 14)


@implementer(IPushProducer)
class Idle:
    """
    A producer that does nothing.
    """

    def pauseProducing(self) -> None:
        """Do nothing."""

    def resumeProducing(self) -> None:
        """Do nothing."""

    def stopProducing(self) -> None:
        """Do nothing."""


class WithoutHalfClose:
    """
    A transport that has only C{write} and C{loseConnection}.
    """

    def __init__(self, transport: FakeTcp) -> None:
        """
        @param transport: the one behind it.
        """
        self.write = transport.write
        self.loseConnection = transport.loseConnection
