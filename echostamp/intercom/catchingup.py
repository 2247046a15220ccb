"""
How a daemon that takes the state of another one catches up with what was said before.
"""

from __future__ import annotations

from collections.abc import Iterable

from echostamp.intercom.audience import Audience
from echostamp.intercom.entries import Entry, Fields, Say
from echostamp.intercom.pace import Pace
from echostamp.intercom.recalling import applied
from echostamp.intercom.relayedmember import RelayedMember
from echostamp.intercom.saying import Saying
from echostamp.intercom.sharedroom import SharedRoom


class CatchingUp:
    """
    Shows the members of a daemon what is part of a state that it has taken.
    """

    def __init__(
        self,
        pace: Pace,
        audience: Audience,
        saying: Saying,
        shared: SharedRoom,
        hasEntered: bool,
    ) -> None:
        """
        @param pace: tells whether slow readers are waited for.
        @param audience: the members.
        @param saying: what the daemon says.
        @param shared: the state.
        @param hasEntered: whether the daemon was in the room before; otherwise it has
            just started.
        """
        self._pace = pace
        self._audience = audience
        self._saying = saying
        self._shared = shared
        self._hasEntered = hasEntered

    def recall(self, entries: Iterable[Fields]) -> None:
        """
        Show what was said while the daemon was away, until slow readers would have to
        be waited for, and tell how much more there was.  Where it has just started,
        keep that for new members.

        @param entries: the end of the stream up to the place of the state.
        """
        daemon, heard = self._saying.daemon, self._shared.heard
        for entry in applied(entries, heard):
            if not self._pace.isPaused:
                self._recallOne(entry)
        self._answerTo(heard.get(daemon, 0))
        for other, last in heard.items():
            if self._hasEntered and other != daemon:
                self._audience.missTo(other, last)
            self._audience.skipTo(other, last)
        self._audience.forgetBut(heard)

    def _recallOne(self, entry: Entry) -> None:
        """
        Take an entry that is part of the state already.
        """
        audience = self._audience
        if audience.isShown(entry):
            return
        isKnown = entry.daemon in self._shared.heard or audience.knows(entry.daemon)
        if self._hasEntered and not (isKnown or entry.mayBeFirst):
            return
        if entry.daemon == self._saying.daemon:
            self._answerTo(entry.last)
            return
        if self._hasEntered:
            audience.missTo(entry.daemon, entry.reached)
        self._show(entry, None)

    def _answerTo(self, last: int) -> None:
        """
        Take what was not read back and is in the state as read back.

        @param last: the number of the last line of it.
        """
        for entry in self._saying.waiting():
            if entry.last > last:
                return
            self._saying.readBack(entry)
            member = self._audience.answer(entry, self._shared)
            self._show(entry, member)
            if member is not None:
                member.follow()

    def _show(self, entry: Entry, member: RelayedMember | None) -> None:
        """
        Show everybody but its sender what was said, or keep it for new members.
        """
        operation = entry.operation
        name = operation.name if isinstance(operation, Say) else None
        self._audience.hear(entry, name, member, not self._hasEntered)
