"""
Follow the stream of a relay, over however many connections: find the place in it, read
on from there, and be present.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from echostamp.intercom.entering import Entering
from echostamp.intercom.entries import Fields
from echostamp.intercom.errand import Errand
from echostamp.intercom.interfaces import FollowedRoom, Sign
from echostamp.intercom.keptstate import Course
from echostamp.intercom.presence import RENEWED, Presence
from echostamp.intercom.relay import IRelay, IRelayUser

#: Seconds after which the place is looked for again when the relay did not do something
#: and does not disconnect either.
AGAIN = 1.0

#: Seconds from a sign that the relay has lost entries to the look at what it has left:
#: more signs of the same loss come meanwhile.
LOOKS = 0.25

#: The most seconds for which other daemons may take longer to connect again than this
#: one.  In a short outage it is the time of the outage: pauses between attempts are not
#: longer than that.
GRACE = 30.0

#: Seconds within which all daemons have found that the relay was emptied.
FOUND = 2 * RENEWED


@implementer(IRelayUser)
class Following:
    """
    Lets a room follow the stream of a relay.

    @ivar isEntered: whether the room is at a known place of the stream, and may append
        to it.
    """

    def __init__(self, reactor: Any, relay: IRelay, room: FollowedRoom) -> None:
        """
        @param reactor: the clock, and what runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param relay: has the stream.
        @param room: gets the entries.
        """
        self.isEntered = False
        # Whether the relay has lost entries: the stream will be entered again.
        self._hasSign = False
        self._reactor = reactor
        self._relay = relay
        self._room = room
        self._course = Course()
        # From the connection, or the loss of the place, to the next one.
        self._errand: Errand | None = None
        self._presence: Presence | None = None
        self._isStopped = False
        self._awaySince: float | None = None
        self._graceEnds = 0.0

    @property
    def order(self) -> bytes:
        """The id of the entry with which the order began that the room follows."""
        return self._course.order

    @property
    def place(self) -> bytes:
        """The id of the last entry that was applied; empty before there is one."""
        return self._course.place

    def start(self) -> None:
        """
        Connect, and enter the stream.
        """
        self._relay.start(self)

    def stop(self) -> Deferred[None]:
        """
        Append that this daemon is gone, and disconnect.

        @return: fires when that is done.
        """
        daemon = self._room.daemon
        if self.isEntered:
            self._room.gone(daemon)
            # It fails if the connection is lost, which is as good.
            self._relay.forget(daemon).addErrback(lambda failure: None)
        self._isStopped = True
        self._end()
        return self._relay.stop()

    def connected(self) -> None:
        """Find the place in the stream."""
        self._enterAgain()

    def disconnected(self, why: str) -> None:
        """Report the outage once, and wait for the next connection."""
        self._end()
        if self._awaySince is None and not self._isStopped:
            self._awaySince = self._reactor.seconds()
            self._room.away(why)

    def received(self, id: bytes, fields: Fields) -> None:
        """Let the room apply an entry, or follow another order that begins with it."""
        if not self.isEntered or self._errand is None:
            return
        self._course.place = id
        sign = self._room.heard(id, fields)
        if sign is Sign.BEGIN:
            self._course.begun = id
            self._enterAgain()
            return
        if sign is Sign.LOSS and not self._hasSign:
            self._hasSign = True
            self._errand.run(self._enterLater(self._errand, LOOKS))
        if self._presence is not None:
            self._presence.moved()

    def trimmed(self) -> None:
        """Take the state of a daemon that was faster."""
        self._enterAgain()

    def _end(self) -> None:
        """
        Drop whatever was asked and not answered, and do not append.
        """
        self.isEntered = self._hasSign = False
        self._presence = None
        if self._errand is not None:
            self._errand.end()
            self._errand = None

    def _enterAgain(self) -> None:
        """
        Find the place in the stream, over the present connection.
        """
        self._end()
        if not self._isStopped:
            self._errand = Errand(self._reactor, self._failed)
            self._errand.run(self._enter(self._errand))

    def _failed(self) -> None:
        """
        Enter again after some time: the relay did not do something.
        """
        assert self._errand is not None
        self._errand.run(self._enterLater(self._errand, AGAIN))

    async def _enterLater(self, errand: Errand, seconds: float) -> None:
        """
        Enter again after some time, unless the connection is lost before.
        """
        await errand.sleep(seconds)
        self._enterAgain()

    async def _enter(self, errand: Errand) -> None:
        """
        Find the place, and read on from there.
        """
        relay, room, course = self._relay, self._room, self._course
        before = course.order
        await Entering(errand, relay, room, course, self._reached).enter()
        self._reached()
        if before not in (b"", course.order):
            self._forbear(FOUND)
        self.isEntered = True
        self._presence = Presence(errand, relay, room, course, self._enterAgain)
        self._presence.begin(max(0.0, self._graceEnds - self._reactor.seconds()))
        relay.read(course.place)
        room.appendAgain()

    def _reached(self) -> None:
        """
        Report the end of an outage once.
        """
        if self._awaySince is not None:
            outage = self._reactor.seconds() - self._awaySince
            self._forbear(min(outage, GRACE))
            self._awaySince = None
            self._room.back()

    def _forbear(self, seconds: float) -> None:
        """
        Report no other daemon for some time: it may not be present yet.
        """
        until = self._reactor.seconds() + seconds
        self._graceEnds = max(self._graceEnds, until)
