"""
What a daemon says in a room of several: it is kept until it is read back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from echostamp.intercom.entries import Entry, Lose, Operation, encode
from echostamp.intercom.outbox import Outbox
from echostamp.intercom.pace import Held
from echostamp.intercom.relay import IRelay

#: How many entries may wait for the relay before the members are held.
MOST_ENTRIES = 1000


def randomId() -> bytes:
    """
    Make a random id of a daemon: 32 hexadecimal digits.
    """
    return os.urandom(16).hex().encode()


class Saying:
    """
    Gives operations to the relay, and again what it may have lost.
    """

    def __init__(
        self, reactor: Any, relay: IRelay, most: int, newId: Callable[[], bytes]
    ) -> None:
        """
        @param reactor: runs the timers.
        @param relay: carries what is said.
        @param most: octets that may wait for the relay before the members are held.
        @param newId: makes an id of this daemon.
        """
        self._reactor = reactor
        self._relay = relay
        self._most = most
        self._newId = newId
        self._outbox = Outbox(newId())
        self._isOpen = False
        # In the order in which they were held; the values mean nothing.
        self._held: dict[Held, None] = {}

    @property
    def daemon(self) -> bytes:
        """The id of this daemon."""
        return self._outbox.daemon

    @property
    def isFull(self) -> bool:
        """Whether too much waits for the relay."""
        return self._outbox.octets > self._most or len(self._outbox) > MOST_ENTRIES

    def hold(self, member: Held) -> None:
        """
        Have a member resumed when not too much waits any more.
        """
        self._held[member] = None

    def release(self, member: Held) -> None:
        """
        Forget that a member waits.
        """
        self._held.pop(member, None)

    def say(self, operation: Operation) -> None:
        """
        Give the relay an operation, or keep it until that can be reached.
        """
        entry = self._outbox.add(operation)
        if self._isOpen:
            self._relay.append(encode(entry))

    def open(self, heard: int, stamp: bytes) -> None:
        """
        Append all that was not read back, since some of it may not have arrived, and
        from now on whatever is said.

        @param heard: the last line of this daemon that all have heard; 0: they do not
            know it.
        @param stamp: the present stamp.
        """
        self._isOpen = True
        lost = self._outbox.first - 1
        if 0 < heard < lost:
            self._relay.append(encode(Entry(self.daemon, lost, Lose(stamp))))
        self._appendAll()

    def _appendAll(self) -> None:
        """
        Append all that was not read back.
        """
        for entry in self._outbox.waiting():
            self._relay.append(encode(entry))

    def close(self) -> None:
        """
        Append nothing until L{open}.
        """
        self._isOpen = False

    def waiting(self) -> Sequence[Entry]:
        """
        Give what was not read back.
        """
        return tuple(self._outbox.waiting())

    def keeps(self, entry: Entry) -> bool:
        """
        Say whether an entry is one that was not read back.
        """
        return entry in self._outbox.waiting()

    def readBack(self, entry: Entry) -> bool:
        """
        Note that an entry has been read back.

        @return: whether it is the first that was not; otherwise nothing changes.
        """
        wasFull = self.isFull
        isFirst = self._outbox.heard(entry)
        if wasFull and not self.isFull:
            self._reactor.callLater(0, self._resume)
        return isFirst

    def _resume(self) -> None:
        """
        Resume the members that were held.
        """
        for member in tuple(self._held):
            if not self.isFull and member in self._held:
                del self._held[member]
                member.resume()

    def renew(self, first: Iterable[Operation]) -> None:
        """
        Take a new id, and append again under it what was not read back.

        @param first: what is appended before that.
        """
        self._outbox.renew(self._newId(), first)
        if self._isOpen:
            self._appendAll()
