"""Tests for L{echostamp.web.weeks}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.row import DAY, KeptRow
from echostamp.test.fakes import FakeReactor
from echostamp.test.histories import fullRow
from echostamp.test.webclients import FakeSource
from echostamp.web.weeks import ATTENTION, OLD, PAUSE, WEEK, Weeks

#: The present time, in seconds since the UNIX epoch.
NOW = 1_750_000_000.5


class WeeksTests(SynchronousTestCase):
    """
    Tests for L{Weeks}.
    """

    def setUp(self) -> None:
        """Make a history of two peers."""
        self.reactor = FakeReactor()
        self.source = FakeSource()
        self.history = self.source.kept
        row = fullRow()
        self.history.rows = {"ams": [row], "fra": [row]}
        self.weeks = Weeks(self.reactor, self.source, lambda: NOW)
        self.expected = row.p10, row.p90

    def asked(self) -> list[str]:
        """Give which peers were asked for so far."""
        return [each[0] for each in self.history.asked if isinstance(each, tuple)]

    def look(self, seconds: float, *names: str) -> None:
        """Look once a second for a while."""
        for _ in range(int(seconds)):
            self.weeks.look(names or ("ams", "fra"))
            self.reactor.fromTimerToTimer(1)

    def test_oneByOne(self) -> None:
        """The weeks of peers are read one after the other, with a pause."""
        self.weeks.look(["ams", "fra"])
        self.assertEqual(self.asked(), ["ams"])
        self.assertEqual(self.weeks["ams"], self.expected)
        self.assertIsNone(self.weeks["fra"])
        self.reactor.fromTimerToTimer(PAUSE)
        self.assertEqual(self.asked(), ["ams", "fra"])
        self.assertEqual(self.weeks["fra"], self.expected)

    def test_span(self) -> None:
        """The week ends now, and is asked for in days."""
        self.weeks.look(["ams"])
        now = int(NOW)
        self.assertEqual(self.history.asked, [("ams", now - WEEK, now, DAY)])

    def test_days(self) -> None:
        """A week is the mixture of its days, weighted by the replies."""
        many, few = fullRow(0)._replace(received=1000), fullRow(DAY)
        few = few._replace(received=1, **dict.fromkeys(("p10", "p90"), 10**9))
        self.history.rows["ams"] = [many, few]
        self.weeks.look(["ams"])
        found = self.weeks["ams"]
        assert found is not None
        assert many.p90 is not None
        self.assertLess(found[1], 1.1 * many.p90)

    def test_onceAnHour(self) -> None:
        """Each is read again after an hour, and not before."""
        self.look(OLD - 10)
        self.assertEqual(self.asked(), ["ams", "fra"])
        self.history.rows["ams"] = [fullRow()._replace(p10=1, p90=2)]
        self.look(20)
        self.assertEqual(self.asked(), ["ams", "fra"] * 2)
        self.assertEqual(self.weeks["ams"], (1, 2))

    def test_nobodyLooks(self) -> None:
        """While nobody looks, nothing is read, and no timer runs."""
        names = [f"peer{each}" for each in range(1000)]
        self.weeks.look(names)
        self.reactor.fromTimerToTimer(10 * ATTENTION)
        asked = len(self.asked())
        self.assertLess(asked, ATTENTION / PAUSE + 2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.weeks.look(names)
        self.reactor.fromTimerToTimer(PAUSE)
        self.assertGreater(len(self.asked()), asked)

    def test_noHistory(self) -> None:
        """Where no rows are kept, nothing is asked."""
        self.source.hasHistory = False
        self.look(3)
        self.assertEqual(self.history.asked, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_noRows(self) -> None:
        """A peer without rows, or without RTTs, has no week; nor has one whose rows are
        gone."""
        self.weeks.look(["ams"])
        self.history.rows = {"ams": [], "fra": [KeptRow(0, due=60)]}
        self.look(OLD + 5)
        self.assertEqual(self.weeks["ams"], None)
        self.assertEqual(self.weeks["fra"], None)

    def test_gone(self) -> None:
        """A peer that is watched no more is forgotten, also while it is read."""
        self.look(2)
        self.weeks.look(["fra"])
        self.assertIsNone(self.weeks["ams"])
        waiting = self.source.history.hold()
        self.weeks.look(["ams", "fra"])
        self.reactor.fromTimerToTimer(PAUSE)
        self.weeks.look(["fra"])
        waiting.pop()()
        self.assertIsNone(self.weeks["ams"])

    def test_slow(self) -> None:
        """A slow history is asked for one peer at a time."""
        waiting = self.source.history.hold()
        self.look(10)
        self.assertEqual(len(waiting), 1)
        waiting.pop()()
        self.look(1)
        self.assertEqual(len(waiting), 1)

    def test_unreadable(self) -> None:
        """What cannot be read is tried again in an hour, and what was known stays."""
        self.look(2)
        self.history.error = "the disk is gone"
        self.look(OLD + 5)
        self.assertEqual(len(self.asked()), 4)
        self.assertEqual(self.weeks["ams"], self.expected)

    def test_broken(self) -> None:
        """Another failure is logged, and the others are read."""
        self.history.rows["ams"] = [None, None]  # type: ignore[list-item]
        self.look(2)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertEqual(self.weeks["fra"], self.expected)
