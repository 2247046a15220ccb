"""Tests for L{echostamp.daemon.redisreader}."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from echostamp.daemon.redisreader import COUNT, LongEntries, RedisReader
from echostamp.intercom.entries import Fields
from echostamp.intercom.relay import BEGINNING, IRelayUser


class LongEntriesTests(SynchronousTestCase):
    """
    Tests for L{LongEntries}.
    """

    def found(self, *ids: bytes) -> LongEntries:
        """Find entries that are too long."""
        long = LongEntries()
        for each in ids:
            self.assertFalse(long.found(b"1-1"))
            self.assertTrue(long.found(each))
        return long

    def test_single(self) -> None:
        """Only the entry that is too long alone is passed over: it is looked for one
        by one."""
        long = LongEntries()
        self.assertEqual(long.count, COUNT)
        self.assertFalse(long.found(b"5-0"))
        self.assertEqual(long.count, 1)
        self.assertNotIn(b"5-0", long)
        self.assertFalse(long.found(None))
        self.assertEqual(long.count, 1)
        self.assertTrue(long.found(b"7-0"))
        self.assertEqual(long.count, COUNT)
        self.assertIn(b"7-0", long)

    def test_neighbours(self) -> None:
        """The next one and the one before are found by their numbers."""
        long = self.found(b"10-0", b"9-0", b"9-11", b"9-0")
        self.assertEqual(long.after(b"0-0"), b"9-0")
        self.assertEqual(long.after(b"9-0"), b"9-11")
        self.assertIsNone(long.after(b"10-0"))
        self.assertEqual(long.before(b"10-0"), b"9-11")
        self.assertIsNone(long.before(b"9-0"))

    def test_trimmed(self) -> None:
        """One by one is read only so far as the long entry may be."""
        long = LongEntries()
        long.found(b"5-0")
        for _ in range(COUNT):
            self.assertEqual(long.count, 1)
            long.read()
        self.assertEqual(long.count, COUNT)

    def test_bounded(self) -> None:
        """The last ones are remembered."""
        long = LongEntries()
        for each in range(1, long.most + 10):
            long.count = 1
            long.found(b"%d-0" % each)
        self.assertEqual(len(long.ids), long.most)
        self.assertEqual(long.after(b"0-0"), b"10-0")


@implementer(IRelayUser)
class User:
    """
    Keeps what it receives.
    """

    def __init__(self) -> None:
        self.told: list[bytes] = []

    def connected(self) -> None:
        """Do nothing."""

    def disconnected(self, why: str) -> None:
        """Do nothing."""

    def received(self, id: bytes, fields: Fields) -> None:
        """Keep an id; fail for some."""
        self.told.append(id)
        if id == b"7-0":
            raise ZeroDivisionError

    def trimmed(self) -> None:
        """Keep it."""
        self.told.append(b"trimmed")


class Connection:
    """
    Keeps commands and what gets their replies.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[list[bytes], Deferred[Any]]] = []

    def command(self, *words: bytes) -> Deferred[Any]:
        """Keep a command."""
        reply: Deferred[Any] = Deferred()
        self.asked.append((list(words), reply))
        return reply


class RedisReaderTests(SynchronousTestCase):
    """
    Tests for L{RedisReader}.
    """

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.user = User()
        self.long = LongEntries()
        self.reader = RedisReader(self.clock, b"room", self.user, self.long)
        self.connection = Connection()
        self.reader.begin(cast(Any, self.connection))

    def read(self, after: bytes) -> None:
        """Read from a place."""
        self.reader.read(after)
        self.clock.advance(0)

    def answer(self, *numbers: int, isRange: bool = False) -> None:
        """Answer the last command with entries."""
        entries = [[b"%d-0" % each, [b"t", b""]] for each in numbers]
        reply = entries if isRange else [[b"room", entries]] if entries else None
        self.connection.asked[-1][1].callback(reply)

    def test_reading(self) -> None:
        """It asks for entries behind the last one, one command at a time."""
        self.read(BEGINNING)
        self.answer(1, 2)
        self.answer()
        self.assertEqual(self.user.told, [b"1-0", b"2-0"])
        last = [words[-1] for words, _ in self.connection.asked]
        self.assertEqual(last, [BEGINNING, b"2-0", b"2-0"])

    def test_replaced(self) -> None:
        """A reply to an earlier read is dropped, also one after the end."""
        self.read(b"1-0")
        self.read(b"50-0")
        self.assertEqual(len(self.connection.asked), 1)
        self.answer(*range(2, 2 + COUNT))
        self.assertEqual(self.connection.asked[-1][0][-1], b"50-0")
        self.reader.end()
        self.answer(*range(51, 51 + COUNT))
        self.assertEqual(self.user.told, [])
        self.assertEqual(len(self.connection.asked), 2)

    def test_full(self) -> None:
        """Behind a full reply it looks whether anything is left up to its place."""
        for isLeft in True, False:
            self.setUp()
            self.read(b"1-0")
            self.answer(*range(10, 10 + COUNT))
            self.assertEqual(self.user.told, [])
            words = [b"XREVRANGE", b"room", b"1-0", b"-", b"COUNT", b"1"]
            self.assertEqual(self.connection.asked[-1][0], words)
            self.answer(*[1] * isLeft, isRange=True)
            ids = [b"%d-0" % each for each in range(10, 10 + COUNT)]
            self.assertEqual(self.user.told, ids if isLeft else [b"trimmed"])
            self.assertEqual(len(self.connection.asked), 3 if isLeft else 2)

    def test_long(self) -> None:
        """Up to an entry that is too long a range is read, then what is behind it."""
        self.long.ids = [(9, 0)]
        self.read(b"1-0")
        words = [b"XRANGE", b"room", b"1-1", b"8-18446744073709551615"]
        self.assertEqual(self.connection.asked[-1][0][:4], words)
        self.answer(2, isRange=True)
        self.answer(isRange=True)
        self.assertEqual(self.connection.asked[-1][0][-1], b"9-0")
        self.answer(10)
        self.assertEqual(self.user.told, [b"2-0", b"10-0"])

    def test_failing(self) -> None:
        """An entry on which the user fails does not end the reading."""
        self.read(BEGINNING)
        self.answer(7, 8)
        self.assertEqual(self.user.told, [b"7-0", b"8-0"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.connection.asked), 2)
