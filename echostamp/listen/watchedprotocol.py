"""
A stand-in for a protocol, which reports the end of its connection.
"""

from __future__ import annotations

from collections.abc import Callable
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
    Stands between a transport and a protocol, and calls back when the connection ends.

    The protocol gets the transport itself, so it can use all that a bare socket offers.
    A read costs no extra call: C{dataReceived} is the protocol's own method.
    """

    __slots__ = ("_ended", "dataReceived", "protocol")

    def __init__(self, protocol: Any, ended: Callable[[Failure], object]) -> None:
        """
        @param protocol: the protocol of the connection.
        @param ended: called with the reason after the protocol's C{connectionLost},
            also when that raises an exception.
        """
        self.protocol = protocol
        self.dataReceived = protocol.dataReceived
        self._ended = ended

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
        """Pass on the end of the connection, then report it."""
        try:
            self.protocol.connectionLost(reason)
        finally:
            self._ended(reason)


@implementer(IHalfCloseableProtocol)
class _HalfCloseableWatchedProtocol(WatchedProtocol):
    """
    The same for a protocol that supports half-close.
    """

    __slots__ = ()

    def readConnectionLost(self) -> None:
        """Pass on the end of the input."""
        self.protocol.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Pass on the end of the output."""
        self.protocol.writeConnectionLost()


def watchedProtocol(
    protocol: IProtocol, ended: Callable[[Failure], object]
) -> WatchedProtocol:
    """
    Put a stand-in before a protocol; it supports half-close where the protocol does.

    @param protocol: see L{WatchedProtocol.__init__}.
    @param ended: see L{WatchedProtocol.__init__}.
    """
    if IHalfCloseableProtocol.providedBy(protocol):
        return _HalfCloseableWatchedProtocol(protocol, ended)
    return WatchedProtocol(protocol, ended)
