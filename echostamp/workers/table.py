"""
Counts that several processes share: of connections, of hosts, of packets in a second.

They lie in memory that all processes map.  Each process writes only its own L{Column},
and reads all of them.  There is no lock: each number is written as one aligned word, so
that a reader sees it as it was before or after.
"""

from __future__ import annotations

import mmap
import os
from hashlib import blake2b

#: Hosts of a process that are counted each on its own.
MOST_HOSTS = 4096

#: Counts that the hosts beyond L{MOST_HOSTS} share.
_SHARED = 256

#: Octets of a host's key: a hash, so that no peer can choose where it lies.
_KEY = 16

#: A host lies in one of C{_WINDOW} slots, of which its key names the first.  At most
#: half of the slots are in use, so that a window is hardly ever full.
_FIRST_SLOTS, _WINDOW = 2 * MOST_HOSTS, 128
_SLOTS = _FIRST_SLOTS + _WINDOW

#: The key of a slot that is free.
_FREE = bytes(_KEY)

#: Octets of a word, and words before the first column: the salt of the hashes.
_WORD, _HEADER = 8, _KEY // 8

#: Words of a column: its connections; the second in which packets were granted, and how
#: many; the keys; their counts; the shared counts.
_CONNECTIONS, _SECOND, _PACKETS, _KEYS = range(4)
_COUNTS = _KEYS + _SLOTS * _KEY // _WORD
_COLUMN = _COUNTS + _SLOTS + _SHARED

#: A share of a second's packets is their total by this number and by that of the
#: columns.  So what all have been granted and not sent is at most a twentieth of them.
_GRANTS = 20

#: How often a process tries to take a share when others do at the same time.
_TRIES = 8


class SharedTable:
    """
    A table in memory that several processes share: a L{Column} for each.

    @ivar descriptor: of the memory; another process opens the table by it.
    @ivar seconds: of each column the second in which packets were granted.
    @ivar packets: of each column how many were granted in it.
    """

    def __init__(self, descriptor: int, columns: int) -> None:
        """
        Map a table that L{make} has made, in this process or another one.

        @param descriptor: of its memory.
        @param columns: as it was made with.
        @raise ValueError: the memory is too small for them.
        """
        self.descriptor = descriptor
        memory = mmap.mmap(descriptor, _size(columns))
        words = memoryview(memory).cast("q")
        self._salt = memory[:_KEY]
        self.areas = [_Area(memory, words, each) for each in range(columns)]
        self._connections = words[_HEADER + _CONNECTIONS :: _COLUMN]
        self.seconds = words[_HEADER + _SECOND :: _COLUMN]
        self.packets = words[_HEADER + _PACKETS :: _COLUMN]

    @classmethod
    def make(cls, columns: int) -> SharedTable:
        """
        Make an empty table.

        @param columns: how many processes there are at most at a time.
        @raise OSError: there is no memory for it.
        """
        descriptor = os.memfd_create("echostamp-workers")
        os.ftruncate(descriptor, _size(columns))
        os.pwrite(descriptor, os.urandom(_KEY), 0)
        return cls(descriptor, columns)

    def column(self, number: int) -> Column:
        """
        Give a column to the process that is to write it.

        @param number: from 0.
        """
        return Column(self, number)

    def clear(self, column: int) -> None:
        """
        Forget the connections of a process that has ended.  The packets that it has
        been granted in this second stay granted.

        @param column: its number.
        """
        self.areas[column].clear()

    def connections(self) -> int:
        """Count the connections of all processes."""
        return sum(self._connections)

    def keyOf(self, host: str | bytes) -> bytes:
        """
        Give the key under which a host lies in a column.
        """
        data = host.encode() if isinstance(host, str) else b"\0" + host
        return blake2b(data, digest_size=_KEY, salt=self._salt).digest()


class Column:
    """
    What one process counts, and what all of them have counted.
    """

    def __init__(self, table: SharedTable, number: int) -> None:
        """
        @param table: the table.
        @param number: of the column, which no other process writes.
        """
        self._table = table
        self._number = number
        self._area = table.areas[number]
        # Of each host that has connections here its key, the slot of its count, and
        # how many they are.
        self._hosts: dict[str | bytes, tuple[bytes, int, int]] = {}
        self._inUse = 0

    @property
    def own(self) -> int:
        """How many connections this process has."""
        area = self._area
        return area.words[area.start + _CONNECTIONS]

    def count(self, key: str | bytes) -> int:
        """
        Count the connections of a host in all processes.

        @param key: the host's L{hostKey <echostamp.addresses.hostKey>}; C{""} for all
            hosts.
        """
        if not key:
            return self._table.connections()
        here = self._hosts.get(key)
        hashed = here[0] if here else self._table.keyOf(key)
        return sum([area.count(hashed) for area in self._table.areas])

    def add(self, key: str | bytes, step: int) -> None:
        """
        Change the number of connections of a host in this process.

        @param key: as L{count} has it.
        @param step: by how much; it may be negative.
        """
        area = self._area
        if not key:
            area.words[area.start + _CONNECTIONS] += step
            return
        hashed, slot, count = self._hosts.get(key) or self._arrived(key)
        area.words[area.counts + slot] += step
        if count + step:
            self._hosts[key] = hashed, slot, count + step
            return
        self._hosts.pop(key, None)
        if slot < _SLOTS:
            area.write(slot, _FREE)
            self._inUse -= 1

    def _arrived(self, host: str | bytes) -> tuple[bytes, int, int]:
        """
        Give a host a slot, or a shared count.

        @return: its key, the slot, and that it has no connection.
        """
        key = self._table.keyOf(host)
        slot = self._area.find(key, _FREE) if self._inUse < MOST_HOSTS else -1
        if slot < 0:
            return key, _sharedSlot(key), 0
        self._area.write(slot, key)
        self._inUse += 1
        return key, slot, 0

    def grant(self, second: int, total: int) -> int:
        """
        Take a further share of the packets that all processes may send in a second.

        @param second: of the monotonic clock, which all processes share.
        @param total: packets a second of all processes.
        @return: how many; 0 when all are taken.
        """
        table, number = self._table, self._number
        if table.seconds[number] != second:
            table.packets[number] = 0
            table.seconds[number] = second

        def left() -> int:
            columns = zip(table.seconds, table.packets, strict=True)
            return total - sum([packets for each, packets in columns if each == second])

        most = max(1, total // (_GRANTS * len(table.areas)))
        for _ in range(_TRIES):
            share = min(most, left())
            if share <= 0:
                break
            table.packets[number] += share
            if left() >= 0:
                return share
            # Others have taken some of the last at the same time.
            table.packets[number] -= share
        return 0


class _Area:
    """
    The memory of one column, as each process sees it.

    @ivar words: all words of the table.
    @ivar start: the word at which the column begins.
    @ivar counts: the word at which its counts begin.
    """

    def __init__(self, memory: mmap.mmap, words: memoryview[int], number: int) -> None:
        """
        @param memory: of the table.
        @param words: the same, as words.
        @param number: of the column.
        """
        self._memory = memory
        self.words = words
        self.start = _HEADER + number * _COLUMN
        self.counts = self.start + _COUNTS
        self._keys = (self.start + _KEYS) * _WORD

    def count(self, key: bytes) -> int:
        """
        Count the connections of a host.  One that has no slot here has as many as all
        hosts that share a count with it.
        """
        slot = self.find(key, key)
        if slot >= 0:
            count = self.words[self.counts + slot]
            # By now the slot may be that of another host.
            if self.find(key, key) == slot:
                return count
        return self.words[self.counts + _sharedSlot(key)]

    def find(self, host: bytes, key: bytes) -> int:
        """
        Find a slot in the window of a host.

        @param host: its key.
        @param key: what the slot holds: the same key, or L{_FREE}.
        @return: the slot; -1 if there is none.
        """
        start = self._keys + int.from_bytes(host[:2], "big") % _FIRST_SLOTS * _KEY
        end = start + _WINDOW * _KEY
        while (found := self._memory.find(key, start, end)) >= 0:
            slot, past = divmod(found - self._keys, _KEY)
            if not past:
                return slot
            # It is a part of two slots.
            start = self._keys + (slot + 1) * _KEY
        return -1

    def write(self, slot: int, key: bytes) -> None:
        """
        Write the key of a slot.
        """
        place = self._keys + slot * _KEY
        self._memory[place : place + _KEY] = key

    def clear(self) -> None:
        """
        Forget all connections.
        """
        self.words[self.start + _CONNECTIONS] = 0
        octets = (_COLUMN - _KEYS) * _WORD
        self._memory[self._keys : self._keys + octets] = bytes(octets)


def _sharedSlot(key: bytes) -> int:
    """
    Give the slot of the count that a host shares with others.
    """
    return _SLOTS + key[2] % _SHARED


def _size(columns: int) -> int:
    """
    Give the octets of a table.
    """
    return (_HEADER + columns * _COLUMN) * _WORD
