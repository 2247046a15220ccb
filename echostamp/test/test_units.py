"""Tests for L{echostamp.units}."""

from __future__ import annotations

import importlib.resources
import re
import zoneinfo
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import NoReturn

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.units import asTyped, parseDuration, parseZone, readable, zoneName

UNITS = {"s": 10**9, "ms": 10**6, "µs": 10**3, "ns": 1}

HOUR = 3600 * 10**9


def back(text: str) -> float:
    """Read what L{readable} has written."""
    number, unit = text.split(" ")
    return float(number) * UNITS[unit]


class ParseTests(SynchronousTestCase):
    """
    Durations are read.
    """

    def test_units(self) -> None:
        """Without a unit it is seconds; a unit follows the number."""
        for text, ns in [
            ("1", 10**9),
            ("0", 0),
            ("0.5", 5 * 10**8),
            (".25s", 25 * 10**7),
            ("200ms", 2 * 10**8),
            ("1.5ms", 1_500_000),
            ("50us", 50_000),
            ("7ns", 7),
            ("0.3us", 300),
            ("1.5m", 90 * 10**9),
            ("2h", 2 * HOUR),
            ("366d", 366 * 24 * HOUR),
        ]:
            self.assertEqual(parseDuration(text), ns, text)

    def test_typed(self) -> None:
        """A limit is written with its unit, as one could type it."""
        for ns, text in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1500ns"),
            (10**6, "1ms"),
            (90 * 10**9, "90s"),
            (HOUR, "1 hour"),
            (366 * 24 * HOUR, "366 days"),
        ]:
            self.assertEqual(asTyped(ns), text)

    def test_exact(self) -> None:
        """The value is exact, and rounded down to a nanosecond."""
        self.assertEqual(parseDuration("0.000000003"), 3)
        self.assertEqual(parseDuration("123456789.123456789"), 123456789123456789)
        self.assertEqual(parseDuration("0.9ns"), 0)

    def test_wrong(self) -> None:
        """What is not a duration is refused; the text quotes it."""
        for text in (
            *("", "x", "-1", "+1", "1.", ".", "1 s", " 1", "1\n", "1M", "1w", "1e3"),
            *("1,5", "inf", "nan", "s", "1S", "0x1", "1_0", "1" * 10, "1sms"),
        ):
            error = self.assertRaises(ValueError, parseDuration, text)
            self.assertIn(repr(text), str(error))

    @given(st.integers(0, 10**17))
    def test_every(self, ns: int) -> None:
        """Every number of nanoseconds can be written in seconds and read back."""
        self.assertEqual(parseDuration(f"{ns // 10**9}.{ns % 10**9:09d}s"), ns)

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """Any text is a duration or a L{ValueError}."""
        try:
            self.assertGreaterEqual(parseDuration(text), 0)
        except ValueError as error:
            self.assertIn("not a duration", str(error))


class ReadableTests(SynchronousTestCase):
    """
    Durations are written.
    """

    def test_units(self) -> None:
        """The unit is the greatest that leaves a digit before the point."""
        for ns, text in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1000, "1.000 µs"),
            (1_234_567, "1.235 ms"),
            (-1_234_567, "-1.235 ms"),
            (20_000_000, "20.000 ms"),
            (12_345_678_901, "12.346 s"),
            (3600 * 10**9, "3600.000 s"),
            (1.5e6, "1.500 ms"),
        ]:
            self.assertEqual(readable(ns), text)

    def test_roundedUp(self) -> None:
        """A value that rounds up to a thousand is written in the next unit."""
        self.assertEqual(readable(999_999.9), "1.000 ms")
        self.assertEqual(readable(999_999_999), "1.000 s")
        self.assertEqual(readable(999.7), "1.000 µs")
        self.assertEqual(readable(-999_999_999), "-1.000 s")

    def test_digitsOfTheBound(self) -> None:
        """The last digit is worth no more than the bound, and the number has as many
        digits as that needs."""
        for ns, bound, text in [
            (12_345_678_901, 10**6, "12.346 s"),
            (12_345_678_901, 5 * 10**6, "12.346 s"),
            (12_345_678_901, 10**8, "12.3 s"),
            (12_345_678_901, 10**9, "12 s"),
            (12_345_678_901, 10**11, "12 s"),
            (12_345_678_901, 1, "12.345678901 s"),
            (12_345_678_901, 0, "12.345678901 s"),
            (34_567, 2_000, "35 µs"),
            (34_567, 200, "34.6 µs"),
            (3, 5e9, "0 s"),
            (3, 0.01, "3 ns"),
        ]:
            self.assertEqual(readable(ns, bound), text)

    def test_signs(self) -> None:
        """A plus sign is written on request; zero has no minus sign."""
        self.assertEqual(readable(5_000_000, signed=True), "+5.000 ms")
        self.assertEqual(readable(-5_000_000, signed=True), "-5.000 ms")
        self.assertEqual(readable(-3, 5e9), "0 s")
        self.assertEqual(readable(-3, 5e9, signed=True), "+0 s")

    @given(st.integers(-(10**18), 10**18), st.integers(1, 10**12))
    def test_withinTheBound(self, ns: int, bound: int) -> None:
        """The text differs from the duration by at most half the bound.  If its ends
        are rounded outwards, an interval contains its old ends."""
        floats = abs(ns) * 1e-15 + 1e-6
        error = abs(back(readable(ns, bound)) - ns)
        self.assertLessEqual(error, bound / 2 + floats)
        low = back(readable(ns, bound, rounding=ROUND_FLOOR))
        high = back(readable(ns, bound, rounding=ROUND_CEILING))
        self.assertLessEqual(low, ns + floats)
        self.assertGreaterEqual(high, ns - floats)

    @given(st.floats(-1e18, 1e18), st.booleans())
    def test_shape(self, ns: float, signed: bool) -> None:
        """The text is a number below a thousand, except for seconds, and a unit."""
        text = readable(ns, signed=signed)
        self.assertTrue(re.fullmatch(r"[+-]?\d+(\.\d{3})? (s|ms|µs|ns)", text), text)
        if not text.endswith(" s"):
            self.assertLess(abs(float(text.split()[0])), 1000)


class ZoneTests(SynchronousTestCase):
    """
    Zones are read and written.
    """

    def test_read(self) -> None:
        """UTC, offsets, and names are read."""
        for text, ns in [
            ("UTC", 0),
            ("utc", 0),
            ("Z", 0),
            ("+01:00", HOUR),
            ("-0330", -HOUR * 7 // 2),
            ("+14:00", 14 * HOUR),
            ("Etc/GMT-3", 3 * HOUR),
            ("Asia/Kolkata", HOUR * 11 // 2),
        ]:
            self.assertEqual(parseZone(text), ns, text)

    def test_wrong(self) -> None:
        """What is not a zone is refused; the text quotes it."""
        for text in (
            *("", "nonsense", "+1", "+1:00", "01:00", "+01:60", "+24:00", "+99:00"),
            *(
                "Europe",
                "Europe/Nowhere",
                "/etc/passwd",
                "../passwd",
                "a\0b",
                "x" * 999,
            ),
        ):
            error = self.assertRaises(ValueError, parseZone, text)
            self.assertIn("not a zone", str(error))

    def test_noZoneData(self) -> None:
        """Where the machine has no zone data, the error says so, and what is left."""

        def missing(package: str) -> NoReturn:
            raise ModuleNotFoundError(package)

        self.addCleanup(zoneinfo.reset_tzpath)
        self.addCleanup(zoneinfo.ZoneInfo.clear_cache)
        # The package tzdata may be installed.
        self.patch(importlib.resources, "files", missing)
        zoneinfo.reset_tzpath([])
        zoneinfo.ZoneInfo.clear_cache()
        error = self.assertRaises(ValueError, parseZone, "Europe/Berlin")
        self.assertIn("'Europe/Berlin' cannot be looked up", str(error))
        self.assertIn("install tzdata", str(error))
        error = self.assertRaises(ValueError, parseZone, "+1")
        self.assertIn("not a zone", str(error))
        self.assertEqual(parseZone("-05:00"), -5 * HOUR)

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """Any text is a zone or a L{ValueError}."""
        try:
            self.assertLessEqual(abs(parseZone(text)), 24 * HOUR)
        except ValueError as error:
            self.assertIn("not a zone", str(error))

    @given(st.integers(-24 * 60 + 1, 24 * 60 - 1))
    def test_thereAndBack(self, minutes: int) -> None:
        """What L{zoneName} writes is read back."""
        ns = minutes * 60 * 10**9
        self.assertEqual(parseZone(zoneName(ns)), ns)
