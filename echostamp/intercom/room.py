"""
The intercom: what one client says, all the others hear.

A sender's own message comes back to it as in the echo.  To everyone else it is one
line, C{[stamp] <NAME> message}; who comes and goes is told in notices, C{[stamp] * NAME
joined}.  Everybody hears everything in the same order and with the same stamps.

L{Intercom} is the room, a L{Member} is one connection's place in it.

Who does not read as fast as the others speak falls behind; who is far behind is waited
for as long as it takes data, and cut when it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall

from echostamp.intercom.formatting import LONGEST_NAME, isName
from echostamp.intercom.member import Member

if TYPE_CHECKING:
    from echostamp.line.protocol import TimestampEcho

#: Octets that a member may be behind.
BACKLOG = 1_048_576

#: The most octets that all members may become more behind by what one of them says
#: before it can be held back: a message of the greatest --max-length and one read.
SURGE = 262_144

#: Seconds without taking anything after which a member that is behind is cut.
STALLED = 5.0

#: Seconds without taking anything after which a member is not waited for.  Who reads
#: slowly opens a window for no less than a segment: on loopback 64 KiB.
PATIENCE = 2.5

#: Seconds after which it is looked at who takes something.
LOOK = 0.5


class Intercom:
    """
    The members, and what they have to wait for.
    """

    def __init__(
        self,
        reactor: Any,
        backlog: int = BACKLOG,
        hasNotices: bool = True,
        acknowledged: Callable[[Any], int] = lambda transport: 0,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param backlog: octets that a member may be behind, at least L{SURGE}.
        @param hasNotices: whether the others are told who comes and goes.
        @param acknowledged: gives a number that grows with each octet which the peer
            of a transport takes, where that is known.
        """
        self.reactor = reactor
        self.hasNotices = hasNotices
        self._backlog = backlog
        self._high = backlog - SURGE
        self._acknowledged = acknowledged
        self._members: dict[bytes, Member] = {}
        self._behind: dict[Member, tuple[int, float]] = {}
        self._waitedFor: set[Member] = set()
        self._held: dict[Member, None] = {}
        self._look: IDelayedCall | None = None

    def join(self, transport: Any, echo: TimestampEcho) -> Member:
        """
        Let a connection in.

        @param transport: the connection's.
        @param echo: makes its replies.
        """
        member = Member(self, transport, echo)
        member.name = self._freeName(echo.peer.encode())
        self._members[member.name] = member
        return member

    def leave(self, member: Member) -> bool:
        """
        A connection is gone, or as good as gone.

        @return: whether it was there.
        """
        if not self._has(member):
            return False
        del self._members[member.name]
        self._held.pop(member, None)
        self.caughtUp(member)
        return True

    def _has(self, member: Member) -> bool:
        """
        Say whether a member is still there.
        """
        return self._members.get(member.name) is member

    def rename(self, member: Member, name: bytes) -> None:
        """
        Give a member the name that it asks for, or one like it.
        """
        del self._members[member.name]
        member.name = self._freeName(name)
        self._members[member.name] = member

    def _freeName(self, name: bytes) -> bytes:
        """
        Give a name that nobody has: this one, or with a number behind it.  That of one
        who has asked for it remains one that may be asked for.
        """
        most = max(LONGEST_NAME, len(name))
        isAsked = isName(name)
        free, number = name, 1
        while free in self._members or (isAsked and not isName(free)):
            number += 1
            suffix = b"-%d" % number
            free = name[: most - len(suffix)] + suffix
        return free

    # --- What is said -----------------------------------------------------------------

    def tell(self, speaker: Member, lines: bytes) -> None:
        """
        Tell the others what somebody says, or what is said about somebody.

        Nobody comes or goes within: so everybody hears all in the same order.
        """
        for member in self._members.values():
            if member is not speaker:
                member.hear(lines)

    @property
    def isAlone(self) -> bool:
        """Whether nobody would hear what is said."""
        return len(self._members) < 2

    # --- Who is behind ----------------------------------------------------------------

    @property
    def isWaiting(self) -> bool:
        """Whether nothing more is to be said before somebody has caught up."""
        return bool(self._waitedFor)

    def fellBehind(self, member: Member) -> None:
        """
        A member has something to take, perhaps more than before.
        """
        if not self._has(member):
            return
        if member.behind > self._backlog:
            self._cut(member, f"more than {self._backlog} bytes behind")
            return
        if member not in self._behind:
            self._behind[member] = self._taken(member), self.reactor.seconds()
            if self._look is None:
                self._look = self.reactor.callLater(LOOK, self._lookAtThem)
        self._judge(member)

    def tookSome(self, member: Member) -> None:
        """
        A member has less to take than before.
        """
        if member in self._behind:
            self._judge(member)

    def caughtUp(self, member: Member) -> None:
        """
        Nothing waits for a member any more, neither here nor in its transport.
        """
        self._waitFor(member, False)
        self._behind.pop(member, None)
        if not self._behind and self._look is not None:
            self._look.cancel()
            self._look = None

    def _judge(self, member: Member) -> None:
        """
        See whether a member is to be waited for: it is far behind, but takes data.
        """
        self._waitFor(
            member,
            member.behind > self._high
            and member.isFull
            and not member.isPassing
            and self.reactor.seconds() - self._behind[member][1] < PATIENCE,
        )

    def _waitFor(self, member: Member, isWaitedFor: bool) -> None:
        """
        Wait for a member, or not, and let the others speak again when there is none.
        """
        if isWaitedFor:
            self._waitedFor.add(member)
        elif member in self._waitedFor:
            self._waitedFor.remove(member)
            if not self._waitedFor:
                # Not within what a member is doing now.
                self.reactor.callLater(0, self._goOn)

    def hold(self, speaker: Member) -> None:
        """
        Let a member that has something to say wait for the others.
        """
        self._held[speaker] = None

    def holds(self, member: Member) -> bool:
        """
        Say whether a member waits for the others.
        """
        return member in self._held

    def _goOn(self) -> None:
        """
        Let those speak who had to wait, until they have to wait again.
        """
        for member in tuple(self._held):
            if self._waitedFor:
                return
            if member in self._held:
                del self._held[member]
                member.goOn()

    def _taken(self, member: Member) -> int:
        """
        Give a number that changes whenever a member takes something: the transport has
        room only when much of what the kernel holds is gone, the kernel knows of each
        octet.
        """
        return member.left + self._acknowledged(member.transport)

    def _lookAtThem(self) -> None:
        """
        See who of those that are behind takes data.
        """
        self._look = self.reactor.callLater(LOOK, self._lookAtThem)
        now = self.reactor.seconds()
        for member, (before, since) in tuple(self._behind.items()):
            taken = self._taken(member)
            if taken != before:
                self._behind[member] = taken, now
            elif member.isFull and now - since >= STALLED:
                self._cut(member, f"took nothing for {STALLED:g} s")
            self._judge(member)

    def _cut(self, member: Member, why: str) -> None:
        """
        End the connection of who does not keep up: in the next turn, when everybody
        has heard what is being told.
        """
        if not member.isCut:
            member.isCut = True
            member.echo.factory.visitors.say(
                "cuts", "{peer} cut: {why}", peer=member.echo.peer, why=why
            )
            self.reactor.callLater(0, member.cut)
