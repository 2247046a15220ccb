"""
What a daemon keeps at the relay for those that come later: how far it has read, and
its room at this place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from echostamp.intercom.relay import orderOf


class KeptState(NamedTuple):
    """
    The room of a daemon at a place of the stream.

    @ivar order: the id of the entry with which the daemon's order began.
    @ivar place: the id of the last entry that the daemon has applied.
    @ivar snapshot: its room.
    """

    order: bytes
    place: bytes
    snapshot: bytes

    @property
    def age(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Compares states: a greater one is newer."""
        return orderOf(self.order), orderOf(self.place)

    def written(self) -> bytes:
        """Write the state."""
        return b" ".join(self)


def readState(value: bytes) -> KeptState | None:
    """
    Read what a daemon keeps, which anybody may have written.

    @return: L{None} if it is not a state.
    """
    parts = value.split(b" ", 2)
    try:
        state = KeptState(*parts)
        order, place = state.age
    except (TypeError, ValueError):
        return None
    return state if order <= place else None


def newestFirst(kept: dict[bytes, bytes]) -> list[KeptState]:
    """
    Read what several daemons keep, and leave out what is not a state.
    """
    read = [readState(value) for value in kept.values()]
    states = [state for state in read if state is not None]
    return sorted(states, key=lambda state: state.age, reverse=True)


@dataclass
class Course:
    """
    What a daemon follows, whether it is connected or not.  At first all of it is empty.

    @ivar order: the id of the entry with which the order began.
    @ivar place: the id of the last entry that was applied.
    @ivar begun: the id of an entry with which another order has begun, until it is
        known whether any daemon follows that.
    @ivar isBroken: whether the order has to begin again: the stream was emptied, or
        another daemon has read the entry with which it began and not followed it.
    @ivar refused: the order of the last state that the room refused.
    @ivar daemon: the id under which this daemon is present.
    """

    order: bytes = b""
    place: bytes = b""
    begun: bytes = b""
    isBroken: bool = False
    refused: bytes = b""
    daemon: bytes = b""
