"""
The intercom over several daemons: one room, in the order of a relay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from echostamp.intercom.audience import Audience
from echostamp.intercom.commands import whoNotices
from echostamp.intercom.entries import Operation
from echostamp.intercom.following import Following
from echostamp.intercom.hearing import Hearing
from echostamp.intercom.pace import BACKLOG, Pace
from echostamp.intercom.recent import Recent
from echostamp.intercom.relay import IRelay
from echostamp.intercom.relayedmember import RelayedMember
from echostamp.intercom.saying import Saying, randomId
from echostamp.line.protocol import TimestampEcho, TimestampEchoFactory
from echostamp.text import counted

log = Logger(namespace="echostamp")


@dataclass(frozen=True)
class RelayedSettings:
    """
    How a room of several daemons works at one of them.

    @ivar place: what this daemon is called where members are listed.
    @ivar backlog: octets that may be queued for a member, and that may wait for the
        relay.
    @ivar hasNotices: whether notices report who joins and leaves.
    @ivar hasCommands: see L{Intercom<echostamp.intercom.room.Intercom>}.
    @ivar replay: how many lines a new member gets of what was said before.
    """

    place: str
    backlog: int = BACKLOG
    hasNotices: bool = True
    hasCommands: bool = True
    replay: int = 0


class RelayedIntercom:
    """
    The members of this daemon, in a room that daemons share.

    @ivar pace: makes fast writers wait for slow readers.
    @ivar hasCommands: see L{RelayedSettings}.
    @ivar place: see L{RelayedSettings}.
    @ivar hearing: hears what is said.
    """

    def __init__(
        self,
        reactor: Any,
        relay: IRelay,
        settings: RelayedSettings,
        acknowledged: Callable[[Any], int] = lambda transport: 0,
        newId: Callable[[], bytes] = randomId,
    ) -> None:
        """
        @param reactor: runs the timers.
        @param relay: carries what is said.
        @param settings: how the room works here.
        @param acknowledged: see L{Pace}.
        @param newId: makes a random id of this daemon: 32 hexadecimal digits.
        """
        self.hasCommands, self.place = settings.hasCommands, settings.place
        self.pace = Pace(reactor, settings.backlog, acknowledged)
        recent = Recent(settings.replay, settings.backlog // 2)
        self._audience = Audience(reactor, settings.hasNotices, recent)
        self._saying = Saying(reactor, relay, settings.backlog, newId)
        self.hearing = Hearing(reactor, relay, self.pace, self._audience, self._saying)
        self._following = Following(reactor, relay, self.hearing)
        self._numbers = 0
        # Lines of members that have left while the daemon stops.
        self._unanswered = 0

    def serve(self, factory: TimestampEchoFactory) -> None:
        """
        Set what makes the protocols of the connections.
        """
        self._audience.factory = factory

    def start(self) -> None:
        """
        Connect to the relay, and enter the room.
        """
        self._following.start()

    def stop(self) -> Deferred[Any]:
        """
        Leave the room with all members.

        @return: fires when that is done, or cannot be.
        """
        self.hearing.leave()
        if self._unanswered:
            lines = counted(self._unanswered, "line")
            log.warn("{lines} not answered: the relay is away", lines=lines)
        return self._following.stop()

    # --- What the members need --------------------------------------------------------

    def join(self, transport: Any, echo: TimestampEcho) -> RelayedMember:
        """
        Add a connection.

        @param transport: the transport of the connection.
        @param echo: the protocol of the connection.
        """
        self._numbers += 1
        member = RelayedMember(self, transport, echo, self._numbers)
        self._audience.add(member)
        return member

    def left(self, member: RelayedMember) -> None:
        """
        Forget a member: its connection is lost, or about to close.
        """
        self._audience.remove(member)
        self._saying.release(member)
        if self._audience.factory.isStopping:
            self._unanswered += member.unanswered

    @property
    def isFull(self) -> bool:
        """Whether too much waits for the relay."""
        return self._saying.isFull

    def hold(self, member: RelayedMember) -> None:
        """
        Have a member resumed when the room is not full any more.
        """
        self._saying.hold(member)

    def say(self, operation: Operation) -> None:
        """
        Give the relay an operation, or keep it until that can be reached.
        """
        self._saying.say(operation)

    def who(self, stamp: bytes) -> bytes:
        """
        Answer C{/who}.
        """
        members = self.hearing.shared.members.values()
        people = ((each.name, each.since, each.address) for each in members)
        return whoNotices(stamp, people, len(members))
