"""
One connection's place in the intercom.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from echostamp.intercom.formatting import NAMES, askedName, isName, retold
from echostamp.line.sending import ReplySender, replySender

if TYPE_CHECKING:
    from echostamp.intercom.room import Intercom
    from echostamp.line.protocol import TimestampEcho

#: Seconds that a new client has for its name, before its joining is told.
NAMING = 1.0

#: See C{tcp(7)}; systems that have it not lack it in Python, too.
_LOW_WATER: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)

#: Octets of what waits that leave together.
_PIECE = 65_536

#: Octets that the kernel of this end may hold before it has sent them.
_UNSENT = 131_072


class Member:
    """
    What a connection says goes by way of this to the others, and what they say comes.

    It stands where the connection's L{ReplySender} does in the echo, and has one of its
    own.  What the others say waits while the peer does not read, and while a message of
    the peer's that is passed on as it comes has not ended.

    @ivar name: what the others call it.
    @ivar isAnnounced: whether the others know that it has joined.
    @ivar isCut: whether its connection is about to be cut: nothing more waits for it.
    @ivar behind: octets that wait.
    @ivar left: octets of those that waited which wait no more.
    """

    __slots__ = (
        "_hasSpoken",
        "_intercom",
        "_isMidLine",
        "_naming",
        "_out",
        "_queue",
        "_unsaid",
        "behind",
        "echo",
        "isAnnounced",
        "isCut",
        "isPassing",
        "left",
        "name",
        "transport",
    )

    name: bytes

    def __init__(self, intercom: Intercom, transport: Any, echo: TimestampEcho) -> None:
        """
        @param intercom: the others.
        @param transport: the connection's.
        @param echo: makes its replies, and is told when they have gone.
        """
        _keepNear(transport)
        self.transport = transport
        self.echo = echo
        self.isAnnounced = self.isCut = False
        self.behind = self.left = 0
        self._intercom = intercom
        self._out: ReplySender = replySender(transport, self)
        self._queue: deque[bytes] = deque()
        self._unsaid: Iterator[bytes] | None = None
        self._hasSpoken = self._isMidLine = self.isPassing = False
        self._naming: Any = intercom.reactor.callLater(NAMING, self._announce)

    @property
    def isBlocked(self) -> bool:
        """Whether what it says has to wait."""
        return (
            self._unsaid is not None or self._out.isBlocked or self._intercom.isWaiting
        )

    @property
    def isFull(self) -> bool:
        """Whether its peer has to take something before there is room for more."""
        return self._out.isBlocked

    @property
    def isHolding(self) -> bool:
        """Whether L{repliesGone} or L{goOn} will come."""
        return self._out.isBlocked or self._intercom.holds(self)

    @property
    def growth(self) -> int:
        """Octets by which what the others read of a message is longer."""
        return len(self._prefix)

    @property
    def _prefix(self) -> bytes:
        """What stands before its messages."""
        return b"<%s> " % self.name

    # --- What it says -----------------------------------------------------------------

    def send(self, replies: Iterator[bytes]) -> None:
        """
        Say something: each reply is made when the others can take it.
        """
        if self.isBlocked:
            # TLS hands on what it has decrypted even after it was told to pause.
            self._unsaid = chain(self._unsaid or (), replies)
            self._intercom.hold(self)
            return
        for reply in replies:
            self.put(reply)
            if self.isBlocked:
                self._unsaid = replies
                return

    def put(self, reply: bytes) -> None:
        """
        Say something that is there; not while L{isBlocked}.
        """
        rest = reply
        if self.isPassing:
            # The others have read the beginning of this message.
            end = reply.find(b"\n") + 1 or len(reply)
            rest = reply[end:]
            if rest and self._queue:
                # What they said since then comes before what is said next.
                self._isMidLine = False
                reply = reply[:end] + b"".join(self._waiting()) + rest
        self.isPassing = self.echo.isPassing
        note = b""
        if rest and not self._hasSpoken:
            self._hasSpoken = True
            first, _, others = rest.partition(b"\n")
            stamp, bracket, message = first.partition(b"] ")
            stamp += bracket
            asked = askedName(message)
            if asked is not None:
                rest = others
                note = self._named(asked, stamp)
            self._announce(stamp)
        if reply:
            # Before the others': a sender that waits for it has it the sooner.
            self._out.put(reply)
            self._isMidLine = not reply.endswith(b"\n")
        if rest and not self._intercom.isAlone:
            told = retold(rest, self._prefix, self.echo.factory.maxLength)
            self._intercom.tell(self, told)
        if note:
            self.hear(note)
        self._release()
        if self._intercom.isWaiting:
            self._intercom.hold(self)

    def _named(self, asked: bytes, stamp: bytes) -> bytes:
        """
        Take the name that the first message asks for.

        @param stamp: that message's.
        @return: a notice about it for who asked, if it is due.
        """
        before = self.name
        why = b"a name has %s" % NAMES.encode()
        if isName(asked):
            why = b"%s is taken" % asked
            self._intercom.rename(self, asked)
            self.echo.factory.visitors.say(
                "names",
                "{peer} is {name}",
                peer=self.echo.peer,
                name=self.name.decode(),
            )
            if self.isAnnounced:
                self._tellOthers(b"%s is now %s" % (before, self.name), stamp)
        if self.name == asked:
            return b""
        return _notice(stamp, b"you are %s: %s" % (self.name, why))

    def _announce(self, stamp: bytes = b"") -> None:
        """
        Tell the others that this one has joined.

        @param stamp: of the message that it begins with, if it is that which tells.
        """
        if not self.isAnnounced:
            self.isAnnounced = True
            self._stopNaming()
            self._tellOthers(b"%s joined" % self.name, stamp)

    def _tellOthers(self, text: bytes, stamp: bytes = b"") -> None:
        """
        Give a notice to the others.

        @param stamp: its stamp; none for that of this moment.
        """
        if self._intercom.hasNotices:
            stamp = stamp or self.echo.factory.stamp()
            self._intercom.tell(self, _notice(stamp, text))

    def _stopNaming(self) -> None:
        """
        The name is known, or nobody needs it.
        """
        if self._naming.active():
            self._naming.cancel()

    # --- What it hears ----------------------------------------------------------------

    def hear(self, lines: bytes) -> None:
        """
        Take what others have said.
        """
        if self._queue or self._isMidLine or self._out.isBlocked:
            if self.isCut:
                return
            self._queue.append(lines)
            self.behind += len(lines)
            self._release()
        else:
            self._out.put(lines)
        if self._queue or self._out.isBlocked:
            self._intercom.fellBehind(self)

    def _release(self) -> None:
        """
        Let what waits go, if it may.
        """
        if self._queue and not (self.isPassing or self._out.isBlocked):
            self._out.send(self._waiting())
        if not (self._queue or self._out.isBlocked):
            self._intercom.caughtUp(self)

    def _waiting(self) -> Iterator[bytes]:
        """
        Give what waits, in pieces.
        """
        queue = self._queue
        while queue:
            pieces, size = [], 0
            if self._isMidLine:
                # A reply to a message without a newline.
                self._isMidLine = False
                pieces.append(b"\n")
            while queue and size < _PIECE:
                size += len(queue[0])
                pieces.append(queue.popleft())
            self.behind -= size
            self.left += size
            self._intercom.tookSome(self)
            yield b"".join(pieces)

    def repliesGone(self) -> None:
        """The peer has taken what it had not read."""
        self._release()
        if self._queue or self._out.isBlocked:
            self._intercom.fellBehind(self)
        self.goOn()

    def goOn(self) -> None:
        """
        Say what could not be said yet, if it can be now.
        """
        if self._out.isBlocked:
            return
        unsaid, self._unsaid = self._unsaid, None
        if unsaid is not None:
            self.send(unsaid)
        if self.isBlocked:
            self._intercom.hold(self)
        else:
            self.echo.repliesGone()

    # --- How it ends ------------------------------------------------------------------

    def cut(self) -> None:
        """
        End the connection, whatever waits.
        """
        self.stopProducing()
        self.echo.abort()

    def detach(self) -> None:
        """There will be no more replies: nothing is heard any more, either."""
        self._leave()
        self._out.detach()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._leave()
        self._out.stopProducing()
        self._unsaid = None
        self._queue.clear()

    def _leave(self) -> None:
        """
        The others go on without this one.
        """
        self._stopNaming()
        hasLeft = self._intercom.leave(self)
        # Where all are leaving, each need not be told of all the others.
        if hasLeft and self.isAnnounced and not self.echo.factory.isStopping:
            self._tellOthers(b"%s left" % self.name)


def _notice(stamp: bytes, text: bytes) -> bytes:
    """
    Make a notice.
    """
    return b"%s* %s\n" % (stamp, text)


def _keepNear(transport: Any) -> None:
    """
    Keep what waits for a peer here and not in the kernel, which holds megabytes of it
    and tells that there is room when a third of that is gone: too late to see that a
    peer does take data, if slowly.
    """
    connection: Any = getattr(transport, "socket", None)
    family = getattr(connection, "family", None)
    if family in (socket.AF_INET, socket.AF_INET6) and _LOW_WATER is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _LOW_WATER, _UNSENT)
