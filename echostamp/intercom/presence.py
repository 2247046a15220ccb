"""
Show the other daemons that this one is there, and notice which of them are not.
"""

from __future__ import annotations

from collections.abc import Callable

from echostamp.intercom.errand import Errand
from echostamp.intercom.interfaces import FollowedRoom
from echostamp.intercom.keptstate import Course, KeptState, newestFirst
from echostamp.intercom.losses import isKept
from echostamp.intercom.relay import IRelay, orderOf
from echostamp.times import STOPPED

#: Seconds between two renewals of the own presence.
RENEWED = 5.0

#: Seconds between two looks for daemons that are gone, and before the second look at
#: those: a daemon may just have taken a new id.
LOOKS, LOOKS_AGAIN = 2.0, 0.5

#: Seconds for which no other daemon reports that one is gone.
REPORTS = 60.0

#: The most entries that are read before the state is kept again.  Where the stream has
#: few entries it is a tenth of those: the place of the state must not be trimmed.
KEPT = 1000


class Presence:
    """
    The presence of one daemon that has entered.
    """

    def __init__(
        self,
        errand: Errand,
        relay: IRelay,
        room: FollowedRoom,
        course: Course,
        lost: Callable[[], None],
    ) -> None:
        """
        @param errand: asks the relay.
        @param relay: keeps the presence.
        @param room: the room of this daemon.
        @param course: where it is.
        @param lost: called when this daemon has to find its place again.
        """
        self._errand = errand
        self._relay = relay
        self._room = room
        self._course = course
        self._lost = lost
        self._read = 0
        self._most = max(1, min(KEPT, relay.keeps // 10))

    def begin(self, grace: float) -> None:
        """
        Be present from now on.

        @param grace: seconds for which other daemons may not be present yet: they, too,
            have to connect again.
        """
        self._errand.run(self._compare())
        self._errand.run(self._renew())
        self._errand.run(self._look(grace))

    def moved(self) -> None:
        """
        Keep the state when it is due, or is another daemon's: an entry was applied.
        """
        self._read += 1
        if self._room.daemon != self._course.daemon:
            self._errand.run(self._keep())
        elif self._read >= self._most:
            self._read = 0
            self._errand.run(self._keepAgain())

    async def _compare(self) -> None:
        """
        Keep the state of the room, and then look for daemons that follow another order.

        Each daemon keeps its state first, so of two orders one sees the other.  They
        differ where an order began while some daemons were away, and those that began
        it were away when the others read of it.
        """
        await self._keep()
        course = self._course
        own, refused = orderOf(course.order), course.refused
        for state in newestFirst(await self._errand.ask(self._relay.states())):
            isNewer = orderOf(state.order) > own and state.order != refused
            isOlder = orderOf(state.order) < own <= orderOf(state.place)
            if not (isNewer or isOlder):
                continue
            if await self._errand.ask(self._relay.has(state.place)):
                course.begun = state.order if isNewer else b""
                course.isBroken = isOlder
                self._lost()
                return

    async def _keepAgain(self) -> None:
        """
        Keep the state of the room.  Before that, check the stream: where it was emptied
        many new entries would hide it.
        """
        if await isKept(self._errand, self._relay, self._course):
            await self._keep()
        else:
            self._lost()

    async def _keep(self) -> None:
        """
        Keep the state of the room, under the present id.
        """
        course = self._course
        before, course.daemon = course.daemon, self._room.daemon
        self._read = 0
        state = KeptState(course.order, course.place, self._room.snapshot())
        await self._errand.ask(self._relay.keep(course.daemon, state.written()))
        if before not in (b"", course.daemon):
            await self._errand.ask(self._relay.forget(before))

    async def _renew(self) -> None:
        """
        Renew the presence, and check the stream.
        """
        while True:
            await self._errand.sleep(RENEWED)
            renewed = self._relay.keep(self._course.daemon, None)
            isPresent = await self._errand.ask(renewed)
            isIntact = await isKept(self._errand, self._relay, self._course)
            # Without its presence this process was stopped for long, or the relay has
            # lost what it had: perhaps entries that nobody has read.
            if not (isPresent and isIntact):
                self._lost()
                return

    async def _look(self, grace: float) -> None:
        """
        Look which daemons are gone, and report them.
        """
        await self._errand.sleep(grace)
        while True:
            await self._errand.sleep(LOOKS)
            missing = await self._missing()
            if not missing:
                continue
            await self._errand.sleep(LOOKS_AGAIN)
            since = self._errand.seconds()
            missing &= await self._missing()
            # What was found is old if this process was stopped meanwhile.
            if not missing or self._errand.seconds() - since >= STOPPED:
                continue
            if not await isKept(self._errand, self._relay, self._course):
                # This daemon may be present again before all others are.
                self._lost()
                return
            for daemon in sorted(missing):
                await self._report(daemon)

    async def _missing(self) -> set[bytes]:
        """
        Give the other daemons of the room that are not present.  Where this one is not
        present either, the relay has lost them all.
        """
        present = await self._errand.ask(self._relay.present())
        if self._course.daemon not in present:
            return set()
        return {*self._room.daemons()} - present - {self._room.daemon}

    async def _report(self, daemon: bytes) -> None:
        """
        Report that a daemon is gone, unless another one does so.
        """
        claim = self._relay.claim(b"gone:" + daemon, REPORTS)
        if await self._errand.ask(claim):
            self._room.gone(daemon)
            await self._errand.ask(self._relay.forget(daemon))
