"""Tests for L{echostamp.client.watchstatus}."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.watchstatus import judged
from echostamp.exitstatus import Outcome
from echostamp.measure.result import Outage, Result
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.monitor.tally import Tally
from echostamp.test.snapshots import fullPeer, newPeer


def silent(name: str, reason: str = "") -> PeerSnapshot:
    """Give a target that has never answered."""
    outages = (Outage(0, 0, reason, 0),) if reason else ()
    found = Result(began=1, outages=outages)
    return replace(newPeer(name), tally=Tally(sent=3), window=found)


class JudgedTests(SynchronousTestCase):
    """
    Tests for the exit status.
    """

    def test_done(self) -> None:
        """Where every target has answered, the status is 0, also if one is down
        now."""
        down = replace(fullPeer("b"), isUp=False)
        self.assertEqual(judged([fullPeer("a"), down]), Outcome(0))

    def test_silent(self) -> None:
        """A target that never answered is named, with the reason."""
        self.assertEqual(
            judged([silent("a", "Connection refused")]),
            Outcome(1, "a: Connection refused"),
        )
        self.assertEqual(
            judged([fullPeer("x"), silent("a"), newPeer("b")]),
            Outcome(
                1,
                "2 of 3 targets: a: no reply; b: there was no connection in time",
            ),
        )

    def test_many(self) -> None:
        """The line names few targets, and counts the others."""
        line = judged([silent(name) for name in "abcde"]).line
        self.assertIn("5 of 5 targets: a: ", line)
        self.assertIn("c: no reply; and 2 more", line)
        self.assertNotIn("d:", line)

    def test_exceeded(self) -> None:
        """A threshold that is exceeded is named, where every target has answered."""
        over = replace(fullPeer("a"), exceeded=(("max-rtt", "x"), ("max-loss", "y")))
        found = Outcome(3, "1 of 2 targets: a: max-rtt: x, max-loss: y")
        self.assertEqual(judged([over, fullPeer("b")]), found)
        self.assertEqual(judged([over, silent("b")]).status, 1)

    def test_paused(self) -> None:
        """A target that is not probed need not answer."""
        new = newPeer("a")
        paused = replace(new, peer=replace(new.peer, isPaused=True))
        self.assertEqual(judged([paused, fullPeer("b")]), Outcome(0))
