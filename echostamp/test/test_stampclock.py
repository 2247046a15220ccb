"""Tests for L{echostamp.line.stampclock}."""

import os

from twisted.trial.unittest import SynchronousTestCase

from echostamp.line.stampclock import StampClock, zoneWithoutFile
from echostamp.stamps import StampFormat, stampFormat
from echostamp.test.zones import setZone, writeZone
from echostamp.times import SECOND


class StampClockTests(SynchronousTestCase):
    """
    The stamp of the current time.
    """

    def test_textIsMadeOnlyWhenItChanges(self) -> None:
        """Within one step of the resolution there is one text."""
        made = []
        now = 0

        def text(ns: int) -> bytes:
            made.append(ns)
            return b"%d" % (ns // SECOND)

        clock = StampClock(StampFormat(text, SECOND), lambda: now)
        stamps = []
        for _ in range(20):
            stamps.append(clock.stamp())
            now += SECOND // 10
        self.assertEqual(stamps, [b"[0] "] * 10 + [b"[1] "] * 10)
        self.assertEqual(made, [0, SECOND])

    def test_clockIsSetBack(self) -> None:
        """The stamp follows a clock that is set back."""
        times = iter([5, 3])
        clock = StampClock(StampFormat(lambda ns: b"%d" % ns, 1), times.__next__)
        self.assertEqual([clock.stamp(), clock.stamp()], [b"[5] ", b"[3] "])


class ZoneTests(SynchronousTestCase):
    """
    The file of the local time zone may be replaced.
    """

    def test_reread(self) -> None:
        """The zone is read again when that is asked for, even within the second of the
        last stamp, and named."""
        path = os.path.abspath(self.mktemp())
        writeZone(path, "ONE", 3600)
        for named in path, f":{path}":
            writeZone(path, "ONE", 3600)
            setZone(self, named)
            clock = StampClock(stampFormat("%H %Z"), lambda: 0)
            clock.rereadZone()
            self.assertEqual(clock.stamp(), b"[01 ONE] ")
            writeZone(path, "TWO", 7200)
            self.assertEqual(clock.stamp(), b"[01 ONE] ")
            self.assertEqual(clock.rereadZone(), "TWO (+02:00)")
            self.assertEqual(clock.stamp(), b"[02 TWO] ")

    def test_fileIsGone(self) -> None:
        """Without its file the zone is UTC, as for a program that starts then."""
        path = os.path.abspath(self.mktemp())
        writeZone(path, "ONE", 3600)
        setZone(self, path)
        clock = StampClock(stampFormat("%H %z"), lambda: 0)
        os.remove(path)
        self.assertTrue(clock.rereadZone().endswith(" (+00:00)"))
        self.assertEqual(clock.stamp(), b"[00 +0000] ")

    def test_fileIsElsewhere(self) -> None:
        """In another root, which has no file of the zone, the zone stays.  A rule needs
        no file."""
        path = os.path.abspath(self.mktemp())
        writeZone(path, "ONE", 3600)
        setZone(self, path)
        clock = StampClock(stampFormat("%H %z"), lambda: 0)
        self.assertEqual(clock.rereadZone(True), "ONE (+01:00)")
        os.remove(path)
        error = self.assertRaises(ValueError, clock.rereadZone, True)
        self.assertIn("no file of the time zone, ONE (+01:00)", str(error))
        self.assertEqual(clock.stamp(), b"[01 +0100] ")
        setZone(self, "XYZ-3")
        self.assertEqual(clock.rereadZone(True), "XYZ (+03:00)")

    def test_localTime(self) -> None:
        """Without TZ the file is /etc/localtime."""
        setZone(self, "UTC")
        del os.environ["TZ"]
        clock = StampClock(stampFormat("%H %z"), lambda: 0)
        isThere = [True]
        self.patch(os.path, "isfile", lambda path: isThere[0])
        found = clock.rereadZone()
        self.assertEqual(clock.rereadZone(True), found)
        isThere[0] = False
        self.assertRaises(ValueError, clock.rereadZone, True)
        self.assertEqual(clock.rereadZone(), found)

    def test_withoutFile(self) -> None:
        """A zone that needs a file, and has none, is named."""
        path = os.path.abspath(self.mktemp())
        for zone in "UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "", "Europe/Nowhere", path:
            setZone(self, zone)
            isWrong = zone in (path, "Europe/Nowhere")
            self.assertEqual(zoneWithoutFile(), zone if isWrong else "")
        writeZone(path, "ONE", 3600)
        self.assertEqual(zoneWithoutFile(), "")
