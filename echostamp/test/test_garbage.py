"""Tests for L{echostamp.daemon.garbage}."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.garbage import Garbage


class GarbageTests(SynchronousTestCase):
    """
    What Python's collections of garbage look through.
    """

    def setUp(self) -> None:
        """Note what is called."""
        self.calls: list[str] = []
        for name in "unfreeze", "collect", "freeze":
            self.patch(gc, name, lambda name=name: self.calls.append(name))

    def test_takeOut(self) -> None:
        """Garbage is collected before the rest is taken out."""
        Garbage().takeOut(1000, 1000, 0)
        self.assertEqual(self.calls, ["collect", "freeze"])

    def test_fewNewOnes(self) -> None:
        """Nothing waits for the sake of few new peers, until there are many."""
        garbage = Garbage()
        garbage.takeOut(1000, 1000, 0)
        self.calls.clear()
        for new in range(30, 100, 30):
            garbage.takeOut(1000, 1000 + new, new)
            self.assertEqual(self.calls, [])
        garbage.takeOut(1000, 1100, 100)
        self.assertEqual(self.calls, ["collect", "freeze"])

    def test_replaced(self) -> None:
        """All are looked through when as many were replaced as there are, whether at
        once or by and by."""
        garbage = Garbage()
        full = []
        for replaced in 0, 60, 101, 150, 201, 215, 316:
            self.calls.clear()
            garbage.takeOut(100, 100 + replaced, replaced)
            full.append("unfreeze" in self.calls)
        self.assertEqual(full, [False, False, True, False, False, True, True])
