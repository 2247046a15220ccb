"""Tests for L{echostamp.intercom.outbox}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.entries import Entry, Join, Leave, Say
from echostamp.intercom.outbox import Outbox

DAEMON, OTHER = b"1" * 32, b"2" * 32
JOIN = Join(1, b"ann", "local", b"[1] ")
SAY = Say(1, b"ann", b"[1] ", b"a\nbc\n")
LEAVE = Leave(1, b"[2] ")


class OutboxTests(SynchronousTestCase):
    """
    What was written and not read back.
    """

    def setUp(self) -> None:
        """Write three entries."""
        self.outbox = Outbox(DAEMON)
        self.entries = [self.outbox.add(each) for each in (JOIN, SAY, LEAVE)]

    def assertWaiting(self, entries: list[Entry], octets: int) -> None:
        """Assert which entries wait."""
        self.assertEqual(list(self.outbox.waiting()), entries)
        self.assertEqual((len(self.outbox), self.outbox.octets), (len(entries), octets))

    def test_numbers(self) -> None:
        """Each entry has the number of its first line."""
        self.assertEqual(
            self.entries,
            [Entry(DAEMON, 1, JOIN), Entry(DAEMON, 2, SAY), Entry(DAEMON, 4, LEAVE)],
        )
        self.assertWaiting(self.entries, 5)

    def test_heard(self) -> None:
        """An entry waits until it is read back."""
        join, say, leave = self.entries
        self.assertTrue(self.outbox.heard(join))
        self.assertWaiting([say, leave], 5)
        self.assertTrue(self.outbox.heard(say))
        self.assertWaiting([leave], 0)
        self.assertEqual(self.outbox.first, 4)
        self.assertEqual(self.outbox.add(SAY), Entry(DAEMON, 5, SAY))

    def test_others(self) -> None:
        """An entry that is not the first that waits, or that somebody else has written,
        removes nothing."""
        join, say, leave = self.entries
        for entry in say, leave, Entry(DAEMON, 1, LEAVE), Entry(DAEMON, 1 << 53, JOIN):
            self.assertFalse(self.outbox.heard(entry))
        self.assertWaiting(self.entries, 5)
        self.assertTrue(self.outbox.heard(join))
        self.assertFalse(self.outbox.heard(join))
        for entry in say, leave:
            self.assertTrue(self.outbox.heard(entry))
        self.assertFalse(self.outbox.heard(leave))
        self.assertWaiting([], 0)
        self.assertEqual(self.outbox.first, 5)

    def test_renew(self) -> None:
        """Under a new id, what waits is numbered from 1, behind what comes first."""
        self.outbox.heard(self.entries[0])
        self.outbox.renew(OTHER, [JOIN])
        self.assertEqual(self.outbox.daemon, OTHER)
        self.assertWaiting(
            [Entry(OTHER, 1, JOIN), Entry(OTHER, 2, SAY), Entry(OTHER, 4, LEAVE)], 5
        )
        self.assertEqual(self.outbox.add(SAY), Entry(OTHER, 5, SAY))
