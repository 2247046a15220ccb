"""Tests for L{echostamp.monitor.peername}."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.peername import PeerName
from echostamp.probe.agenda import Timers
from echostamp.test.fakes import FakeReactor, reactorAgenda
from echostamp.times import SECOND

HOUR = 3600 * SECOND


class Names:
    """
    A resolver that never answers, and the owner of its names.

    @ivar asked: how many names were looked up in each minute.
    """

    def __init__(self, case: PeerNameTests) -> None:
        self.asked: Counter[int] = Counter()
        self._case = case

    def check(self, host: str) -> None:
        """Count it."""
        self.asked[self._case.now() // (60 * SECOND)] += 1


class PeerNameTests(SynchronousTestCase):
    """
    When the names of peers are looked up.
    """

    def setUp(self) -> None:
        """Begin without names."""
        self.reactor = FakeReactor()
        self.agenda = reactorAgenda(self.reactor, self.now)

    def now(self) -> int:
        """Give nanoseconds by the monotonic clock."""
        return round(self.reactor.seconds() * 1e9)

    def begin(self, count: int, every: int, host: str | None = "far") -> Names:
        """Begin to look up names, all at the same time."""
        names: Any = Names(self)
        for number in range(count):
            timers = Timers(self.agenda)
            name = PeerName(host, every, names, timers, self.now, names)
            name.checkOften(f"peer{number}")
        found: Names = names
        return found

    def test_spread(self) -> None:
        """Names whose look-ups begin together are not looked up together."""
        names = self.begin(1000, HOUR)
        self.reactor.fromTimerToTimer(2 * 3600)
        self.assertEqual(sum(names.asked.values()), 2000)
        self.assertEqual(len(names.asked), 120)
        self.assertLess(max(names.asked.values()), 40)

    def test_never(self) -> None:
        """Neither an address nor a name that is to stay is looked up again."""
        for names in self.begin(9, 0), self.begin(9, HOUR, "192.0.2.1"):
            self.reactor.fromTimerToTimer(2 * 3600)
            self.assertFalse(names.asked)
