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
        self.assertEqual(self.outbox.heard(1), join)
        self.assertWaiting([say, leave], 5)
        self.assertEqual(self.outbox.heard(2), say)
        self.assertWaiting([leave], 0)
        self.assertEqual(self.outbox.add(SAY), Entry(DAEMON, 5, SAY))

    def test_lost(self) -> None:
        """Entries that were passed over are lost."""
        self.assertEqual(self.outbox.heard(4), self.entries[2])
        self.assertWaiting([], 0)

    def test_otherNumbers(self) -> None:
        """A number that no entry has, or none any more, removes nothing: somebody else
        has written it."""
        for number in 0, 3, 5, 1 << 53:
            self.assertIsNone(self.outbox.heard(number))
        self.assertWaiting(self.entries, 5)
        self.outbox.heard(2)
        self.assertIsNone(self.outbox.heard(2))
        self.assertWaiting(self.entries[2:], 0)

    def test_renew(self) -> None:
        """Under a new id, what waits is numbered from 1, behind what comes first."""
        self.outbox.heard(1)
        self.outbox.renew(OTHER, [JOIN])
        self.assertEqual(self.outbox.daemon, OTHER)
        self.assertWaiting(
            [Entry(OTHER, 1, JOIN), Entry(OTHER, 2, SAY), Entry(OTHER, 4, LEAVE)], 5
        )
        self.assertEqual(self.outbox.add(SAY), Entry(OTHER, 5, SAY))
