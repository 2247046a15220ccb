"""Tests for L{echostamp.web.celltexts}."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import NO_FIT
from echostamp.test.webrows import NOW, down, path
from echostamp.times import MILLISECOND, SECOND
from echostamp.units import readable
from echostamp.web.celltexts import (
    age,
    bounds,
    clockText,
    duration,
    exact,
    lossText,
    moment,
    momentNear,
    offset,
    rttText,
    share,
    words,
)

#: Nanoseconds of each unit.
UNITS = {"ns": 1, "µs": 1000, "ms": MILLISECOND, "s": SECOND}


def nanoseconds(number: str, unit: str) -> Fraction:
    """Read a duration."""
    return Fraction(number) * UNITS[unit]


class ShortTests(SynchronousTestCase):
    """
    Tests for short texts.
    """

    def test_durations(self) -> None:
        """A duration has three digits and a unit; an offset has a sign, too."""
        for ns, text in (
            (0, "0 ns"),
            (7, "7 ns"),
            (999, "999 ns"),
            (1234, "1.23 µs"),
            (12_345_678, "12.3 ms"),
            (123_456_789, "123 ms"),
            (999_600_000, "1.00 s"),
            (62 * SECOND, "62.0 s"),
        ):
            self.assertEqual(duration(ns), text)
            self.assertEqual(offset(-ns), f"-{text}" if ns else "+0 ns")
        self.assertEqual(offset(1_000_000), "+1.00 ms")

    @given(st.integers(0, 10**13))
    def test_anyDuration(self, ns: int) -> None:
        """It is off by half of its third digit at most."""
        number, unit = duration(ns).split()
        error = abs(nanoseconds(number, unit) - ns)
        self.assertLessEqual(error, Fraction(ns, 199) if ns > 999 else 0)

    def test_share(self) -> None:
        """A share is 0 or 100 only where it is so exactly."""
        for percent, text in (
            (None, "-"),
            (0, "0 %"),
            (0.001, "<0.1 %"),
            (12.345, "12.3 %"),
            (99.999, "99.9 %"),
            (100, "100 %"),
        ):
            self.assertEqual(share(percent), text)

    def test_cells(self) -> None:
        """A cell has the loss, the median RTT, and the estimate of the offset."""
        found = path(lost=3, received=57)
        texts = [lossText(found), rttText(found), clockText(found)]
        self.assertEqual(texts, ["5 %", "12.3 ms", "+1.23 ms"])
        nothing = path(received=0, median=None, offset=None)
        texts = [lossText(nothing), rttText(nothing), clockText(nothing)]
        self.assertEqual(texts, ["-"] * 3)


class WordTests(SynchronousTestCase):
    """
    Tests for L{words}.
    """

    def test_all(self) -> None:
        """All figures are there, with units."""
        self.assertEqual(
            words(path(lost=3, skipped=1, received=56)),
            "loss 6.6 %, 4 of 60 probes, 1 not sent; RTT 12.346 ms, p99 15.000 ms; "
            "clock -3.000 to +4.000 ms",
        )
        self.assertIn("RTT 12.346 ms; clock", words(path(p99=None)))

    def test_unknown(self) -> None:
        """What is not known is said."""
        found = words(path(received=0, median=None, offsetLow=None))
        self.assertEqual(found, "loss unknown; RTT unknown; clock unknown")

    def test_states(self) -> None:
        """A path that is not up says so, and since when."""
        self.assertTrue(
            words(down()).startswith("down since 2026-11-29 11:59:00 UTC; loss 100 %")
        )

    def test_verdicts(self) -> None:
        """An offset that no constant rates fit says so; a verdict that is none of ours
        is not repeated."""
        self.assertIn("more than one machine", words(path(verdict=NO_FIT)))
        self.assertNotIn("script", words(path(verdict="<script>")))

    @given(
        st.integers(0, 10**10),
        st.integers(0, 10**10),
        st.integers(-(10**10), 10**10),
        st.integers(0, 10**10),
    )
    def test_quickly(self, median: int, more: int, low: int, width: int) -> None:
        """The usual figures are written at once, and as all others are."""
        for each in 1, 10, 1000:
            p99, lowest = (median + more) // each, low // each
            highest = lowest + width // each
            found = path(
                median=median // each, p99=p99, offsetLow=lowest, offsetHigh=highest
            )
            self.assertEqual(
                words(found),
                f"loss 0 %, 0 of 60 probes; RTT {exact(median // each)}, "
                f"p99 {exact(p99)}; clock {bounds(lowest, highest)}",
            )

    @given(st.integers(0, 10**12))
    def test_exact(self, ns: int) -> None:
        """Durations are written as elsewhere, within their last digit."""
        number, unit = exact(ns).split()
        expected, expectedUnit = readable(ns).split()
        self.assertEqual(unit, expectedUnit)
        self.assertLessEqual(
            abs(Fraction(number) - Fraction(expected)), Fraction(1, 1000)
        )

    @given(st.integers(-(10**13), 10**13), st.integers(0, 10**13))
    def test_bounds(self, low: int, width: int) -> None:
        """Bounds are rounded outwards, by a unit of their last digit at most."""
        first, _, last, unit = bounds(low, low + width).split()
        size = UNITS[unit]
        lowError = low - nanoseconds(first, unit)
        highError = nanoseconds(last, unit) - (low + width)
        for error in lowError, highError:
            self.assertTrue(0 <= error * 1000 < size, (low, width, error))


class TimeTests(SynchronousTestCase):
    """
    Tests for L{moment} and L{age}.
    """

    def test_moment(self) -> None:
        """A time is in UTC; of today it needs no day."""
        self.assertEqual(moment(NOW), "2026-11-29 12:00:00 UTC")
        self.assertEqual(momentNear(NOW - SECOND, NOW), "11:59:59 UTC")
        yesterday = NOW - 86_400 * SECOND
        self.assertEqual(momentNear(yesterday, NOW), "2026-11-28 12:00:00 UTC")
        self.assertEqual(momentNear(NOW + SECOND, NOW), "2026-11-29 12:00:01 UTC")
        self.assertEqual(moment(10**30), f"second {10**21}")

    def test_age(self) -> None:
        """An age is in the greatest unit of which there are two."""
        for seconds, text in (
            (-5, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_800, "2 d"),
        ):
            self.assertEqual(age(seconds * SECOND), text)
