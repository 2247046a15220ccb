"""
What the parts of the intercom need of each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Any, Protocol

from echostamp.intercom.entries import Fields, Operation
from echostamp.intercom.pace import Pace
from echostamp.line.protocol import TimestampEcho


class NamedMember(Protocol):
    """
    What joining and commands need of a member.

    @ivar echo: the protocol of its connection.
    @ivar name: the name that the others see.
    @ivar since: the stamp of its joining; empty until the others know that it has
        joined.
    @ivar renamed: when its name was last changed, in the reactor's seconds; L{None} if
        it was not.
    """

    echo: TimestampEcho
    name: bytes
    since: bytes
    renamed: float | None

    def deliverPending(self) -> None:
        """Deliver what the member has said so far, if the others have not got it."""


class Room(Protocol):
    """
    What a member needs of its room: the other members, wherever they are.

    @ivar pace: reports whether the member has to wait for slow readers.
    @ivar hasCommands: whether any message may be a command.
    """

    pace: Pace
    hasCommands: bool

    @property
    def isAlone(self) -> bool:
        """Whether nobody else would get a line."""

    @property
    def members(self) -> Collection[NamedMember]:
        """All members."""

    def broadcast(self, sender: Any, lines: bytes) -> None:
        """Deliver lines to all members but the sender."""

    def notify(self, subject: Any, text: bytes, stamp: bytes) -> None:
        """Deliver a notice to all members but the one that it is about."""

    def rename(self, member: Any, name: bytes) -> None:
        """Give a member a name, or a similar one if that is taken."""

    def leave(self, member: Any) -> bool:
        """
        Remove a member.

        @return: whether it was in the room.
        """


class Sign(Enum):
    """
    What an entry shows of the stream.

    @cvar NONE: nothing.
    @cvar BEGIN: a new order: it is another daemon's L{Begin
        <echostamp.intercom.entries.Begin>}.  That is not applied, and has no part in
        the running numbers.
    @cvar LOSS: the relay has lost entries that this daemon has written before it.
    """

    NONE = auto()
    BEGIN = auto()
    LOSS = auto()


class FollowedRoom(Protocol):
    """
    What L{Following <echostamp.intercom.following.Following>} needs of a room that
    several daemons share.
    """

    @property
    def daemon(self) -> bytes:
        """The present id of this daemon.  It may change in L{heard} and L{restore}."""

    def heard(self, id: bytes, fields: Fields) -> Sign:
        """
        Apply the next entry of the stream.

        @return: what it shows.
        """

    @property
    def isPaused(self) -> bool:
        """Whether the room waits for slow readers: more entries may cut them off."""

    def snapshot(self) -> bytes:
        """Write the state of the room."""

    def restore(self, snapshot: bytes) -> bool:
        """
        Take the state of another daemon's room.  What has to be appended for it waits
        for L{appendAgain}.

        @return: whether it is a state; nothing is done otherwise.
        """

    @property
    def recalls(self) -> int:
        """How many entries up to the place of the state L{recall} is to get."""

    def recall(self, entries: Sequence[tuple[bytes, Fields]]) -> None:
        """
        Show what was said before the place of the state, and has not been shown.

        @param entries: the id and the content of each, the oldest first.
        """

    def daemons(self) -> Collection[bytes]:
        """The ids of all daemons in the room."""

    def begin(self) -> Fields:
        """Make the entry with which a new order begins: its number is 1."""

    def appendAgain(self) -> None:
        """
        Append again what has not been read back: all of it may be lost.

        More than a tenth of what L{IRelay.keeps
        <echostamp.intercom.relay.IRelay>} says must not be on the way at a time:
        otherwise the stream is trimmed before anybody has read it.
        """

    def gone(self, daemon: bytes) -> None:
        """Append that a daemon is gone."""

    def away(self, why: str) -> None:
        """Report that the other daemons cannot be reached."""

    def back(self) -> None:
        """Report that they can be reached again."""

    def began(self) -> None:
        """Report that a new order has begun: entries of the earlier one are lost."""


class RelayedRoom(Protocol):
    """
    What a member needs of its room.

    @ivar pace: reports whether the member has to wait for slow readers.
    @ivar hasCommands: whether any message may be a command.
    @ivar place: what this daemon is called where members are listed.
    """

    pace: Pace
    hasCommands: bool
    place: str

    @property
    def isFull(self) -> bool:
        """Whether too much waits for the relay."""

    def say(self, operation: Operation) -> None:
        """Give the relay an operation of a member; it is heard at its place."""

    def hold(self, member: Any) -> None:
        """Have its C{resume} called when the room is not full any more."""

    def left(self, member: Any) -> None:
        """Forget a member: its connection is lost, or about to close."""

    def who(self, stamp: bytes) -> bytes:
        """Answer C{/who}."""
