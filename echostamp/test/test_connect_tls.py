"""Tests for L{echostamp.connect.tls}."""

from __future__ import annotations

import gc
import ssl
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost, NoProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.failures import whatFailed
from echostamp.connect.tls import TlsClientEndpoint
from echostamp.test.authority import Authority
from echostamp.test.fakes import FakeTcp
from echostamp.test.pems import CLIENT_ONLY, CLIENTS_CA
from echostamp.test.tlsclients import TlsClientCase, join
from echostamp.tls.server import TlsFactory
from echostamp.tls.servercontext import Credentials


class ContextTests(TlsClientCase):
    """
    What connections to several hosts share.
    """

    def context(self, host: str, *files: str | None) -> ssl.SSLContext:
        """Give the context of connections to a host."""
        found = self.parse(f"tls:{host}", *files).tls
        assert found is not None
        return found.context

    def test_shared(self) -> None:
        """Hosts with the same files share a context, until a file changes."""
        first = self.context("a", self.ca)
        self.assertIs(self.context("b", self.ca), first)
        self.assertIsNot(self.context("a", self.ca, self.ours), first)
        self.assertIsNot(self.context("a"), first)
        self.file("ca.pem", self.authority.certificate + b"\n")
        self.assertIsNot(self.context("a", self.ca), first)

    def test_released(self) -> None:
        """A context that nobody uses takes no memory."""
        found = ref(self.context("a", self.ca))
        gc.collect()
        self.assertIsNone(found())


class TlsClientEndpointTests(TlsClientCase):
    """
    L{TlsClientEndpoint<echostamp.connect.tls.TlsClientEndpoint>} connects once the
    handshake is complete.
    """

    def test_verified(self) -> None:
        """The client connects to a server whose certificate names the host and comes
        from the CA."""
        for host in "localhost", "127.0.0.1", "[::1]":
            self.assertEqual(self.talk(f"tls:{host}:7", self.ca), "")

    def test_wrongCertificates(self) -> None:
        """The client refuses any other certificate, and the text says what is wrong."""
        old = self.file("old.pem", self.authority.issue(begin=-9, end=-2))
        new = self.file("new.pem", self.authority.issue(begin=2, end=9))
        clients = self.file("clients.pem", CLIENTS_CA)
        client = self.file("client.pem", CLIENT_ONLY)
        stranger = Authority()
        strange = self.file("strange.pem", stranger.issue())
        known = self.file("known.pem", stranger.certificate)
        untrusted = "its certificate is of an unknown CA; see --ca"
        for text, ca, server, why in [
            ("tls:far", self.ca, self.server, "its certificate is not for 'far'"),
            ("tls:[::2]", self.ca, self.server, "its certificate is not for '::2'"),
            ("tls:localhost", known, self.server, untrusted),
            ("tls:localhost", self.ca, strange, untrusted),
            ("tls:localhost", None, self.server, untrusted),
            (
                "tls:localhost",
                clients,
                client,
                "its certificate is not valid (unsuitable certificate purpose)",
            ),
            ("tls:localhost", self.ca, old, "its certificate has expired"),
            ("tls:localhost", self.ca, new, "its certificate is not valid yet"),
        ]:
            self.assertEqual(self.talk(text, ca, server=server), why)

    def test_refusedAfterTheHandshake(self) -> None:
        """With TLS 1.3 a server may refuse our certificate after our handshake: the
        connection is made first, and then lost."""
        strange = self.file("strange.pem", Authority().issue())
        for ours, why in [(None, "certificate required"), (strange, "unknown ca")]:
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, clientCA=self.ca),
                f"the far end refused our certificate ({why})",
            )

    def connect(self) -> tuple[Any, Any]:
        """Begin a connection, and give its protocol and its L{Deferred}."""
        target = self.parse("tls:far", self.ca)
        connecting = target.endpoint.connect(Factory.forProtocol(Protocol))
        near: Any = self.reactor.tcpClients.pop()[2].buildProtocol(None)
        near.makeConnection(FakeTcp())
        return near, connecting

    def test_aDotBehindTheName(self) -> None:
        """The dot behind a whole name is no part of the name in a certificate."""
        self.assertEqual(self.talk("tls:localhost.", self.ca), "")

    def test_noProtocol(self) -> None:
        """A factory without a protocol, and one whose protocol fails at once, are
        failures, and the connection is closed."""

        class Failing(Protocol):
            def connectionMade(self) -> None:
                raise KeyError

        none: Any = Factory()
        none.buildProtocol = lambda address: None
        failing = Factory.forProtocol(Failing)
        credentials = Credentials(self.server, self.server, None)
        server = TlsFactory(self.reactor, credentials, Factory.forProtocol(Protocol))
        for factory, kind in (none, NoProtocol), (failing, KeyError):
            target = self.parse("tls:localhost", self.ca)
            connecting = target.endpoint.connect(factory)
            near: Any = self.reactor.tcpClients.pop()[2].buildProtocol(None)
            join(near, server.buildProtocol(None))
            self.failureResultOf(connecting, kind)
            self.assertTrue(near.transport.isAborted)

    def test_closedInTheHandshake(self) -> None:
        """A server that closes during the handshake is reported as not connected."""
        for error in ConnectionDone(), ConnectionLost():
            near, connecting = self.connect()
            near.connectionLost(Failure(error))
            self.assertEqual(
                whatFailed(self.failureResultOf(connecting)),
                "the far end closed the connection before its TLS handshake",
            )

    def test_noTlsThere(self) -> None:
        """A server of another protocol has an error text of its own."""
        near, connecting = self.connect()
        near.dataReceived(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        near.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(
            whatFailed(self.failureResultOf(connecting)),
            "the far end does not speak TLS",
        )

    def test_raceOfTwoConnections(self) -> None:
        """Where an endpoint has connected more than once, the one that it gives
        counts.  The others are aborted, if they are not lost."""
        lost, open_, given = FakeTcp(), FakeTcp(), FakeTcp()

        @implementer(IStreamClientEndpoint)
        class Racing:
            def connect(self, protocolFactory: Any) -> Deferred[Any]:
                made = [protocolFactory.buildProtocol(None) for _ in range(3)]
                for protocol, below in zip(made, (lost, open_, given), strict=True):
                    protocol.makeConnection(below)
                made[0].connectionLost(Failure(ConnectionDone()))
                return succeed(made[2])

        tls = self.parse("tls:far", self.ca).tls
        assert tls is not None
        endpoint = TlsClientEndpoint(self.reactor, Racing(), tls)
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        self.assertNoResult(connecting)
        self.assertEqual((open_.isAborted, given.isAborted), (True, False))
        connecting.cancel()
        self.assertTrue(given.isAborted)
        self.failureResultOf(connecting)

    def test_givenUp(self) -> None:
        """Cancelling the attempt aborts the connection."""
        near, connecting = self.connect()
        connecting.cancel()
        self.assertTrue(near.transport.isAborted)
        self.failureResultOf(connecting)
        near.connectionLost(Failure(ConnectionDone()))
