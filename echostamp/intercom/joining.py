"""
How a member joins: the first message may request its name, then it is announced.
"""

from __future__ import annotations

from echostamp.intercom.announcing import Announcing
from echostamp.intercom.answering import changeName
from echostamp.intercom.formatting import notice
from echostamp.intercom.interfaces import NamedMember, Room
from echostamp.intercom.naming import isName, readFirstMessage, refusal


class Joining:
    """
    Announce a member with its first message, or when it is silent.  Give it the name
    that its first message requests.

    One exists for a member until its first message.
    """

    __slots__ = ("_announcing", "_member", "_room")

    def __init__(self, room: Room, member: NamedMember) -> None:
        """
        @param room: the room that the member joins.
        @param member: the member.
        """
        self._room = room
        self._member = member
        reactor = member.echo.factory.reactor
        self._announcing = Announcing(reactor, self._silent)

    def firstMessage(self, replies: bytes) -> tuple[bytes, bytes]:
        """
        Handle the first message: it may request a name.  Announce the member.

        @param replies: the replies to the first messages of the member.
        @return: the replies whose lines the others get, and a notice for this member
            alone; either may be empty.
        """
        answer = b""
        first = readFirstMessage(replies)
        if first.requestedName is not None:
            replies = first.following
            answer = self._takeName(first.requestedName, first.stamp)
        self._announce(first.stamp)
        return replies, answer

    def stop(self) -> None:
        """
        Stop the timer.
        """
        self._announcing.stop()

    def _takeName(self, requested: bytes, stamp: bytes) -> bytes:
        """
        Give the member the requested name, or a similar one if that is taken.

        @param stamp: the stamp of the request.
        @return: a notice for this member alone; empty if it has the requested name.
        """
        member = self._member
        if isName(requested):
            changeName(self._room, member, requested, stamp)
        text = refusal(requested, member.name)
        return notice(stamp, text) if text else b""

    def _silent(self) -> bool:
        """
        Announce a member that has not sent anything yet.

        @return: that it is announced.
        """
        self._announce(self._member.echo.factory.stamp())
        return True

    def _announce(self, stamp: bytes) -> None:
        """
        Notify the others that the member has joined, unless they know.
        """
        self.stop()
        member = self._member
        if not member.since:
            member.since = stamp
            self._room.notify(member, b"%s joined" % member.name, stamp)
