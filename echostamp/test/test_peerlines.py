"""Tests for L{echostamp.monitor.peerlines}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.peer import Peer
from echostamp.monitor.peerlines import descriptorsOf, peerLines
from echostamp.probe.dialers import Wish


class PeerLinesTests(SynchronousTestCase):
    """
    What there is to watch, in lines.
    """

    def test_lines(self) -> None:
        """A line says how a peer is watched; the last one what all need at most: a
        name with each of its addresses counts for sixteen."""
        peers = [
            Peer("a", Wish("far")),
            Peer("b", Wish("stamp:far"), flows=4),
            Peer("c", Wish("stamp:far"), flows=2, isEachAddress=True, isPaused=True),
        ]
        self.assertEqual(
            list(peerLines(peers)),
            [
                "a: far, every 1s",
                "b: stamp:far, every 1s, 4 flows",
                "c: stamp:far, every 1s, 2 flows, each address, paused",
                "3 peers: 5 probes a second; at most 1494 series, 74 descriptors, "
                "2.31 MiB",
            ],
        )
        self.assertEqual(descriptorsOf(peers), 2 * (1 + 4 + 32))
