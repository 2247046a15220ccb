"""Tests for L{echostamp.listen.tlsendpoint}."""

from __future__ import annotations

import ssl
from typing import Any

from twisted.internet.protocol import Factory

from echostamp.endpointparts import Description
from echostamp.listen.tlsendpoint import TlsServerEndpoint, tlsServerEndpoint
from echostamp.test.tlsservers import Client, Recorder, TlsServerCase
from echostamp.tls.handshakes import Handshakes
from echostamp.tls.server import TlsFactory


class EndpointTests(TlsServerCase):
    """
    From the parts of a description to an endpoint.
    """

    def test_wrongParts(self) -> None:
        """A missing, wrong or additional part is an error of one line."""
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
            (["1"], {**files, "tls12": "maybe"}, "tls12 is yes or no, not 'maybe'"),
            (["1", "a"], files, "one part too many: 'a'"),
            (["9" * 5000], files, "is not a port"),
        ]:
            error = self.assertRaises(
                ValueError,
                tlsServerEndpoint,
                self.reactor,
                Description("tls", arguments, parts),
            )
            self.assertIn(why, str(error))
            self.assertNotIn("\n", str(error))

    def endpoint(
        self, handshakes: Handshakes | None = None, **parts: str
    ) -> TlsServerEndpoint:
        """Make an endpoint with the server's files."""
        files = {"privateKey": self.server, "certKey": self.server}
        return tlsServerEndpoint(
            self.reactor, Description("tls", ["7"], {**files, **parts}), handshakes
        )

    def test_listen(self) -> None:
        """It listens at its port and address, and gives the reactor's port."""
        endpoint = self.endpoint(Handshakes(3), clientCA=self.ca, interface="::1")
        listening: Any = self.successResultOf(endpoint.listen(Factory()))
        self.assertEqual(listening.getHost().port, 7)
        port, _, _, interface = self.reactor.tcpServers[0]
        self.assertEqual((port, interface), (7, "::1"))
        factory: Any = self.reactor.tcpServers[0][1]
        self.assertIsInstance(factory, TlsFactory)
        self.assertEqual(factory.handshakes.timeout, 3)

    def test_tls12(self) -> None:
        """TLS 1.2 is refused, unless the description asks for it."""

        def old(context: ssl.SSLContext) -> None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2

        for tls12, version in ("no", None), ("yes", "TLSv1.2"):
            endpoint = self.endpoint(tls12=tls12)
            endpoint.listen(Factory.forProtocol(Recorder))
            factory: Any = self.reactor.tcpServers.pop()[1]
            client = Client(factory, prepare=old).shake()
            self.assertEqual(client.error is None, version is not None)
            self.assertEqual(client.tls.version() if version else None, version)

    def test_addressInUse(self) -> None:
        """It fails with the error of the reactor."""

        def listenTCP(*arguments: object, interface: str) -> None:
            raise OSError("taken")

        self.reactor.listenTCP = listenTCP  # type: ignore[assignment,method-assign]
        endpoint = self.endpoint()
        self.failureResultOf(endpoint.listen(Factory()), OSError)

    def served(self, client: Client) -> str:
        """Give the digest of the certificate that a client was shown."""
        certificate = client.shake().tls.getpeercert(True)
        assert certificate is not None
        return certificate.hex()

    def test_reload(self) -> None:
        """New connections get a renewed certificate; old connections continue."""
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
        protocol: Any = old.server.protocol
        self.assertEqual(protocol.received, b"still here")

    def test_reloadOfWrongFiles(self) -> None:
        """When the new files are wrong, the old certificate stays in use."""
        endpoint = self.endpoint()
        endpoint.listen(Factory.forProtocol(Recorder))
        factory: Any = self.reactor.tcpServers[0][1]
        before = self.served(Client(factory))
        self.file("server.pem", b"half a fi")
        error = self.assertRaises(ValueError, endpoint.reload)
        self.assertIn(self.server, str(error))
        self.assertEqual(self.served(Client(factory)), before)
