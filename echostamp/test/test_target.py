"""Tests for L{echostamp.connect.target}."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.failures import whatFailed
from echostamp.connect.target import Target, parseTarget
from echostamp.connect.tls import TLS_MISSING, OptionError, TlsFiles
from echostamp.test.authority import Authority, commonName, pem
from echostamp.test.fakes import FakeReactor, FakeTcp
from echostamp.test.pems import STRANGE_CURVE

try:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID
    from OpenSSL import SSL

    from echostamp.tls.server import TlsFactory
    from echostamp.tls.servercontext import Credentials
except ImportError:
    noTls = "the extra tls is not installed"
else:
    noTls = ""


class ParseTargetTests(SynchronousTestCase):
    """
    From what a user writes to an endpoint.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor = FakeReactor()

    def parse(self, text: str) -> Target:
        """Read a target."""
        return parseTarget(self.reactor, text, 3.0)

    def test_hostsAndPorts(self) -> None:
        """A host has port 8002 unless it names one; a name stands for itself."""
        for text, name in [
            ("localhost", "localhost:8002"),
            ("localhost:7", "localhost:7"),
            ("192.0.2.1", "192.0.2.1:8002"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("::1", "[::1]:8002"),
            ("[::1]", "[::1]:8002"),
            ("[2001:db8::1]:1", "[2001:db8::1]:1"),
            ("fe80::1%eth0", "[fe80::1%eth0]:8002"),
            ("tcp", "tcp:8002"),
        ]:
            target = self.parse(text)
            self.assertEqual(target.name, name)
            self.assertIsInstance(target.endpoint, HostnameEndpoint)

    def test_hostIsConnectedTo(self) -> None:
        """The address, its port and the seconds it may take reach the reactor."""
        for text in "far:7", "[2001:db8::1]:8":
            target = self.parse(text)
            target.endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(
            [
                (host, port, seconds)
                for host, port, _, seconds, _ in self.reactor.tcpClients
            ],
            [("192.0.2.1", 7, 3.0), ("2001:db8::1", 8, 3.0)],
        )

    def test_endpointDescriptions(self) -> None:
        """Twisted's client endpoints are targets, and called as they were written."""
        for text, kind in [
            ("tcp:localhost:8002", TCP4ClientEndpoint),
            ("tcp:host=localhost:port=8002", TCP4ClientEndpoint),
            ("unix:/run/echostamp.sock", UNIXClientEndpoint),
        ]:
            target = self.parse(text)
            self.assertEqual(target.name, text)
            self.assertIsInstance(target.endpoint, kind)

    def test_wrongTargets(self) -> None:
        """What is no target is refused, and the text says why."""
        for text, why in [
            ("", "no host"),
            (":8002", "no host"),
            ("[]:8002", "no host"),
            ("localhost:", "no port behind the colon"),
            ("[localhost]:8002", "'localhost' is not an IPv6 address"),
            ("localhost:0", "0 is not a port from 1 to 65535"),
            ("localhost:65536", "65536 is not a port from 1 to 65535"),
            ("localhost:http", "Unknown endpoint type"),
            ("localhost:80:90", "Unknown endpoint type"),
            ("[::1]x", "Unknown endpoint type"),
            ("nonsense:localhost:8002", "Unknown endpoint type"),
            ("tcp:localhost:x", "'x'"),
        ]:
            error = self.assertRaises(ValueError, self.parse, text)
            self.assertIn(why, str(error), text)
            self.assertNotIn("\n", str(error), text)

    def test_endpointParsersErrors(self) -> None:
        """An endpoint's parser may fail in any way: the kind is told then."""
        for text, why in [
            ("tcp:8002", "TypeError: "),
            ("unix:/s:nonsense=1", "TypeError: "),
        ]:
            error = self.assertRaises(ValueError, self.parse, text)
            self.assertTrue(str(error).startswith(why), str(error))
            self.assertNotIn("\n", str(error))


class WhatFailedTests(SynchronousTestCase):
    """
    Why there is no connection, in a few words.
    """

    def test_texts(self) -> None:
        """Each failure has words that a user knows, and they are one line."""
        for error, text in [
            (DNSLookupError("nowhere"), "the name does not resolve"),
            (TimeoutError("no connection within 3 s"), "no connection within 3 s"),
            (
                ConnectionRefusedError(errno.ECONNREFUSED, "x"),
                os.strerror(errno.ECONNREFUSED),
            ),
            (ConnectError(errno.ENOENT, "x"), os.strerror(errno.ENOENT)),
            (ConnectionLost(), "the connection was lost"),
            (ValueError("invalid hostname: a b"), "invalid hostname: a b"),
            (KeyError(), "KeyError"),
        ]:
            self.assertEqual(whatFailed(Failure(error)), text)

    def test_connectErrorWithoutANumber(self) -> None:
        """A failure that the system gave no number for has its own words."""
        text = whatFailed(Failure(ConnectError(string="no luck")))
        self.assertIn("no luck", text)


class MissingTlsTests(SynchronousTestCase):
    """
    The extra C{tls} is not installed, or not all of it.
    """

    def test_oneLineSaysSo(self) -> None:
        """A target that needs it is refused, and the text says what to install."""
        for missing in "OpenSSL", "service_identity":
            for text in "tls:far:7", "tls:host=far:port=7", "ssl:far:7":
                with patch.dict(sys.modules, {missing: None}):
                    error = self.assertRaises(
                        ValueError, parseTarget, FakeReactor(), text, 3.0
                    )
                self.assertEqual(str(error), TLS_MISSING)

    def test_othersNeedNone(self) -> None:
        """Every other target is one without it."""
        with patch.dict(sys.modules, {"OpenSSL": None}):
            self.assertEqual(parseTarget(FakeReactor(), "far:7", 3.0).name, "far:7")


class TlsTargetTests(SynchronousTestCase):
    """
    Targets behind C{tls:}.
    """

    skip = noTls or None

    def setUp(self) -> None:
        """Make a CA, a certificate of ours, and a reactor."""
        self.reactor = FakeReactor()
        self.authority = Authority()
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.ca = self.file("ca.pem", self.authority.certificate)
        self.ours = self.file("ours.pem", self.authority.issue("ours"))
        self.server = self.file("server.pem", self.authority.issue("server"))
        self.events: list[str] = []

    def file(self, name: str, content: bytes) -> str:
        """Write a file, and give its path."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def parse(self, text: str, *files: str | None) -> Target:
        """Read a target."""
        return parseTarget(self.reactor, text, 3.0, TlsFiles(*files))

    def test_hostsAndPorts(self) -> None:
        """Behind C{tls:} a target is written as without it."""
        for text, name in [
            ("tls:far", "tls:far:8002"),
            ("tls:far:7", "tls:far:7"),
            ("tls:192.0.2.1:7", "tls:192.0.2.1:7"),
            ("tls:::1", "tls:[::1]:8002"),
            ("tls:[fe80::1%eth0]:7", "tls:[fe80::1%eth0]:7"),
        ]:
            self.assertEqual(self.parse(text, self.ca).name, name)

    def test_wrongTargets(self) -> None:
        """What is no target is refused, and the text says why."""
        for text, why in [
            ("tls:", "no host"),
            ("tls::7", "no host"),
            ("tls:far:0", "0 is not a port"),
            ("tls:far:x", "'x'"),
        ]:
            self.assertIn(why, str(self.assertRaises(ValueError, self.parse, text)))

    def test_descriptionsOfTwisteds(self) -> None:
        """A longer description is Twisted's to read, and takes none of our files."""
        text = "tls:host=far:port=7"
        self.assertEqual(self.parse(text).name, text)
        error = self.assertRaises(ValueError, self.parse, text, self.ca)
        self.assertIn("tls:HOST:PORT", str(error))

    def test_filesWithoutTls(self) -> None:
        """Files for TLS go with a target behind C{tls:}."""
        for text in "far:7", "unix:/s", "ssl:far:7":
            for files in [self.ca], [None, self.ours]:
                error = self.assertRaises(ValueError, self.parse, text, *files)
                self.assertIn("--ca and --cert go with tls:HOST:PORT", str(error))

    def test_wrongFiles(self) -> None:
        """A file that cannot be used is named, with its option and what is wrong."""
        other = self.file("other.pem", self.authority.issue())
        text = self.file("text", b"hello\n")
        strange = self.file("strange", STRANGE_CURVE)
        key = rsa.generate_private_key(65537, 1024)
        signed = self.authority._signed(commonName("weak"), key, [], -1, 30)
        weak = self.file("weak", pem(key) + signed)
        locked = self.file(
            "locked", pem(ec.generate_private_key(ec.SECP256R1()), b"secret")
        )
        for files, option, path, why in [
            ((str(self.folder / "no"),), "--ca", "no", "No such file or directory"),
            (("",), "--ca", "", "No such file or directory"),
            ((text,), "--ca", "text", "no PEM certificate that can be read"),
            ((None, text), "--cert", "text", "no PEM certificate that can be read"),
            ((None, self.ca), "--cert", "ca.pem", "no PEM private key that can"),
            ((None, self.ours, text), "--key", "text", "no PEM private key that can"),
            ((None, self.ours, other), "--key", "other.pem", "not the key of"),
            (
                (None, self.ours, locked),
                "--key",
                "locked",
                "the private key has a pass",
            ),
            ((None, self.ours, str(self.folder)), "--key", "", "Is a directory"),
            ((strange,), "--ca", "strange", "a certificate's key is of no use"),
            ((None, strange), "--cert", "strange", "a certificate's key is of no use"),
            ((None, weak), "--cert", "weak", "ee key too small"),
        ]:
            error = str(self.assertRaises(OptionError, self.parse, "tls:far", *files))
            self.assertTrue(error.startswith(f"{option} "), error)
            self.assertIn(f"{path}': {why}", error)
            self.assertNotIn("\n", error)

    def test_keyAlone(self) -> None:
        """A key is nothing without its certificate."""
        for text in "tls:far", "far":
            error = self.assertRaises(
                OptionError, self.parse, text, None, None, self.ours
            )
            self.assertEqual(str(error), "--key goes with --cert")

    def talk(
        self,
        text: str,
        *files: str | None,
        server: str | None = None,
        clientCA: str | None = None,
    ) -> str:
        """
        Connect to a server in memory.

        @param text: the target.
        @param files: what TLS needs.
        @param server: the file of the server's certificate.
        @param clientCA: of whom the server wants a certificate.
        @return: why there was no connection, or why it was lost; nothing, if it
            stands.
        """
        events = self.events = []

        class Noting(Protocol):
            def connectionMade(self) -> None:
                events.append("made")

            def connectionLost(self, reason: Failure = connectionDone) -> None:
                events.append(whatFailed(reason))

        target = self.parse(text, *files)
        failed: list[Failure] = []
        connecting = target.endpoint.connect(Factory.forProtocol(Noting))
        connecting.addErrback(failed.append)
        factory = self.reactor.tcpClients.pop()[2]
        near: Any = factory.buildProtocol(None)
        file = server or self.server
        far: Any = TlsFactory(
            self.reactor,
            Credentials(file, file, clientCA),
            Factory.forProtocol(Protocol),
            refused=lambda *refused: None,
            admitted=lambda *admitted: None,
        ).buildProtocol(None)
        join(near, far)
        if failed:
            self.assertEqual(self.events, [])
            return whatFailed(failed[0])
        self.assertEqual(self.events[0], "made")
        return "".join(self.events[1:])

    def test_verified(self) -> None:
        """A server whose certificate is for the host, and of the CA, is talked to."""
        for host in "localhost", "127.0.0.1", "[::1]":
            self.assertEqual(self.talk(f"tls:{host}:7", self.ca), "")

    def test_systemsAuthorities(self) -> None:
        """Without C{--ca} the system's CAs are trusted."""
        with patch.dict(os.environ, {"SSL_CERT_FILE": self.ca}):
            self.assertEqual(self.talk("tls:localhost"), "")

    def test_wrongCertificates(self) -> None:
        """Any other is not, and the text says what is wrong with its certificate."""
        old = self.file("old.pem", self.authority.issue(begin=-9, end=-2))
        new = self.file("new.pem", self.authority.issue(begin=2, end=9))
        client = self.file(
            "client.pem",
            self.authority.issue(purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
        )
        stranger = Authority("Stranger")
        strange = self.file("strange.pem", stranger.issue())
        known = self.file("known.pem", stranger.certificate)
        untrusted = "its certificate is of a CA that is not trusted here; see --ca"
        for text, ca, server, why in [
            ("tls:far", self.ca, self.server, "its certificate is not for 'far'"),
            ("tls:[::2]", self.ca, self.server, "its certificate is not for '::2'"),
            ("tls:localhost", known, self.server, untrusted),
            ("tls:localhost", self.ca, strange, untrusted),
            ("tls:localhost", None, self.server, untrusted),
            (
                "tls:localhost",
                self.ca,
                client,
                "its certificate is not valid (OpenSSL's error 26)",
            ),
            ("tls:localhost", self.ca, old, "its certificate has expired"),
            ("tls:localhost", self.ca, new, "its certificate is not valid yet"),
        ]:
            self.assertEqual(self.talk(text, ca, server=server), why)

    def test_ourCertificate(self) -> None:
        """A server that wants a certificate gets ours."""
        chain, certificate = self.authority.intermediate()
        longer = self.file("longer.pem", chain.issue("ours") + certificate)
        for ours in self.ours, longer:
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, clientCA=self.ca), ""
            )
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, ours, clientCA=self.ca), ""
            )

    def test_refusedAfterTheHandshake(self) -> None:
        """A server that does not want us says so when the connection stands, as TLS
        1.3 has it."""
        strange = self.file("strange.pem", Authority("Stranger").issue())
        for ours, why in [(None, "certificate required"), (strange, "unknown ca")]:
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, clientCA=self.ca),
                f"the far end refused our certificate ({why})",
            )

    def connect(self) -> tuple[Any, Any]:
        """Begin a connection, and give its near side and its Deferred."""
        target = self.parse("tls:far", self.ca)
        connecting = target.endpoint.connect(Factory.forProtocol(Protocol))
        near: Any = self.reactor.tcpClients.pop()[2].buildProtocol(None)
        near.makeConnection(FakeTcp())
        return near, connecting

    def test_closedInTheHandshake(self) -> None:
        """A far end that closes before its handshake was never connected to."""
        for error in ConnectionDone(), ConnectionLost():
            near, connecting = self.connect()
            near.connectionLost(Failure(error))
            self.assertEqual(
                whatFailed(self.failureResultOf(connecting)),
                "the far end closed the connection before its TLS handshake",
            )

    def test_noTlsThere(self) -> None:
        """A far end that speaks something else is told apart."""
        near, connecting = self.connect()
        near.dataReceived(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        near.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(
            whatFailed(self.failureResultOf(connecting)),
            "the far end does not speak TLS",
        )

    def test_givenUp(self) -> None:
        """Who waits no longer cuts the connection."""
        near, connecting = self.connect()
        connecting.cancel()
        self.assertTrue(near.transport.isAborted)
        self.failureResultOf(connecting)
        near.connectionLost(Failure(ConnectionDone()))

    def test_whatOpenSslSays(self) -> None:
        """OpenSSL's errors are told in their own words."""
        for queue, text in [
            ([("SSL", "", "no cats"), ("SSL", "", "no dogs")], "no cats, no dogs"),
            ([], ""),
        ]:
            said = whatFailed(Failure(SSL.Error(queue)))
            self.assertEqual(said, f"TLS failed ({text})" if text else "TLS failed")
        self.assertEqual(
            whatFailed(Failure(SSL.SysCallError(-1, "Unexpected EOF"))),
            "TLS failed (Unexpected EOF)",
        )
        self.assertEqual(
            whatFailed(
                Failure(SSL.Error([("", "", "ssl/tls alert handshake failure")]))
            ),
            "the far end refused TLS with us (handshake failure)",
        )


def join(near: Any, far: Any) -> None:
    """
    Let a client and a server under TLS talk until neither has anything to say, and
    then lose what one of them has closed.
    """
    sides = [(near, FakeTcp()), (far, FakeTcp())]
    for protocol, transport in sides:
        protocol.makeConnection(transport)
    for _ in range(9):
        for (_, transport), (protocol, other) in zip(
            sides, reversed(sides), strict=True
        ):
            data = transport.take()
            if data and not (other.isClosed or other.isAborted):
                protocol.dataReceived(data)
    for protocol, transport in sides:
        if transport.isClosed or transport.isAborted:
            protocol.connectionLost(Failure(ConnectionDone()))
