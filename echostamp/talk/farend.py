"""
The far side of a conversation: a protocol on the connection.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.failures import whatFailed
from echostamp.line.draining import LINGER
from echostamp.line.replies import Replies
from echostamp.talk.conversation import Conversation


@implementer(IHalfCloseableProtocol, IPushProducer)
class FarEnd(Protocol):
    """
    Passes octets and events between the connection and a conversation.

    @ivar isTls: whether the connection is over TLS, which has no half-close.
    @ivar parted: fires with L{None} when the connection is closed.
    """

    transport: Any
    isTls = False
    _replies: Replies
    _isClosed = False
    _isParting = False
    _deadline: IDelayedCall | None = None

    def __init__(self, conversation: Conversation) -> None:
        """
        @param conversation: the conversation that this is the far side of.
        """
        self._conversation = conversation
        self.parted: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Set TCP_NODELAY, and join the conversation."""
        self.isTls = ISSLTransport.providedBy(self.transport)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._conversation.connected(self)
        self._replies = self._conversation.replies

    def dataReceived(self, data: bytes) -> None:
        """Hand over received octets, until this end disconnects."""
        if not self._isParting:
            self._conversation.received(data)

    def readConnectionLost(self) -> None:
        """Report the far end's FIN."""
        if self._isParting:
            self.transport.loseConnection()
        self._closed("the far end closed the connection", isClean=True)

    def writeConnectionLost(self) -> None:
        """Ignore that our own FIN was sent."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report the end of the connection."""
        if self._deadline is not None:
            self._deadline.cancel()
        self.parted.callback(None)
        if reason.check(ConnectionDone):
            self._closed("the far end closed the connection", isClean=True)
        else:
            self._closed(whatFailed(reason), isClean=False)

    def _closed(self, why: str, isClean: bool) -> None:
        """
        Report the end to the conversation, once, unless this end disconnects.
        """
        if not (self._isClosed or self._isParting):
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

    def part(self) -> None:
        """
        Disconnect, and discard what still comes: a reset could kill the far end.  One
        that does not close its side in time is aborted, if it owes a reply.
        """
        isAgain, self._isParting = self._isParting, True
        if isAgain or self.parted.called:
            return
        transport = self.transport
        self._deadline = self._conversation.reactor.callLater(LINGER, self._lingered)
        transport.unregisterProducer()
        if self.isTls:
            transport.loseConnection()
        elif not transport.disconnecting:
            transport.loseWriteConnection()
            transport.resumeProducing()

    def _lingered(self) -> None:
        """
        Close a connection that the far end has not closed.
        """
        self._deadline = None
        if self.isTls or self._replies.unanswered:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()
