"""
What a daemon has written to the relay and not read back; pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from echostamp.intercom.entries import Entry, Operation, Say


class Outbox:
    """
    The entries of one daemon that are on their way through the relay, in order.

    All of them are written again after a reconnection, because any may be lost.

    @ivar daemon: the id of this daemon.
    @ivar octets: octets of the texts that wait here.
    """

    def __init__(self, daemon: bytes) -> None:
        """
        @param daemon: 32 hexadecimal digits, which no other daemon has.
        """
        self.octets = 0
        self._waiting: deque[Entry] = deque()
        self._begin(daemon)

    def _begin(self, daemon: bytes) -> None:
        """
        Begin to number lines.
        """
        self.daemon = daemon
        self._next = 1

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, operation: Operation) -> Entry:
        """
        Make the next entry, and keep it until it is heard.
        """
        entry = Entry(self.daemon, self._next, operation)
        self._next += entry.lines
        self._waiting.append(entry)
        self.octets += _octets(entry)
        return entry

    def heard(self, entry: Entry) -> bool:
        """
        Remove an entry that was read back.

        @return: whether it is the first that waits; otherwise all stay.
        """
        if not self._waiting or self._waiting[0] != entry:
            return False
        self.octets -= _octets(self._waiting.popleft())
        return True

    @property
    def first(self) -> int:
        """The number of the first entry that waits, or of the next one."""
        return self._waiting[0].number if self._waiting else self._next

    def waiting(self) -> Iterator[Entry]:
        """
        Give all entries that wait.
        """
        return iter(self._waiting)

    def renew(self, daemon: bytes, first: Iterable[Operation] = ()) -> None:
        """
        Take a new id.  What waits is numbered from 1 again.

        @param first: what is put before that: the daemon's members join.
        """
        operations = [*first, *(entry.operation for entry in self._waiting)]
        self.octets = 0
        self._waiting.clear()
        self._begin(daemon)
        for operation in operations:
            self.add(operation)


def _octets(entry: Entry) -> int:
    """
    Count the octets of an entry's text.
    """
    return len(entry.operation.text) if isinstance(entry.operation, Say) else 0
