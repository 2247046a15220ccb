"""Tests for L{echostamp.probe.schedule}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.plan import Plan
from echostamp.probe.schedule import Schedule
from echostamp.probe.slots import Slots


class ScheduleTests(SynchronousTestCase):
    """
    Tests for the times when probes are due.
    """

    def turns(self, schedule: Schedule, count: int) -> list[int]:
        """Give the times when the next probes are due."""
        found = []
        for _ in range(count):
            found.append(schedule.due)
            schedule.advance()
        return found

    def test_turns(self) -> None:
        """Each probe is due at its turn, counted from the beginning."""
        schedule = Schedule(Plan(count=3, interval=7, jitter=False), lambda: 1.0)
        schedule.begin(100)
        self.assertEqual(self.turns(schedule, 2), [100, 107])
        self.assertFalse(schedule.isOver)
        self.assertEqual(self.turns(schedule, 1), [114])
        self.assertTrue(schedule.isOver)

    def test_jitter(self) -> None:
        """Jitter delays a probe by up to a tenth of the interval, and not the next
        ones."""
        chances = iter([1.0, 0.5, 0.0])
        schedule = Schedule(Plan(interval=1000), lambda: next(chances))
        schedule.begin(0)
        self.assertEqual(self.turns(schedule, 3), [0, 1100, 2050])

    def test_firstIsDueAtOnce(self) -> None:
        """Jitter does not delay the first probe: a run of one probe waits for
        nothing."""
        schedule = Schedule(Plan(count=1), lambda: 1.0)
        schedule.begin(7)
        self.assertEqual(self.turns(schedule, 1), [7])
        self.assertTrue(schedule.isOver)

    def test_together(self) -> None:
        """Probes of two schedules with the same jitter may be due at the same moment;
        once one of them has ended, the other is alone."""
        slots = Slots()
        plan = Plan(interval=1000, isTimedByKernel=True)
        one, other = (Schedule(plan, lambda: 0.5, slots) for _ in range(2))
        one.begin(25)
        other.begin(5)
        self.assertEqual(self.turns(one, 5)[1:], self.turns(other, 5)[1:])
        other.end()
        other.end()
        self.assertEqual(self.turns(one, 2)[1:], [6075])

    def test_apart(self) -> None:
        """Where this process takes the times itself, probes have moments of their
        own: replies must not wait for one another."""
        slots = Slots()
        one, other = (
            Schedule(Plan(interval=1000), lambda: 0.5, slots) for _ in range(2)
        )
        one.begin(25)
        other.begin(5)
        self.assertEqual(self.turns(one, 2), [25, 1075])
        self.assertEqual(self.turns(other, 2), [5, 1055])
