"""Tests for L{echostamp.plots.timeaxis}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.plots.timeaxis import timeTicks, zoneText
from echostamp.plots.timezones import Zone
from echostamp.test.localtimes import secondOf, zoneNamed

_HOUR, _DAY = 3600, 86400

_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


class TickTests(SynchronousTestCase):
    """
    Tests for L{timeTicks}.
    """

    def ticks(
        self, began: str, length: int, zone: str = "UTC"
    ) -> list[tuple[str, int]]:
        """
        Give the label of each tick, and the seconds since the one before.
        """
        start = secondOf(began)
        found = timeTicks(start, start + length, zoneNamed(zone))
        times = [start, *[each.at for each in found]]
        return [
            (f"{tick.label} {tick.note}".rstrip(), tick.at - at)
            for tick, at in zip(found, times, strict=False)
        ]

    def labels(self, began: str, length: int, zone: str = "UTC") -> list[str]:
        """
        Give the labels.
        """
        return [label for label, _ in self.ticks(began, length, zone)]

    def test_hour(self) -> None:
        """An hour has ticks every ten minutes."""
        self.assertEqual(
            self.labels("2026-11-29T13:41+00:00", _HOUR),
            ["13:50", "14:00", "14:10", "14:20", "14:30", "14:40"],
        )

    def test_day(self) -> None:
        """A day has ticks every three hours; midnight has its date."""
        self.assertEqual(
            self.labels("2026-11-28T13:41+00:00", _DAY),
            ["15:00", "18:00", "21:00", "29 Nov", "03:00", "06:00", "09:00", "12:00"],
        )

    def test_week(self) -> None:
        """A week has ticks at midnight."""
        found = self.labels("2026-11-22T13:41+00:00", 7 * _DAY)
        self.assertEqual(len(found), 7)
        self.assertEqual((found[0], found[-1]), ("Mon 23 Nov", "Sun 29 Nov"))

    def test_quarter(self) -> None:
        """90 days have ticks on every second Monday."""
        found = self.ticks("2026-08-31T13:41+00:00", 90 * _DAY)
        self.assertEqual(found[0][0], "14 Sep")
        self.assertEqual({space for _, space in found[1:]}, {14 * _DAY})

    def test_longDay(self) -> None:
        """On the day of 25 hours ticks stay at local midnight."""
        found = self.ticks("2026-10-24T12:00+02:00", 3 * _DAY, "Europe/Berlin")
        midnights = [
            (at, label) for at, (label, _) in enumerate(found) if "Oct" in label
        ]
        self.assertEqual(
            [each for _, each in midnights], ["25 Oct", "26 Oct", "27 Oct"]
        )
        total = sum(
            space for _, space in found[midnights[0][0] + 1 : midnights[1][0] + 1]
        )
        self.assertEqual(total, 25 * _HOUR)

    def test_shortDay(self) -> None:
        """On the day of 23 hours, too."""
        for zone, began, step in (
            ("Europe/Berlin", "2026-03-28T23:00+00:00", 23 * _HOUR),
            ("America/New_York", "2026-03-08T05:00+00:00", 23 * _HOUR),
            ("Australia/Lord_Howe", "2026-10-03T13:30+00:00", 23 * _HOUR + _HOUR // 2),
        ):
            start = secondOf(began)
            found = timeTicks(start, start + 4 * _DAY, zoneNamed(zone))
            self.assertEqual(found[0].at, start, zone)
            self.assertEqual(
                found[1].at - found[0].at, 12 * _HOUR - (24 * _HOUR - step)
            )
            midnights = [each.at for each in found if each.isDay]
            self.assertEqual(midnights[1] - midnights[0], step, zone)
            self.assertEqual(midnights[2] - midnights[1], _DAY, zone)

    def test_weekOfLongDay(self) -> None:
        """The midnights of a week are one hour further apart once."""
        found = self.ticks("2026-10-22T12:00+02:00", 7 * _DAY, "Europe/Berlin")
        spaces = [space for _, space in found[1:]]
        self.assertEqual(spaces.count(25 * _HOUR), 1)
        self.assertEqual(spaces.count(_DAY), len(spaces) - 1)

    def test_bothHours(self) -> None:
        """Both hours from 2 to 3 of the long day have ticks, and labels that differ."""
        self.assertEqual(
            self.labels("2026-10-25T01:55+02:00", 2 * _HOUR, "Europe/Berlin"),
            [
                "02:00 +02:00",
                "02:15 +02:00",
                "02:30 +02:00",
                "02:45 +02:00",
                "02:00 +01:00",
                "02:15 +01:00",
                "02:30 +01:00",
                "02:45 +01:00",
            ],
        )

    def test_halfHour(self) -> None:
        """A zone whose summer time is half an hour has that half hour twice."""
        self.assertEqual(
            self.labels("2026-04-05T01:25+11:00", _HOUR, "Australia/Lord_Howe"),
            [
                "01:30 +11:00",
                "01:40 +11:00",
                "01:50 +11:00",
                "01:30 +10:30",
                "01:40 +10:30",
                "01:50 +10:30",
            ],
        )

    def test_missingHour(self) -> None:
        """Times that are left out have no ticks."""
        self.assertEqual(
            self.labels("2026-03-29T01:35+01:00", _HOUR, "Europe/Berlin"),
            ["01:40", "01:50", "03:00", "03:10", "03:20", "03:30"],
        )

    def test_narrow(self) -> None:
        """Every second label is left out where there is little room."""
        found = timeTicks(0, _DAY, Zone())
        self.assertEqual(
            [each.isMinor for each in found[:4]], [False, True, False, True]
        )

    def test_narrowWeek(self) -> None:
        """Labels with the day of the week are longer: two of three are left out."""
        found = timeTicks(0, 7 * _DAY, Zone())
        self.assertEqual(
            [each.isMinor for each in found[:4]], [False, True, True, False]
        )

    @given(
        st.integers(0, 4_000_000_000),
        st.integers(60, 200 * _DAY),
        st.sampled_from(_ZONES),
    )
    def test_anySpan(self, began: int, length: int, name: str) -> None:
        """Ticks are in order and within the span, not too many, and no label comes
        twice within a day."""
        found = timeTicks(began, began + length, zoneNamed(name))
        times = [each.at for each in found]
        self.assertEqual(times, sorted(set(times)))
        self.assertLessEqual(len(found), 13)
        for each in found:
            self.assertLessEqual(began, each.at)
            self.assertLessEqual(each.at, began + length)
        if length < _DAY:
            labels = [(each.label, each.note) for each in found]
            self.assertEqual(len(labels), len(set(labels)))


class ZoneTextTests(SynchronousTestCase):
    """
    Tests for L{zoneText}.
    """

    def test_zones(self) -> None:
        """The axis names its zone, and says where its offset changes."""
        july, december = secondOf("2026-07-01T00:00Z"), secondOf("2026-12-01T00:00Z")
        berlin = zoneNamed("Europe/Berlin")
        self.assertEqual(zoneText(july, december, Zone()), "UTC")
        found = zoneText(december, december + 1, berlin)
        self.assertEqual(found, "Europe/Berlin (UTC+01:00)")
        found = zoneText(july, december, berlin)
        self.assertEqual(found, "Europe/Berlin (UTC+02:00, then UTC+01:00)")
