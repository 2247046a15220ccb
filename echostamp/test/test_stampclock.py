"""Tests for L{echostamp.line.stampclock}."""

from twisted.trial.unittest import SynchronousTestCase

from echostamp.line.stampclock import StampClock
from echostamp.stamps import StampFormat
from echostamp.times import SECOND


class StampClockTests(SynchronousTestCase):
    """
    The stamp of the current time.
    """

    def test_textIsMadeOnlyWhenItChanges(self) -> None:
        """Within one step of the resolution there is one text."""
        made = []
        now = 0

        def text(ns: int) -> bytes:
            made.append(ns)
            return b"%d" % (ns // SECOND)

        clock = StampClock(StampFormat(text, SECOND), lambda: now)
        stamps = []
        for _ in range(20):
            stamps.append(clock.stamp())
            now += SECOND // 10
        self.assertEqual(stamps, [b"[0] "] * 10 + [b"[1] "] * 10)
        self.assertEqual(made, [0, SECOND])

    def test_clockIsSetBack(self) -> None:
        """The stamp follows a clock that is set back."""
        times = iter([5, 3])
        clock = StampClock(StampFormat(lambda ns: b"%d" % ns, 1), times.__next__)
        self.assertEqual([clock.stamp(), clock.stamp()], [b"[5] ", b"[3] "])
