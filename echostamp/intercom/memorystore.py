"""
What a relay keeps, in memory: a stream, and presences and claims that expire.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from echostamp.intercom.entries import Fields
from echostamp.intercom.relay import BEGINNING, PRESENT, orderOf


class MemoryStore:
    """
    The stream, the presences and the claims; see L{IRelay
    <echostamp.intercom.relay.IRelay>} for the commands.

    @ivar entries: the stream: each id, as two integers, and its fields.
    """

    def __init__(self, seconds: Callable[[], float], keeps: int) -> None:
        """
        @param seconds: the clock.
        @param keeps: how many entries the stream has before it is trimmed.
        """
        self.keeps = keeps
        self.entries: list[tuple[tuple[int, int], Fields]] = []
        self._seconds = seconds
        self._last = self._trimmed = (0, 0)
        # Of each presence and claim: when it expires.
        self._present: dict[bytes, tuple[float, bytes]] = {}
        self._claims: dict[bytes, float] = {}

    def empty(self) -> None:
        """
        Forget everything.
        """
        self.lose(len(self.entries))
        self._trimmed = (0, 0)
        self._present.clear()
        self._claims.clear()

    def lose(self, count: int) -> None:
        """
        Lose the last entries of the stream.
        """
        del self.entries[len(self.entries) - count :]
        self._last = self.entries[-1][0] if self.entries else (0, 0)

    def add(self, fields: Fields) -> bytes:
        """
        Add an entry, and trim the stream.
        """
        now = int(self._seconds() * 1000)
        then, count = self._last
        self._last = (now, 0) if now > then else (then, count + 1)
        self.entries.append((self._last, fields))
        while len(self.entries) > self.keeps:
            self._trimmed = self.entries.pop(0)[0]
        return _idOf(self._last)

    def following(self, after: bytes, count: int) -> list[tuple[bytes, Fields]] | None:
        """
        Give the entries after one; L{None} if any of them was trimmed.
        """
        place = orderOf(after)
        if after != BEGINNING and place < self._trimmed:
            return None
        first = bisect_right(self.entries, place, key=_placeOf)
        found = self.entries[first : first + count]
        return [(_idOf(place), fields) for place, fields in found]

    def has(self, id: bytes) -> bool:
        """Say whether an entry is in the stream."""
        return any(place == orderOf(id) for place, fields in self.entries)

    def before(self, id: bytes, count: int) -> list[tuple[bytes, Fields]]:
        """Give the last entries up to an id."""
        end = bisect_right(self.entries, orderOf(id), key=_placeOf)
        found = self.entries[max(0, end - count) : end]
        return [(_idOf(place), fields) for place, fields in found]

    def keep(self, daemon: bytes, state: bytes | None) -> bool:
        """Renew a presence."""
        if state is None:
            state = self.states().get(daemon)
        if state is None:
            return False
        self._present[daemon] = self._seconds() + PRESENT, state
        return True

    def states(self) -> dict[bytes, bytes]:
        """Give what is kept with those that are present."""
        now = self._seconds()
        return {
            daemon: state
            for daemon, (until, state) in self._present.items()
            if until > now
        }

    def forget(self, daemon: bytes) -> None:
        """Let a daemon not be present."""
        self._present.pop(daemon, None)

    def claim(self, what: bytes, seconds: float) -> bool:
        """Let one daemon have something."""
        now = self._seconds()
        if self._claims.get(what, now) > now:
            return False
        self._claims[what] = now + seconds
        return True


def _placeOf(entry: tuple[tuple[int, int], Fields]) -> tuple[int, int]:
    """
    Give the id of an entry.
    """
    return entry[0]


def _idOf(place: tuple[int, int]) -> bytes:
    """
    Write an id.
    """
    return b"%d-%d" % place
