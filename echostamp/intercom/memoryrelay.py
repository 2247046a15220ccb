"""
A relay in memory, between daemons of one process, and its faults.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from echostamp.intercom.entries import Fields
from echostamp.intercom.memorystore import MemoryStore
from echostamp.intercom.relay import IRelay, RelayError

Found = TypeVar("Found")

#: The most entries that are received in one turn.
BATCH = 32


class MemoryBroker(MemoryStore):
    """
    What some relays in memory share.
    """

    def __init__(self, reactor: Any, keeps: int = 10_000) -> None:
        """
        @param reactor: the clock, and what runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param keeps: how many entries the stream has before it is trimmed.
        """
        super().__init__(reactor.seconds, keeps)
        self.reactor = reactor
        self.relays: list[MemoryRelay] = []

    def add(self, fields: Fields) -> bytes:
        """
        Add an entry, and let the relays deliver it.
        """
        for relay in self.relays:
            relay.deliver()
        return super().add(fields)

    def cut(self, relay: MemoryRelay, why: str = "the relay is cut off") -> None:
        """
        End the connection of a relay, and let it make none before L{mend}.
        """
        relay.isCut = True
        relay.lose(why)

    def mend(self, relay: MemoryRelay) -> None:
        """
        Let a relay connect again.
        """
        relay.isCut = False
        relay.connectSoon()


@implementer(IRelay)
class MemoryRelay:
    """
    The relay of one daemon.

    A command is carried out in the next turn, and answered in the turn after that.  A
    connection may be lost before either.

    @ivar isCut: whether it makes no connection; see L{MemoryBroker.cut}.
    """

    def __init__(self, broker: MemoryBroker, reactor: Any = None) -> None:
        """
        @param broker: what it connects to.
        @param reactor: runs the turns of its user: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}; L{None} for the broker's.
        """
        self.isCut = False
        self.keeps = broker.keeps
        self._broker = broker
        self._reactor = broker.reactor if reactor is None else reactor
        self._user: Any = None
        # Of the present connection: what was asked and not answered.
        self._asked: list[Deferred[Any]] | None = None
        self._after: bytes | None = None
        self._isPaused = self._isDelivering = False

    # --- The connection ---------------------------------------------------------------

    def start(self, user: object) -> None:
        """Connect in the next turn."""
        self._user = user
        self._broker.relays.append(self)
        self.connectSoon()

    def connectSoon(self) -> None:
        """
        Try to connect in the next turn.
        """
        self._reactor.callLater(0, self._connect)

    def _connect(self) -> None:
        """
        Be connected, unless it is cut off.
        """
        if self._user is None or self._asked is not None:
            return
        if self.isCut:
            self._user.disconnected("the relay is cut off")
        else:
            self._asked = []
            self._user.connected()

    def lose(self, why: str) -> None:
        """
        Lose the connection, if there is one.

        @param why: one line.
        """
        if self._asked is not None:
            self._end(why)
            if self._user is not None:
                self._user.disconnected(why)

    def stop(self) -> Deferred[None]:
        """Send what was appended, and disconnect."""
        self._user = self._after = None
        self._broker.relays.remove(self)
        if self._asked is None:
            return succeed(None)
        # It is answered after everything that was asked before.
        answered = self._ask(lambda: None)
        return answered.addBoth(lambda result: self._end("the relay is stopped"))

    def _end(self, why: str) -> None:
        """
        Fail everything that was asked.
        """
        asked, self._asked, self._after = self._asked, None, None
        for each in asked or ():
            each.errback(RelayError(why))

    # --- Reading ----------------------------------------------------------------------

    def read(self, after: bytes) -> None:
        """Give the user all entries after one."""
        if self._asked is not None:
            self._after = after
            self.deliver()

    def pause(self) -> None:
        """Let no entry be received."""
        self._isPaused = True

    def resume(self) -> None:
        """Let entries be received again."""
        self._isPaused = False
        self.deliver()

    def deliver(self) -> None:
        """
        Look for entries in the next turn.
        """
        if not self._isDelivering:
            self._isDelivering = True
            self._reactor.callLater(0, self._deliver)

    def _deliver(self) -> None:
        """
        Give the user what has come.
        """
        self._isDelivering = False
        if self._after is None or self._isPaused:
            return
        found = self._broker.following(self._after, BATCH)
        if found is None:
            self._after = None
            self._user.trimmed()
            return
        if found:
            self.deliver()
        for id, fields in found:
            self._after = id
            self._user.received(id, fields)
            # The user may have paused, stopped or read from elsewhere.
            if self._after is not id or self._isPaused:
                return

    # --- Commands ---------------------------------------------------------------------

    def _ask(self, command: Callable[[], Found]) -> Deferred[Found]:
        """
        Let the broker do something.
        """
        if self._asked is None:
            return fail(RelayError("there is no connection"))
        answer: Deferred[Found] = Deferred()
        self._asked.append(answer)
        self._broker.reactor.callLater(0, self._doFor, self._asked, answer, command)
        return answer

    def _doFor(
        self, asked: list[Any], answer: Deferred[Found], command: Callable[[], Found]
    ) -> None:
        """
        Do something, unless the connection over which it was asked is lost.
        """
        if self._asked is asked:
            self._reactor.callLater(0, self._answer, asked, answer, command())

    def _answer(self, asked: list[Any], answer: Deferred[Found], found: Found) -> None:
        """
        Answer, likewise.
        """
        if self._asked is asked:
            asked.remove(answer)
            answer.callback(found)

    def append(self, fields: Fields) -> None:
        """Add an entry."""
        self.appended(fields).addErrback(lambda failure: failure.trap(RelayError))

    def appended(self, fields: Fields) -> Deferred[bytes]:
        """Add an entry, and give its id."""
        return self._ask(partial(self._broker.add, fields))

    def has(self, id: bytes) -> Deferred[bool]:
        """Say whether an entry is in the stream."""
        return self._ask(partial(self._broker.has, id))

    def length(self) -> Deferred[int]:
        """Count the entries."""
        return self._ask(lambda: len(self._broker.entries))

    def before(self, id: bytes, count: int) -> Deferred[list[tuple[bytes, Fields]]]:
        """Give the last entries up to an id."""
        return self._ask(partial(self._broker.before, id, count))

    def keep(self, daemon: bytes, state: bytes | None) -> Deferred[bool]:
        """Renew the presence of a daemon."""
        return self._ask(partial(self._broker.keep, daemon, state))

    def present(self) -> Deferred[set[bytes]]:
        """Give the daemons that are present."""
        return self._ask(lambda: set(self._broker.states()))

    def states(self) -> Deferred[dict[bytes, bytes]]:
        """Give what is kept with each daemon that is present."""
        return self._ask(self._broker.states)

    def forget(self, daemon: bytes) -> Deferred[None]:
        """Let a daemon not be present."""
        return self._ask(partial(self._broker.forget, daemon))

    def claim(self, what: bytes, seconds: float) -> Deferred[bool]:
        """Take something that one of the daemons is to do."""
        return self._ask(partial(self._broker.claim, what, seconds))
