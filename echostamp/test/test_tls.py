"""Tests for L{echostamp.tls.server}."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from echostamp.line.protocol import TimestampEchoFactory
from echostamp.test.authority import Authority, commonName, pem
from echostamp.test.fakes import FakeReactor, FakeTcp
from echostamp.test.pems import STRANGE_CURVE

try:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from OpenSSL import SSL

    from echostamp.tls.server import (
        CLOSE_GRACE,
        TlsEndpoint,
        TlsFactory,
        TlsProtocol,
        logAdmitted,
        logRefused,
        peerSubject,
        tlsEndpoint,
    )
    from echostamp.tls.servercontext import LONGEST_SUBJECT, Credentials
except ImportError as error:
    skip = f"the extra tls is not installed: {error}"

#: What the peer of a L{FakeTcp} is called.
PEER = "192.168.1.1:54321"


class Recorder(Protocol):
    """
    Note what happens to a connection.
    """

    def __init__(self) -> None:
        self.received = b""
        self.events: list[str] = []

    def connectionMade(self) -> None:
        """Note it, and who is there."""
        self.events.append(f"made {peerSubject(self.transport)}")

    def dataReceived(self, data: bytes) -> None:
        """Note it."""
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note it."""
        self.events.append("lost")


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class CarefulRecorder(Recorder):
    """
    A protocol that has more to say when its input has ended.
    """

    def handshakeCompleted(self) -> None:
        """Note it."""
        self.events.append("handshake")

    def readConnectionLost(self) -> None:
        """Note it."""
        self.events.append("input ended")

    def writeConnectionLost(self) -> None:
        """Never happens."""


class NoProtocols(Factory):
    """
    A factory that wants no connection.
    """

    def buildProtocol(self, addr: object) -> None:
        """Give none."""


class Client:
    """
    A client in memory: OpenSSL, and the far end of a server's transport.

    @ivar tls: its side of TLS.
    @ivar received: what came in the clear.
    @ivar error: what OpenSSL found wrong, if anything.
    @ivar isClosed: whether the server's close_notify has come.
    """

    def __init__(
        self,
        factory: TlsFactory,
        certificate: str | None = None,
        prepare: Callable[[SSL.Context], object] = lambda context: None,
    ) -> None:
        """
        Connect, and begin the handshake.

        @param certificate: the file of the certificate to show.
        @param prepare: sets options.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        prepare(context)
        if certificate is not None:
            context.use_certificate_file(certificate)
            context.use_privatekey_file(certificate)
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        self.received = b""
        self.error: Exception | None = None
        self.isClosed = False
        self.transport = FakeTcp()
        server = factory.buildProtocol(None)
        assert server is not None
        self.server = server
        server.makeConnection(self.transport)

    def shake(self) -> Client:
        """
        Do the handshake, as far as it goes.
        """
        for _ in range(4):
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                self.error = self.error or error
            self.give()
            self.read()
        return self

    def pending(self) -> bytes:
        """
        Give what would leave for the server.
        """
        data = b""
        while True:
            try:
                data += self.tls.bio_read(1 << 16)
            except SSL.WantReadError:
                return data

    def give(self) -> None:
        """
        Let the server have it, in one read.
        """
        if data := self.pending():
            self.server.dataReceived(data)

    def write(self, data: bytes) -> None:
        """
        Encrypt something.
        """
        while data:
            data = data[self.tls.send(data[: 1 << 14]) :]

    def close(self) -> None:
        """
        Make a close_notify.
        """
        self.tls.shutdown()

    def read(self) -> None:
        """
        Decrypt what the server has sent.
        """
        if data := self.transport.take():
            self.tls.bio_write(data)
        try:
            while True:
                self.received += self.tls.recv(1 << 16)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.isClosed = True
        except SSL.Error as error:
            self.error = self.error or error


class TlsCase(SynchronousTestCase):
    """
    A server with a certificate.
    """

    def setUp(self) -> None:
        """Make a CA and a server."""
        self.authority = Authority()
        self.reactor = FakeReactor()
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.server = self.file("server.pem", self.authority.issue())
        self.ca = self.file("ca.pem", self.authority.certificate)
        self.refused: list[tuple[str, str]] = []
        self.admitted: list[tuple[str, str]] = []
        self.protocols: list[Any] = []

    def file(self, name: str, content: bytes) -> str:
        """Write a file, and give its path."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def factory(
        self, kind: type[Recorder] = CarefulRecorder, clientCA: str | None = None
    ) -> TlsFactory:
        """Put TLS in front of a factory of a kind of protocols."""

        def make() -> Recorder:
            protocol = kind()
            self.protocols.append(protocol)
            return protocol

        return self.wrapped(Factory.forProtocol(make), clientCA)

    def wrapped(self, factory: Any, clientCA: str | None = None) -> TlsFactory:
        """Put TLS in front of a factory."""
        return TlsFactory(
            self.reactor,
            Credentials(self.server, self.server, clientCA),
            factory,
            10.0,
            lambda *refused: self.refused.append(refused),
            lambda *admitted: self.admitted.append(admitted),
        )

    def lose(self, client: Client) -> None:
        """Let the reactor say that the connection is gone, as it does after a close."""
        client.server.connectionLost(Failure(connectionDone.value))


class CredentialsTests(TlsCase):
    """
    Files of keys and certificates.
    """

    def assertWrong(self, why: str, *files: str | None) -> None:
        """Assert that files are refused, in one line that says which and how."""
        text = str(self.assertRaises(ValueError, Credentials, *files))
        self.assertIn(why, text)
        self.assertNotIn("\n", text)

    def test_missingFile(self) -> None:
        """A file that is not there is named, whichever it is."""
        missing = str(self.folder / "missing")
        for name, files in [
            ("privateKey", (missing, self.server, None)),
            ("certKey", (self.server, missing, None)),
            ("clientCA", (self.server, self.server, missing)),
        ]:
            self.assertWrong(f"{name}={missing!r}: No such file or directory", *files)

    def test_notPem(self) -> None:
        """So is one that holds something else."""
        other = self.file("other", b"hello\n")
        for name, files in [
            ("privateKey", (other, self.server, None)),
            ("certKey", (self.server, other, None)),
            ("clientCA", (self.server, self.server, other)),
        ]:
            self.assertWrong(f"{name}={other!r}: no PEM ", *files)

    def test_brokenPem(self) -> None:
        """So is one whose content is damaged."""
        for what in b"CERTIFICATE", b"PRIVATE KEY":
            broken = self.file(
                "broken",
                b"-----BEGIN %b-----\naGVsbG8=\n-----END %b-----\n" % (what, what),
            )
            self.assertWrong("no PEM ", broken, self.server, None)
            self.assertWrong("no PEM ", self.server, broken, None)

    def test_passphrase(self) -> None:
        """Nobody is asked for a passphrase: a key that has one is refused."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.file("locked", pem(key, b"secret"))
        self.assertWrong("has a passphrase", path, self.server, None)

    def test_keyOfAnother(self) -> None:
        """The key must be the certificate's."""
        for key in (
            ec.generate_private_key(ec.SECP256R1()),
            rsa.generate_private_key(65537, 2048),
        ):
            path = self.file("other", pem(key))
            self.assertWrong("not the key of certKey=", path, self.server, None)

    def test_keyThatIsNoUse(self) -> None:
        """OpenSSL's own words tell what it has against a certificate."""
        key = rsa.generate_private_key(65537, 1024)
        signed = self.authority._signed(commonName("weak"), key, [], -1, 30)
        path = self.file("weak", pem(key) + signed)
        self.assertWrong(f"certKey={path!r}: ee key too small", path, path, None)

    def test_keyOfAKindThatIsNotKnown(self) -> None:
        """A certificate whose key is of a strange kind is named, whoever's it is."""
        strange = self.file("strange", STRANGE_CURVE)
        for name, files in [
            ("certKey", (self.server, strange, None)),
            ("clientCA", (self.server, self.server, strange)),
        ]:
            self.assertWrong(f"{name}={strange!r}: a certificate's key is of", *files)

    def test_orderInTheFileIsFree(self) -> None:
        """A key is found behind its certificate, and behind its curve's parameters."""
        key, end, certificate = self.authority.issue().partition(
            b"-----END PRIVATE KEY-----\n"
        )
        parameters = (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
            b"-----END EC PARAMETERS-----\n"
        )
        path = self.file("reversed", certificate + parameters + key + end)
        Credentials(path, path, None)

    def test_reloadWhereverTheDaemonIs(self) -> None:
        """The files are found again after the daemon has changed to another folder."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        credentials = Credentials("server.pem", "server.pem", "ca.pem")
        os.chdir("/")
        credentials.reload()

    def test_chain(self) -> None:
        """Certificates behind the first are shown to the client."""
        intermediate, certificate = self.authority.intermediate()
        self.server = self.file("server.pem", intermediate.issue() + certificate)
        client = Client(self.factory()).shake()
        chain = client.tls.get_peer_cert_chain()
        assert chain is not None
        self.assertEqual(len(chain), 2)


class EndpointTests(TlsCase):
    """
    From the parts of a description to an endpoint.
    """

    def test_wrongParts(self) -> None:
        """What is missing, wrong or too much is said in one line."""
        files = {"privateKey": self.server, "certKey": self.server}
        for arguments, parts, why in [
            ([], files, "'' is not a port from 0 to 65535"),
            (["x"], files, "'x' is not a port from 0 to 65535"),
            (["65536"], files, "'65536' is not a port from 0 to 65535"),
            (["-1"], files, "'-1' is not a port"),
            (["1"], {"certKey": self.server}, "privateKey=FILE is missing"),
            (["1"], {"privateKey": self.server}, "certKey=FILE is missing"),
            (["1"], {**files, "nonsense": "1"}, "unknown parameter 'nonsense'"),
            (["1"], {**files, "refused": "1"}, "unknown parameter 'refused'"),
            (["1"], {**files, "reactor": "1"}, "unknown parameter 'reactor'"),
            (["1", "a"], files, "one part too many: 'a'"),
            (["9" * 5000], files, "is not a port"),
        ]:
            error = self.assertRaises(
                ValueError, tlsEndpoint, self.reactor, arguments, parts
            )
            self.assertIn(why, str(error))
            self.assertNotIn("\n", str(error))

    def endpoint(self, **parts: str) -> TlsEndpoint:
        """Make an endpoint with the server's files."""
        files = {"privateKey": self.server, "certKey": self.server}
        return tlsEndpoint(self.reactor, ["7"], {**files, **parts})

    def test_listen(self) -> None:
        """It listens where it should, and gives what the reactor gives."""
        endpoint = self.endpoint(clientCA=self.ca, interface="::1")
        endpoint.handshakeTimeout = 3
        listening: Any = self.successResultOf(endpoint.listen(Factory()))
        self.assertEqual(listening.getHost().port, 7)
        port, _, _, interface = self.reactor.tcpServers[0]
        self.assertEqual((port, interface), (7, "::1"))
        factory: Any = self.reactor.tcpServers[0][1]
        self.assertIsInstance(factory, TlsFactory)
        self.assertEqual(factory.handshakeTimeout, 3)

    def test_addressInUse(self) -> None:
        """It fails as the reactor fails."""

        def listenTCP(*arguments: object, interface: str) -> None:
            raise OSError("taken")

        self.reactor.listenTCP = listenTCP  # type: ignore[assignment,method-assign]
        endpoint = self.endpoint()
        self.failureResultOf(endpoint.listen(Factory()), OSError)

    def served(self, client: Client) -> str:
        """Give the digest of the certificate that a client was shown."""
        certificate = client.shake().tls.get_peer_certificate()
        assert certificate is not None
        return certificate.digest("sha256").hex()

    def test_reload(self) -> None:
        """A renewed certificate is for new connections, and old ones go on."""
        endpoint = self.endpoint()
        endpoint.listen(Factory.forProtocol(Recorder))
        factory: Any = self.reactor.tcpServers[0][1]
        old = Client(factory)
        before = self.served(old)
        self.file("server.pem", self.authority.issue())
        endpoint.reload()
        self.assertNotEqual(self.served(Client(factory)), before)
        old.write(b"still here")
        old.give()
        protocol: Any = old.server.wrappedProtocol
        self.assertEqual(protocol.received, b"still here")

    def test_reloadOfWrongFiles(self) -> None:
        """Where the new files are wrong, the old certificate stays."""
        endpoint = self.endpoint()
        endpoint.listen(Factory.forProtocol(Recorder))
        factory: Any = self.reactor.tcpServers[0][1]
        before = self.served(Client(factory))
        self.file("server.pem", b"half a fi")
        error = self.assertRaises(ValueError, endpoint.reload)
        self.assertIn(self.server, str(error))
        self.assertEqual(self.served(Client(factory)), before)


class HandshakeTests(TlsCase):
    """
    Who is let in.
    """

    def test_protocolIsConnectedWhenTlsIsUp(self) -> None:
        """Before the handshake is complete the protocol hears nothing."""
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

    def versions(self) -> list[Callable[[SSL.Context], object]]:
        """Give what makes a client speak TLS 1.3, and what makes it speak 1.2."""
        return [
            lambda context: context.set_min_proto_version(SSL.TLS1_3_VERSION),
            lambda context: context.set_max_proto_version(SSL.TLS1_2_VERSION),
        ]

    def assertRefused(self, client: Client, why: str) -> None:
        """Assert that a client is told and closed, the protocol hears nothing, and
        the reason is said once."""
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
        """TLS 1.2 is for suites with authenticated encryption."""

        def cbc(context: SSL.Context) -> None:
            context.set_max_proto_version(SSL.TLS1_2_VERSION)
            context.set_cipher_list(b"ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA")

        self.assertRefused(Client(self.factory(), prepare=cbc), "no shared cipher")

    def test_everySuiteIsAead(self) -> None:
        """Nothing else is on offer, nor is anything that OpenSSL may yet add."""
        connection = Credentials(self.server, self.server, None).serverConnectionForTLS(
            TlsProtocol(self.factory(), Protocol())
        )
        suites = connection.get_cipher_list()
        self.assertGreater(len(suites), 5)
        for suite in suites:
            self.assertRegex(suite, r"^(ECDHE-.*|TLS_.*)(GCM|CHACHA20[-_]POLY1305)")

    def test_noTls(self) -> None:
        """Who does not speak TLS is refused, and the reason tells it."""
        client = Client(self.factory())
        client.server.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.assertTrue(client.transport.isHalfClosed)
        self.lose(client)
        self.assertEqual([why for _, why in self.refused], ["http request"])

    def test_certificateOfTheClientCa(self) -> None:
        """Who shows a certificate of the CA is let in, and is known by its subject."""
        ours = self.file("client.pem", self.authority.issue("probe 7"))
        client = Client(self.factory(clientCA=self.ca), ours).shake()
        self.assertEqual(
            self.protocols[-1].events, ["made CN=probe 7", "handshake"], client.error
        )
        self.assertEqual(self.admitted, [(PEER, "CN=probe 7")])

    def test_noCertificate(self) -> None:
        """Who shows none is refused, in the handshake."""
        for prepare in self.versions():
            self.assertRefused(
                Client(self.factory(clientCA=self.ca), prepare=prepare),
                "peer did not return a certificate",
            )

    def test_certificateOfAnotherCa(self) -> None:
        """So is who shows another CA's, or an expired one; the reason tells which."""
        for content, why in [
            (Authority("Other").issue(), "unable to get issuer cert locally"),
            (self.authority.issue(begin=-9, end=-2), "cert has expired"),
            (self.authority.issue(begin=2, end=9), "cert not yet valid"),
        ]:
            self.assertRefused(
                Client(
                    self.factory(clientCA=self.ca), self.file("client.pem", content)
                ),
                f"certificate verify failed ({why})",
            )

    def test_subjectIsSafeToShow(self) -> None:
        """A subject is one line of printable characters, and not too long."""
        for name, shown in [
            ("a\nb\x1b[31m", r"CN=a\nb\x1b[31m"),
            ("\u202eevil", r"CN=\u202eevil"),
            ("é" * 32, "CN=" + "é" * 32),
            ("x" * 64 + "/a" * 99, ("CN=a," * 99)[: LONGEST_SUBJECT - 1] + "…"),
        ]:
            ours = self.file("client.pem", self.authority.issue(name))
            Client(self.factory(clientCA=self.ca), ours).shake()
            self.assertEqual(self.admitted.pop(), (PEER, shown))

    def test_subjectThatCannotBeRead(self) -> None:
        """A subject that the CA should not have signed is no reason to fall over."""

        def unreadable(name: object) -> str:
            raise ValueError("parse error")

        ours = self.file("client.pem", self.authority.issue())
        self.patch(x509.Name, "rfc4514_string", unreadable)
        Client(self.factory(clientCA=self.ca), ours).shake()
        self.assertEqual(self.admitted, [(PEER, "a subject that cannot be read")])

    def test_closeInTheHandshake(self) -> None:
        """A close_notify in the middle of a handshake is the end of it."""
        client = Client(self.factory())
        client.server.dataReceived(b"\x15\x03\x01\x00\x02\x01\x00")
        self.lose(client)
        self.assertEqual(len(self.refused), 1)

    def test_subjectOfOthers(self) -> None:
        """Whoever has no certificate has no subject."""
        self.assertIsNone(peerSubject(FakeTcp()))
        self.assertIsNone(peerSubject(None))

    def test_silence(self) -> None:
        """Who has not completed the handshake in time is cut, whatever drips in."""
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

    def test_timeIsOnlyForTheHandshake(self) -> None:
        """A connection that is up is left alone."""
        client = Client(self.factory()).shake()
        self.reactor.advance(100)
        self.assertFalse(client.transport.isAborted)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_endInTheHandshake(self) -> None:
        """Who closes or vanishes before the handshake was never connected."""
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
        """Behind the alert goes a FIN, and what still comes is thrown away; then the
        connection is cut."""
        client = Client(self.factory(clientCA=self.ca)).shake()
        self.assertIn("certificate required", str(client.error))
        self.assertTrue(client.transport.isHalfClosed)
        self.assertTrue(client.transport.isRead)
        client.server.dataReceived(b"whatever")
        client.server.writeConnectionLost()
        self.assertFalse(client.transport.isClosed)
        self.reactor.advance(CLOSE_GRACE + 0.1)
        self.assertTrue(client.transport.isClosed)

    def test_alertNobodyTakes(self) -> None:
        """Who does not take the alert is cut."""
        client = Client(self.factory(clientCA=self.ca)).shake()
        self.reactor.advance(CLOSE_GRACE + 0.1)
        self.assertTrue(client.transport.isAborted)

    def test_noProtocol(self) -> None:
        """Where the factory gives no protocol, the port gets none, and closes."""
        factory = self.wrapped(NoProtocols())
        self.assertIsNone(factory.buildProtocol(None))
        self.assertEqual(factory.protocols, {})

    def test_nothingIsKept(self) -> None:
        """A connection that is gone is forgotten, whether it was let in or not."""
        factory = self.factory()
        for client in Client(factory).shake(), Client(factory):
            self.lose(client)
        self.assertEqual(factory.protocols, {})
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_log(self) -> None:
        """By default the log says who was refused and why, and who was let in."""
        with capturedLogs() as events:
            logRefused("far:1", "no shared cipher")
            logAdmitted("far:2", "CN=x")
        self.assertEqual(
            [event["log_format"].format(**event) for event in events],
            ["far:1 refused: no shared cipher", "far:2 is CN=x"],
        )


class ClosingTests(TlsCase):
    """
    How a connection ends.
    """

    def connected(self, kind: type[Recorder] = CarefulRecorder) -> Client:
        """Make a connection."""
        return Client(self.factory(kind)).shake()

    def test_closeNotifyBehindData(self) -> None:
        """With close_notify in the segment that carries the data, all is answered."""
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
        """After the peer's close_notify the protocol can still send."""
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
        """So it can after a FIN, whether a close_notify came before it or not."""
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
        """What comes behind a close_notify is nothing."""
        client = self.connected()
        client.close()
        client.give()
        client.server.dataReceived(b"garbage")
        self.assertEqual(self.protocols[-1].received, b"")
        self.assertEqual(self.protocols[-1].events.count("input ended"), 1)

    def test_protocolWithoutHalfClose(self) -> None:
        """A protocol that knows no half-close is closed with its peer, producer or
        not."""
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
        """Our close_notify is followed by our FIN, and what comes until the peer
        closes is thrown away."""
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
        """A peer has a little time to close, counted from when our FIN is out."""
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
        """A peer's FIN behind ours ends the wait."""
        client = self.connected()
        self.protocols[-1].transport.loseConnection()
        client.server.readConnectionLost()
        self.assertTrue(client.transport.isClosed)

    def test_transportWithoutHalfClose(self) -> None:
        """Where the transport has no half-close, it is closed."""
        client = self.connected()
        client.server.transport = WithoutHalfClose(client.transport)
        self.protocols[-1].transport.loseConnection()
        self.assertTrue(client.transport.isClosed)

    def test_damagedRecord(self) -> None:
        """Where the stream is damaged, the connection ends, though a producer waits."""
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
        """So it does where we had closed our side already."""
        client = self.connected()
        self.protocols[-1].transport.loseConnection()
        client.server.dataReceived(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.reactor.advance(CLOSE_GRACE + 0.1)
        self.assertTrue(client.transport.isAborted)

    def test_abort(self) -> None:
        """An abort is at once, and nothing is waited for; a second one is nothing."""
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
        """A transport reads and holds less than Twisted's would, since TLS holds all
        of it again."""
        self.assertLessEqual(self.connected().transport.bufferSize, 1 << 14)


class Idle:
    """
    A producer that does nothing.
    """

    def pauseProducing(self) -> None:
        """Nothing."""

    def resumeProducing(self) -> None:
        """Nothing."""

    def stopProducing(self) -> None:
        """Nothing."""


class WithoutHalfClose:
    """
    A transport with C{write} and C{loseConnection} alone.
    """

    def __init__(self, transport: FakeTcp) -> None:
        """
        @param transport: the one behind it.
        """
        self.write = transport.write
        self.loseConnection = transport.loseConnection
