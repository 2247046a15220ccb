"""Tests for L{echostamp.web.query}."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.query import (
    LAST_SECOND,
    Parameter,
    choiceOf,
    readQuery,
    readSeconds,
    readTime,
    textGiven,
    wholeGiven,
    wholeReader,
)

KNOWN = (
    Parameter("peer", str, isNeeded=True),
    Parameter("since", wholeReader(0, 1000), 0),
    Parameter("step", readSeconds),
    Parameter("format", choiceOf("json", "csv"), "json"),
)


class QueryCase(SynchronousTestCase):
    """
    A test of what is wrong.
    """

    def assertWrong(self, query: str, why: str) -> None:
        """Check that a query is wrong, and what its line says."""
        error = self.assertRaises(ValueError, readQuery, query.encode(), KNOWN)
        self.assertEqual(str(error), why)


class QueryTests(QueryCase):
    """
    Tests for L{readQuery}.
    """

    def test_defaults(self) -> None:
        """What is not given has its default."""
        self.assertEqual(
            readQuery(b"peer=ams", KNOWN),
            {"peer": "ams", "since": 0, "step": None, "format": "json"},
        )

    def test_given(self) -> None:
        """What is given counts, in any order, decoded."""
        query = b"format=csv&step=5m&peer=a%2Fb+%C3%A9&since=1000"
        self.assertEqual(
            readQuery(query, KNOWN),
            {"peer": "a/b é", "since": 1000, "step": 300, "format": "csv"},
        )

    def test_missing(self) -> None:
        """A parameter without a default is needed."""
        for query in "", "since=1":
            self.assertWrong(query, "the parameter peer is missing")

    def test_empty(self) -> None:
        """An empty value is a value."""
        self.assertEqual(readQuery(b"peer=", KNOWN)["peer"], "")
        self.assertEqual(readQuery(b"peer", KNOWN)["peer"], "")
        why = "since: '' is no whole number from 0 to 1000"
        self.assertWrong("peer=a&since=", why)

    def test_unknown(self) -> None:
        """One that is unknown is wrong, and the nearest one is named."""
        self.assertWrong(
            "peer=a&sinse=1",
            "there is no parameter 'sinse'; did you mean 'since'?",
        )
        for query, name in (
            ("&", "''"),
            ("peer=a&", "''"),
            ("%00%0a%1b=1", r"'\x00\n\x1b'"),
            ("%ff", "'\ufffd'"),
            ("=", "''"),
        ):
            self.assertWrong(query, f"there is no parameter {name}")

    def test_twice(self) -> None:
        """One that is given twice is wrong, even with the same value."""
        self.assertWrong("peer=a&peer=a", "the parameter peer is given twice")

    def test_long(self) -> None:
        """A line repeats only the beginning of what is long."""
        long = "x" * 5000
        for query in (f"{long}=1", f"peer=a&format={long}", f"peer=a&step={long}"):
            error = self.assertRaises(ValueError, readQuery, query.encode(), KNOWN)
            self.assertLess(len(str(error)), 200)

    @given(st.binary(max_size=50), st.booleans())
    def test_anything(self, query: bytes, isPeerGiven: bool) -> None:
        """Any octets are read, or are wrong in one printable line."""
        try:
            readQuery(b"peer=a&" * isPeerGiven + query, KNOWN)
        except ValueError as error:
            self.assertTrue(str(error).isprintable(), str(error))

    @given(st.text(max_size=50))
    def test_anyValue(self, value: str) -> None:
        """Any value is read as it was before it was encoded."""
        query = f"peer={quote(value, safe='')}".encode()
        self.assertEqual(readQuery(query, KNOWN)["peer"], value)


class ValueTests(QueryCase):
    """
    Tests for the readers of values.
    """

    def test_whole(self) -> None:
        """Whole numbers have bounds, and are decimal digits."""
        read = wholeReader(1, 1000)
        self.assertEqual([read("1"), read("1000"), read("007")], [1, 1000, 7])
        for text in "", "-1", "+1", "1.0", "1e3", "\u0661", "0x1", " 1", "9" * 5000:
            with self.assertRaisesRegex(ValueError, "is no whole number from 1 to"):
                read(text)
        for text in "0", "1001":
            with self.assertRaisesRegex(ValueError, f"^{text} is not from 1 to 1000$"):
                read(text)

    def test_choices(self) -> None:
        """A word is one of a few; the nearest is named."""
        self.assertWrong("peer=a&format=xml", "format: 'xml' is not json or csv")
        with self.assertRaisesRegex(
            ValueError, "^'dwn' is not known; did you mean 'down'"
        ):
            choiceOf("down", "up", "loss", "rtt", "offset")("dwn")

    def test_durations(self) -> None:
        """Durations are whole seconds, or have a unit."""
        for text, seconds in (
            ("1", 1),
            ("60", 60),
            ("5m", 300),
            ("1.9", 1),
            ("2h", 7200),
        ):
            self.assertEqual(readSeconds(text), seconds)
        for text in "0", "0.9", "999ms", "-1", "", "x", "1 h", "\u0663", "9" * 500:
            self.assertRaises(ValueError, readSeconds, text)

    def test_times(self) -> None:
        """Times are seconds since the epoch, or those of RFC 3339."""
        for text, seconds in (
            ("0", 0),
            ("1750000000", 1750000000),
            ("1750000000.999", 1750000000),
            ("999999999999", LAST_SECOND),
            ("1970-01-01T00:00:00Z", 0),
            ("2025-06-15T15:06:40Z", 1750000000),
            ("2025-06-15 15:06:40.5z", 1750000000),
            ("2025-06-15T17:06:40+02:00", 1750000000),
            ("2025-06-15T17:06:40 02:00", 1750000000),
            ("2025-06-15t09:36:40-05:30", 1750000000),
            ("9999-12-31T23:59:59Z", LAST_SECOND),
        ):
            self.assertEqual(readTime(text), seconds, text)

    def test_noTimes(self) -> None:
        """What is no time is wrong: so is one without a zone, or before 1970."""
        for text in (
            *("", "x", "-1", "1e9", "2025-06-15", "2025-06-15T15:06:40", "\u0661"),
            *("2025-06-15T15:06Z", "2025-02-30T00:00:00Z", "2025-06-15T24:01:00Z"),
            *("2025-06-15T00:00:00+24:00", "2025-06-15T00:00:61Z", "9" * 5000),
            *("1969-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "1" * 13),
        ):
            error = self.assertRaises(ValueError, readTime, text)
            self.assertTrue(str(error).isprintable())

    @given(st.integers(0, LAST_SECOND))
    def test_seconds(self, seconds: int) -> None:
        """Whole seconds are read as they are."""
        self.assertEqual(readTime(str(seconds)), seconds)

    @given(st.text(max_size=40))
    def test_anyTime(self, text: str) -> None:
        """Any text is a time or wrong, in one printable line."""
        for read in readTime, readSeconds:
            try:
                self.assertGreaterEqual(read(text), 0)
            except ValueError as error:
                self.assertTrue(str(error).isprintable())


class PageTests(SynchronousTestCase):
    """
    Tests for L{textGiven} and L{wholeGiven}.
    """

    def test_text(self) -> None:
        """The last one counts; what is not given is empty."""
        self.assertEqual(textGiven({b"a": [b"x", b"\xc3\xbc\xff"]}, b"a"), "\xfc\ufffd")
        self.assertEqual(textGiven({b"a": [b"x"]}, b"b"), "")

    def test_whole(self) -> None:
        """What is no whole number up to the greatest one counts as not given."""
        for text, found in {
            b"0": 0,
            b"17": 17,
            b"99": 99,
            b"100": None,
            b"-1": None,
            b"1.5": None,
            b"": None,
            b"\xc2\xb2": None,
            b"9" * 5000: None,
        }.items():
            self.assertEqual(wholeGiven({b"a": [text]}, b"a", 99), found, text)
        self.assertIsNone(wholeGiven({}, b"a", 99))
