"""Tests for L{echostamp.daemon.redisreader}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.redisreader import COUNT, LongEntries


class LongEntriesTests(SynchronousTestCase):
    """
    Tests for L{LongEntries}.
    """

    def found(self, *ids: bytes) -> LongEntries:
        """Find entries that are too long."""
        long = LongEntries()
        for each in ids:
            self.assertFalse(long.found(b"1-1"))
            self.assertTrue(long.found(each))
        return long

    def test_single(self) -> None:
        """Only the entry that is too long alone is passed over: it is looked for one
        by one."""
        long = LongEntries()
        self.assertEqual(long.count, COUNT)
        self.assertFalse(long.found(b"5-0"))
        self.assertEqual(long.count, 1)
        self.assertNotIn(b"5-0", long)
        self.assertFalse(long.found(None))
        self.assertEqual(long.count, 1)
        self.assertTrue(long.found(b"7-0"))
        self.assertEqual(long.count, COUNT)
        self.assertIn(b"7-0", long)

    def test_neighbours(self) -> None:
        """The next one and the one before are found by their numbers."""
        long = self.found(b"10-0", b"9-0", b"9-11", b"9-0")
        self.assertEqual(long.after(b"0-0"), b"9-0")
        self.assertEqual(long.after(b"9-0"), b"9-11")
        self.assertIsNone(long.after(b"10-0"))
        self.assertEqual(long.before(b"10-0"), b"9-11")
        self.assertIsNone(long.before(b"9-0"))

    def test_bounded(self) -> None:
        """The last ones are remembered."""
        long = LongEntries()
        for each in range(1, long.most + 10):
            long.count = 1
            long.found(b"%d-0" % each)
        self.assertEqual(len(long.ids), long.most)
        self.assertEqual(long.after(b"0-0"), b"10-0")
