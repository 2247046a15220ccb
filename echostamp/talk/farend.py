"""
The network side of a conversation.
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
    The network side of a conversation.

    @ivar isTls: whether the connection is under TLS, which has no half-close.
    """

    transport: Any
    isTls = False
    _isClosed = False

    def __init__(self, conversation: Conversation) -> None:
        """
        @param conversation: what to be the far end of.
        """
        self._conversation = conversation

    def connectionMade(self) -> None:
        """Send small messages at once."""
        self._conversation.farEnd = self
        self.isTls = ISSLTransport.providedBy(self.transport)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        """Hand on what came back."""
        self._conversation.received(data)

    def readConnectionLost(self) -> None:
        """The far end has sent all it will."""
        self._closed("the far end closed the connection", isClean=True)

    def writeConnectionLost(self) -> None:
        """Our FIN is out."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        if reason.check(ConnectionDone):
            self._closed("the far end closed the connection", isClean=True)
        else:
            self._closed(whatFailed(reason), isClean=False)

    def _closed(self, why: str, isClean: bool) -> None:
        """
        Say once that nothing more will come.
        """
        if not self._isClosed:
            self._isClosed = True
            self._conversation.farEndClosed(why, isClean)

    def pauseProducing(self) -> None:
        """Our output is full: read no more replies."""
        self.transport.pauseProducing()
        self._conversation.outputBlocked(True)

    def resumeProducing(self) -> None:
        """Our output has room again."""
        self.transport.resumeProducing()
        self._conversation.outputBlocked(False)

    def stopProducing(self) -> None:
        """Our output is gone: L{Conversation.outputClosed} sees to that."""
