"""Tests for L{echostamp.workers.table}."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.workers.table import MOST_HOSTS, Column, SharedTable

#: Keys that are alike: of IPv4 and of IPv6, one the octets of another.
HOSTS: list[str | bytes] = [
    "192.0.2.1",
    "192.0.2.2",
    b"192.0.2.",
    "192.0.2.",
    bytes(8),
    b"\0" * 7 + b"1",
]

#: The key of all connections, and those of hosts.
KEYS: list[str | bytes] = ["", *HOSTS]


class TableCase(SynchronousTestCase):
    """
    A table whose memory is freed after the test.
    """

    def table(self, columns: int) -> SharedTable:
        """Make a table."""
        table = SharedTable.make(columns)
        self.addCleanup(os.close, table.descriptor)
        return table

    def opened(self, table: SharedTable, columns: int) -> SharedTable:
        """Open a table as another process does."""
        return SharedTable(table.descriptor, columns)


class ConnectionTests(TableCase):
    """
    Tests for the counts of connections.
    """

    def test_alone(self) -> None:
        """One process counts its connections: each host's, and all."""
        column = self.table(1).column(0)
        for key in "", "192.0.2.1", "192.0.2.1", bytes(8):
            column.add(key, 1)
        counts = [column.count(key) for key in KEYS]
        self.assertEqual(counts, [1, 2, 0, 0, 0, 1, 0])
        column.add("192.0.2.1", -1)
        self.assertEqual(column.count("192.0.2.1"), 1)
        column.add("192.0.2.1", -1)
        self.assertEqual(column.count("192.0.2.1"), 0)

    def test_severalProcesses(self) -> None:
        """Each process sees what all of them have counted."""
        table = self.table(3)
        columns = [self.opened(table, 3).column(each) for each in range(3)]
        for each, column in enumerate(columns):
            column.add("", 10 + each)
            column.add("192.0.2.1", 1 + each)
        columns[1].add("192.0.2.2", 1)
        for column in columns:
            self.assertEqual(column.count(""), 33)
            self.assertEqual(column.count("192.0.2.1"), 6)
            self.assertEqual(column.count("192.0.2.2"), 1)
        self.assertEqual(table.connections(), 33)
        columns[2].add("192.0.2.1", -3)
        self.assertEqual([each.count("192.0.2.1") for each in columns], [3, 3, 3])

    def test_clear(self) -> None:
        """The connections of a process that has ended are forgotten, and no others;
        the next process in its column begins at zero."""
        table = self.table(2)
        kept, lost = table.column(0), self.opened(table, 2).column(1)
        for column in kept, lost:
            for key in "", "192.0.2.1":
                column.add(key, 2)
        for each in range(MOST_HOSTS):
            lost.add(f"host {each}", 1)
        table.clear(1)
        following = self.opened(table, 2).column(1)
        for column in kept, following:
            self.assertEqual(column.count(""), 2)
            self.assertEqual(column.count("192.0.2.1"), 2)
        self.assertEqual(sum(kept.count(f"host {each}") for each in range(5000)), 0)
        following.add("192.0.2.1", 1)
        self.assertEqual(kept.count("192.0.2.1"), 3)

    def test_manyHosts(self) -> None:
        """MOST_HOSTS hosts are counted each on its own; those beyond share counts, and
        are never counted too few.  When all have left, all counts are zero."""
        table = self.table(2)
        column, other = table.column(0), table.column(1)
        hosts = [f"10.0.{each >> 8}.{each & 255}" for each in range(5000)]
        for count in 1, 2:
            for host in hosts:
                column.add(host, 1)
            for reader in column, other:
                counts = [reader.count(host) for host in hosts]
                self.assertEqual(set(counts[:MOST_HOSTS]), {count})
                self.assertGreaterEqual(min(counts[MOST_HOSTS:]), count)
                # 904 hosts share 256 counts.
                self.assertLess(max(counts[MOST_HOSTS:]), 30 * count)
        for host in hosts[:MOST_HOSTS] * 2:
            column.add(host, -1)
        # These have a shared count for as long as they are connected.
        for host in hosts[MOST_HOSTS:] * 2:
            self.assertGreater(column.count(host), 0)
            column.add(host, -1)
        self.assertEqual({column.count(host) for host in hosts}, {0})
        for host in hosts[:-MOST_HOSTS:-1]:
            column.add(host, 1)
        self.assertEqual({other.count(host) for host in hosts[:-MOST_HOSTS:-1]}, {1})

    def test_wayOut(self) -> None:
        """A host's number may be below zero for a moment: a connection that has gone on
        to another protocol ends at the inner gate first, or at the outer."""
        column = self.table(1).column(0)
        column.add("192.0.2.1", -1)
        self.assertEqual(column.count("192.0.2.1"), -1)
        column.add("192.0.2.1", 1)
        self.assertEqual(column.count("192.0.2.1"), 0)

    def test_readWhileWritten(self) -> None:
        """A process that reads between any two writes of another sees a number that was
        right before or is right after."""
        table = self.table(2)
        writer, reader = table.column(0), self.opened(table, 2).column(1)
        seen: list[int] = []
        area = table.areas[0]

        class Watched:
            """The words of the table, read before and after each write."""

            def __getitem__(self, at: int) -> int:
                return words[at]

            def __setitem__(self, at: int, value: int) -> None:
                seen.append(reader.count("192.0.2.1"))
                words[at] = value
                seen.append(reader.count("192.0.2.1"))

        words = area.words
        area.words = Watched()  # type: ignore[assignment]
        for _ in range(2):
            for step in 1, 1, -1, -1:
                writer.add("192.0.2.1", step)
        self.assertEqual(seen, [0, 1, 1, 2, 2, 1, 1, 0] * 2)

    def test_slotOfAnother(self) -> None:
        """A slot that becomes another host's between the reads of its key and of its
        count gives that host's count to nobody else."""
        table = self.table(2)
        opened = self.opened(table, 2)
        writer, reader = table.column(0), opened.column(1)
        writer.add("192.0.2.1", 1)
        area = table.areas[0]
        slot = area.find(table.keyOf("192.0.2.1"), table.keyOf("192.0.2.1"))
        theirs = opened.areas[0]
        words = theirs.words

        class Late:
            """The words of the table, read when the slot is another host's."""

            def __getitem__(self, at: int) -> int:
                if at == theirs.counts + slot:
                    area.write(slot, table.keyOf("192.0.2.2"))
                    return 77
                return words[at]

        theirs.words = Late()  # type: ignore[assignment]
        self.assertEqual(reader.count("192.0.2.1"), 0)

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.sampled_from(KEYS),
                st.sampled_from([1, 1, 2, -1]),
            ),
            max_size=60,
        )
    )
    def test_asCounters(self, steps: list[tuple[int, str | bytes, int]]) -> None:
        """However processes count, each sees the sum."""
        table = SharedTable.make(3)
        try:
            columns = [self.opened(table, 3).column(each) for each in range(3)]
            expected = Counter[str | bytes]()
            for number, key, step in steps:
                columns[number].add(key, step)
                expected[key] += step
            for column in columns:
                for key in KEYS:
                    self.assertEqual(column.count(key), expected[key])
        finally:
            os.close(table.descriptor)

    def test_tooSmall(self) -> None:
        """A table cannot be opened with more columns than it was made with."""
        with self.assertRaises(ValueError):
            SharedTable(self.table(2).descriptor, 3)

    def test_misalignedKey(self) -> None:
        """Octets of two slots are no slot."""
        table = self.table(1)
        area = table.areas[0]
        key = table.keyOf("192.0.2.1")
        first = int.from_bytes(key[:2], "big") % (2 * MOST_HOSTS)
        area.write(first, bytes(8) + key[:8])
        area.write(first + 1, key[8:] + bytes(8))
        self.assertEqual(area.find(key, key), -1)
        area.write(first + 2, key)
        self.assertEqual(area.find(key, key), first + 2)


class GrantTests(TableCase):
    """
    Tests for L{Column.grant}.
    """

    def taken(self, column: Column, second: int, total: int) -> int:
        """Take all that is left in a second."""
        shares = list(iter(lambda: column.grant(second, total), 0))
        return sum(shares)

    def test_total(self) -> None:
        """All processes together get the total in each second, in shares of which each
        is small; whoever asks more gets more."""
        table = self.table(4)
        columns = [self.opened(table, 4).column(each) for each in range(4)]
        self.assertEqual(columns[0].grant(7, 8000), 100)
        self.assertEqual(columns[1].grant(7, 8000), 100)
        self.assertEqual(self.taken(columns[0], 7, 8000), 7800)
        self.assertEqual([each.grant(7, 8000) for each in columns], [0] * 4)
        self.assertEqual(self.taken(columns[3], 8, 8000), 8000)
        self.assertEqual(columns[1].grant(8, 8000), 0)

    def test_smallTotals(self) -> None:
        """A total that is less than the shares is given one by one; one that is no
        multiple of a share is given to the last packet."""
        table = self.table(128)
        columns = [table.column(each) for each in range(128)]
        self.assertEqual(sum(each.grant(1, 5) for each in columns), 5)
        self.assertEqual(self.taken(columns[9], 2, 5), 5)
        self.assertEqual(self.taken(columns[9], 3, 5123), 5123)
        self.assertEqual(columns[9].grant(4, 0), 0)

    def test_atTheSameTime(self) -> None:
        """A process that finds that others have taken the last packets at the same time
        gives its share back."""
        table = self.table(3)
        first, *others = [table.column(each) for each in range(3)]
        packets = table.packets

        class Racing:
            """
            The packets of all columns.  Others take theirs before the first does.
            """

            def __iter__(self) -> Iterator[int]:
                return iter(packets)

            def __getitem__(self, number: int) -> int:
                return packets[number]

            def __setitem__(self, number: int, count: int) -> None:
                while count and others:
                    others.pop().grant(7, 2)
                packets[number] = count

        racing: Any = Racing()
        table.packets = racing
        self.assertEqual(first.grant(7, 2), 0)
        self.assertEqual(list(packets), [0, 1, 1])

    def test_death(self) -> None:
        """What an ended process was granted stays granted in that second."""
        table = self.table(2)
        self.taken(self.opened(table, 2).column(0), 5, 100)
        table.clear(0)
        self.assertEqual(table.column(1).grant(5, 100), 0)
        self.assertEqual(table.column(0).grant(5, 100), 0)
        self.assertGreater(table.column(0).grant(6, 100), 0)
