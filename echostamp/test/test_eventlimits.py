"""Tests for L{echostamp.monitor.eventlimits}."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.event import Event, Kind
from echostamp.monitor.eventlimits import PAUSE, EventLimits
from echostamp.times import SECOND


class EventLimitsTests(SynchronousTestCase):
    """
    Which events are reported.
    """

    def setUp(self) -> None:
        """Begin without events."""
        self.limits = EventLimits()
        self.reported: list[tuple[int, Kind, int]] = []

    def happen(self, second: int, kind: Kind, peer: str = "a") -> None:
        """Let an event happen, after those that are due by then."""
        now = second * SECOND
        while (due := self.limits.due) is not None and due <= now:
            self._keep(due, self.limits.overdue(due))
        event = self.limits.report(now, Event(kind, peer, now))
        self._keep(now, [event] if event else [])

    def _keep(self, now: int, events: list[Event]) -> None:
        """Keep what is reported."""
        self.reported += [(now // SECOND, each.kind, each.leftOut) for each in events]

    def test_oneOfAKind(self) -> None:
        """A second event of a kind is left out until the minute is over."""
        for second in 0, 10, 20:
            self.happen(second, Kind.ADDRESS)
        self.happen(200, Kind.STALL)
        self.assertEqual(
            self.reported,
            [(0, Kind.ADDRESS, 0), (60, Kind.ADDRESS, 1), (200, Kind.STALL, 0)],
        )

    def test_beginningAndEnd(self) -> None:
        """The end of a state is another kind than its beginning."""
        self.happen(0, Kind.DOWN)
        self.happen(1, Kind.UP)
        self.assertEqual(self.reported, [(0, Kind.DOWN, 0), (1, Kind.UP, 0)])

    def test_lastState(self) -> None:
        """The last state is reported when its minute is over, and how many changes were
        left out."""
        self.happen(0, Kind.DOWN)
        self.happen(1, Kind.UP)
        for second in range(2, 20, 2):
            self.happen(second, Kind.DOWN)
            self.happen(second + 1, Kind.UP)
        self.happen(20, Kind.DOWN)
        self.happen(300, Kind.STALL)
        self.assertEqual(self.reported[2], (60, Kind.DOWN, 18))

    def test_reloads(self) -> None:
        """A reload ends the state that a failed one begins."""
        self.happen(0, Kind.RELOAD_FAILED)
        self.happen(10, Kind.RELOAD_FAILED)
        self.happen(20, Kind.RELOAD)
        self.happen(300, Kind.STALL)
        self.assertEqual(
            [kind for _, kind, _ in self.reported],
            [Kind.RELOAD_FAILED, Kind.RELOAD, Kind.STALL],
        )

    def test_peersApart(self) -> None:
        """Each peer has its own minute."""
        self.happen(0, Kind.DOWN)
        self.happen(1, Kind.DOWN, "b")
        self.assertEqual(len(self.reported), 2)

    @given(st.lists(st.tuples(st.integers(0, 90), st.booleans())))
    def test_reportEndsInTheLastState(self, steps: list[tuple[int, bool]]) -> None:
        """Of each kind there is one a minute at most; the last report is the last
        state; and all events are reported or counted."""
        self.setUp()
        second, last, count = 0, None, 0
        for wait, isDown in steps:
            second += wait
            last = Kind.DOWN if isDown else Kind.UP
            count += 1
            self.happen(second, last)
        self.happen(second + 200, Kind.STALL)
        *reported, _ = self.reported
        self.assertEqual(sum(1 + leftOut for _, _, leftOut in reported), count)
        if reported:
            self.assertEqual(reported[-1][1], last)
        for kind in Kind.DOWN, Kind.UP:
            times = [at for at, each, _ in reported if each is kind]
            pairs = itertools.pairwise(times)
            self.assertTrue(all(b - a >= PAUSE // SECOND for a, b in pairs))

    def test_forgottenInTime(self) -> None:
        """What was reported is forgotten a minute later, and an event that was left out
        is reported before."""
        self.happen(0, Kind.UP, "gone")
        self.happen(10, Kind.DOWN, "gone")
        self.happen(20, Kind.DOWN, "gone")
        self.happen(300, Kind.STALL, "")
        self.assertEqual(self.reported[2], (70, Kind.DOWN, 0))
        self.assertEqual([peer for peer, *_ in self.limits._stories], [""])

    def test_forgotten(self) -> None:
        """What was reported long ago takes no memory."""
        for peer in range(100):
            self.happen(0, Kind.DOWN, str(peer))
        self.limits.overdue(PAUSE)
        self.assertIsNone(self.limits.due)
        self.assertFalse(self.limits._stories)
