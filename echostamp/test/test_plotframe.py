"""Tests for L{echostamp.plots.plotframe}."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from echostamp.plots.axes import valueAxis
from echostamp.plots.plotframe import (
    Lane,
    Mark,
    Scene,
    grid,
    heightOf,
    laneOf,
    marks,
    ticksOf,
)
from echostamp.plots.plotpaths import Across
from echostamp.plots.timezones import Zone
from echostamp.test.localtimes import secondOf, zoneNamed

_HOUR = 3600

_LANES = [Lane(0, 100)]


class FrameTests(SynchronousTestCase):
    """
    Tests for what is around the data.
    """

    def scene(self, began: str, zone: Zone, *found: Mark) -> Scene:
        """
        Give two hours.
        """
        start = secondOf(began)
        return Scene((), Across(start, start + 2 * _HOUR, 60), zone, found)

    def test_twice(self) -> None:
        """Where a local time comes twice, labels have a second line, and the plot has
        room for it."""
        zone = zoneNamed("Europe/Berlin")
        usual = self.scene("2026-10-24T01:55+02:00", zone)
        twice = self.scene("2026-10-25T01:55+02:00", zone)
        heights = [heightOf(ticksOf(each), _LANES) for each in (usual, twice)]
        self.assertLess(*heights)
        markup = grid(twice, ticksOf(twice), _LANES)
        places = dict(re.findall(r'y="(\d+)">([^<]+)</text>', markup))
        self.assertEqual(len(places), 2)
        first, second = sorted(map(int, places))
        self.assertLess(second, heights[1])
        self.assertRegex(places[f"{first}"], "^[0-9]{2}:[0-9]{2}$")
        self.assertEqual(places[f"{second}"], "+01:00")

    def test_edges(self) -> None:
        """Labels at the edges are within the plot."""
        scene = self.scene("2026-11-29T12:00Z", Zone())
        found = re.findall(
            r'class="axis time( first| last|)[^>]*>([^<]+)<',
            grid(scene, ticksOf(scene), _LANES),
        )
        self.assertEqual(found[0], (" first", "12:00"))
        self.assertEqual(found[-1], (" last", "14:00"))
        self.assertEqual({side for side, _ in found[1:-1]}, {""})

    def test_noData(self) -> None:
        """A lane that shows nothing has no labels."""
        axis = valueAxis(0, 5)
        for hasData in False, True:
            lane = laneOf(axis, 0, 100, hasData=hasData)
            self.assertEqual(any(label for _, label in lane.ticks), hasData)

    def test_bad(self) -> None:
        """A line leads upwards from a bad event, and from no other."""
        began = "2026-11-29T12:00Z"
        for shape, count in ("bad", 1), ("good", 0), ("other", 0):
            scene = self.scene(began, Zone(), Mark(secondOf(began) + 9, shape, "x"))
            self.assertEqual("".join(marks(scene, 100)).count("<line"), count, shape)
