"""
TLS servers in memory, and a client that connects to them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from echostamp.test.authority import Authority
from echostamp.test.fakes import FakeReactor, FakeTcp
from echostamp.tls.handshakes import Handshakes

try:
    from OpenSSL import SSL

    from echostamp.tls.server import TlsFactory, peerSubject
    from echostamp.tls.servercontext import Credentials
except ImportError:
    noTls = "the extra tls is not installed"
else:
    noTls = ""

#: The name of the peer of a L{FakeTcp}.
PEER = "192.168.1.1:54321"


class Recorder(Protocol):
    """
    A protocol that records what it gets.
    """

    def __init__(self) -> None:
        self.received = b""
        self.events: list[str] = []

    def connectionMade(self) -> None:
        """Record the connection, and the peer's subject."""
        self.events.append(f"made {peerSubject(self.transport)}")

    def dataReceived(self, data: bytes) -> None:
        """Record the data."""
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Record the end."""
        self.events.append("lost")


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class CarefulRecorder(Recorder):
    """
    The same with half-close and a hook for the handshake.
    """

    def handshakeCompleted(self) -> None:
        """Record the handshake."""
        self.events.append("handshake")

    def readConnectionLost(self) -> None:
        """Record the end of the input."""
        self.events.append("input ended")

    def writeConnectionLost(self) -> None:
        """Do nothing: this never happens."""


class Client:
    """
    A client in memory: OpenSSL, and the transport of the server that it talks to.

    @ivar tls: its side of TLS.
    @ivar received: the data that it has decrypted.
    @ivar error: the first error of OpenSSL; L{None} for none.
    @ivar isClosed: whether the server's close_notify has arrived.
    """

    def __init__(
        self,
        factory: TlsFactory,
        certificate: str | None = None,
        prepare: Callable[[SSL.Context], object] = lambda context: None,
    ) -> None:
        """
        Connect, and begin the handshake.

        @param certificate: the file of the client's certificate and key.
        @param prepare: sets options of the context.
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
        Give the octets that would be sent to the server.
        """
        data = b""
        while True:
            try:
                data += self.tls.bio_read(1 << 16)
            except SSL.WantReadError:
                return data

    def give(self) -> None:
        """
        Deliver them to the server in one read.
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


class TlsServerCase(SynchronousTestCase):
    """
    A server with a certificate.
    """

    skip = noTls or None

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
        """Put TLS in front of a factory of one kind of protocol."""

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
            Handshakes(
                10.0,
                lambda *refused: self.refused.append(refused),
                lambda *admitted: self.admitted.append(admitted),
            ),
        )

    def lose(self, client: Client) -> None:
        """Report the end of the connection, as the reactor does after a close."""
        client.server.connectionLost(Failure(connectionDone.value))
