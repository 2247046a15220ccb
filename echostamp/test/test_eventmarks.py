"""Tests for L{echostamp.plots.eventmarks}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.event import ENDS, Event, Kind
from echostamp.plots.eventmarks import SIGNS, marksOf, shapeOf, wordsOf
from echostamp.plots.plotframe import Mark
from echostamp.plots.timezones import Zone
from echostamp.times import SECOND

_AT = 1_780_000_000


class MarkTests(SynchronousTestCase):
    """
    Tests for L{shapeOf}, L{wordsOf} and L{marksOf}.
    """

    def test_shapes(self) -> None:
        """Each kind has a shape; what begins a bad state differs from what ends it."""
        self.assertLessEqual(set(map(shapeOf, Kind)), set(SIGNS))
        for began, ended in ENDS.items():
            self.assertEqual((shapeOf(began), shapeOf(ended)), ("bad", "good"))
        self.assertEqual(shapeOf(Kind.ADDRESS), "other")

    def test_words(self) -> None:
        """The words name the subject and how many events were left out, and are
        printable."""
        event = Event(Kind.RTT_HIGH, "ams", 0, "max-rtt", "a\x1b\u202eb", leftOut=3)
        self.assertEqual(wordsOf(event), "max-rtt: a\\x1b\\u202eb (3 more left out)")
        self.assertEqual(wordsOf(Event(Kind.UP, "ams", 0)), "")

    def test_marks(self) -> None:
        """Marks are in order of time, and say whose event it is."""
        events = [
            Event(Kind.UP, "ams", (_AT + 60) * SECOND),
            Event(Kind.STALL, "", _AT * SECOND, text="for 2 s"),
        ]
        self.assertEqual(
            marksOf(events, Zone()),
            [
                Mark(_AT, "bad", "2026-05-28 20:26:40 this daemon: stall: for 2 s"),
                Mark(_AT + 60, "good", "2026-05-28 20:27:40 up"),
            ],
        )
