"""
TLS clients in memory: their files, and a server to connect to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.failures import whatFailed
from echostamp.connect.target import Target, parseTarget
from echostamp.connect.tls import TlsFiles
from echostamp.test.authority import Authority
from echostamp.test.fakes import FakeReactor, FakeTcp
from echostamp.tls.server import TlsFactory
from echostamp.tls.servercontext import Credentials


class TlsClientCase(SynchronousTestCase):
    """
    A client with files for TLS, and a server that has a certificate of the same CA.

    @ivar ca: the path of the CA's certificate.
    @ivar ours: the path of the client's certificate and key.
    @ivar server: the path of the server's certificate and key.
    """

    def setUp(self) -> None:
        """Make a CA, the two certificates, and a reactor."""
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
        @param files: the client's files for TLS.
        @param server: the path of the server's certificate.
        @param clientCA: the path of the CA from which the server requires a
            certificate.
        @return: why the connection failed or was lost; empty if it is open.
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
        ).buildProtocol(None)
        join(near, far)
        if failed:
            self.assertEqual(self.events, [])
            return whatFailed(failed[0])
        self.assertEqual(self.events[0], "made")
        return "".join(self.events[1:])


def join(near: Any, far: Any) -> None:
    """
    Pass the octets of a TLS client and a server to each other, then their FINs, until
    nothing is left, and then close the connection if one of them has closed it.
    """
    sides = [(near, FakeTcp()), (far, FakeTcp())]
    for protocol, transport in sides:
        protocol.makeConnection(transport)
    ended: set[Any] = set()
    for _ in range(9):
        for (_, transport), (protocol, other) in zip(
            sides, reversed(sides), strict=True
        ):
            data = transport.take()
            if data and not (other.isClosed or other.isAborted):
                protocol.dataReceived(data)
            elif transport.isHalfClosed and transport not in ended:
                ended.add(transport)
                protocol.readConnectionLost()
    if any(transport.isClosed or transport.isAborted for _, transport in sides):
        for protocol, _ in sides:
            protocol.connectionLost(Failure(ConnectionDone()))
