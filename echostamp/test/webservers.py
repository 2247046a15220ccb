"""
Web servers in memory, for clients.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from echostamp.test.fakes import FakeReactor, FakeTcp


class FakeWebServer:
    """
    The far end of the connection that a client has begun last.

    @ivar host: the address that the client has connected to.
    @ivar port: the port.
    @ivar factory: the client's factory.
    @ivar protocol: the client's protocol.
    @ivar transport: the client's transport.
    """

    def __init__(self, reactor: FakeReactor) -> None:
        """
        @param reactor: the client's.
        """
        connecting: Any = reactor.tcpClients.pop()
        self.host, self.port, self.factory, *_ = connecting
        self.transport = FakeTcp()

    def accept(self) -> None:
        """Accept the connection."""
        self.protocol: Any = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    @property
    def request(self) -> str:
        """What the client has sent."""
        return self.transport.sent.decode("latin-1")

    @property
    def isOpen(self) -> bool:
        """Whether the client has neither closed nor aborted the connection."""
        return not (self.transport.isClosed or self.transport.isAborted)

    def send(self, data: bytes, size: int = 1 << 14) -> None:
        """
        Send octets, until the client closes the connection.

        @param size: how many it reads at once.
        """
        for start in range(0, len(data), size):
            if self.isOpen:
                self.protocol.dataReceived(data[start : start + size])

    def lose(self, reason: Exception | None = None) -> None:
        """
        End the connection.

        @param reason: why; L{None} for a FIN.
        """
        self.protocol.connectionLost(Failure(reason or ConnectionDone()))


def webAnswer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """
    Write an answer with its length.
    """
    lines = f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""
    return "\r\n".join(lines).encode() + body
