"""Tests for L{echostamp.probe.farclock}."""

from __future__ import annotations

import random

from echostamp.measure.result import Outage
from echostamp.stamps import Reading
from echostamp.test.farends import EPOCH, MS
from echostamp.test.measurements import AHEAD, HOUR, MeasurementCase, at, stamp
from echostamp.times import SECOND


class ZoneTests(MeasurementCase):
    """
    Tests for far clocks whose stamps name no zone, and for changes of the clocks.
    """

    def test_zoneGuessed(self) -> None:
        """If stamps name no zone, the zone is guessed."""
        for ms in range(0, 4000, 100):
            self.probe(ms, form="ctime", ahead=AHEAD - 5 * HOUR)
        self.assertEqual(self.zone(), (-5 * HOUR, True))
        self.assertOffset()

    def test_zoneGiven(self) -> None:
        """A given zone is not guessed: a clock may be an hour wrong in it."""
        self.begin(2 * HOUR)
        for ms in range(0, 3000, 100):
            self.probe(ms, form="ctime", ahead=3 * HOUR)
        self.assertEqual(self.zone(), (2 * HOUR, False))
        self.assertOffset(HOUR)

    def test_summerTime(self) -> None:
        """If a far wall clock jumps by an hour, its zone has changed.  That is no step
        of the clock."""
        for ms in range(0, 3000, 100):
            self.probe(ms, form="ctime", ahead=0)
        for ms in range(3000, 6000, 100):
            self.probe(ms, form="ctime", ahead=HOUR)
        self.assertEqual(self.found.far.zoneChanges, 1)
        self.assertEqual(self.store.offset.misfits, 0)
        self.assertOffset(0)

    def test_ownClockSteppedUnderAWallClock(self) -> None:
        """A step of our own clock by an hour is no summer time of the far clock."""
        self.probe(0, form="ctime", ahead=0)
        sent = self.send(1000 * MS, at(1000))
        step = HOUR
        reading = stamp(1010, "ctime", 0)
        self.answer(sent, at(1020, step), reading, False)
        for ms in range(2000, 3000, 100):
            sent = self.send(ms * MS, at(ms, step))
            reading = stamp(ms + 10, "ctime", 0)
            self.answer(sent, at(ms + 20, step), reading, False)
        self.assertEqual((self.found.steps, self.found.far.zoneChanges), (1, 0))
        self.assertOffset(-step)

    def test_forget(self) -> None:
        """A new connection may lead to another machine: the offset and the shortest
        round trip are forgotten."""
        self.probe(0, rtt=1)
        self.found.far.forget()
        self.assertIsNone(self.store.offset.report())
        self.probe(1000, rtt=400, form="ctime", ahead=0)
        self.assertIsNotNone(self.found.nextExtra(at(1400)))
        self.assertOffset(0)

    def test_anotherMachinesZone(self) -> None:
        """After a reconnect another machine may answer, in another zone: the zone is
        guessed again."""
        self.probe(0, form="ctime", ahead=0)
        self.found.disconnected(Outage(EPOCH, 0, "gone", 0))
        self.found.reconnected(at(1000))
        self.assertEqual(self.zone(), (0, True))
        self.probe(2000, form="ctime", ahead=2 * HOUR)
        self.assertEqual(self.zone(), (2 * HOUR, True))
        self.assertEqual(self.found.far.zoneChanges, 0)
        self.assertOffset(0)


class ExtraTimesTests(MeasurementCase):
    """
    Tests for the times of extra probes.
    """

    def test_extras(self) -> None:
        """Extra probes arrive when the far clock's second changes, and narrow the
        bounds of its offset.  They are not counted as probes."""
        self.probe(0, rtt=10, form="ctime")
        now = 20.0
        for number in range(25):
            when = self.found.nextExtra(at(now))
            if when is None:
                break
            self.assertGreaterEqual(when, now * MS)
            self.assertLessEqual(when, (now + 1001) * MS)
            sent = self.found.extraSent(number, at(when / MS))
            reading = stamp(when / MS + 5, "ctime")
            now = when / MS + 10
            self.extra(sent, at(now), reading)
        self.assertOffset()
        report = self.store.offset.report()
        assert report is not None
        self.assertLessEqual(report.high - report.low, 25 * MS)
        self.assertEqual(self.store.delays.run.sent, 1)

    def test_extrasAreFew(self) -> None:
        """At any resolution, the bounds become narrow after fewer than 60 extra probes.
        There are none while the bounds are narrow."""
        for resolution in (10 * MS, 100 * MS, SECOND):
            self.begin()
            found = self.found
            source = random.Random(resolution)
            now, probed, number = 0.0, -1000.0, 0
            while now < 100_000:
                due = now if (when := found.nextExtra(at(now))) is None else when / MS
                isExtra = when is not None and due < probed + 1000
                now = due if isExtra else probed + 1000
                way = [source.uniform(0.1, 0.2) for _ in range(2)]
                if isExtra:
                    number += 1
                    sent = found.extraSent(number, at(now))
                else:
                    probed = now
                    sent = self.send(round(now * MS), at(now))
                shown = EPOCH + round((now + way[0]) * MS) + AHEAD
                reading = Reading(shown // resolution * resolution, resolution, True, 0)
                now += sum(way)
                if isExtra:
                    self.extra(sent, at(now), reading)
                else:
                    self.answer(sent, at(now), reading, False)
            self.assertOffset()
            report = self.store.offset.report()
            assert report is not None
            self.assertLess(report.high - report.low, 6 * MS)
            self.assertEqual(found.far.extraProbes, number)
            self.assertTrue(1 < number < 60, number)

    def test_extrasAreASecondApart(self) -> None:
        """At any interval, the first 20 extra probes may follow at once; afterwards
        there is one a second."""
        for ms in range(0, 1000, 10):
            self.probe(ms, rtt=0.4, form="ctime")
        when = 1000 * MS
        for number in range(60):
            found = self.found.nextExtra(at(when / MS))
            assert found is not None
            when = found
            self.found.extraSent(number, at(when / MS))
        self.assertApproximates(when, 41 * SECOND, SECOND)

    def test_extrasAtLongIntervals(self) -> None:
        """After the first 20, there are at most as many extra probes as probes."""
        found, number = self.found, 0
        source = random.Random(3)
        for minute in range(30):
            now = minute * 60_000.0
            self.probe(now, rtt=0.4, form="ctime")
            while True:
                when = found.nextExtra(at(now + 1))
                if when is None or when / MS >= (minute + 1) * 60_000 - 10:
                    break
                number += 1
                sent = found.extraSent(number, at(when / MS))
                out = source.uniform(0.1, 40)
                now = when / MS + out + source.uniform(0.1, 40)
                reading = stamp(when / MS + out, "ctime")
                self.extra(sent, at(now), reading)
        self.assertGreater(found.far.extraProbes, 20)
        self.assertLessEqual(found.far.extraProbes, 20 + self.store.delays.run.sent)

    def test_extrasAreForCoarseStamps(self) -> None:
        """Fine stamps need no extra probes."""
        self.assertIsNone(self.found.nextExtra(at(0)))
        self.probe(0)
        self.assertIsNone(self.found.nextExtra(at(20)))

    def test_extraUnderAStep(self) -> None:
        """If our own clock was set during an extra probe, its stamp is not used."""
        self.probe(0, form="ctime")
        sent = self.found.extraSent(1, at(100))
        self.extra(sent, at(110, SECOND), stamp(105, "ctime"))
        self.assertIsNone(self.store.offset.report())
        self.assertIsNone(self.found.nextExtra(at(120, SECOND)))
