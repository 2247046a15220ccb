"""Tests for L{echostamp.monitor.peerlines}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.peerlines import peerLines
from echostamp.test.monitorcases import peer


class PeerLinesTests(SynchronousTestCase):
    """
    What C{--check} says.
    """

    def test_peers(self) -> None:
        """A line says how a peer is watched."""
        peers = [
            peer("a", "far"),
            peer("b", "stamp:far", flows=4),
            peer("c", "stamp:far", flows=2, isEachAddress=True, isPaused=True),
        ]
        self.assertEqual(
            [*peerLines(peers)][:-1],
            [
                "a: far, every 1s",
                "b: stamp:far, every 1s, 4 flows",
                "c: stamp:far, every 1s, 2 flows, each address, paused",
            ],
        )

    def test_totals(self) -> None:
        """The last line has what all peers need at most: a peer with several flows has
        series of each, and one at each address of its name is sixteen."""
        one, flows = peer("a"), peer("b", flows=8)
        many = peer("c", isEachAddress=True, flows=8)
        for peers, totals in [
            ([one], "1 peer: 1 probes a second; at most 83 series, 2 descriptors"),
            ([flows], "1 peer: 8 probes a second; at most 101 series, 16 descriptors"),
            (
                [one, flows, many],
                "3 peers: 17 probes a second; at most 1800 series, 274 descriptors",
            ),
        ]:
            *lines, last = peerLines(peers)
            self.assertEqual(len(lines), len(peers))
            self.assertEqual(last.rpartition(",")[0], totals)
