"""
A Twisted Protocol that calls C{transport.write}.
"""

from __future__ import annotations

from typing import Any

from shared import BACKLOG, Stamps, arguments
from twisted.internet import reactor as theReactor
from twisted.internet.protocol import Factory, Protocol

from echostamp.line.stamper import Stamper

reactor: Any = theReactor


class Echo(Protocol):
    """Stamps the input."""

    factory: EchoFactory
    transport: Any

    def connectionMade(self) -> None:
        """Make a stamper for the connection."""
        self.transport.setTcpNoDelay(True)
        self.stamper = Stamper()

    def dataReceived(self, data: bytes) -> None:
        """Answer a read."""
        self.transport.write(self.stamper.feed(data, self.factory.stamps.stamp()))


class EchoFactory(Factory):
    """Holds the stamps that all connections share."""

    protocol = Echo  # type: ignore[assignment]  # it wants this factory
    noisy = False

    def __init__(self) -> None:
        self.stamps = Stamps()


port, certificate, key = arguments()
if certificate is None:
    reactor.listenTCP(port, EchoFactory(), BACKLOG, "127.0.0.1")
else:
    from OpenSSL.SSL import TLS_SERVER_METHOD  # of Twisted's extra tls
    from twisted.internet.ssl import DefaultOpenSSLContextFactory

    context = DefaultOpenSSLContextFactory(key, certificate, TLS_SERVER_METHOD)
    reactor.listenSSL(port, EchoFactory(), context, BACKLOG, "127.0.0.1")
reactor.run()
