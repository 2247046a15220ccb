"""
Send replies, and stop where the peer does not read.

On a bare socket the kernel gets a reply in the same reactor turn in which the message
was read.  What the kernel does not take goes to the transport's buffer.  Until that
buffer is empty, the peer is not read from and no further reply is made.

Any other transport gets its replies by C{write}, with the same effect a little later.
TLS is one of them: its socket must never get a reply in clear text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from echostamp.baresocket import isBareSocket


class ReplySenderOwner(Protocol):
    """
    Told when blocked replies have been sent.  The sender keeps the object, not a bound
    method, to save memory per connection.
    """

    def repliesGone(self) -> None:
        """Continue: the replies that were blocked have been sent."""


class ReplyOutput(Protocol):
    """
    Where a connection's replies go: a L{ReplySender}, or an object in front of one.

    In an echo the first three are the same, because replies wait only for the peer.  In
    an intercom they differ: a slow member blocks all members, also one whose own peer
    reads (it is not full), and one that has sent nothing since (it is not holding).
    """

    @property
    def isBlocked(self) -> bool:
        """Whether a reply would have to wait, for the peer or for others."""

    @property
    def isFull(self) -> bool:
        """Whether replies wait for the peer to read."""

    @property
    def isHolding(self) -> bool:
        """
        Whether this connection has been made to wait. L{ReplySenderOwner.repliesGone}
        will be called, and after that the peer can be read from again.
        """

    @property
    def growth(self) -> int:
        """
        The most octets by which what is sent for a message (such as an intercom's line)
        exceeds the plain reply.
        """

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Send replies; each is made when the previous one has been sent.
        """

    def put(self, reply: bytes) -> None:
        """
        Send one reply.  Only allowed while not L{isBlocked}.
        """

    def detach(self) -> None:
        """Expect no more replies."""

    def stopProducing(self) -> None:
        """Drop all replies: the connection is lost."""


#: No replies.
_NONE: Iterator[bytes] = iter(())


@implementer(IPushProducer)
class ReplySender:
    """
    Send replies by any transport's C{write}.

    @ivar isBlocked: whether replies wait for the peer to read.
    @ivar growth: see L{ReplyOutput}.
    """

    __slots__ = ("_owner", "_replies", "_transport", "isBlocked")

    growth = 0

    def __init__(self, transport: Any, owner: ReplySenderOwner) -> None:
        """
        @param transport: where the replies go: an L{ITransport
            <twisted.internet.interfaces.ITransport>} that is an L{IConsumer
            <twisted.internet.interfaces.IConsumer>}.
        @param owner: told each time when blocked replies have been sent.
        """
        self._transport = transport
        self._owner = owner
        self._replies = _NONE
        self.isBlocked = False
        self.attach()

    @property
    def isFull(self) -> bool:
        """Whether replies wait for the peer to read: nothing else blocks this."""
        return self.isBlocked

    # Whenever this is blocked, L{ReplySenderOwner.repliesGone} will be called.
    isHolding = isFull

    def attach(self) -> None:
        """
        Ask the transport to report when its buffer is full.
        """
        self._transport.registerProducer(self, True)

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Send replies; each is made when the previous one has been sent.  Empty ones are
        skipped.  While L{isBlocked}, these replies are queued behind those that wait.
        """
        if self.isBlocked:
            # TLS delivers what it has decrypted even after it was told to pause.
            self._replies = chain(self._replies, replies)
            return
        self._replies = replies
        for reply in replies:
            if reply:
                self.put(reply)
                if self.isBlocked:
                    return
        self._replies = _NONE

    def put(self, reply: bytes) -> None:
        """
        Send one reply, or begin to.  Only allowed while not L{isBlocked}.
        """
        self._transport.write(reply)

    def detach(self) -> None:
        """
        Release the transport: there will be no more replies.
        """
        self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """Stop sending: the transport's buffer is full."""
        self.isBlocked = True

    def resumeProducing(self) -> None:
        """Send again: the transport's buffer is empty."""
        self.isBlocked = False
        self.send(self._replies)
        if not self.isBlocked:
            self._owner.repliesGone()

    def stopProducing(self) -> None:
        """Drop all replies: the connection is lost."""
        self._replies = _NONE


@implementer(IPullProducer)
class DirectReplySender(ReplySender):
    """
    Send replies straight to the socket.

    This is the transport's producer only while the transport buffers part of a reply.
    So L{isBlocked} also means that the transport's buffer is not empty.
    """

    __slots__ = ("_rest",)

    def attach(self) -> None:
        """Begin with an empty buffer."""
        self._rest = b""

    def detach(self) -> None:
        """Do nothing: this is the transport's producer only while it is blocked."""

    def put(self, reply: bytes) -> None:
        """Give a reply to the kernel, and what it does not take to the transport."""
        try:
            sent = self._transport.socket.send(reply)
        except OSError:
            # The socket is full, or the connection is lost.  The transport finds out
            # which when it writes the rest, and acts on it.
            sent = 0
        if sent == len(reply):
            return
        self._rest = reply[sent:]
        self.isBlocked = True
        self._transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Give the transport the rest, or the next reply: its buffer is empty."""
        reply = self._rest or next(filter(None, self._replies), b"")
        self._rest = b""
        if reply:
            self._transport.write(reply)
            return
        self._replies = _NONE
        self._transport.unregisterProducer()
        self.isBlocked = False
        self._owner.repliesGone()


def replySender(transport: Any, owner: ReplySenderOwner) -> ReplySender:
    """
    Make the sender with the least delay for a transport.

    @param transport: as for L{ReplySender}.
    @param owner: as for L{ReplySender}.
    """
    if isBareSocket(transport):
        return DirectReplySender(transport, owner)
    return ReplySender(transport, owner)
