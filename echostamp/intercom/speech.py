"""
What a member of an intercom of several daemons says: operations for all daemons, and
replies that wait for their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import NamedTuple

from echostamp.intercom.commands import (
    RENAME_INTERVAL,
    Piece,
    cut,
    helpNotices,
    unknownNotice,
    waitNotice,
)
from echostamp.intercom.entries import Join, Operation, Rename, Say
from echostamp.intercom.formatting import notice
from echostamp.intercom.naming import (
    isName,
    readFirstMessage,
    refusal,
    requestedName,
)
from echostamp.line.protocol import TimestampEcho


class WaitingReply(NamedTuple):
    """
    A reply that waits for its place.

    @ivar octets: the reply; may be empty.
    @ivar operation: what has to be heard before it; L{None}: it comes right behind the
        reply before it.
    @ivar isPassing: whether the message goes on behind it.
    @ivar command: the command that is done behind it; empty if there is none.
    @ivar answer: a notice that follows it.
    """

    octets: bytes
    operation: Operation | None = None
    isPassing: bool = False
    command: bytes = b""
    answer: bytes = b""


class Speech:
    """
    Turns the messages of a member into replies that wait.

    @ivar hasJoined: whether the member has asked for its place in the room.
    @ivar name: the name of the member, as far as is known.
    """

    __slots__ = (
        "_asked",
        "_echo",
        "_number",
        "_passes",
        "_place",
        "_renamed",
        "hasJoined",
        "name",
    )

    def __init__(self, echo: TimestampEcho, number: int, place: str) -> None:
        """
        @param echo: the protocol of the connection.
        @param number: the member's number at this daemon.
        @param place: what this daemon is called where members are listed.
        """
        self._echo = echo
        self._number = number
        self._place = place
        # Whether the last message goes on, and when a change of name was asked for.
        self._passes = False
        self._renamed: float | None = None
        # The name that was asked for last: probably the member has it by now.
        self._asked = b""
        self.hasJoined = False
        self.name = echo.peer.encode()

    def cut(self, reply: bytes, hasCommands: bool) -> Iterator[Piece]:
        """
        Split replies behind each command, when the replies before them have been taken.
        """
        longest = self._echo.factory.maxLength
        return cut(reply, self._passes, hasCommands, longest)

    def take(self, piece: Piece) -> Iterator[WaitingReply]:
        """
        Give the replies of a piece, in order.
        """
        reply, command, hidden = piece
        wasPassing, rest = self._passes, reply
        self._passes = isPassing = not command and self._echo.isPassing
        if wasPassing:
            end = reply.find(b"\n") + 1 or len(reply)
            rest = reply[end:]
            yield WaitingReply(reply[:end], isPassing=isPassing and not rest)
        if not rest:
            return
        stamp = stampOf(rest)
        if not self.hasJoined:
            first = readFirstMessage(rest)
            if first.requestedName is None:
                yield self.join(stamp)
            else:
                said = rest[: len(rest) - len(first.following)]
                joining = self.join(stamp, said, first.requestedName)
                isLast = not first.following
                yield joining._replace(isPassing=isPassing and isLast)
                rest = first.following
                hidden = hidden if rest else 0
        shared = rest[: len(rest) - hidden]
        if shared:
            text = shared.replace(b"\n" + stamp, b"\n")[len(stamp) :]
            if not text.endswith(b"\n"):
                text += b"\n"
            say = Say(self._number, self._asked or self.name, stamp, text)
            # The answer to a word that is no command comes behind its line.
            word = b"" if hidden or not rest else command
            yield WaitingReply(shared, say, isPassing, word)
        if hidden:
            yield self._command(rest[len(shared) :], command, stamp)

    def join(
        self, stamp: bytes, reply: bytes = b"", requested: bytes | None = None
    ) -> WaitingReply:
        """
        Ask for the member's place in the room.

        @param reply: the reply to the request of a name.
        @param requested: the name; L{None} if none is requested.
        """
        self.hasJoined = True
        name = requested if requested is not None and isName(requested) else self.name
        self._asked = name
        command = b"" if requested is None else b"/name " + requested
        return WaitingReply(reply, self.joining(stamp, name), command=command)

    def joining(self, stamp: bytes, name: bytes = b"") -> Join:
        """
        Make the operation by which the member joins.

        @param name: the name; empty: the one that it has.
        """
        address = f"{self._echo.peer} at {self._place}"
        return Join(self._number, name or self.name, address, stamp)

    def _command(self, reply: bytes, command: bytes, stamp: bytes) -> WaitingReply:
        """
        Give the reply to a command, which is done at its place.
        """
        requested = requestedName(command)
        if requested is None:
            return WaitingReply(reply, command=command)
        name = self._asked or self.name
        if requested == name or not isName(requested):
            return WaitingReply(reply, answer=self.givenName(stamp, requested))
        now, renamed = self._echo.factory.reactor.seconds(), self._renamed
        if renamed is not None and now - renamed < RENAME_INTERVAL:
            left = ceil(RENAME_INTERVAL - (now - renamed))
            return WaitingReply(reply, answer=waitNotice(stamp, name, left))
        self._renamed, self._asked = now, requested
        return WaitingReply(
            reply, Rename(self._number, requested, stamp), command=command
        )

    def have(self, name: bytes) -> None:
        """
        Note the name that the member has now.
        """
        self.name, self._asked = name, b""

    def givenName(self, stamp: bytes, requested: bytes) -> bytes:
        """
        Tell the member which name it has, behind a request.

        @return: a notice; empty if it has the name that its first message requested.
        """
        name = self._asked or self.name
        text = refusal(requested, name) or b"you are %s" % name
        return notice(stamp, text)


def stampOf(replies: bytes) -> bytes:
    """
    Give the stamp of replies, with its brackets and space.
    """
    return replies[: replies.index(b"] ") + 2]


def answerTo(reply: WaitingReply, who: Callable[[bytes], bytes]) -> bytes:
    """
    Answer the command behind a reply.

    @param who: answers C{/who}, with a stamp.
    @return: notices for this member alone; empty if there are none.
    """
    command = reply.command
    if not command or command == b"/quit" or requestedName(command) is not None:
        return b""
    stamp = stampOf(reply.octets)
    if command == b"/who":
        return who(stamp)
    if command == b"/help":
        return helpNotices(stamp)
    return unknownNotice(stamp, command)
