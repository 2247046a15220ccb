"""
A member of an intercom of several daemons: one connection to this one.

What the peer says takes effect, for the peer, too, where it has its place in the order
of the room: when the relay brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from echostamp.intercom.announcing import Announcing
from echostamp.intercom.commands import Piece
from echostamp.intercom.entries import Join, Leave
from echostamp.intercom.formatting import notice
from echostamp.intercom.interfaces import RelayedRoom
from echostamp.intercom.naming import LONGEST_NAME, refusal, requestedName
from echostamp.intercom.ordereddelivery import OrderedDelivery
from echostamp.intercom.speech import Speech, WaitingReply, answerTo
from echostamp.intercom.waiting import WaitingReplies
from echostamp.line.protocol import TimestampEcho

#: Octets of answers after which a member's next command waits for the next turn.
_TURN = 16_384


class RelayedMember(OrderedDelivery):
    """
    Give a connection's messages to the relay, and the replies and the lines of others
    to its peer.

    This takes the place of the echo's L{ReplySender
    <echostamp.line.sending.ReplySender>}.

    @ivar number: the number that its daemon has given it.
    @ivar speech: what it says.
    @ivar isListed: whether it was heard that it has joined.
    """

    __slots__ = (
        "_announcing",
        "_hasQuit",
        "_isWaiting",
        "_room",
        "_unsaid",
        "_waiting",
        "_worked",
        "isListed",
        "number",
        "speech",
    )

    def __init__(
        self, room: RelayedRoom, transport: Any, echo: TimestampEcho, number: int
    ) -> None:
        """
        @param room: the room.
        @param transport: the transport of the connection.
        @param echo: makes the replies, and is told when blocked ones have been sent.
        @param number: see L{number}.
        """
        super().__init__(room.pace, transport, echo)
        self.number = number
        self.speech = Speech(echo, number, room.place)
        self.isListed = False
        self._room = room
        # Replies that wait for their place, and messages behind them that are not said
        # yet.
        self._waiting = WaitingReplies()
        self._unsaid: Iterator[Piece] | None = None
        # Whether the echo was told to wait, and whether what follows is discarded.
        self._isWaiting = self._hasQuit = False
        # Octets of answers in this turn.
        self._worked = 0
        self._announcing = Announcing(echo.factory.reactor, self._silent)

    @property
    def isBlocked(self) -> bool:
        """Whether its messages have to wait."""
        return self._unsaid is not None or self._mustWait

    @property
    def _mustWait(self) -> bool:
        """Whether its next message has to wait."""
        if self._waiting.isFull or self._out.isBlocked:
            return True
        return self.isPresent and (self._pace.isPaused or self._room.isFull)

    @property
    def isHolding(self) -> bool:
        """Whether replies wait, for their place or for the peer."""
        return self._waiting.isOwed or self._isWaiting or self._out.isBlocked

    @property
    def growth(self) -> int:
        """How many octets longer than its reply a line for the others may be."""
        return max(len(self.speech.name), LONGEST_NAME) + len("<> ")

    # --- From its peer to the relay ---------------------------------------------------

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Send messages: each reply is made when the relay can take it.
        """
        pieces = chain.from_iterable(map(self._cut, replies))
        # TLS delivers what it has decrypted even after it was told to pause.
        self._unsaid = chain(self._unsaid or (), pieces)
        self._proceed()

    def put(self, reply: bytes) -> None:
        """
        Send messages of one read.  Only allowed while not L{isBlocked}.
        """
        self._unsaid = self._cut(reply)
        self._proceed()

    def _cut(self, reply: bytes) -> Iterator[Piece]:
        """
        Split replies behind each command, when the replies before them have been taken.
        """
        return self.speech.cut(reply, self._room.hasCommands)

    def _proceed(self) -> None:
        """
        Say messages until the next has to wait.
        """
        unsaid, self._unsaid = self._unsaid, None
        while unsaid is not None and not self._hasQuit:
            if self._mustWait:
                self._unsaid = unsaid
                break
            piece = next(unsaid, None)
            if piece is None:
                break
            for reply in self.speech.take(piece):
                self._add(reply)
        if self.isBlocked:
            self._isWaiting = True
            if self._pace.isPaused:
                self._pace.hold(self)
            if self._room.isFull:
                self._room.hold(self)

    def _add(self, reply: WaitingReply) -> None:
        """
        Have a reply wait for its place.
        """
        self._hasQuit = self._hasQuit or reply.command == b"/quit"
        if self.speech.hasJoined:
            self._announcing.stop()
        if reply.operation is None and not self._waiting:
            self._release(reply)
            return
        self._waiting.add(reply)
        if reply.operation is not None:
            self._room.say(reply.operation)

    def _silent(self) -> bool:
        """
        Join a member that has not sent anything yet.

        @return: whether that could be done.
        """
        # Connections that come and go would need memory without a limit.
        if self._room.isFull:
            return False
        self._add(self.speech.join(self.echo.factory.stamp()))
        return True

    def resume(self) -> None:
        """
        Go on with what had to wait, if that is possible now.
        """
        self._proceed()
        if self.isBlocked:
            return
        isEnding = self.echo.isEnding
        if self._isWaiting or isEnding:
            # The end of the input waits for what is on its way.
            if isEnding and self._waiting.isOwed:
                return
            self._isWaiting = False
            self._pace.release(self)
            self.echo.repliesGone()

    # --- From the relay to its peer ---------------------------------------------------

    def heard(self, stamp: bytes, name: bytes | None = None) -> None:
        """
        Send the reply whose operation has its place now.

        @param stamp: the stamp of the operation.
        @param name: the name that the member has by it; L{None}: the same as before.
        """
        while self._waiting.isReady:
            self._release(self._waiting.take())
        if not self._waiting:
            return
        reply = self._waiting.take()
        before = self.speech.name
        if name is not None:
            self.speech.have(name)
        answer = b""
        if self.speech.name != before:
            log, peer = self.echo.factory.connectionLog, self.echo.peer
            given = self.speech.name.decode()
            log.write("names", "{peer} is {name}", peer=peer, name=given)
            if self.isListed:
                answer = notice(stamp, b"%s is now %s" % (before, self.speech.name))
        requested = requestedName(reply.command)
        if requested is not None:
            text = refusal(requested, self.speech.name)
            answer += notice(stamp, text) if text else b""
        self.isListed = self.isListed or name is not None
        self._release(reply._replace(answer=answer))

    def follow(self) -> None:
        """
        Send the replies up to the next whose operation has not been heard.
        """
        while self._waiting.isReady:
            if self._worked > _TURN:
                self._worked = 0
                self.echo.factory.reactor.callLater(0, self.follow)
                return
            self._release(self._waiting.take())
        self._worked = 0
        if self.isPresent or self._hasQuit:
            self.resume()

    def _release(self, reply: WaitingReply) -> None:
        """
        Send a reply, and what follows it.
        """
        self.reply(reply.octets, reply.isPassing)
        if reply.command == b"/quit":
            self.quit()
        answer = reply.answer + answerTo(reply, self._room.who)
        if answer:
            self._worked += len(answer)
            self.deliver(answer)

    def joinAgain(self) -> Join:
        """
        Give the operation by which the member joins once more, before all that waits:
        the others have lost it.
        """
        joining = self.speech.joining(self.echo.factory.stamp())
        self._waiting.addFirst(WaitingReply(b"", joining))
        return joining

    # --- How it ends ------------------------------------------------------------------

    @property
    def unanswered(self) -> int:
        """How many lines wait for their place."""
        return self._waiting.lines

    def stopProducing(self) -> None:
        """Leave the room and drop all queues: the connection is lost."""
        super().stopProducing()
        self._unsaid = None
        self._waiting.clear()
        self._later.clear()

    def quit(self) -> None:
        """Leave the room, and let the connection end behind what was sent."""
        self._waiting.clear()
        super().quit()

    def leave(self) -> None:
        """Leave the room, and tell the others."""
        self._announcing.stop()
        if not self.isPresent:
            return
        self.isPresent = False
        self._pace.left(self)
        self._room.left(self)
        # When the daemon stops, all its members leave by one operation.
        if self.speech.hasJoined and not self.echo.factory.isStopping:
            self._room.say(Leave(self.number, self.echo.factory.stamp()))
