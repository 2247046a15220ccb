"""Tests for L{echostamp.plots.timezones}."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.plots.timezones import Zone, dayText, timeText, zoneOf
from echostamp.test.localtimes import secondOf, zoneNamed
from echostamp.times import SECOND


class ZoneTests(SynchronousTestCase):
    """
    Tests for L{zoneOf} and L{Zone}.
    """

    def test_names(self) -> None:
        """A zone is found by its name, UTC also without zone data."""
        self.assertEqual(zoneNamed("Europe/Berlin").name, "Europe/Berlin")
        self.assertEqual(zoneOf("UTC"), Zone())

    def test_noNames(self) -> None:
        """What is no name of a zone is none, and opens no file."""
        for name in (
            "",
            "Europe",
            "Mars/Phobos",
            "../../etc/passwd",
            "/etc/passwd",
            "x\0",
        ):
            self.assertIsNone(zoneOf(name), name)

    @given(st.text())
    def test_hostile(self, name: str) -> None:
        """Any text is a zone or none."""
        found = zoneOf(name)
        self.assertIn(found and found.name, (None, name))

    def test_ahead(self) -> None:
        """How far a zone is ahead depends on the time, and may be half an hour."""
        for name, at, ahead in (
            ("Europe/Berlin", "2026-07-01T00:00+00:00", "+02:00"),
            ("Europe/Berlin", "2026-12-01T00:00+00:00", "+01:00"),
            ("America/New_York", "2026-12-01T00:00+00:00", "-05:00"),
            ("Australia/Lord_Howe", "2026-07-01T00:00+00:00", "+10:30"),
        ):
            self.assertEqual(zoneNamed(name).ahead(secondOf(at)), ahead)

    @given(st.integers(-(10**20), 10**20))
    def test_anyTime(self, at: int) -> None:
        """Any time can be written, those that no calendar has as the nearest one."""
        self.assertIn(":", timeText(at * SECOND, zoneNamed("Europe/Berlin")))


class TextTests(SynchronousTestCase):
    """
    Tests for L{timeText} and L{dayText}.
    """

    def test_once(self) -> None:
        """A time is written to the second."""
        at = secondOf("2026-11-29T13:41:38+00:00") * SECOND + 999_999_999
        self.assertEqual(timeText(at, Zone()), "2026-11-29 13:41:38")
        self.assertEqual(timeText(at, zoneNamed("Asia/Kolkata")), "2026-11-29 19:11:38")

    def test_twice(self) -> None:
        """Where a day has a local time twice, its offset tells which one it is."""
        zone = zoneNamed("Europe/Berlin")
        for ahead in "+02:00", "+01:00":
            at = secondOf(f"2026-10-25T02:30{ahead}") * SECOND
            self.assertEqual(timeText(at, zone), f"2026-10-25 02:30:00 {ahead}")
        at = secondOf("2026-10-25T03:00+01:00") * SECOND
        self.assertEqual(timeText(at, zone), "2026-10-25 03:00:00")

    def test_days(self) -> None:
        """Days have English names in every locale."""
        self.assertEqual(dayText(datetime(2026, 3, 1)), "1 Mar")
