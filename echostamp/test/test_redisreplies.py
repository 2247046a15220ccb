"""Tests for L{echostamp.daemon.redisreplies}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.redisreplies import (
    entriesOf,
    idAfter,
    idBefore,
    isPossible,
    whyRefused,
)

LARGEST = 18446744073709551615


class IdTests(SynchronousTestCase):
    """
    Tests for ids.
    """

    def test_possible(self) -> None:
        """Two numbers of 64 bits are an id."""
        for id in "0-0", "1-2", f"{LARGEST}-{LARGEST}":
            self.assertTrue(isPossible(id.encode()), id)
        for id in "", "1", "1-", "-1", "1-2-3", "a-b", f"{LARGEST + 1}-0", "9" * 5000:
            self.assertFalse(isPossible(id.encode()), id)

    def test_neighbours(self) -> None:
        """An id has one before and one after it."""
        for before, after in (
            ("0-0", "0-1"),
            ("7-9", "7-10"),
            (f"7-{LARGEST}", "8-0"),
        ):
            self.assertEqual(idAfter(before.encode()), after.encode())
            self.assertEqual(idBefore(after.encode()), before.encode())


class ReplyTests(SynchronousTestCase):
    """
    Tests for entries and errors.
    """

    def test_entries(self) -> None:
        """Names and values are pairs.  A deleted entry has none."""
        self.assertEqual(entriesOf(None), [])
        reply = [[b"1-1", [b"a", b"b", b"c", b"d"]], [b"2-1", None]]
        fields = [(b"a", b"b"), (b"c", b"d")]
        self.assertEqual(entriesOf(reply), [(b"1-1", fields), (b"2-1", [])])

    def test_why(self) -> None:
        """An error is one line, which says what to do; what is not known is repeated,
        and made printable and short."""
        read = b"XREAD", b"COUNT", b"1", b"STREAMS", b"room", b"0-0"
        for words, error, why in (
            (
                (b"AUTH", b"u", b"secret"),
                "WRONGPASS invalid username-password pair or user is disabled.",
                "the user or the password is wrong",
            ),
            (read, "WRONGTYPE Operation against", "the key 'room' is no stream"),
            (
                (b"SADD", b"room:daemons", b"x"),
                "WRONGTYPE Operation against",
                "the key 'room:daemons' holds another type than SADD needs",
            ),
            (
                read,
                "ERR unknown command 'XREAD', with args beginning with:",
                "it has no XREAD: Redis 5 or newer is needed",
            ),
            (read, "LOADING it is\x1b", "XREAD: LOADING it is\\x1b"),
            (read, "x" * 1000, "XREAD: " + "x" * 193),
        ):
            self.assertEqual(whyRefused(words, error), why)
