"""Tests for L{echostamp.probe.keptprobes}."""

from __future__ import annotations

from bisect import bisect_right

from echostamp.measure.oneway import oneWays
from echostamp.stamps import Reading
from echostamp.test.measurements import MeasurementCase, at
from echostamp.times import SECOND


class KeptProbesTests(MeasurementCase):
    """
    Tests for the store of the last probes, filled by a measurement.
    """

    def test_windowsThatAreGone(self) -> None:
        """The windows of the offset go with the last of their probes."""
        self.begin(kept=8192)
        for second in range(20_000):
            self.probe(1000 * second, ahead=second % 200 // 100 * SECOND)
        first = self.store.delays.run.first
        self.assertGreater(first, 0)
        stretches = [each.first for each in self.store.offset.stretches()]
        self.assertEqual(bisect_right(stretches, first), 1)

    def test_anyFarClock(self) -> None:
        """There are figures, however wrong the far clock is."""
        for second, year in enumerate([1700, 9999, 2023, 2169, 1878]):
            sent = self.send(0, at(1000 * second))
            reading = Reading((year - 1970) * 31_556_952 * SECOND, 1, True, 0)
            self.answer(sent, at(1000 * second + 20), reading, False)
        oneWays(self.store.delays.run, self.store.offset)
        self.assertEqual(self.store.offset.misfits, 4)
