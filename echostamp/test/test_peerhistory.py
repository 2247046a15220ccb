"""Tests for L{echostamp.web.peerhistory}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.event import Event, Kind
from echostamp.test.plotrows import keptRow, memoryHistory
from echostamp.times import SECOND
from echostamp.web.peerhistory import LISTED, MOST_MARKS, peerHistory

_BEGAN = 1_780_000_020


class PeerHistoryTests(SynchronousTestCase):
    """
    Tests for L{peerHistory}.
    """

    def test_marks(self) -> None:
        """The marks are the peer's events within the axis, and those of the daemon that
        change its figures; not those of other peers."""
        events = [
            Event(kind, peer, (_BEGAN + at) * SECOND)
            for kind, peer, at in (
                (Kind.DOWN, "ams", -1),
                (Kind.UP, "ams", 0),
                (Kind.STALL, "", 1),
                (Kind.RELOAD, "", 2),
                (Kind.DOWN, "fra", 3),
                (Kind.DOWN, "ams", 59),
                (Kind.UP, "ams", 60),
            )
        ]
        history = memoryHistory(events=events)
        found = peerHistory(history, "ams", _BEGAN, _BEGAN + 60, True)
        self.assertEqual(
            sorted(found.marks, key=lambda each: each.at),
            [events[1], events[2], events[5]],
        )
        self.assertEqual(len(found.last), 4)
        self.assertEqual(found.last[0].event, events[-1])

    def test_longAgo(self) -> None:
        """Marks of an axis that ended long ago are found behind many newer events."""
        events = [
            Event(Kind.UP, "ams", (_BEGAN + at) * SECOND)
            for at in range(MOST_MARKS + 400)
        ]
        found = peerHistory(
            memoryHistory(events=events), "ams", _BEGAN, _BEGAN + 60, True
        )
        self.assertEqual(len(found.marks), 60)
        self.assertEqual(len(found.last), LISTED)

    def test_many(self) -> None:
        """Of very many events the newest are marks."""
        events = [
            Event(Kind.UP, "ams", (_BEGAN + at) * SECOND)
            for at in range(MOST_MARKS + 400)
        ]
        ended = _BEGAN + MOST_MARKS + 200
        found = peerHistory(memoryHistory(events=events), "ams", _BEGAN, ended, True)
        self.assertEqual(len(found.marks), MOST_MARKS)
        self.assertEqual(found.marks[0].at, (ended - 1) * SECOND)

    def test_known(self) -> None:
        """A peer is known by its rows at any time, or by its events."""
        history = memoryHistory(
            "old", [keptRow(60)], [Event(Kind.UP, "said", _BEGAN * SECOND)]
        )
        for name, isKnown in (("old", True), ("said", True), ("other", False)):
            found = peerHistory(history, name, _BEGAN, _BEGAN + 60, True)
            self.assertEqual(found.isKnown, isKnown, name)

    def test_noRows(self) -> None:
        """Without a file of the history there are events only."""
        history = memoryHistory(
            "ams", [keptRow(_BEGAN)], [Event(Kind.UP, "ams", _BEGAN * SECOND)]
        )
        found = peerHistory(history, "ams", _BEGAN, _BEGAN + 60, False)
        self.assertEqual((found.points.rows, found.marks), ((), ()))
        self.assertEqual(len(found.last), 1)
