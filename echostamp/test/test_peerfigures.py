"""Tests for L{echostamp.web.peerfigures}."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import FITS
from echostamp.measure.result import Figures, Result
from echostamp.monitor.peer import Peer
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.probe.dialers import Wish
from echostamp.test.snapshots import NOW, fullPeer, minute, newPeer, summaryOf
from echostamp.times import MILLISECOND
from echostamp.web.fields import LONGEST_TEXT
from echostamp.web.peerfigures import figuresOf, stateOf
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow
from echostamp.web.rowdocument import readRow, rowPieces


class StateTests(SynchronousTestCase):
    """
    Tests for L{stateOf}.
    """

    def state(self, **values: object) -> PeerState:
        """Give the state of a peer."""
        return stateOf(replace(fullPeer(), **values))  # type: ignore[arg-type]

    def test_states(self) -> None:
        """A peer is up or down, and before that it is new, or has no address."""
        self.assertIs(self.state(isUp=True), PeerState.UP)
        self.assertIs(self.state(isUp=False), PeerState.DOWN)
        self.assertIs(self.state(isUp=None), PeerState.NEW)
        found = self.state(isUp=None, isResolved=False)
        self.assertIs(found, PeerState.UNRESOLVED)

    def test_nameGone(self) -> None:
        """While a peer answers, or is down, that counts and not its name."""
        self.assertIs(self.state(isUp=True, isResolved=False), PeerState.UP)
        self.assertIs(self.state(isUp=False, isResolved=False), PeerState.DOWN)

    def test_paused(self) -> None:
        """One that is paused is nothing else."""
        paused = replace(fullPeer().peer, isPaused=True)
        for isUp in None, True, False:
            found = self.state(peer=paused, isUp=isUp, isResolved=False)
            self.assertIs(found, PeerState.PAUSED)


class FiguresTests(SynchronousTestCase):
    """
    Tests for L{figuresOf}.
    """

    def full(self) -> PeerSnapshot:
        """Give a peer of which everything is known."""
        last = minute()
        figures = last.figures._replace(
            sent=61, received=58, lost=2, skipped=3, rtt=summaryOf(1000.4, 2000, 2999.6)
        )
        return replace(
            fullPeer(),
            minute=last._replace(figures=figures),
            exceeded=(("max-rtt-p99", "too long"), ("max-loss", "too many")),
            exceededSince={"max-rtt-p99": NOW - 2, "max-loss": NOW - 1},
        )

    def test_full(self) -> None:
        """What is known is there, in whole nanoseconds."""
        self.assertEqual(
            figuresOf(self.full(), (7, 9)),
            PeerFigures(
                "ams/4",
                PeerState.UP,
                NOW,
                {"site": "ams"},
                "stamp:ams.example",
                "192.0.2.1:862",
                64,
                61,
                58,
                2,
                3,
                1000,
                3000,
                -12_500_000,
                -12_000_001,
                -11_499_999,
                FITS,
                30 * MILLISECOND,
                None,
                0.7,
                MILLISECOND,
                ("max_rtt_p99", "max_loss"),
                7,
                9,
                {"max_rtt_p99": NOW - 2, "max_loss": NOW - 1},
            ),
        )

    def test_new(self) -> None:
        """What is not known is not made up."""
        expected = PeerFigures("new", PeerState.UNRESOLVED, target="new.example")
        self.assertEqual(figuresOf(newPeer()), expected)
        found = replace(newPeer(), minute=Result(Figures(skipped=1)))
        self.assertEqual(figuresOf(found), expected._replace(due=1, skipped=1))

    def test_readable(self) -> None:
        """Whatever the files of peers say, another daemon reads the row."""
        labels = ("site", "a\nb\x1b"), ("long", "x" * 5000)
        peer = Peer("x", Wish(f"stamp:{'y' * 5000}\n"), labels=labels)
        for found in replace(newPeer(), peer=peer), self.full():
            row = SourceRow("hub", {found.peer.name: figuresOf(found)}, NOW)
            self.assertEqual(readRow("".join(rowPieces(row, "")).encode()), row)
            for text in row.peers[found.peer.name].labels.values():
                self.assertLessEqual(len(text), LONGEST_TEXT)
