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
        last stamp.  Without a file it stays."""
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
            clock.rereadZone()
            self.assertEqual(clock.stamp(), b"[02 TWO] ")
        os.remove(path)
        clock.rereadZone()
        self.assertEqual(clock.stamp(), b"[02 TWO] ")

    def test_withoutFile(self) -> None:
        """A zone that needs a file, and has none, is named."""
        path = os.path.abspath(self.mktemp())
        for zone in "UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "", "Europe/Nowhere", path:
            setZone(self, zone)
            isWrong = zone in (path, "Europe/Nowhere")
            self.assertEqual(zoneWithoutFile(), zone if isWrong else "")
        writeZone(path, "ONE", 3600)
        self.assertEqual(zoneWithoutFile(), "")
