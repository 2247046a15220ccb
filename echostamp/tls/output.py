"""
Send ciphertext by a transport, and stop where the peer does not read.

On a bare socket the kernel gets the ciphertext at once, in the same turn of the
reactor.  Any other transport gets it by C{write}.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from echostamp.baresocket import isBareSocket


class OutputOwner(Protocol):
    """
    Where an output gets ciphertext from while it is blocked.
    """

    def moreOutput(self) -> bytes:
        """Give what is to be sent next; empty where nothing waits."""

    def outputBlocked(self) -> None:
        """Write no more: what was sent last waits for the peer to read."""

    def outputGone(self) -> None:
        """Continue: everything that waited has been sent."""


@implementer(IPullProducer)
class DirectOutput:
    """
    Send straight to a socket.

    This is the transport's producer only while the transport buffers something.
    """

    __slots__ = ("_owner", "_rest", "_transport")

    def __init__(self, transport: Any, owner: OutputOwner) -> None:
        """
        @param transport: a bare socket's.
        @param owner: asked for more after each time that L{send} was blocked.
        """
        self._transport = transport
        self._owner = owner
        self._rest = b""

    def send(self, data: bytes) -> bool:
        """
        Give ciphertext to the kernel, and what it does not take to the transport.

        @return: whether all of it is sent.  If not, the owner is asked for more later.
        """
        try:
            sent = self._transport.socket.send(data)
        except OSError:
            # The socket is full, or the connection is lost.  The transport finds out
            # which when it writes the rest, and acts on it.
            sent = 0
        if sent == len(data):
            return True
        self._rest = data[sent:]
        self._owner.outputBlocked()
        self._transport.registerProducer(self, False)
        return False

    def resumeProducing(self) -> None:
        """Give the transport the rest, or what is next: its buffer is empty."""
        data = self._rest or self._owner.moreOutput()
        self._rest = b""
        if data:
            self._transport.write(data)
            return
        self._transport.unregisterProducer()
        self._owner.outputGone()

    def stopProducing(self) -> None:
        """Drop the rest: the connection is lost."""
        self._rest = b""

    def detach(self) -> None:
        """Do nothing: this is the transport's producer only while it is blocked."""


@implementer(IPushProducer)
class WrittenOutput:
    """
    Send by any transport's C{write}.
    """

    __slots__ = ("_isFull", "_owner", "_transport")

    def __init__(self, transport: Any, owner: OutputOwner) -> None:
        """
        @param transport: an L{ITransport <twisted.internet.interfaces.ITransport>} that
            is an L{IConsumer <twisted.internet.interfaces.IConsumer>}.
        @param owner: see L{DirectOutput.__init__}.
        """
        self._transport = transport
        self._owner = owner
        self._isFull = False
        transport.registerProducer(self, True)

    def send(self, data: bytes) -> bool:
        """
        Give ciphertext to the transport.

        @return: see L{DirectOutput.send}.
        """
        self._transport.write(data)
        return not self._isFull

    def pauseProducing(self) -> None:
        """Stop sending: the transport's buffer is full."""
        self._isFull = True
        self._owner.outputBlocked()

    def resumeProducing(self) -> None:
        """Send what has waited: the transport's buffer is empty."""
        self._isFull = False
        while data := self._owner.moreOutput():
            if not self.send(data):
                return
        self._owner.outputGone()

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, and the transport has dropped it all."""

    def detach(self) -> None:
        """Release the transport: nothing more will be sent."""
        self._transport.unregisterProducer()


Output = DirectOutput | WrittenOutput


def outputOf(transport: Any, owner: OutputOwner) -> Output:
    """
    Make the output with the least delay for a transport.

    @param transport: as for L{WrittenOutput}.
    @param owner: as for L{DirectOutput}.
    """
    if isBareSocket(transport):
        return DirectOutput(transport, owner)
    return WrittenOutput(transport, owner)
