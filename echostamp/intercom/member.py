"""
A member of the intercom: one connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from echostamp.intercom.answering import answer
from echostamp.intercom.commands import MARK, SLASH, Piece, cut
from echostamp.intercom.delivery import Delivery
from echostamp.intercom.formatting import linesForOthers
from echostamp.intercom.interfaces import Room
from echostamp.intercom.joining import Joining
from echostamp.intercom.naming import LONGEST_NAME
from echostamp.line.protocol import TimestampEcho

#: Octets of answers, and of lines before commands, after which a member's next command
#: waits for the next turn: many commands in one read must not keep the others waiting.
_TURN = 16_384

#: Octets of the text that precedes a message for the others, if the name is a long one.
_LONGEST_PREFIX = LONGEST_NAME + len("<> ")


class Member(Delivery):
    """
    Send a connection's messages to the other members, and their lines to its peer.

    This takes the place of the echo's L{ReplySender
    <echostamp.line.sending.ReplySender>}, and has one of its own.  Its messages wait
    while its peer does not read, and while the room waits for slow readers.

    @ivar name: the name that the others see.
    @ivar since: see L{NamedMember<echostamp.intercom.interfaces.NamedMember>}.
    @ivar renamed: see L{NamedMember<echostamp.intercom.interfaces.NamedMember>}.
    """

    __slots__ = (
        "_joining",
        "_pending",
        "_room",
        "_unsent",
        "_worked",
        "name",
        "renamed",
        "since",
    )

    name: bytes

    def __init__(self, room: Room, transport: Any, echo: TimestampEcho) -> None:
        """
        @param room: the other members.
        @param transport: the transport of the connection.
        @param echo: makes the replies, and is told when blocked ones have been sent.
        """
        super().__init__(room.pace, transport, echo)
        self.since = b""
        self.renamed: float | None = None
        self._room = room
        # Lines before commands that the others have not got yet, and the octets of
        # such lines and of answers in this turn.
        self._pending: list[bytes] = []
        self._worked = 0
        self._unsent: Iterator[Piece] | None = None
        self._joining: Joining | None = Joining(room, self)

    @property
    def isBlocked(self) -> bool:
        """Whether its messages have to wait."""
        if self._unsent is not None or self._out.isBlocked:
            return True
        # Behind its /quit it waits for nobody.
        return self._pace.isPaused and self.isPresent

    @property
    def isHolding(self) -> bool:
        """Whether L{Delivery.repliesGone} or L{resume} will be called."""
        return self._out.isBlocked or self._pace.isHeld(self)

    @property
    def growth(self) -> int:
        """How many octets longer than its reply a line for the others may be: a change
        of name may come before it."""
        return max(len(self._prefix), _LONGEST_PREFIX)

    @property
    def _prefix(self) -> bytes:
        """The text between the stamp and a message, for the others."""
        return b"<%s> " % self.name

    # --- From its peer to the others --------------------------------------------------

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Send messages: each reply is made when the others can take its line.
        """
        found = chain.from_iterable(map(self._cut, replies))
        if self.isBlocked:
            # TLS delivers what it has decrypted even after it was told to pause.
            self._unsent = chain(self._unsent or (), found)
            self._pace.hold(self)
        else:
            self._sendPieces(found)

    def _cut(self, reply: bytes) -> Iterator[Piece]:
        """
        Split replies behind each command, when the replies before them have been sent.
        """
        longest = self.echo.factory.maxLength
        return cut(reply, self.isPassing, self._room.hasCommands, longest)

    def _sendPieces(self, found: Iterator[Piece]) -> None:
        """
        Send messages, and answer the commands among them, until the next has to wait.
        """
        self._worked = 0
        for piece in found:
            self.put(*piece)
            if not self.isPresent:
                # It has quit.
                return
            isMuch = self._worked > _TURN
            if isMuch and not self._out.isBlocked:
                self._pace.hold(self)
                self.echo.factory.reactor.callLater(0, self._nextTurn)
            if isMuch or self.isBlocked:
                self._unsent = found
                break
        self.deliverPending()
        if self._pace.isPaused:
            self._pace.hold(self)

    def deliverPending(self) -> None:
        """
        Deliver the lines before commands.  They are collected, since to deliver each by
        itself to many members would take long.
        """
        if self._pending:
            lines = b"".join(self._pending)
            self._pending.clear()
            self._room.broadcast(self, lines)

    def _nextTurn(self) -> None:
        """
        Continue behind many answers, unless the connection is lost.
        """
        if self._unsent is not None:
            self.resume()

    def put(self, reply: bytes, command: bytes | None = None, hidden: int = 0) -> None:
        """
        Send messages of one read, and answer the command behind them.  Only allowed
        while not L{isBlocked}.

        @param command: as L{Piece} has it, like the others; L{None} where the commands
            of a read have not been found yet.
        """
        if command is None and SLASH in reply and MARK in reply:
            self._sendPieces(self._cut(reply))
            return
        rest = reply
        if self.isPassing:
            # The others have got the beginning of this message already.
            end = reply.find(b"\n") + 1 or len(reply)
            rest = reply[end:]
            if rest and self._queue:
                # Lines that were queued meanwhile come before the next message.
                self._isMidLine = False
                reply = reply[:end] + b"".join(self._dequeue()) + rest
        # The message that is being passed on, if any, comes behind the last command.
        self.isPassing = not command and self.echo.isPassing
        answers = b""
        shared = rest
        if rest and self._joining is not None:
            shared, answers = self._joining.firstMessage(rest)
            self._joining = None
            if not shared:
                # The only message has requested a name.
                command = b""
        if reply:
            # The sender may wait for its reply, so it comes before the others' lines.
            self._out.put(reply)
            self._isMidLine = not reply.endswith(b"\n")
        if hidden:
            shared = shared[:-hidden]
        if shared and not self._room.isAlone:
            lines = linesForOthers(shared, self._prefix, self.echo.factory.maxLength)
            if command:
                self._pending.append(lines)
                self._worked += len(lines)
            else:
                self.deliverPending()
                self._room.broadcast(self, lines)
        if command:
            stamp = rest[: rest.index(b"] ") + 2]
            answers += answer(self._room, self, command, stamp)
        if answers:
            self._worked += len(answers)
            self.deliver(answers)
        self._flush()
        if self._pace.isPaused:
            self._pace.hold(self)
        if command == b"/quit":
            self.quit()

    def resume(self) -> None:
        """
        Send the messages that had to wait, if that is possible now.
        """
        if self._out.isBlocked:
            return
        if not self._pace.isPaused:
            unsent, self._unsent = self._unsent, None
            if unsent is not None:
                self._sendPieces(unsent)
        if not self.isBlocked:
            # It may be held although nobody is waited for: its own peer did not read.
            self._pace.release(self)
            self.echo.repliesGone()
        elif self.isPresent:
            self._pace.hold(self)

    # --- How it ends ------------------------------------------------------------------

    def stopProducing(self) -> None:
        """Leave the room and drop all queues: the connection is lost."""
        super().stopProducing()
        self._unsent = None

    def quit(self) -> None:
        """Leave the room, and let the connection end behind what was sent."""
        self.deliverPending()
        super().quit()

    def leave(self) -> None:
        """Leave the room, and notify the others."""
        if self._joining is not None:
            self._joining.stop()
            self._joining = None
        wasPresent = self._room.leave(self)
        factory = self.echo.factory
        # When the daemon stops, everybody leaves: n members would make n * n notices.
        if wasPresent and self.since and not factory.isStopping:
            self._room.notify(self, b"%s left" % self.name, factory.stamp())
