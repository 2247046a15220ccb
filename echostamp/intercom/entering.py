"""
Find the place in the stream from which a daemon reads on, and the room at this place.

A daemon goes on where it was if the entry at its place is still in the stream.
Otherwise it takes the state of a daemon that is further.  If there is none, it begins a
new order: it appends an entry that says so, and its own room is the state there.

Two orders can begin, when daemons do not know of each other: the end of the stream was
lost, or a process was stopped for some time.  The stream decides: all follow the order
that has begun last, if there is any daemon in it.
"""

from __future__ import annotations

from collections.abc import Callable

from echostamp.intercom.entries import Fields
from echostamp.intercom.errand import Errand
from echostamp.intercom.interfaces import FollowedRoom
from echostamp.intercom.keptstate import Course, KeptState, newestFirst
from echostamp.intercom.losses import isKept
from echostamp.intercom.relay import IRelay, orderOf

#: Seconds for which one daemon alone may begin an order, and how long the others look
#: for its state.
BEGINS = 5.0

#: Seconds within which a daemon has to begin an order after its claim.  They are fewer,
#: for clocks that do not run at one speed.
IN_TIME = 4.0

#: Seconds between two looks for a state.
AGAIN = 0.25


class Entering:
    """
    Finds the place of a daemon once.
    """

    def __init__(
        self,
        errand: Errand,
        relay: IRelay,
        room: FollowedRoom,
        course: Course,
        reached: Callable[[], None],
    ) -> None:
        """
        @param errand: asks the relay.
        @param relay: has the stream.
        @param room: the room of this daemon.
        @param course: where it was; L{enter} changes it.
        @param reached: called before the room is changed.
        """
        self._errand = errand
        self._relay = relay
        self._room = room
        self._course = course
        self._reached = reached

    async def enter(self) -> None:
        """
        Find the place.  The room is then as it was there.
        """
        course = self._course
        isLost = course.isBroken or not course.place
        if isLost or not await isKept(self._errand, self._relay, course):
            await self._takeOrBegin()
        elif course.begun:
            await self._follow(course.begun)
        course.begun, course.isBroken = b"", False

    async def _takeOrBegin(self) -> None:
        """
        Take a state, or begin an order if there is none.
        """
        while not await self._take(self._isFurther):
            since = self._errand.seconds()
            if not await self._errand.ask(self._relay.claim(b"begin", BEGINS)):
                await self._errand.sleep(AGAIN)
                continue
            # Another daemon may have begun since the first look.
            if await self._take(self._isFurther):
                return
            # Or since the second one, if this process was stopped.
            if self._errand.seconds() - since < IN_TIME:
                await self._begin()
                return

    async def _follow(self, begun: bytes) -> None:
        """
        Take a state of a new order, as soon as there is one.  If none is there in time
        the daemon that wrote the entry has not begun: nothing changes.
        """
        until = self._errand.seconds() + BEGINS
        isLast = False
        while not await self._take(lambda each: orderOf(each.order) >= orderOf(begun)):
            if isLast:
                return
            await self._errand.sleep(AGAIN)
            # One look is later than the last moment, also if this process was stopped.
            isLast = self._errand.seconds() >= until

    def _isFurther(self, state: KeptState) -> bool:
        """
        Say whether a state is of a later order, or of a later place in this one.

        What comes after an earlier place was told here already.  Such a state is found
        where the stream has lost its end.
        """
        course = self._course
        if not course.place or orderOf(state.order) > orderOf(course.order):
            return True
        return not course.isBroken and orderOf(state.place) > orderOf(course.place)

    async def _take(self, isWanted: Callable[[KeptState], bool]) -> bool:
        """
        Take the newest state whose place is in the stream.

        @return: whether there was one.
        """
        kept = await self._errand.ask(self._relay.states())
        for state in newestFirst(kept):
            if not isWanted(state):
                continue
            if await self._errand.ask(self._relay.has(state.place)):
                # The room and the course change in one turn: the connection may be lost
                # before any answer.
                said = await self._said(state.place)
                self._reached()
                if self._room.restore(state.snapshot):
                    self._follows(state.order)
                    self._course.place = state.place
                    self._room.recall(said)
                    return True
                self._course.refused = state.order
        return False

    async def _said(self, place: bytes) -> list[tuple[bytes, Fields]]:
        """
        Give what the room is to recall up to a place.
        """
        most = self._room.recalls
        return await self._errand.ask(self._relay.before(place, most)) if most else []

    async def _begin(self) -> None:
        """
        Begin an order, behind what the stream has.
        """
        relay, room, course = self._relay, self._room, self._course
        id = await self._errand.ask(relay.appended(room.begin()))
        if course.place:
            before = await self._errand.ask(relay.before(id, relay.keeps))
            self._reached()
            for each, fields in before:
                # The others wait for the state, so nobody waits for slow readers here.
                if orderOf(each) > orderOf(course.place) and not room.isPaused:
                    room.heard(each, fields)
        state = KeptState(id, id, room.snapshot())
        await self._errand.ask(relay.keep(room.daemon, state.written()))
        self._follows(id)
        course.place = id

    def _follows(self, order: bytes) -> None:
        """
        Follow an order from now on.
        """
        before, self._course.order = self._course.order, order
        if before not in (b"", order):
            self._room.began()
