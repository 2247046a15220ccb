"""
The far side of a conversation: a protocol on the connection.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.failures import whatFailed
from echostamp.talk.conversation import Conversation


@implementer(IHalfCloseableProtocol, IPushProducer)
class FarEnd(Protocol):
    """
    Passes octets and events between the connection and a conversation.

    @ivar isTls: whether the connection is over TLS, which has no half-close.
    """

    transport: Any
    isTls = False
    _isClosed = False

    def __init__(self, conversation: Conversation) -> None:
        """
        @param conversation: the conversation that this is the far side of.
        """
        self._conversation = conversation

    def connectionMade(self) -> None:
        """Set TCP_NODELAY, and join the conversation."""
        self._conversation.farEnd = self
        self.isTls = ISSLTransport.providedBy(self.transport)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        """Hand over received octets."""
        self._conversation.received(data)

    def readConnectionLost(self) -> None:
        """Report the far end's FIN."""
        self._closed("the far end closed the connection", isClean=True)

    def writeConnectionLost(self) -> None:
        """Ignore that our own FIN was sent."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report the end of the connection."""
        if reason.check(ConnectionDone):
            self._closed("the far end closed the connection", isClean=True)
        else:
            self._closed(whatFailed(reason), isClean=False)

    def _closed(self, why: str, isClean: bool) -> None:
        """
        Report the end to the conversation, once.
        """
        if not self._isClosed:
            self._isClosed = True
            self._conversation.farEndClosed(why, isClean)

    def pauseProducing(self) -> None:
        """Stop reading replies: our output is full."""
        self.transport.pauseProducing()
        self._conversation.outputBlocked(True)

    def resumeProducing(self) -> None:
        """Read replies again: our output has room."""
        self.transport.resumeProducing()
        self._conversation.outputBlocked(False)

    def stopProducing(self) -> None:
        """Do nothing: L{Conversation.outputClosed} handles a closed output."""
