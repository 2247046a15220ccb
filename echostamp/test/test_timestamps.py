"""Tests for L{echostamp.rfc8762.timestamps}."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.timestamps import (
    ErrorEstimate,
    ntpTimestamp,
    ptpTimestamp,
    readErrorEstimate,
    readNtp,
    readPtp,
    readTimestamp,
    writeErrorEstimate,
)
from echostamp.times import SECOND

#: TAI - UTC since 2017.
TAI = 37 * SECOND

#: 2015-12-14 09:30:00.5 UTC.
THEN = 1450085400 * SECOND + 500_000_000

#: 68 years, which are half of 2^32 s.
HALF = SECOND << 31

# Far past and far future, eras of NTP and wraps of PTP included.
times = st.integers(min_value=-(HALF * 5), max_value=HALF * 5)
distances = st.integers(min_value=-HALF + SECOND, max_value=HALF - SECOND)
timestamps = st.integers(min_value=0, max_value=0xFFFF_FFFF_FFFF_FFFF)
shorts = st.integers(min_value=0, max_value=0xFFFF)


class NtpTests(SynchronousTestCase):
    """
    NTP's 64-bit format: RFC 5905, section 6, figure 3.
    """

    def test_vectors(self) -> None:
        """Seconds since 1900, then fractions of 2^-32 s; eras of 2^32 s."""
        for ns, timestamp in [
            (0, 0x83AA7E80_00000000),  # RFC 5905, figure 4: 2,208,988,800
            (THEN, 0xDA190A98_80000000),
            (THEN + 250_000_000, 0xDA190A98_C0000000),
            # RFC 5905, figure 4: the last day of the 20th century.
            (946_598_400 * SECOND, 3_155_587_200 << 32),
            # One nanosecond is 4.29 units.
            (1, 0x83AA7E80_00000004),
            (-1, 0x83AA7E7F_FFFFFFFC),
            # The first second of era 1: 7 February 2036, 06:28:16.
            (2_085_978_496 * SECOND, 0),
            (2_085_978_496 * SECOND - 1, 0xFFFFFFFF_FFFFFFFC),
        ]:
            self.assertEqual(ntpTimestamp(ns), timestamp, ns)
            self.assertEqual(readNtp(timestamp, near=ns), ns)

    @given(times, distances)
    @example(999_999_999, 0)
    @example(2_085_978_496 * SECOND - 1, HALF - SECOND)
    def test_givesBackEveryNanosecond(self, ns: int, distance: int) -> None:
        """A time that is written reads as the same nanosecond, in the era near a
        time."""
        self.assertEqual(readNtp(ntpTimestamp(ns), ns + distance), ns)

    @given(timestamps, times)
    def test_eraIsTheNearest(self, timestamp: int, near: int) -> None:
        """Any 64 bits are a time, within half an era of the reference."""
        ns = readNtp(timestamp, near)
        self.assertLessEqual(abs(ns - near), HALF + 1)
        error = (ntpTimestamp(ns) - timestamp) % 2**64
        self.assertLessEqual(min(error, 2**64 - error), 2)

    @given(times)
    def test_isTheNearestUnit(self, ns: int) -> None:
        """A timestamp is wrong by at most half of its unit."""
        wide = Fraction(ns, SECOND) * 2**32 + (2_208_988_800 << 32)
        error = (wide - ntpTimestamp(ns)) % 2**64
        self.assertLessEqual(min(error, 2**64 - error), Fraction(1, 2))


class PtpTests(SynchronousTestCase):
    """
    PTPv2's truncated format: 32 bits of seconds, 32 of nanoseconds.
    """

    def test_vectors(self) -> None:
        """Seconds since 1970 in the PTP timescale, then nanoseconds."""
        for ns, ahead, timestamp in [
            (0, 0, 0),
            (THEN, 0, 0x566E8C18_1DCD6500),
            (THEN, TAI, 0x566E8C3D_1DCD6500),
            (999_999_999, 0, 0x00000000_3B9AC9FF),
            (-1, 0, 0xFFFFFFFF_3B9AC9FF),
            (1 << 32, TAI, ((37 + 4) << 32) + 294_967_296),
            (SECOND << 32, 0, 0),
        ]:
            self.assertEqual(ptpTimestamp(ns, ahead), timestamp, ns)
            self.assertEqual(readPtp(timestamp, ns, ahead), ns)

    @given(times, distances, st.sampled_from([0, TAI, -TAI, 1]))
    def test_givesBackEveryNanosecond(self, ns: int, distance: int, ahead: int) -> None:
        """A time that is written reads as the same nanosecond, near a time."""
        self.assertEqual(readPtp(ptpTimestamp(ns, ahead), ns + distance, ahead), ns)

    @given(timestamps, times, st.sampled_from([0, TAI]))
    def test_wrapIsTheNearest(self, timestamp: int, near: int, ahead: int) -> None:
        """A time that is read lies within 2^31 s of the reference, and is written as
        before."""
        if timestamp & 0xFFFF_FFFF >= SECOND:
            self.assertRaises(ValueError, readPtp, timestamp, near, ahead)
            return
        ns = readPtp(timestamp, near, ahead)
        self.assertLessEqual(abs(ns - near), HALF)
        self.assertEqual(ptpTimestamp(ns, ahead), timestamp)

    def test_tooManyNanoseconds(self) -> None:
        """A second's worth of nanoseconds is an error."""
        self.assertEqual(readPtp(999_999_999, 0), 999_999_999)
        error = self.assertRaises(ValueError, readPtp, SECOND, 0)
        why = "with a PTP timestamp of 10^9 nanoseconds or more"
        self.assertEqual(str(error), why)

    def test_formatIsNamed(self) -> None:
        """A timestamp is read in the named format; NTP's timescale is UTC."""
        self.assertEqual(readTimestamp(ntpTimestamp(THEN), False, THEN, TAI), THEN)
        self.assertEqual(readTimestamp(ptpTimestamp(THEN), True, THEN), THEN)
        self.assertEqual(readTimestamp(ptpTimestamp(THEN, TAI), True, THEN, TAI), THEN)


class ErrorEstimateTests(SynchronousTestCase):
    """
    Error estimates: RFC 8762, figure 3; RFC 4656, section 4.1.2.
    """

    def test_vectors(self) -> None:
        """S, Z, six bits of scale, eight of multiplier, in 2^(scale-32) s."""
        for octets, estimate in [
            (0b0_0_000000_00000001, ErrorEstimate(False, False, 1)),  # 0.23 ns
            (0b1_0_000000_00000101, ErrorEstimate(True, False, 2)),  # 1.16 ns
            (0b0_1_000000_00000101, ErrorEstimate(False, True, 2)),
            (0b1_1_100000_00000001, ErrorEstimate(True, True, SECOND)),
            (0b1_0_011111_00000011, ErrorEstimate(True, False, 3 * SECOND // 2)),
            # The greatest: 255 * 2^31 s.
            (0b0_0_111111_11111111, ErrorEstimate(False, False, 255 * HALF)),
            (0b1_0_010000_00000000, ErrorEstimate(True, False, None)),
        ]:
            self.assertEqual(readErrorEstimate(octets), estimate, bin(octets))

    def test_written(self) -> None:
        """The smallest scale that holds the error is used; a multiplier is never 0."""
        for estimate, octets in [
            (ErrorEstimate(False, False, 0), 0b0_0_000000_00000001),
            (ErrorEstimate(False, False, 1), 0b0_0_000000_00000101),
            (ErrorEstimate(True, False, SECOND), 0b1_0_011001_10000000),
            (ErrorEstimate(False, True, SECOND), 0b0_1_011001_10000000),
            # A multiplier of 255, and of more than that: the next scale's 128.
            (ErrorEstimate(False, False, 996_093_750), 0b0_0_011000_11111111),
            (ErrorEstimate(False, False, 996_093_751), 0b0_0_011001_10000000),
            (ErrorEstimate(False, False, 59), 0b0_0_000000_11111110),
            (ErrorEstimate(False, False, 60), 0b0_0_000001_10000001),
            (ErrorEstimate(False, False, SECOND + 1), 0b0_0_011001_10000001),
            (ErrorEstimate(False, False, 255 * HALF), 0b0_0_111111_11111111),
            (ErrorEstimate(True, True, 255 * HALF + 1), 0b1_1_111111_11111111),
            (ErrorEstimate(True, True, 10**40), 0b1_1_111111_11111111),
            (ErrorEstimate(False, False, None), 0b0_0_111111_11111111),
        ]:
            self.assertEqual(writeErrorEstimate(estimate), octets, estimate)

    @given(
        st.booleans(),
        st.booleans(),
        st.integers(0, 255 * HALF) | st.integers(0, 10 * SECOND) | st.integers(0, 999),
    )
    @example(False, False, 2**48 - 1)
    def test_neverClaimsLess(self, s: bool, z: bool, error: int) -> None:
        """A written error is at least the error, and at most 1 % and 1 ns more."""
        octets = writeErrorEstimate(ErrorEstimate(s, z, error))
        scale, multiplier = octets >> 8 & 0x3F, octets & 0xFF
        claimed = Fraction(multiplier << scale, 1 << 32) * SECOND
        self.assertGreater(multiplier, 0)
        self.assertGreaterEqual(claimed, error)
        self.assertLessEqual(claimed, error * Fraction(101, 100) + 1)
        read = readErrorEstimate(octets)
        self.assertEqual(read[:2], (s, z))
        assert read.error is not None
        self.assertTrue(claimed <= read.error < claimed + 1)

    def test_claim(self) -> None:
        """An error of more than a year claims nothing."""
        year = 366 * 86_400 * SECOND
        for error, claim in (year, year), (year + 1, None), (None, None):
            self.assertEqual(ErrorEstimate(True, False, error).claim, claim)

    @given(shorts)
    def test_anyBitsCanBeRead(self, octets: int) -> None:
        """Any 16 bits can be read; written again, they claim no less."""
        estimate = readErrorEstimate(octets)
        self.assertEqual(estimate.error is None, octets & 0xFF == 0)
        again = readErrorEstimate(writeErrorEstimate(estimate))
        self.assertEqual(again[:2], estimate[:2])
        assert again.error is not None
        self.assertGreaterEqual(again.error, estimate.error or 0)
