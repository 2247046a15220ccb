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
        self.calls: list[tuple[str, *tuple[int, ...]]] = []
        self.before = gc.get_threshold()
        for name in "collect", "freeze", "set_threshold":
            self.patch(
                gc, name, lambda *args, name=name: self.calls.append((name, *args))
            )

    def test_takeOut(self) -> None:
        """Young garbage is collected before the rest is taken out."""
        Garbage().takeOut()
        self.assertEqual(self.calls, [("collect", 1), ("freeze",)])

    def test_making(self) -> None:
        """Garbage is collected before many peers are made.  Meanwhile no other full
        collection is made, and at the end the peers are taken out."""
        garbage = Garbage()
        with garbage.making():
            garbage.expectMany()
            begun, self.calls = self.calls, []
        ((_, *thresholds), collected) = begun
        self.assertEqual(collected, ("collect",))
        self.assertEqual(thresholds[:2], [*self.before[:2]])
        self.assertGreater(thresholds[2], 1_000_000)
        ended = [("collect", 1), ("freeze",), ("set_threshold", *self.before)]
        self.assertEqual(self.calls, ended)

    def test_step(self) -> None:
        """Of many peers the objects of each are looked through at once."""
        garbage = Garbage()
        with garbage.making():
            garbage.expectMany()
            self.calls.clear()
            garbage.step()
            self.assertEqual(self.calls, [("collect", 1)])

    def test_few(self) -> None:
        """Nothing waits for the sake of few peers."""
        garbage = Garbage()
        with garbage.making():
            garbage.step()
        self.assertEqual([name for name, *_ in self.calls], ["set_threshold"] * 2)

    def test_failed(self) -> None:
        """Full collections are made again where peers cannot be made."""
        with self.assertRaises(ValueError), Garbage().making():
            raise ValueError
        self.assertEqual(self.calls[-1], ("set_threshold", *self.before))
