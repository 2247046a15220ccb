"""Tests for L{echostamp.intercom.entries}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.entries import (
    Begin,
    Entry,
    Gone,
    Join,
    Leave,
    Lose,
    Rename,
    Say,
    decode,
    encode,
)
from echostamp.intercom.entryvalues import LONGEST_TEXT, MOST

DAEMON = b"0123456789abcdef" * 2
STAMP = "[12:30 é] ".encode()

#: One entry of each kind, with the least and the greatest values among them.
ENTRIES = [
    Entry(DAEMON, 1, Join(0, b"ann", "192.0.2.1:4711 at b", STAMP)),
    Entry(DAEMON, 2, Join(MOST, b"[fe80::1%eth0]:1", "x" * 128, b"[1] ")),
    Entry(DAEMON, MOST - 2, Say(1, b"ann", STAMP, b"a\n\x00\xff\r\n\n")),
    Entry(DAEMON, 4, Say(1, b"x" * 64, STAMP, b"x" * (LONGEST_TEXT - 1) + b"\n")),
    Entry(DAEMON, 5, Rename(1, b"bob", b"[%s] " % (b"x" * 60))),
    Entry(DAEMON, 6, Leave(1, STAMP)),
    Entry(DAEMON, 7, Gone(DAEMON[::-1], STAMP)),
    Entry(DAEMON, 8, Begin(STAMP)),
    Entry(DAEMON, 9, Lose(STAMP)),
]

#: What some field may have, or nearly.
VALUES = st.one_of(
    st.sampled_from([value for entry in ENTRIES for _, value in encode(entry)]),
    st.sampled_from([b"", b"01", b"-1", b"1 ", b"[1]", b"[] ", b"x\n", b"a b", b"<a>"]),
    st.binary(max_size=70),
)


@st.composite
def changedFields(draw: st.DrawFn) -> list[tuple[bytes, bytes]]:
    """
    Give the fields of an entry in any order, and change some of them.
    """
    fields = draw(st.permutations(encode(draw(st.sampled_from(ENTRIES)))))
    names = st.one_of(st.sampled_from([name for name, _ in fields]), VALUES)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(fields) - 1))
        removed = draw(st.integers(0, 1))
        added = draw(st.lists(st.tuples(names, VALUES), max_size=1))
        fields[place : place + removed] = added
    return fields


class EntryTests(SynchronousTestCase):
    """
    Entries as pairs of names and values.
    """

    def test_fields(self) -> None:
        """The fields of an entry are text, with a version."""
        self.assertEqual(
            encode(Entry(DAEMON, 12, Join(3, b"ann", "local", b"[1] "))),
            [
                (b"echostamp", b"1"),
                (b"from", DAEMON),
                (b"number", b"12"),
                (b"operation", b"join"),
                (b"member", b"3"),
                (b"name", b"ann"),
                (b"address", b"local"),
                (b"stamp", b"[1] "),
            ],
        )

    def test_roundTrip(self) -> None:
        """An entry is read as it was written."""
        for entry in ENTRIES:
            self.assertEqual(decode(encode(entry)), entry)

    @given(changedFields())
    def test_anyFields(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Whatever fields there are: they are an entry that is written like this, or
        they are refused in a short printable line."""
        try:
            entry = decode(fields)
        except ValueError as error:
            self.assertTrue(str(error).isprintable(), error)
            self.assertLess(len(str(error)), 80)
        else:
            self.assertEqual(sorted(encode(entry)), sorted(fields))

    def test_refused(self) -> None:
        """A wrong value is refused, and the error says what is wrong."""
        words = {
            b"echostamp": [(b"2", "version"), (b"", "version")],
            b"from": [
                (DAEMON[1:], "32 hex"),
                (DAEMON.upper(), "32 hex"),
                (DAEMON + b"\n", "32 hex"),
            ],
            b"number": [
                (value, "a number is not from 1")
                for value in (b"0", b"01", b"-1", b"1 ", b"", b"%d" % (MOST + 1))
            ],
            b"operation": [(b"shout", "unknown"), (b"", "unknown")],
            b"member": [(b"x", "from 0"), (b"9" * 10_000, "from 0")],
            b"name": [
                (value, "a name is not")
                for value in (
                    b"",
                    b"a b",
                    b"a>",
                    b"<a",
                    "é".encode(),
                    b"a\n",
                    b"x" * 65,
                )
            ],
            b"address": [
                (b"", "an address is empty or too long"),
                (b"x" * 129, "an address is empty or too long"),
                (b"\x1b[2J", "an address is not printable"),
                ("\u202e".encode(), "an address is not printable"),
                (b"\xff", "an address is not printable"),
            ],
            b"stamp": [
                (b"", "brackets"),
                (b"[1]", "brackets"),
                (b"1] ", "brackets"),
                (b"[] ", "a stamp is empty or too long"),
                (b"[%s] " % (b"x" * 61), "a stamp is empty or too long"),
                (b"[1] <ann> x\n[1] ", "a stamp is not printable"),
                (b"[1] <ann> ] ", "a stamp has a ]"),
            ],
            b"text": [
                (b"", "newline"),
                (b"a\nb", "newline"),
                (b"x" * LONGEST_TEXT + b"\n", "a text is too long"),
            ],
        }
        for entry in ENTRIES[0], ENTRIES[2]:
            fields = encode(entry)
            for place, (name, _) in enumerate(fields):
                for value, word in words[name]:
                    changed = [*fields]
                    changed[place] = name, value
                    error = self.assertRaises(ValueError, decode, changed)
                    self.assertIn(word, str(error), (name, value[:80]))

    def test_otherFields(self) -> None:
        """Each field is there once, and there are no others."""
        for entry in ENTRIES:
            fields = encode(entry)
            for place, field in enumerate(fields):
                for changed in (
                    fields[:place] + fields[place + 1 :],
                    [*fields, field],
                    [*fields, (b"x" * 10_000, b"")],
                ):
                    error = self.assertRaises(ValueError, decode, changed)
                    self.assertLess(len(str(error)), 80)
        self.assertRaises(ValueError, decode, [])

    def test_lines(self) -> None:
        """Each message counts as one line, and so does any other operation."""
        self.assertEqual((ENTRIES[2].lines, ENTRIES[2].last), (3, MOST))
        self.assertEqual((ENTRIES[0].lines, ENTRIES[0].last), (1, 1))
