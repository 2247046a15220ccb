"""Tests for L{echostamp.monitor.contact}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.contact import Contact
from echostamp.times import SECOND


class ContactTests(SynchronousTestCase):
    """
    When a peer is up and down; the timeout is 3 s, and the interval 1 s.
    """

    def setUp(self) -> None:
        """Make a peer."""
        self.contact = Contact(3 * SECOND, SECOND, 0)

    def due(self, *seconds: float) -> list[float]:
        """Let probes be due; give when the peer went down."""
        return [at for at in seconds if self.contact.due(int(at * SECOND))]

    def replies(self, *seconds: float) -> list[float]:
        """Let replies come one after the other; give when the peer was up again."""
        return [
            at
            for inARow, at in enumerate(seconds, 1)
            if self.contact.replied(int(at * SECOND), inARow)
        ]

    def test_firstReply(self) -> None:
        """Before the first reply nothing is known; it is no recovery."""
        self.assertIsNone(self.contact.isUp)
        self.due(0)
        self.assertEqual(self.replies(0.1), [])
        self.assertIs(self.contact.isUp, True)

    def test_down(self) -> None:
        """It is down after the timeout and three intervals without a reply."""
        self.due(0)
        self.replies(0.1)
        self.assertEqual(self.due(*range(1, 10)), [7])
        self.assertEqual((self.contact.isUp, self.contact.downs), (False, 1))
        self.assertEqual(self.contact.downFor(9 * SECOND), 2 * SECOND)

    def test_neverUp(self) -> None:
        """A peer that never answers is down, too."""
        self.assertEqual(self.due(*range(10)), [6])

    def test_threeProbesMustBeDue(self) -> None:
        """A long silence in which less than three probes were due shows nothing."""
        self.due(0)
        self.replies(0.1)
        self.assertEqual(self.due(20, 21, 22), [])
        self.assertEqual(self.due(23), [23])

    def test_upAgain(self) -> None:
        """It is up again after three replies in a row."""
        self.due(*range(8))
        self.assertEqual(self.replies(8, 9), [])
        self.assertEqual(self.replies(10, 11, 12, 13), [12])
        self.assertEqual(self.contact.downFor(99 * SECOND), 6 * SECOND)

    def test_slowProbes(self) -> None:
        """Where the interval is above 20 s, one reply is enough."""
        self.contact = Contact(3 * SECOND, 21 * SECOND, 0)
        self.due(*range(0, 200, 21))
        self.assertIs(self.contact.isUp, False)
        self.assertEqual(self.replies(200), [200])

    def test_leave(self) -> None:
        """A peer that is no longer watched is neither up nor down; if it is watched
        again, the first reply shows that it is up."""
        self.due(*range(8))
        self.assertIs(self.contact.isUp, False)
        self.assertEqual(self.contact.leave(8 * SECOND), 2 * SECOND)
        self.assertIs(self.contact.isUp, None)
        self.assertEqual(self.contact.since, 8 * SECOND)
        self.assertEqual(self.contact.downFor(50 * SECOND), 2 * SECOND)
        self.contact.resume(3 * SECOND, SECOND, 100 * SECOND)
        self.assertEqual(self.replies(102), [])
        self.assertIs(self.contact.isUp, True)
        self.assertIs(self.contact.leave(103 * SECOND), None)
        self.assertIs(self.contact.isUp, None)
        self.assertEqual(self.contact.downFor(200 * SECOND), 2 * SECOND)

    def test_stall(self) -> None:
        """The time of a stall of this process is no silence."""
        self.due(0)
        self.replies(0.1)
        self.contact.stalled(10 * SECOND)
        self.assertEqual(self.due(11, 12, 13, 14, 15), [])
        self.assertEqual(self.due(16, 17), [17])
