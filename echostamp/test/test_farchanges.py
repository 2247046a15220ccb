"""Tests for L{echostamp.monitor.farchanges}."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.farchanges import CLOCK, FarChanges
from echostamp.monitor.rules import MINUTE


class Far:
    """
    Flows whose clock is looked at.
    """

    hasBegun = True
    restarts = 0

    def __init__(self) -> None:
        self.looks = 0

    def offset(self, window: WindowSpec) -> None:
        """Count a look; nothing is known."""
        self.looks += 1


class FarChangesTests(SynchronousTestCase):
    """
    Tests for L{FarChanges}.
    """

    def test_spread(self) -> None:
        """The clock of a peer is looked at every so many looks.  The clocks of peers
        that begin together are not all looked at in the same turn."""
        turns: Counter[int] = Counter()
        for number in range(300):
            far = Far()
            changes = FarChanges(f"peer{number}", cast(Any, far), MINUTE)
            before = 0
            for turn in range(2 * CLOCK):
                self.assertEqual(list(changes.look(turn)), [])
                turns[turn] += far.looks - before
                before = far.looks
            self.assertEqual(far.looks, 2)
        self.assertEqual(sum(turns.values()), 600)
        for count in turns.values():
            self.assertTrue(70 <= count <= 130, turns)
