"""
The intercom: each member's messages go to all the others.

A member's own message comes back to it as in the echo.  The others get it as one line,
C{[stamp] <NAME> message}.  Notices report who joins and leaves, C{[stamp] * NAME
joined}.  Everybody gets everything in the same order and with the same stamps.

L{Intercom} is the room, a L{Member} is one connection in it, and L{Pace} makes fast
writers wait for slow readers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from echostamp.intercom.formatting import notice
from echostamp.intercom.member import Member
from echostamp.intercom.naming import freeName
from echostamp.intercom.pace import BACKLOG, Pace
from echostamp.line.protocol import TimestampEcho


class Intercom:
    """
    The members of one daemon, by their names.

    @ivar pace: makes fast writers wait for slow readers.
    @ivar hasCommands: see L{__init__}.
    """

    def __init__(
        self,
        reactor: Any,
        backlog: int = BACKLOG,
        hasNotices: bool = True,
        acknowledged: Callable[[Any], int] = lambda transport: 0,
        hasCommands: bool = True,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param backlog: octets that may be queued for a member; see L{Pace}.
        @param hasNotices: whether notices report who joins and leaves.
        @param acknowledged: counts what a peer has acknowledged; see L{Pace}.
        @param hasCommands: whether any message may be a command; otherwise only the
            first one may request a name.
        """
        self.hasCommands = hasCommands
        self.pace = Pace(reactor, backlog, acknowledged)
        self._hasNotices = hasNotices
        self._members: dict[bytes, Member] = {}

    def join(self, transport: Any, echo: TimestampEcho) -> Member:
        """
        Add a connection, under the name of its address.

        @param transport: the transport of the connection.
        @param echo: the protocol of the connection.
        """
        member = Member(self, transport, echo)
        member.name = freeName(echo.peer.encode(), self._members)
        self._members[member.name] = member
        return member

    def leave(self, member: Member) -> bool:
        """
        Remove a member: its connection is lost, or about to close.

        @return: whether it was in the room.
        """
        if not member.isPresent:
            return False
        member.isPresent = False
        del self._members[member.name]
        self.pace.left(member)
        return True

    def rename(self, member: Member, name: bytes) -> None:
        """
        Give a member a name, or a similar one if that is taken.
        """
        del self._members[member.name]
        member.name = freeName(name, self._members)
        self._members[member.name] = member

    @property
    def members(self) -> Collection[Member]:
        """All members."""
        return self._members.values()

    @property
    def isAlone(self) -> bool:
        """Whether there is no second member to get a line."""
        return len(self._members) < 2

    def broadcast(self, sender: Member, lines: bytes) -> None:
        """
        Deliver lines to all members but the sender.

        No member joins or leaves during this call, so everybody gets all lines in the
        same order.
        """
        for member in self._members.values():
            if member is not sender:
                member.deliver(lines)

    def notify(self, subject: Member, text: bytes, stamp: bytes) -> None:
        """
        Deliver a notice to all members but the one that it is about.
        """
        if self._hasNotices:
            self.broadcast(subject, notice(stamp, text))
