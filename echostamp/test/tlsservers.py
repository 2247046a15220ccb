"""
TLS servers in memory, and a client that connects to them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
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
from echostamp.tls.server import TlsFactory, peerSubject
from echostamp.tls.servercontext import Credentials

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
        """Record the end of the output."""
        self.events.append("output ended")


def noChange(context: ssl.SSLContext) -> None:
    """
    Leave a client's context as it is.
    """


class Client:
    """
    A client in memory: Python's TLS, and the transport of the server that it talks to.

    @ivar tls: its side of TLS.
    @ivar received: the data that it has decrypted.
    @ivar error: the first error of OpenSSL; L{None} for none.
    @ivar isClosed: whether the server's close_notify has arrived.
    """

    def __init__(
        self,
        factory: TlsFactory,
        certificate: str | None = None,
        prepare: Callable[[ssl.SSLContext], object] = noChange,
        transport: Any = None,
    ) -> None:
        """
        Connect, and begin the handshake.

        @param certificate: the file of the client's certificate and key.
        @param prepare: sets options of the context.
        @param transport: the server's; L{None} for a L{FakeTcp}.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        prepare(context)
        if certificate is not None:
            context.load_cert_chain(certificate)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out)
        self.received = b""
        self.error: Exception | None = None
        self.isClosed = False
        self.transport: Any = FakeTcp() if transport is None else transport
        server = factory.buildProtocol(None)
        assert server is not None
        self.server = server
        self.transport.protocol = server
        server.makeConnection(self.transport)

    def shake(self) -> Client:
        """
        Do the handshake, as far as it goes.
        """
        for _ in range(4):
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                self.error = self.error or error
            self.give()
            self.read()
        return self

    def pending(self) -> bytes:
        """
        Give the octets that would be sent to the server.
        """
        return self._out.read()

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
        self.tls.write(data)

    def say(self, data: bytes) -> None:
        """
        Encrypt something, and deliver it.
        """
        self.write(data)
        self.give()

    def close(self) -> None:
        """
        Make a close_notify.
        """
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()

    def read(self) -> None:
        """
        Decrypt what the server has sent.
        """
        self._in.write(self.transport.take())
        try:
            while data := self.tls.read(1 << 16):
                self.received += data
            self.isClosed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.isClosed = True
        except ssl.SSLError as error:
            self.error = self.error or error


class TlsServerCase(SynchronousTestCase):
    """
    A server with a certificate.

    @ivar hasTls12: whether the server accepts TLS 1.2.
    """

    hasTls12 = False

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
            Credentials(self.server, self.server, clientCA, self.hasTls12),
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
