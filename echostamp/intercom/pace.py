"""
Keep fast writers at the pace of slow readers.

A member that reads more slowly than the others write falls behind: lines for it are
queued.  When its queue is long, the room stops reading from everybody until the member
has caught up.  Waiting is bounded for the room, whoever it waits for and however many
they are: see L{Allowance}.  A member whose queue does not move is too slow to wait for.
A member whose queue grows too long all the same is disconnected, and so is a member
that reads nothing for L{STALLED} seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall

from echostamp.intercom.allowance import Allowance

#: Octets that may be queued for a member.
BACKLOG = 1_048_576

#: The most octets that one member may add to all queues before it can be paused: a
#: message of the greatest --max-length and one read.
SURGE = 262_144

#: Seconds without reading after which a member that is behind is disconnected.
STALLED = 5.0

#: Seconds between two checks whether the members that are behind still read.
CHECK_INTERVAL = 0.5

#: Seconds between two looks at the queues while everybody waits.  The second look at a
#: queue that does not move ends the wait.
GLANCE = 0.125

#: See C{tcp(7)}.  Python lacks it where the system does.
_NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)

#: Octets that our kernel may buffer before it has sent them.
_UNSENT = 131_072


class Held(Protocol):
    """
    What waits until nobody is waited for.
    """

    def resume(self) -> None:
        """Go on with what had to wait for other members."""


class PacedMember(Held, Protocol):
    """
    What L{Pace} needs of a member.

    @ivar transport: the member's transport.
    @ivar queued: octets that are queued for the member.
    @ivar dequeued: octets that have left its queue.
    @ivar isPassing: whether a message of its own is being passed on.
    """

    transport: Any
    queued: int
    dequeued: int
    isPassing: bool

    @property
    def isFull(self) -> bool:
        """Whether its peer has to read before more can be sent."""

    def disconnectSoon(self, reason: str) -> None:
        """Disconnect the member in the reactor's next turn."""


class Pace:
    """
    Follow which members are behind, and pause everybody while one is waited for.

    @ivar isPaused: whether no member may send until one has caught up.
    """

    def __init__(
        self,
        reactor: Any,
        backlog: int = BACKLOG,
        acknowledged: Callable[[Any], int] = lambda transport: 0,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param backlog: octets that may be queued for a member, at least L{SURGE}.
        @param acknowledged: gives a number that grows with each octet that the peer of
            a transport has acknowledged; where that is not known, always the same.
        """
        self.isPaused = False
        self._reactor = reactor
        self._backlog = backlog
        self._high = backlog - SURGE
        self._acknowledged = acknowledged
        # Of each that is behind: its progress, and since when that is the same.
        self._behind: dict[PacedMember, tuple[int, float]] = {}
        self._waitedFor: set[PacedMember] = set()
        # Those that cannot be waited for before they have caught up.
        self._tooSlow: set[PacedMember] = set()
        # Of each member that is behind: what had left its queue at the last look.
        self._seen: dict[PacedMember, int] = {}
        self._allowance = Allowance()
        self._pausedAt = self._pauseEnds = 0.0
        self._look: IDelayedCall | None = None
        # In the order in which they were paused.
        self._held: dict[Held, None] = {}
        self._check: IDelayedCall | None = None

    def fellBehind(self, member: PacedMember) -> None:
        """
        Follow a member: something is queued for it, perhaps more than before.
        """
        if member.queued > self._backlog:
            member.disconnectSoon(f"more than {self._backlog} bytes behind")
            return
        if member not in self._behind:
            self._behind[member] = self._progress(member), self._reactor.seconds()
            if self._check is None:
                self._check = self._reactor.callLater(CHECK_INTERVAL, self._checkAll)
        self._judge(member)

    def tookSome(self, member: PacedMember) -> None:
        """
        Judge a member again: its queue is shorter than before.  What it may have waited
        for until now is not its own fault.
        """
        if member in self._behind:
            self._behind[member] = self._progress(member), self._reactor.seconds()
            self._judge(member)

    def caughtUp(self, member: PacedMember) -> None:
        """
        Stop following a member: its queue and its transport's buffer are empty.
        """
        if member in self._behind:
            self._waitFor(member, False)
            del self._behind[member]
            self._tooSlow.discard(member)
            if not self._behind and self._check is not None:
                self._check.cancel()
                self._check = None

    def left(self, member: PacedMember) -> None:
        """
        Forget a member: it has left the room, or its connection is lost.
        """
        self.release(member)
        self.caughtUp(member)

    def hold(self, sender: Held) -> None:
        """
        Let a member that wants to send wait until nobody is waited for.
        """
        self._held[sender] = None

    def release(self, member: Held) -> None:
        """
        Forget that a member waits: it may send, or has left.
        """
        self._held.pop(member, None)

    def isHeld(self, member: Held) -> bool:
        """
        Say whether a member waits to be resumed.
        """
        return member in self._held

    def _judge(self, member: PacedMember) -> None:
        """
        Wait for a member if it is far behind, and not too slow.
        """
        isFar = _isBehind(member, self._high)
        self._waitFor(member, isFar and member not in self._tooSlow)

    def _waitFor(self, member: PacedMember, isWaitedFor: bool) -> None:
        """
        Wait for a member, or not.  The others are resumed when none is waited for.
        """
        if isWaitedFor:
            self._waitedFor.add(member)
            self._pause()
        elif member in self._waitedFor:
            self._waitedFor.remove(member)
            if not self._waitedFor:
                self._unpause()

    def _pause(self) -> None:
        """
        Pause everybody, for as long as the room may still wait.
        """
        if self.isPaused:
            return
        now = self._reactor.seconds()
        left = self._allowance.left(now)
        if left > 0:
            self.isPaused = True
            self._pausedAt, self._pauseEnds = now, now + left
            self._lookSoon()

    def _lookSoon(self) -> None:
        """
        Look again before long, unless the time is over.
        """
        left = self._pauseEnds - self._reactor.seconds()
        if left > 0:
            self._look = self._reactor.callLater(min(left, GLANCE), self._lookAtQueues)
        else:
            self._unpause()

    def _lookAtQueues(self) -> None:
        """
        Stop waiting for those whose queue does not move.

        Members that are not as far behind are judged, too.  So the wait for one is the
        wait for all that get the same lines and are as slow.
        """
        self._look = None
        for member, before in self._seen.items():
            isStill = member in self._behind and member.dequeued == before
            if isStill and _isBehind(member, self._high // 2):
                self._tooSlow.add(member)
                self._waitFor(member, False)
        if self.isPaused:
            self._seen = {member: member.dequeued for member in self._behind}
            self._lookSoon()

    def _unpause(self) -> None:
        """
        Resume everybody: nobody is waited for, or it has taken too long.
        """
        if not self.isPaused:
            return
        self.isPaused = False
        self._seen = {}
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._allowance.waited(self._pausedAt, self._reactor.seconds())
        # In the next turn: a member may be in the middle of sending.
        self._reactor.callLater(0, self._resumeHeld)

    def _resumeHeld(self) -> None:
        """
        Resume the members that had to wait, until they have to wait again.
        """
        for member in tuple(self._held):
            if self.isPaused:
                return
            if member in self._held:
                del self._held[member]
                member.resume()

    def _progress(self, member: PacedMember) -> int:
        """
        Give a number that changes whenever a member reads something.  A transport
        reports room only after the peer has read much; the kernel counts each octet.
        """
        return member.dequeued + self._acknowledged(member.transport)

    def _checkAll(self) -> None:
        """
        Check whether each member that is behind still reads.
        """
        self._check = self._reactor.callLater(CHECK_INTERVAL, self._checkAll)
        now = self._reactor.seconds()
        for member, (before, since) in tuple(self._behind.items()):
            progress = self._progress(member)
            if progress != before:
                self._behind[member] = progress, now
            elif member.isFull and now - since >= STALLED:
                member.disconnectSoon(f"took nothing for {STALLED:g} s")
            self._judge(member)


def _isBehind(member: PacedMember, most: int) -> bool:
    """
    Say whether more octets are queued for a member, by its own fault.
    """
    return member.queued > most and member.isFull and not member.isPassing


def limitUnsent(transport: Any) -> None:
    """
    Limit what our kernel buffers for a peer, so that the rest is queued here.

    Otherwise the kernel buffers megabytes, and reports room only when a third of them
    is gone.  That is too late to see that a slow peer does read.
    """
    connection: Any = getattr(transport, "socket", None)
    family = getattr(connection, "family", None)
    if family in (socket.AF_INET, socket.AF_INET6) and _NOTSENT_LOWAT is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _UNSENT)
