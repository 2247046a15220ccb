"""
The lines of other members for one peer: sent, or queued while they have to wait.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Any

from echostamp.intercom.pace import Pace, limitUnsent
from echostamp.line.protocol import TimestampEcho
from echostamp.line.sending import ReplySender, replySender

#: Octets of queued lines that are sent together.
_PIECE = 65_536


class Delivery(ABC):
    """
    Send lines to a peer.  Queue them while it does not read, and while a long message
    of its own is being passed on.

    @ivar transport: the transport of the connection.
    @ivar echo: the protocol of the connection.
    @ivar isPresent: whether the peer is a member of the room.
    @ivar isCut: whether it will be disconnected in the next turn.  Nothing more is
        queued for it.
    @ivar isPassing: whether a long message of its own is being passed on.
    @ivar queued: octets that are queued for it.
    @ivar dequeued: octets that have left the queue.
    """

    __slots__ = (
        "_isMidLine",
        "_out",
        "_pace",
        "_queue",
        "dequeued",
        "echo",
        "isCut",
        "isPassing",
        "isPresent",
        "queued",
        "transport",
    )

    def __init__(self, pace: Pace, transport: Any, echo: TimestampEcho) -> None:
        """
        @param pace: told when the peer is behind, and when it is not any more.
        @param transport: the transport of the connection.
        @param echo: makes the replies, and is told when blocked ones have been sent.
        """
        limitUnsent(transport)
        self.transport = transport
        self.echo = echo
        self.isPresent = True
        self.isCut = self.isPassing = self._isMidLine = False
        self.queued = self.dequeued = 0
        self._pace = pace
        self._out: ReplySender = replySender(transport, self)
        self._queue: deque[bytes] = deque()

    @property
    def isFull(self) -> bool:
        """Whether its peer has to read before more can be sent."""
        return self._out.isBlocked

    def deliver(self, lines: bytes) -> None:
        """
        Send lines of other members to the peer, or queue them.
        """
        if self._queue or self._isMidLine or self._out.isBlocked:
            if self.isCut:
                return
            self._queue.append(lines)
            self.queued += len(lines)
            self._flush()
        else:
            self._out.put(lines)
        if self._queue or self._out.isBlocked:
            self._pace.fellBehind(self)

    def _flush(self) -> None:
        """
        Send the queued lines, if that is possible now.
        """
        if self._queue and not (self.isPassing or self._out.isBlocked):
            self._out.send(self._dequeue())
        if not (self._queue or self._out.isBlocked):
            self._pace.caughtUp(self)

    def _dequeue(self) -> Iterator[bytes]:
        """
        Give the queued lines, in pieces.
        """
        queue = self._queue
        while queue:
            pieces, size = [], 0
            if self._isMidLine:
                # The reply before these lines has no newline.
                self._isMidLine = False
                pieces.append(b"\n")
            while queue and size < _PIECE:
                size += len(queue[0])
                pieces.append(queue.popleft())
            self.queued -= size
            self.dequeued += size
            self._pace.tookSome(self)
            yield b"".join(pieces)

    def repliesGone(self) -> None:
        """Send more: the peer has read what it had not read."""
        self._flush()
        if self._queue or self._out.isBlocked:
            self._pace.fellBehind(self)
        self.resume()

    @abstractmethod
    def resume(self) -> None:
        """Send the peer's own messages that had to wait, if that is possible now."""

    # --- How it ends ------------------------------------------------------------------

    def disconnectSoon(self, reason: str) -> None:
        """
        Disconnect the peer in the reactor's next turn, when everybody has got the lines
        of this turn.

        @param reason: for the log.
        """
        if not self.isCut:
            self.isCut = True
            factory = self.echo.factory
            text, peer = "{peer} cut: {why}", self.echo.peer
            factory.connectionLog.write("cuts", text, peer=peer, why=reason)
            factory.reactor.callLater(0, self._disconnect)

    def _disconnect(self) -> None:
        """
        Abort the connection, whatever is queued.
        """
        self.stopProducing()
        self.echo.abort()

    def detach(self) -> None:
        """Leave the room: there will be no more replies."""
        self.leave()
        self._out.detach()

    def stopProducing(self) -> None:
        """Leave the room and drop all queues: the connection is lost."""
        self.leave()
        self._pace.left(self)
        self._out.stopProducing()
        self._queue.clear()

    def quit(self) -> None:
        """
        Leave the room, and let the connection end behind what was sent.
        """
        self.leave()
        if self._out.isBlocked:
            # It has left, but a peer that reads nothing is still disconnected.
            self._pace.fellBehind(self)
        self.echo.quit()

    @abstractmethod
    def leave(self) -> None:
        """Leave the room, and tell the others."""
