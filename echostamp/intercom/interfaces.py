"""
What the parts of the intercom need of each other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

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
