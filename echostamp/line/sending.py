"""
Replies on their way out.

Where the transport is a bare socket, a reply is given to the kernel in the turn of
the reactor in which its message came.  What the kernel does not take goes to the
transport's own buffer, and until that is empty the peer is not read from and no
further reply is made.  Every other transport (TLS among them, whose socket must
never see a reply in the clear) gets its replies by C{write}, with the same effect
a little later.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer


class Waiting(Protocol):
    """
    Who waits for replies to leave.  It, and not a method of it, is what a sender holds:
    there is one for each connection.
    """

    def repliesGone(self) -> None:
        """What was blocked has gone."""


class Sender(Protocol):
    """
    What replies leave by: a L{ReplySender}, or what stands before one.

    @ivar isBlocked: whether a reply would have to wait.
    @ivar isFull: whether replies wait for the peer to read.
    @ivar isHolding: whether L{Waiting.repliesGone} will come, so that the peer can be
        read from again.
    @ivar growth: octets by which anything that is made of a message may be longer than
        its reply.
    """

    @property
    def isBlocked(self) -> bool: ...
    @property
    def isFull(self) -> bool: ...
    @property
    def isHolding(self) -> bool: ...
    @property
    def growth(self) -> int: ...

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Send replies, each of which is made when the one before it has gone.
        """

    def put(self, reply: bytes) -> None:
        """
        Send one reply that is there; not while L{isBlocked}.
        """

    def detach(self) -> None:
        """There will be no more replies."""

    def stopProducing(self) -> None:
        """The connection is gone."""


#: No replies.
_NONE: Iterator[bytes] = iter(())


@implementer(IPushProducer)
class ReplySender:
    """
    Send replies by way of any transport's C{write}.

    @ivar isBlocked: whether replies wait for the peer to read.
    @ivar growth: see L{Sender}.
    """

    __slots__ = ("_replies", "_transport", "_waiting", "isBlocked")

    growth = 0

    def __init__(self, transport: Any, waiting: Waiting) -> None:
        """
        @param transport: where the replies go: an L{ITransport
            <twisted.internet.interfaces.ITransport>} that is an L{IConsumer
            <twisted.internet.interfaces.IConsumer>}.
        @param waiting: is told each time when what was blocked has gone.
        """
        self._transport = transport
        self._waiting = waiting
        self._replies = _NONE
        self.isBlocked = False
        self.attach()

    @property
    def isFull(self) -> bool:
        """The same: replies wait for nothing else."""
        return self.isBlocked

    isHolding = isFull

    def attach(self) -> None:
        """
        Ask the transport to say when it holds enough.
        """
        self._transport.registerProducer(self, True)

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Send replies, each of which is made when the one before it has gone; empty ones
        are nothing.  While L{isBlocked}, they wait behind those that wait already.
        """
        if self.isBlocked:
            # TLS hands on what it has decrypted even after it was told to pause.
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
        Send one reply that is there, or begin to; not while L{isBlocked}.
        """
        self._transport.write(reply)

    def detach(self) -> None:
        """
        Let go of the transport: there will be no more replies.
        """
        self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """The transport holds enough."""
        self.isBlocked = True

    def resumeProducing(self) -> None:
        """The transport has sent what it held."""
        self.isBlocked = False
        self.send(self._replies)
        if not self.isBlocked:
            self._waiting.repliesGone()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._replies = _NONE


@implementer(IPullProducer)
class DirectReplySender(ReplySender):
    """
    Send replies straight to the socket.

    It is the transport's producer only while the transport holds some of a reply,
    so that L{isBlocked} also says that the transport's buffer is not empty.
    """

    __slots__ = ("_rest",)

    def attach(self) -> None:
        """Nothing is held yet."""
        self._rest = b""

    def detach(self) -> None:
        """Nothing is held any more."""

    def put(self, reply: bytes) -> None:
        """Give a reply to the kernel, and what it does not take to the transport."""
        try:
            sent = self._transport.socket.send(reply)
        except OSError:
            # It is full, or the connection is lost: the transport finds out which,
            # and acts on it, when it writes the rest.
            sent = 0
        if sent == len(reply):
            return
        self._rest = reply[sent:]
        self.isBlocked = True
        self._transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """The transport holds nothing: give it the rest, or the next reply."""
        reply = self._rest or next(filter(None, self._replies), b"")
        self._rest = b""
        if reply:
            self._transport.write(reply)
            return
        self._replies = _NONE
        self._transport.unregisterProducer()
        self.isBlocked = False
        self._waiting.repliesGone()


def replySender(transport: Any, waiting: Waiting) -> ReplySender:
    """
    Find the way on which replies leave soonest.

    @param transport: as for L{ReplySender}.
    @param waiting: as for L{ReplySender}.
    """
    if isBareSocket(transport):
        return DirectReplySender(transport, waiting)
    return ReplySender(transport, waiting)


def isBareSocket(transport: Any) -> bool:
    """
    Say whether octets that are sent past a transport's buffer reach the peer as they
    are: of TCP and UNIX sockets, but never under TLS.
    """
    return isinstance(transport, Connection) and not transport.TLS
