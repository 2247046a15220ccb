"""Tests for L{echostamp.stamps}."""

import time
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp.stamps import (
    LONGEST_TEXT,
    Reading,
    formatCtime,
    formatIso,
    formatPattern,
    formatUnix,
    readStamp,
    stampFormat,
)
from echostamp.test.zones import setZone
from echostamp.times import MICROSECOND, SECOND

#: 2015-12-14 09:30:00 UTC and some nanoseconds.
THEN = 1450085400 * SECOND + 123_456_789

times = st.integers(min_value=0, max_value=253_402_300_799 * SECOND)


class WriteTests(SynchronousTestCase):
    """
    Times are written.
    """

    def test_ctimeIsWhatTimeCtimePrints(self) -> None:
        """C{ctime} is local time as L{time.ctime} writes it."""
        setZone(self, "America/New_York")
        self.assertEqual(formatCtime(THEN), time.ctime(THEN // SECOND).encode())
        self.assertEqual(formatCtime(THEN), b"Mon Dec 14 04:30:00 2015")

    def test_ctimeUtc(self) -> None:
        """With C{utc}, C{ctime} ignores the local zone."""
        setZone(self, "America/New_York")
        self.assertEqual(formatCtime(THEN, utc=True), b"Mon Dec 14 09:30:00 2015")

    def test_isoHasNanosecondsAndOffset(self) -> None:
        """C{iso} is RFC 3339 with nine decimals and the offset from UTC."""
        setZone(self, "Asia/Kolkata")
        self.assertEqual(formatIso(THEN), b"2015-12-14T15:00:00.123456789+05:30")
        self.assertEqual(
            formatIso(THEN, utc=True), b"2015-12-14T09:30:00.123456789+00:00"
        )

    def test_isoWestOfGreenwich(self) -> None:
        """A zone behind UTC has a negative offset; half hours are exact."""
        setZone(self, "America/St_Johns")
        self.assertEqual(formatIso(THEN), b"2015-12-14T06:00:00.123456789-03:30")

    def test_daylightSavingTime(self) -> None:
        """Both local formats follow the clocks when they go forward."""
        setZone(self, "Europe/Berlin")
        before = datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)
        ns = int(before.timestamp()) * SECOND
        self.assertEqual(formatCtime(ns), b"Sun Mar 31 01:59:59 2024")
        self.assertEqual(formatCtime(ns + SECOND), b"Sun Mar 31 03:00:00 2024")
        self.assertEqual(formatIso(ns), b"2024-03-31T01:59:59.000000000+01:00")
        self.assertEqual(formatIso(ns + SECOND), b"2024-03-31T03:00:00.000000000+02:00")

    def test_isoOffsetOfOddSeconds(self) -> None:
        """RFC 3339 has no offsets with seconds; the instant stays the same."""
        setZone(self, "Africa/Monrovia")  # -00:44:30 until 1972
        self.assertEqual(formatIso(0), b"1969-12-31T23:15:00.000000000-00:45")

    def test_unix(self) -> None:
        """C{unix} is seconds and nanoseconds, also before 1970."""
        self.assertEqual(formatUnix(THEN), b"1450085400.123456789")
        self.assertEqual(formatUnix(-1), b"-0.000000001")

    def test_pattern(self) -> None:
        """A pattern is passed to C{strftime}, in the local zone unless C{utc}."""
        setZone(self, "Asia/Tokyo")
        self.assertEqual(
            formatPattern("%H:%M:%S.%f %z", THEN), b"18:30:00.123456 +0900"
        )
        self.assertEqual(formatPattern("%H Uhr", THEN, utc=True), b"09 Uhr")

    def test_secondsDoNotDependOnTheZone(self) -> None:
        """C{%s} counts from 1970-01-01 00:00:00 UTC, padded as C{strftime} pads it, and
        in an hour that summer time repeats, too."""
        setZone(self, "Europe/Berlin")
        for ns in THEN, 1_445_735_700 * SECOND, 1_445_739_300 * SECOND, -SECOND:
            for utc in False, True:
                for pattern, text in [
                    *(("%s", "%d"), ("%-s", "%d"), ("%Es", "%d"), ("%12s", "%012d")),
                    *(("%_12s", "%12d"), ("%012s", "%012d"), ("%%s %s", "%%s %d")),
                ]:
                    expected = (text % (ns // SECOND)).encode()
                    if ns >= 0 or "12" not in pattern:
                        self.assertEqual(formatPattern(pattern, ns, utc), expected)

    def test_zoneWithFlags(self) -> None:
        """The zone's name and offset may have flags, as all numbers may."""
        if time.strftime("%-z") == "%-z":
            raise SkipTest("this system's strftime has no flags")
        setZone(self, "Europe/Berlin")
        pattern = "%z %-z %_z %Ez %:z %Z %^Z %#Z"
        self.assertEqual(
            formatPattern(pattern, THEN), b"+0100 +100 + 100 +0100 +01:00 CET CET cet"
        )
        self.assertEqual(
            formatPattern(pattern, THEN, utc=True),
            b"+0000 +0 +   0 +0000 +00:00 UTC UTC utc",
        )

    @given(times)
    def test_patternsAreDatetimes(self, ns: int) -> None:
        """What C{datetime.strftime} knows, it writes in the same way."""
        setZone(self, "America/St_Johns")
        pattern = "%a %A %d %b %m %y %H %I %p %M %S.%f %z %Z %j %U %W %c %x %X %G %u %V"
        moment = datetime.fromtimestamp(ns // SECOND, UTC)
        moment = moment.replace(microsecond=ns % SECOND // 1000)
        for utc, each in (True, moment), (False, moment.astimezone()):
            self.assertEqual(
                formatPattern(pattern, ns, utc), each.strftime(pattern).encode()
            )

    def test_patternIsUtf8(self) -> None:
        """A pattern's own text is written in UTF-8."""
        self.assertEqual(formatPattern("%Y年", THEN, utc=True), "2015年".encode())


class FormatTests(SynchronousTestCase):
    """
    Formats are found by name.
    """

    def test_named(self) -> None:
        """Each of the three names gives its format, with brackets and a space."""
        self.assertEqual(
            stampFormat("ctime", utc=True).stamp(THEN), b"[Mon Dec 14 09:30:00 2015] "
        )
        self.assertEqual(stampFormat("ctime").text(THEN), formatCtime(THEN))
        self.assertEqual(stampFormat("iso").text(THEN), formatIso(THEN))
        self.assertEqual(stampFormat("iso", utc=True).text(THEN), formatIso(THEN, True))
        self.assertEqual(stampFormat("unix").stamp(THEN), b"[1450085400.123456789] ")
        self.assertEqual(stampFormat("%j", utc=True).stamp(THEN), b"[348] ")

    def test_resolution(self) -> None:
        """Each format knows the step at which its text changes."""
        for name, resolution in {
            "ctime": SECOND,
            "iso": 1,
            "unix": 1,
            "%H": SECOND,
            "%f": MICROSECOND,
            "%%f": SECOND,
            "%%%f": MICROSECOND,
        }.items():
            self.assertEqual(stampFormat(name).resolution, resolution, name)

    @given(times, st.sampled_from(["ctime", "iso", "unix", "%c", "%T.%f", "%%f"]))
    def test_textChangesOnlyAtTheResolution(self, ns: int, name: str) -> None:
        """Two times in one step have the same text."""
        form = stampFormat(name, utc=True)
        first = ns // form.resolution * form.resolution
        last = first + form.resolution - 1
        self.assertEqual(form.text(first), form.text(last))

    def assertRefused(self, pattern: str, why: str) -> None:
        """Assert that a pattern is refused, and what the error says."""
        error = self.assertRaises(ValueError, stampFormat, pattern)
        self.assertIn(why, str(error))

    def test_patternsThatAreRefused(self) -> None:
        """A pattern's output must be one line of 1 to 60 octets without ]."""
        self.assertRefused("", "empty")
        self.assertRefused("x" * 61, "too long: 61 octets, 60 at most")
        self.assertRefused("é" * 31, "too long: 62")
        self.assertRefused("%c%c%c", "too long")
        self.assertRefused("%n", "newline")
        self.assertRefused("a\nb", "newline")
        self.assertRefused("\x1b[1m%H", "control character")
        self.assertRefused("%H]", "a ]")
        self.assertRefused("\udcff", "strftime refuses it")

    def test_patternsThatAreJustShortEnough(self) -> None:
        """Sixty octets are allowed."""
        self.assertEqual(len(stampFormat("x" * 60).text(THEN)), LONGEST_TEXT)

    def test_everyDayIsTried(self) -> None:
        """A pattern whose output is too long only in September is refused."""
        fits = "x" * (LONGEST_TEXT - len("Wednesday September"))
        stampFormat(fits + "%A %B")
        self.assertRefused(fits + "x%A %B", "too long")

    def test_numbersOfTwoDigitsAreTried(self) -> None:
        """Where C{strftime} can write numbers without padding, the longest ones
        count."""
        if formatPattern("%-M", 0, utc=True) != b"0":
            raise SkipTest("this system's strftime always pads")
        fits = "x" * (LONGEST_TEXT - len("12/31 23:59:59"))
        stampFormat(fits + "%-m/%-d %-H:%-M:%-S")
        self.assertRefused(fits + "x%-m/%-d %-H:%-M:%-S", "too long")


class ReadTests(SynchronousTestCase):
    """
    Stamps are read.
    """

    @given(times)
    @example(951_782_400 * SECOND)  # 29 February 2000
    def test_isoGivesBackEveryNanosecond(self, ns: int) -> None:
        """C{iso} is read back as the same nanosecond, in any zone."""
        for utc in True, False:
            stamp = stampFormat("iso", utc).stamp(ns)
            self.assertEqual(readStamp(stamp), Reading(ns, 1, True, len(stamp)))

    @given(times)
    @example(0)
    def test_unixGivesBackEveryNanosecond(self, ns: int) -> None:
        """C{unix} is read back as the same nanosecond."""
        for each in ns, -ns:
            stamp = stampFormat("unix").stamp(each)
            self.assertEqual(readStamp(stamp), Reading(each, 1, True, len(stamp)))

    @given(times)
    def test_ctimeGivesBackTheSecond(self, ns: int) -> None:
        """C{ctime} in UTC is read back as its second, without a zone."""
        stamp = stampFormat("ctime", utc=True).stamp(ns)
        self.assertEqual(
            readStamp(stamp),
            Reading(ns // SECOND * SECOND, SECOND, False, len(stamp)),
        )

    def test_otherDecimals(self) -> None:
        """The number of decimals gives the resolution; time is rounded down to a
        nanosecond."""
        for text, ns, resolution in [
            (b"[1.5] ", 1_500_000_000, 100_000_000),
            (b"[1] ", SECOND, SECOND),
            (b"[1.0000000019] ", SECOND + 1, 1),
            (b"[1970-01-01T00:00:01Z] ", SECOND, SECOND),
            (b"[1970-01-01t02:00:01.250+02:00] ", 1_250_000_000, 1_000_000),
            (b"[1969-12-31T22:30:01-01:30] ", SECOND, SECOND),
        ]:
            self.assertEqual(
                readStamp(text), Reading(ns, resolution, True, len(text)), text
            )

    def test_nanosecondsOfOtherShapes(self) -> None:
        """Nine decimals may stand before a Z, in a date that does not exist, or in a
        stamp that was cut off."""
        start = b"[2015-12-14T09:30:00.123456789"
        ns = 1450085400 * SECOND + 123_456_789
        self.assertEqual(readStamp(start + b"Z] hello"), Reading(ns, 1, True, 33))
        self.assertEqual(readStamp(start + b"+00:00] hi"), Reading(ns, 1, True, 38))
        for line in (
            start,
            start + b"+00:00]",
            start.replace(b"-12-", b"-13-") + b"+00:00] hello",
        ):
            self.assertIsNone(readStamp(line), line)

    def test_leapSecond(self) -> None:
        """RFC 3339, section 5.7: a minute may have a second 60."""
        reading = readStamp(b"[2016-12-31T23:59:60Z] x")
        assert reading is not None
        self.assertEqual(reading.time, 1_483_228_800 * SECOND)

    def test_lengthLeadsToTheMessage(self) -> None:
        """The length is the position of the message."""
        line = b"[1450085400.123456789] [1] hello\n"
        reading = readStamp(line)
        assert reading is not None
        self.assertEqual(line[reading.length :], b"[1] hello\n")

    def test_whatIsNoStamp(self) -> None:
        """Anything else is not a stamp, nor is a date that does not exist."""
        for line in [
            b"",
            b"hello\n",
            b"[hello] x",
            b"[12:00:00] x",
            b"[1450085400.123456789]x",
            b" [1] x",
            b"[1.] x",
            b"[Mon Feb 30 09:30:00 2015] x",
            b"[Mon Foo 14 09:30:00 2015] x",
            b"[Mon Dec 14 25:30:00 2015] x",
            b"[2015-02-29T09:30:00Z] x",
            b"[2015-13-01T09:30:00Z] x",
            b"[2015-12-14T09:30:00] x",
            b"[0000-12-14T09:30:00Z] x",
        ]:
            self.assertIsNone(readStamp(line), line)

    @given(st.binary(max_size=80) | st.from_regex(rb"\[[-0-9TZ:. +]{0,50}\] "))
    def test_nothingEscapes(self, line: bytes) -> None:
        """No input raises an error; the stamp lies within the line."""
        reading = readStamp(line)
        if reading is not None:
            self.assertLessEqual(reading.length, len(line))
            self.assertIn(reading.resolution, [10**n for n in range(10)])
