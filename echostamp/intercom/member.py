"""
A member of the intercom: one connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Any, Protocol

from echostamp.intercom.formatting import linesForOthers
from echostamp.intercom.joining import Joining
from echostamp.intercom.pace import Pace, limitUnsent
from echostamp.line.protocol import TimestampEcho
from echostamp.line.sending import ReplySender, replySender

#: Octets of queued lines that are sent together.
_PIECE = 65_536


class Room(Protocol):
    """
    What a member needs of its room: the other members, wherever they are.

    @ivar pace: reports whether the member has to wait for slow readers.
    """

    pace: Pace

    @property
    def isAlone(self) -> bool:
        """Whether nobody else would get a line."""

    def broadcast(self, sender: Member, lines: bytes) -> None:
        """Deliver lines to all members but the sender."""

    def notify(self, subject: Member, text: bytes, stamp: bytes) -> None:
        """Deliver a notice to all members but the one that it is about."""

    def rename(self, member: Member, name: bytes) -> None:
        """Give a member a name, or a similar one if that is taken."""

    def leave(self, member: Member) -> bool:
        """
        Remove a member.

        @return: whether it was in the room.
        """


class Member:
    """
    Send a connection's messages to the other members, and their lines to its peer.

    This takes the place of the echo's L{ReplySender}, and has one of its own.  Lines of
    other members are queued while the peer does not read, and while a long message of
    the peer's own is being passed on.

    @ivar echo: the protocol of the connection.
    @ivar transport: the transport of the connection.
    @ivar name: the name that the others see.
    @ivar isPresent: whether it is in the room.
    @ivar isAnnounced: whether the others know that it has joined.
    @ivar isCut: whether it will be disconnected in the next turn.  Nothing more is
        queued for it.
    @ivar isPassing: whether a long message of its own is being passed on.
    @ivar queued: octets that are queued for it.
    @ivar dequeued: octets that have left the queue.
    """

    __slots__ = (
        "_isMidLine",
        "_joining",
        "_out",
        "_pace",
        "_queue",
        "_room",
        "_unsent",
        "dequeued",
        "echo",
        "isAnnounced",
        "isCut",
        "isPassing",
        "isPresent",
        "name",
        "queued",
        "transport",
    )

    name: bytes

    def __init__(self, room: Room, transport: Any, echo: TimestampEcho) -> None:
        """
        @param room: the other members.
        @param transport: the transport of the connection.
        @param echo: makes the replies, and is told when blocked ones have been sent.
        """
        limitUnsent(transport)
        self.transport = transport
        self.echo = echo
        self.isPresent = True
        self.isAnnounced = self.isCut = self.isPassing = self._isMidLine = False
        self.queued = self.dequeued = 0
        self._room = room
        # A reference of its own saves an attribute lookup per message.
        self._pace = room.pace
        self._out: ReplySender = replySender(transport, self)
        self._queue: deque[bytes] = deque()
        self._unsent: Iterator[bytes] | None = None
        self._joining: Joining | None = Joining(room, self)

    @property
    def isBlocked(self) -> bool:
        """Whether its messages have to wait."""
        return self._unsent is not None or self._out.isBlocked or self._pace.isPaused

    @property
    def isFull(self) -> bool:
        """Whether its peer has to read before more can be sent."""
        return self._out.isBlocked

    @property
    def isHolding(self) -> bool:
        """Whether L{repliesGone} or L{resume} will be called."""
        return self._out.isBlocked or self._pace.isHeld(self)

    @property
    def growth(self) -> int:
        """How many octets longer than its reply a line for the others is."""
        return len(self._prefix)

    @property
    def _prefix(self) -> bytes:
        """The text between the stamp and a message, for the others."""
        return b"<%s> " % self.name

    # --- From its peer to the others --------------------------------------------------

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Send messages: each reply is made when the others can take its line.
        """
        if self.isBlocked:
            # TLS delivers what it has decrypted even after it was told to pause.
            self._unsent = chain(self._unsent or (), replies)
            self._pace.hold(self)
            return
        for reply in replies:
            self.put(reply)
            if self.isBlocked:
                self._unsent = replies
                return

    def put(self, reply: bytes) -> None:
        """
        Send messages of one read.  Only allowed while not L{isBlocked}.
        """
        rest = reply
        if self.isPassing:
            # The others have got the beginning of this message already.
            end = reply.find(b"\n") + 1 or len(reply)
            rest = reply[end:]
            if rest and self._queue:
                # Lines that were queued meanwhile come before the next message.
                self._isMidLine = False
                reply = reply[:end] + b"".join(self._dequeue()) + rest
        self.isPassing = self.echo.isPassing
        answer = b""
        if rest and self._joining is not None:
            rest, answer = self._joining.firstMessage(rest)
            self._joining = None
        if reply:
            # The sender may wait for its reply, so it comes before the others' lines.
            self._out.put(reply)
            self._isMidLine = not reply.endswith(b"\n")
        if rest and not self._room.isAlone:
            lines = linesForOthers(rest, self._prefix, self.echo.factory.maxLength)
            self._room.broadcast(self, lines)
        if answer:
            self.deliver(answer)
        self._flush()
        if self._pace.isPaused:
            self._pace.hold(self)

    # --- From the others to its peer --------------------------------------------------

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

    def resume(self) -> None:
        """
        Send the messages that had to wait, if that is possible now.
        """
        if self._out.isBlocked:
            return
        unsent, self._unsent = self._unsent, None
        if unsent is not None:
            self.send(unsent)
        if self.isBlocked:
            self._pace.hold(self)
        else:
            # It may be held although nobody is waited for: its own peer did not read.
            self._pace.release(self)
            self.echo.repliesGone()

    # --- How it ends ------------------------------------------------------------------

    def disconnectSoon(self, reason: str) -> None:
        """
        Disconnect the member in the reactor's next turn, when everybody has got the
        lines of this turn.

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
        self._leave()
        self._out.detach()

    def stopProducing(self) -> None:
        """Leave the room and drop all queues: the connection is lost."""
        self._leave()
        self._out.stopProducing()
        self._unsent = None
        self._queue.clear()

    def _leave(self) -> None:
        """
        Leave the room, and notify the others.
        """
        if self._joining is not None:
            self._joining.stop()
            self._joining = None
        wasPresent = self._room.leave(self)
        factory = self.echo.factory
        # When the daemon stops, everybody leaves: n members would make n * n notices.
        if wasPresent and self.isAnnounced and not factory.isStopping:
            self._room.notify(self, b"%s left" % self.name, factory.stamp())
