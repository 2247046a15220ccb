"""
Those members of a room of several daemons that are connected to this one: what they are
shown.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from echostamp.intercom.entries import Entry, Join, Rename, Say
from echostamp.intercom.formatting import linesOf, notice
from echostamp.intercom.recent import Recent
from echostamp.intercom.relayedmember import RelayedMember
from echostamp.intercom.sharedroom import Change, Joined, Left, SharedRoom
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.text import counted

#: What members are told while the relay is away.
_AWAY = b"the others cannot be reached: lines wait"

#: How many daemons that are gone are remembered.
_MOST_GONE = 1000


class Audience:
    """
    The members that are connected to this daemon.

    @ivar factory: makes the protocols of their connections.
    """

    factory: TimestampEchoFactory

    def __init__(self, reactor: Any, hasNotices: bool, recent: Recent) -> None:
        """
        @param reactor: runs the timers.
        @param hasNotices: whether notices report who joins and leaves.
        @param recent: keeps the last lines for new members.
        """
        self._reactor = reactor
        self._hasNotices = hasNotices
        self._recent = recent
        self._members: dict[int, RelayedMember] = {}
        self._missed = 0
        self._isAlone = False
        # Of each daemon: the number of the last line that was shown here.
        self._shown: dict[bytes, int] = {}
        # The same of daemons that are gone, since a new order may have their entries.
        self._gone: dict[bytes, int] = {}

    def __iter__(self) -> Iterator[RelayedMember]:
        return iter(tuple(self._members.values()))

    def stamp(self) -> bytes:
        """
        Give the stamp of the current time.
        """
        return self.factory.stamp()

    def get(self, number: int) -> RelayedMember | None:
        """
        Give a member by its number; L{None} if it is not there.
        """
        return self._members.get(number)

    def add(self, member: RelayedMember) -> None:
        """
        Add a member, and show it what was said before.
        """
        self._members[member.number] = member
        if self._isAlone:
            # It would wait for its replies and not know why.
            member.deliver(notice(self.stamp(), _AWAY))
        before = self._recent.shown()
        if before:
            stamp = self.stamp()
            count = sum(lines.count(b"\n") for lines in before)
            text = b"%s from before:" % counted(count, "line").encode()
            lines = [notice(stamp, text), *before, notice(stamp, b"now:")]
            member.deliver(b"".join(lines))

    def remove(self, member: RelayedMember) -> None:
        """
        Remove a member: its connection is lost, or about to close.
        """
        self._members.pop(member.number, None)

    def answer(self, entry: Entry, shared: SharedRoom) -> RelayedMember | None:
        """
        Send the reply to what a member has said: it has its place.

        @param entry: an entry of this daemon.
        @param shared: the room at this place.
        @return: the member, if it is connected.
        """
        operation, name = entry.operation, None
        member = self._members.get(getattr(operation, "member", 0))
        if member is not None:
            if isinstance(operation, Join | Rename):
                listed = shared.members.get((entry.daemon, operation.member))
                name = None if listed is None else listed.name
            member.heard(operation.stamp, name)
        return member

    @property
    def replay(self) -> int:
        """How many lines are kept for new members."""
        return self._recent.most

    def hear(
        self,
        entry: Entry,
        name: bytes | None,
        sender: RelayedMember | None,
        isPast: bool = False,
    ) -> None:
        """
        Show everybody but the sender what a member has said, unless it was shown.

        @param entry: an entry of the relay.
        @param name: the name that its member has; L{None}: it is not there.
        @param sender: the member; L{None} if it is not connected to this daemon.
        @param isPast: whether only new members are to get it.
        """
        say, isShown = entry.operation, self.isShown(entry)
        self.skipTo(entry.daemon, entry.last)
        if name is None or not isinstance(say, Say) or isShown:
            return
        prefix = b"<%s> " % name
        lines = linesOf(say.stamp, prefix, say.text, self.factory.maxLength)
        self._recent.add(lines)
        if not isPast:
            self._deliver(lines, sender)

    def isShown(self, entry: Entry) -> bool:
        """
        Say whether an entry was shown.
        """
        return entry.last <= self._reached(entry.daemon)

    def _reached(self, daemon: bytes) -> int:
        """
        Give the number of the last line of a daemon that was shown.
        """
        return max(self._gone.get(daemon, 0), self._shown.get(daemon, 0))

    def knows(self, daemon: bytes) -> bool:
        """
        Say whether lines of a daemon were shown.
        """
        return daemon in self._shown or daemon in self._gone

    def missTo(self, daemon: bytes, last: int) -> None:
        """
        Tell everybody that the lines of a daemon were missed which were not shown.

        @param last: the number of the last of them.
        """
        missed = last - self._reached(daemon)
        if missed > 0:
            self.miss(missed)

    def skipTo(self, daemon: bytes, last: int) -> None:
        """
        Take lines of a daemon as shown.

        @param last: the number of the last of them.
        """
        self._shown[daemon] = max(last, self._reached(daemon))

    def forget(self, daemon: bytes) -> None:
        """
        Forget a daemon that is gone.
        """
        last = self._shown.pop(daemon, None)
        if last is not None:
            self._gone[daemon] = last
            if len(self._gone) > _MOST_GONE:
                del self._gone[next(iter(self._gone))]

    def forgetBut(self, daemons: Container[bytes]) -> None:
        """
        Forget all daemons but some.
        """
        for daemon in [each for each in self._shown if each not in daemons]:
            self.forget(daemon)

    def tell(
        self, changes: Iterable[Change], own: Callable[[Change], RelayedMember | None]
    ) -> None:
        """
        Report who joins, leaves and changes its name to everybody but that member.

        @param own: gives the member that a change is about; L{None} if it is not
            connected to this daemon.
        """
        if not self._hasNotices:
            return
        for change in changes:
            name = change.member.name
            if isinstance(change, Joined):
                text = b"%s joined" % name
            elif isinstance(change, Left):
                text = b"%s left" % name
            else:
                text = b"%s is now %s" % (change.before, name)
            self._deliver(notice(change.stamp, text), own(change))

    def notify(self, text: bytes) -> None:
        """
        Tell everybody something about the room itself.
        """
        self._deliver(notice(self.stamp(), text), None)

    def away(self) -> None:
        """
        Tell everybody, and each new member, that the others cannot be reached.
        """
        self._isAlone = True
        self.notify(_AWAY)

    def back(self) -> None:
        """
        Tell everybody that the others can be reached again.
        """
        self._isAlone = False
        self.notify(b"the others can be reached again")

    def miss(self, lines: int) -> None:
        """
        Tell everybody how many lines were missed, in one notice for those of a turn.
        """
        if not self._missed:
            self._reactor.callLater(0, self._tellMissed)
        self._missed += lines

    def _tellMissed(self) -> None:
        """
        Tell everybody how many lines were missed.
        """
        lines = counted(self._missed, "line").encode()
        self._missed = 0
        self.notify(b"%s of others did not arrive here" % lines)

    def _deliver(self, lines: bytes, but: RelayedMember | None) -> None:
        """
        Deliver lines to all members but one.
        """
        for member in self._members.values():
            if member is not but:
                member.deliver(lines)
