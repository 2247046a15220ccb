"""Tests for L{echostamp.probe.measurement}."""

from __future__ import annotations

from echostamp.measure.result import Outage
from echostamp.probe.measurement import Measurement
from echostamp.test.farends import EPOCH, MS
from echostamp.test.measurements import AHEAD, MeasurementCase, at, stamp
from echostamp.times import SECOND


class MeasurementTests(MeasurementCase):
    """
    Tests for the findings of a run of probes.
    """

    def test_times(self) -> None:
        """A probe's times are by our clock, and its RTT is by the monotonic one.  The
        time when it was due comes from T1 and its wait."""
        sent = self.send(5 * MS, at(7))
        self.answer(sent, at(27), stamp(17), False)
        probe = self.store.delays.run[0]
        self.assertEqual(
            (probe.due, probe.t1, probe.t4, probe.rtt),
            (EPOCH + 5 * MS, EPOCH + 7 * MS, EPOCH + 27 * MS, 20 * MS),
        )
        self.assertEqual(probe.t2, EPOCH + 17 * MS + AHEAD)
        self.assertEqual(probe.t3, probe.t2)
        self.assertEqual(probe.rttFromDue, 22 * MS)

    def test_stamps(self) -> None:
        """Stamps give the far clock's offset within half a round trip."""
        for ms in range(0, 200, 20):
            self.probe(ms, rtt=10)
        self.assertOffset()
        report = self.store.offset.report()
        assert report is not None
        self.assertLessEqual(report.high - report.low, 10 * MS + 10)
        self.assertEqual(self.found.far.stamped, 10)
        self.assertIsNone(self.zone())

    def test_noStamps(self) -> None:
        """Without stamps there is an RTT and no offset."""
        sent = self.send(0, at(0))
        self.answer(sent, at(20), None, False)
        self.assertEqual(self.store.delays.run[0].rtt, 20 * MS)
        self.assertIsNone(self.store.offset.report())
        self.assertEqual(self.found.far.stamped, 0)
        self.assertIsNone(self.found.nextExtra(at(30)))

    def test_altered(self) -> None:
        """The stamp of an altered reply is not used."""
        sent = self.send(0, at(0))
        self.answer(sent, at(20), stamp(10), True)
        run = self.store.delays.run
        self.assertEqual((run.altered, run.received, run[0].t2), (1, 1, None))
        self.assertIsNone(self.store.offset.report())

    def test_ownClockStepped(self) -> None:
        """When our own clock is set, the offset is forgotten, and a probe in flight is
        void; its RTT is valid."""
        self.probe(0)
        sent = self.send(100 * MS, at(100))
        step = 5 * SECOND
        self.answer(sent, at(120, step), stamp(110), False)
        self.assertEqual(self.found.steps, 1)
        self.assertIsNone(self.store.offset.report())
        probe = self.store.delays.run[1]
        self.assertTrue(probe.void)
        self.assertEqual(probe.rtt, 20 * MS)
        sent = self.send(200 * MS, at(200, step))
        self.answer(sent, at(220, step), stamp(210), False)
        self.assertFalse(self.store.delays.run[2].void)
        self.assertOffset(AHEAD - step)

    def test_lostLateAndTwice(self) -> None:
        """A lost probe may be answered late, even altered, and then again."""
        found = self.found
        probe = found.probeLost(0, self.send(0, at(0)))
        self.assertTrue(probe.lost)
        found.repeated(0, at(5000), True)
        run = self.store.delays.run
        self.assertEqual((run.lost, run.late, run.altered), (1, 1, 1))
        self.assertIsNone(run[0].rtt)
        found.repeated(0, at(5001), False)
        self.assertEqual((run.late, run.duplicates), (1, 1))

    def test_repeatedUnknown(self) -> None:
        """A reply to an unknown probe is not counted."""
        self.found.repeated(0, at(0), False)
        self.assertEqual(self.store.delays.run.duplicates, 0)

    def test_outages(self) -> None:
        """Of many outages the last ones are kept; all count."""
        self.found = Measurement(self.store, 3)
        for each in range(10):
            self.found.disconnected(Outage(each, each * SECOND, "why", 0))
            self.found.amendOutage(error="nobody")
            self.found.reconnected(at(1000 * each + 1))
        self.assertEqual([each.start for each in self.found.outages], [7, 8, 9])
        self.assertEqual(self.found.outageCount, 10)
        self.assertEqual(self.found.outageLength, 10 * MS)
