"""
What a daemon hears in a room of several: the entries of the relay, in their order.

Each daemon applies the same entries in the same order, and so has the same
L{SharedRoom<echostamp.intercom.sharedroom.SharedRoom>}.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from echostamp.intercom.audience import Audience
from echostamp.intercom.catchingup import CatchingUp
from echostamp.intercom.comingback import ComingBack
from echostamp.intercom.entries import (
    Begin,
    Entry,
    Fields,
    Gone,
    Lose,
    decode,
    encode,
)
from echostamp.intercom.hostile import Hostile
from echostamp.intercom.interfaces import Sign
from echostamp.intercom.pace import Pace
from echostamp.intercom.relay import IRelay
from echostamp.intercom.relayedmember import RelayedMember
from echostamp.intercom.saying import Saying
from echostamp.intercom.sharedroom import Change, Joined, Renamed, SharedRoom


class Hearing:
    """
    Applies the entries of the relay, for the members of this daemon.

    @ivar shared: the members of all daemons.
    @ivar hostile: counts the entries that are not ours.
    """

    def __init__(
        self,
        reactor: Any,
        relay: IRelay,
        pace: Pace,
        audience: Audience,
        saying: Saying,
    ) -> None:
        """
        @param reactor: tells the time.
        @param relay: carries the entries.
        @param pace: tells whether slow readers are waited for.
        @param audience: the members of this daemon.
        @param saying: what this daemon says.
        """
        self.shared = SharedRoom()
        self.hostile = Hostile(reactor)
        self._relay = relay
        self._pace = pace
        self._audience = audience
        self._saying = saying
        self._comingBack = ComingBack(reactor, audience, saying)
        # Whether the room was ever entered.
        self._hasEntered = False

    @property
    def daemon(self) -> bytes:
        """The id of this daemon."""
        return self._saying.daemon

    def daemons(self) -> Collection[bytes]:
        """Give the ids of all daemons of the room."""
        return self.shared.heard

    @property
    def isPaused(self) -> bool:
        """Whether the members wait for slow readers."""
        return self._pace.isPaused

    def snapshot(self) -> bytes:
        """Give the state of the room."""
        return self.shared.snapshot()

    def begin(self) -> Fields:
        """Make the entry with which a new order begins."""
        return encode(Entry(self.daemon, 1, Begin(self._audience.stamp())))

    def heard(self, id: bytes, fields: Fields) -> Sign:
        """
        Take the next entry in the order.

        @return: what it shows.
        """
        sign = Sign.NONE
        try:
            entry = decode(fields)
        except ValueError as error:
            self.hostile.refuse(f"entry {ascii(id)[2:-1]}", error)
            return sign
        isOwn = entry.daemon == self.daemon
        if isinstance(entry.operation, Begin):
            return sign if isOwn else Sign.BEGIN
        isHeard = self.shared.isHeard(entry)
        if not isHeard and self.shared.isAccepted(entry):
            self._apply(entry, isOwn)
        elif isOwn and self._saying.keeps(entry) and self.shared.isEarly(entry):
            sign = Sign.LOSS
        elif isOwn and self._saying.keeps(entry):
            # Somebody has used the id of this daemon, or has reported that it is gone.
            self._comingBack.soon(len(self.shared.heard))
        elif not (isOwn or isHeard):
            wrong = ValueError("its number is out of order")
            self.hostile.refuse(f"entry {ascii(id)[2:-1]}", wrong)
        if self.isPaused:
            self._relay.pause()
            self._pace.hold(self)
        return sign

    def _apply(self, entry: Entry, isOwn: bool) -> None:
        """
        Take an entry that counts.

        @param isOwn: whether this daemon has written it.
        """
        shared, operation = self.shared, entry.operation
        if not isOwn:
            # What the relay has lost may have been shown before.
            self._audience.missTo(entry.daemon, entry.reached)
        changes = shared.apply(entry)
        isAwaited = isOwn and self._saying.readBack(entry)
        isKnown = isinstance(operation, Lose) or self._audience.isShown(entry)
        # Somebody else may use the id of this daemon.
        isFalse = isOwn and not (isAwaited or isKnown)
        member = self._audience.answer(entry, shared) if isAwaited else None
        speaker = shared.members.get((entry.daemon, getattr(operation, "member", -1)))
        name = None if speaker is None else speaker.name
        self._audience.hear(entry, name, member)
        self._audience.tell(changes, self._own)
        if member is not None:
            member.follow()
        if isinstance(operation, Gone):
            self._audience.forget(operation.daemon)
            isFalse = isFalse or operation.daemon == self.daemon
        if isFalse:
            self._comingBack.now()

    def resume(self) -> None:
        """
        Read on: nobody is waited for any more.
        """
        self._relay.resume()

    def _own(self, change: Change) -> RelayedMember | None:
        """
        Give the member that a change is about, if it is connected to this daemon.
        """
        subject = change.member
        isOwn = subject.daemon == self.daemon
        return self._audience.get(subject.number) if isOwn else None

    def restore(self, snapshot: bytes) -> bool:
        """
        Take the state of another daemon.

        @return: whether it is one; otherwise nothing has changed.
        """
        try:
            found = SharedRoom.opened(snapshot)
        except ValueError as error:
            self.hostile.refuse("the state of a daemon", error)
            return False
        changes = self.shared.changesTo(found, self._audience.stamp())
        self.shared = found
        if self._hasEntered:
            for change in changes:
                member = self._own(change)
                if member is not None and isinstance(change, Renamed):
                    member.speech.have(change.member.name)
            self._audience.tell(changes, self._joinedItself)
        return True

    def _joinedItself(self, change: Change) -> RelayedMember | None:
        """
        Give the member of this daemon that has joined; it knows so.
        """
        return self._own(change) if isinstance(change, Joined) else None

    @property
    def recalls(self) -> int:
        """How many entries L{recall} is to get."""
        # Not every entry is a line.
        audience = self._audience
        return self._relay.keeps if self._hasEntered else 2 * audience.replay

    def recall(self, entries: Sequence[tuple[bytes, Fields]]) -> None:
        """
        Show what was said while this daemon was away, or keep it for new members, where
        it has just started.
        """
        catchingUp = CatchingUp(
            self._pace, self._audience, self._saying, self.shared, self._hasEntered
        )
        catchingUp.recall(fields for _, fields in entries)
        self._comingBack.ifOthers(self.shared)

    def appendAgain(self) -> None:
        """
        Append all that was not read back: some of it may not have arrived.
        """
        self._hasEntered = True
        heard = self.shared.heard.get(self.daemon, 0)
        self._saying.open(heard, self._audience.stamp())

    def gone(self, daemon: bytes) -> None:
        """
        Tell everybody that a daemon has ended.
        """
        self._saying.say(Gone(daemon, self._audience.stamp()))

    def leave(self) -> None:
        """
        Do not come back any more: this daemon leaves the room.
        """
        self._comingBack.stop()

    def away(self, why: str) -> None:
        """
        Tell everybody that the others cannot be reached.
        """
        self._saying.close()
        self._audience.away()

    def back(self) -> None:
        """
        Tell everybody that the others can be reached again.
        """
        self._audience.back()

    def began(self) -> None:
        """
        Tell everybody that a new order has begun.
        """
        self._audience.notify(b"a new order begins: the relay has lost the one before")
