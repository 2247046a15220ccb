"""Tests for L{echostamp.probe.windowedprobes}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.flights import Flight
from echostamp.probe.probestore import FirstReply
from echostamp.probe.windowedprobes import WindowedProbes
from echostamp.test.farends import EPOCH, MS
from echostamp.times import SECOND


class WindowedProbesTests(SynchronousTestCase):
    """
    Tests for the store of rolling windows.
    """

    def setUp(self) -> None:
        """Keep a short window and a long one."""
        self.short = WindowSpec("3s", length=3 * SECOND)
        self.long = WindowSpec("9s", length=9 * SECOND)
        self.store = WindowedProbes([self.short, self.long])

    def send(self) -> Flight:
        """Send a probe; there is one each second."""
        seq = self.store.sent
        now = seq * SECOND
        self.store.send(EPOCH + now, EPOCH + now)
        return Flight(seq, EPOCH + now, EPOCH + now, now, 0)

    def test_windows(self) -> None:
        """Each window has its own figures; the longest one is the default."""
        for rtt in range(1, 7):
            flight = self.send()
            reply = FirstReply(flight.t1 + rtt * MS, rtt * MS)
            self.store.answer(flight.sent + rtt * MS, flight, reply)
        counts = []
        for window in self.short, self.long, None:
            found = self.store.figures(0, 6 * SECOND, False, window).rtt
            assert found
            counts.append((found.n, found.min))
        self.assertEqual(counts, [(3, 4 * MS), (6, MS), (6, MS)])
        self.assertEqual((self.store.sent, self.store.received), (6, 6))

    def test_beganLately(self) -> None:
        """A window that is longer than the run so far begins with the run.  There is no
        window that the plan does not have."""
        self.store.lose(8 * SECOND, self.send())
        for window, began in (self.short, 7 * SECOND), (self.long, 5 * SECOND):
            found = self.store.figures(5 * SECOND, 10 * SECOND, False, window)
            self.assertEqual((found.began, found.ended), (began, 10 * SECOND))
        other = WindowSpec("4s", length=4 * SECOND)
        self.assertRaises(ValueError, self.store.figures, 0, 1, False, other)

    def test_farOffset(self) -> None:
        """The offset alone is the one of the figures."""
        for _ in range(6):
            flight = self.send()
            t1 = flight.t1
            reply = FirstReply(t1 + 3 * MS, MS, t1 + 9 * MS, t1 + 11 * MS)
            self.store.answer(flight.sent + 3 * MS, flight, reply)
        for window in self.short, self.long:
            found = self.store.farOffset(6 * SECOND, True, window)
            self.assertIsNotNone(found)
            figures = self.store.figures(0, 6 * SECOND, True, window)
            self.assertEqual(found, figures.offset)

    def test_longestByCount(self) -> None:
        """Of windows by count alone, that of the most probes is the default."""
        specs = [WindowSpec(str(count), count=count) for count in (2, 5, 3)]
        store = self.store = WindowedProbes(specs)
        for _ in range(9):
            flight = self.send()
            store.lose(flight.sent + SECOND, flight)
        self.assertEqual(store.figures(0, 9 * SECOND, False, None).lost, 5)

    def test_oldFates(self) -> None:
        """Replies to the last 256 probes are told apart as late or duplicates.  Those
        to older probes are ignored."""
        for _ in range(300):
            flight = self.send()
            self.store.lose(flight.sent + SECOND, flight)
        self.assertIsNone(self.store.repeat(43, EPOCH, False))
        for isLate in True, False:
            again = self.store.repeat(44, EPOCH, False)
            assert again
            self.assertEqual((again.late, again.duplicated), (isLate, not isLate))
        self.assertIsNotNone(self.store.repeat(299, EPOCH, False))
