"""
How the members of a daemon get their replies: when the relay brings back what they say.
"""

from __future__ import annotations

from echostamp.intercom.audience import Audience
from echostamp.intercom.entries import Entry, Join, Rename
from echostamp.intercom.relayedmember import RelayedMember
from echostamp.intercom.saying import Saying
from echostamp.intercom.sharedroom import SharedRoom


class ReadingBack:
    """
    Sends replies to what was said here.
    """

    def __init__(self, audience: Audience, saying: Saying) -> None:
        """
        @param audience: the members.
        @param saying: what they said.
        """
        self._audience = audience
        self._saying = saying

    def take(self, entry: Entry, shared: SharedRoom) -> RelayedMember | None:
        """
        Send the reply to what was said here: it has its place.

        @param shared: the room at this place.
        @return: the member that has said it, if it is connected.
        """
        self._saying.readBack(entry)
        name, operation = None, entry.operation
        if isinstance(operation, Join | Rename):
            listed = shared.members.get((entry.daemon, operation.member))
            name = None if listed is None else listed.name
        return self._answer(entry, name)

    def _answer(self, entry: Entry, name: bytes | None) -> RelayedMember | None:
        """
        Send the reply to an entry.

        @param name: the name that its member has by it; L{None}: the same as before.
        @return: the member, if it is connected.
        """
        number = getattr(entry.operation, "member", None)
        member = None if number is None else self._audience.get(number)
        if member is not None:
            member.heard(entry.operation.stamp, name)
        return member
