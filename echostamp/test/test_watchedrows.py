"""Tests for L{echostamp.client.watchedrows}."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.watchedrows import Rows, missingShare, stateOf
from echostamp.client.watchrow import OffsetBounds, Row, TargetState
from echostamp.measure.offsetwindow import NO_FIT
from echostamp.measure.result import Figures, Result
from echostamp.monitor.tally import Direction
from echostamp.test.snapshots import fullPeer, minute, newPeer, summaryOf
from echostamp.times import MILLISECOND, SECOND


class RowsTests(SynchronousTestCase):
    """
    Tests for rows that are made from snapshots.
    """

    def setUp(self) -> None:
        """Begin."""
        self.now = 0
        self.rows = Rows(60 * SECOND, lambda: self.now)

    def take(self, snapshot: Any) -> Row:
        """Take a snapshot, and give its row."""
        self.rows.take(snapshot)
        return self.rows.all[-1]

    def test_states(self) -> None:
        """A target is down, has no address, is above a threshold, is new, or is up."""
        full, new = fullPeer(), newPeer()
        over = (("max-rtt", "why"),)
        for snapshot, state in [
            (full, TargetState.UP),
            (replace(full, exceeded=over), TargetState.OVER),
            (replace(full, isUp=False, exceeded=over), TargetState.DOWN),
            (replace(full, isUp=False, isResolved=False), TargetState.DOWN),
            (new, TargetState.NO_ADDRESS),
            (replace(new, isResolved=True), TargetState.NEW),
            (replace(new, peer=replace(new.peer, isPaused=True)), TargetState.PAUSED),
        ]:
            self.assertIs(stateOf(snapshot), state)

    def test_unknown(self) -> None:
        """Of a new target nothing is known."""
        self.assertEqual(self.take(newPeer()), Row("new", 0, TargetState.NO_ADDRESS))

    def test_figures(self) -> None:
        """The figures are those of the window."""
        found = minute()
        rtt = summaryOf(10 * MILLISECOND, 11 * MILLISECOND, 12 * MILLISECOND)
        found = found._replace(figures=found.figures._replace(rtt=rtt))
        row = self.take(replace(fullPeer(), window=found, recent=(1, None)))
        self.assertEqual(row.median, 10 * MILLISECOND)
        self.assertEqual(row.p99, 12 * MILLISECOND)
        self.assertEqual(row.last, MILLISECOND)
        self.assertEqual(row.missing, 0)
        self.assertEqual(row.recent, (1, None))
        self.assertEqual(
            row.offset, OffsetBounds(-12_000_001, -12_500_000, -11_499_999)
        )

    def test_misfit(self) -> None:
        """An offset that no constant rates fit is marked."""
        row = self.take(replace(fullPeer(), window=minute(NO_FIT)))
        assert row.offset is not None
        self.assertTrue(row.offset.isMisfit)

    def test_missing(self) -> None:
        """Probes that could not be sent are missing, too."""
        figures = Figures(sent=90, received=80, lost=10, skipped=10)
        self.assertEqual(missingShare(figures), 20)
        self.assertIsNone(missingShare(Figures(sent=1)))

    def lossy(self, lost: int, forward: int, backward: int, unknown: int = 0) -> Row:
        """Take a snapshot of a target with 100 probes in its window."""
        full = fullPeer()
        for each, count in zip(Direction, (forward, backward, unknown), strict=True):
            full.tally.lost[each] = count
        figures = Figures(sent=100, received=100 - lost, lost=lost)
        return self.take(replace(full, window=Result(figures)))

    def test_directions(self) -> None:
        """Losses have their direction, those of the window only."""
        row = self.lossy(30, 10, 20)
        self.assertEqual((row.missing, row.forward, row.backward), (30, 10, 20))
        for _ in range(61):
            self.now += SECOND
            self.lossy(5, 10, 20)
        self.now += SECOND
        row = self.lossy(5, 15, 20)
        self.assertEqual((row.forward, row.backward), (5, 0))

    def test_rareLooks(self) -> None:
        """Looks that are a window apart find the losses of each window once."""
        shares = []
        for lost in 5, 9, 9:
            self.now += 60 * SECOND
            shares.append(self.lossy(10, lost, 0).forward)
        self.assertEqual(shares[:2], [5, 4])

    def test_unknownDirection(self) -> None:
        """Where there are losses and no direction is known, none is shown; without
        losses there are none in either direction."""
        row = self.lossy(0, 0, 0)
        self.assertEqual((row.forward, row.backward), (0, 0))
        row = self.lossy(5, 0, 0, 5)
        self.assertEqual((row.missing, row.forward, row.backward), (5, None, None))

    def test_places(self) -> None:
        """A target keeps its place, and has one row."""
        for name in "b", "a", "b":
            self.rows.take(newPeer(name))
        self.assertEqual(
            [(each.name, each.place) for each in self.rows.all], [("b", 0), ("a", 1)]
        )

    def test_gone(self) -> None:
        """A target that is watched no more has no row; one that comes later is behind
        all others."""
        for name in "abc":
            self.rows.take(newPeer(name))
        self.rows.taken()
        for name in "bc":
            self.rows.take(newPeer(name))
        self.rows.taken()
        self.assertEqual([each.name for each in self.rows.all], ["b", "c"])
        self.assertGreater(self.take(newPeer("a")).place, self.rows.all[1].place)

    def test_safe(self) -> None:
        """A name with controls cannot command the terminal."""
        self.assertEqual(self.take(newPeer("a\x1b[2J")).name, "a\\x1b[2J")
