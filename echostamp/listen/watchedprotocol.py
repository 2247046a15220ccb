"""
A stand-in for a protocol, which learns of the end of its connection.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    ILoggingContext,
    IProtocol,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IProtocol, ILoggingContext)
class WatchedProtocol:
    """
    Stands between a transport and a protocol, and learns of the connection's end.

    A subclass says what happens then.  The protocol gets the transport itself, so it
    can use all that a bare socket offers.  A read costs no extra call: C{dataReceived}
    is the protocol's own method.  There is one for each connection, so it is small.

    @ivar protocol: the protocol of the connection.
    """

    __slots__ = ("dataReceived", "protocol")

    def __init__(self, protocol: Any) -> None:
        """
        @param protocol: the protocol of the connection.  Where it supports half-close,
            the subclass has to inherit L{HalfCloseable}, too.
        """
        self.protocol = protocol
        self.dataReceived = protocol.dataReceived

    def ended(self, reason: Failure) -> None:
        """
        Do what has to be done at the end of the connection.  It is called after the
        protocol's C{connectionLost}, also when that raises an exception.
        """

    def makeConnection(self, transport: ITransport) -> None:
        """Connect the protocol to the transport itself."""
        self.protocol.makeConnection(transport)

    def connectionMade(self) -> None:
        """Do nothing: L{makeConnection} has told the protocol."""

    def logPrefix(self) -> str:
        """Give the protocol's name for the log."""
        if ILoggingContext.providedBy(self.protocol):
            prefix: str = self.protocol.logPrefix()
            return prefix
        return type(self.protocol).__name__

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass on the end of the connection."""
        try:
            self.protocol.connectionLost(reason)
        finally:
            self.ended(reason)


@implementer(IHalfCloseableProtocol)
class HalfCloseable:
    """
    What a L{WatchedProtocol} adds for a protocol that supports half-close.
    """

    __slots__ = ()

    protocol: Any

    def readConnectionLost(self) -> None:
        """Pass on the end of the input."""
        self.protocol.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Pass on the end of the output."""
        self.protocol.writeConnectionLost()
