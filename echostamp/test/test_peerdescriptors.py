"""Tests for L{echostamp.monitor.descriptors}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.descriptors import checkDescriptors, descriptorsOf
from echostamp.monitor.mistakes import PeersError
from echostamp.test.monitorcases import peer


class DescriptorsTests(SynchronousTestCase):
    """
    How many descriptors peers need.
    """

    def test_lines(self) -> None:
        """A connection takes two."""
        self.assertEqual(descriptorsOf([peer("a", "far"), peer("b", "far")]), 4)

    def test_shared(self) -> None:
        """A thousand STAMP peers need few; those of one target share none."""
        many = [peer(f"p{number}", f"stamp:far{number}") for number in range(1000)]
        self.assertEqual(descriptorsOf(many), 72)
        self.assertEqual(descriptorsOf([peer("a", "stamp:far", flows=2)]), 4)

    def test_check(self) -> None:
        """Peers that need too many are refused in a line."""
        peers = [peer("a", "far")]
        checkDescriptors(peers, None)
        checkDescriptors(peers, 2)
        error = self.assertRaises(PeersError, checkDescriptors, peers, 1)
        self.assertIn("1 peer may need 2 descriptors, and 1 can be had", str(error))
