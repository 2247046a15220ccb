"""Tests for L{echostamp.probe.measurement}."""

from __future__ import annotations

import random
import time
from bisect import bisect_right

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.oneway import oneWays
from echostamp.measure.result import Outage
from echostamp.measure.samples import LIMIT
from echostamp.probe.flights import Flight
from echostamp.probe.keptprobes import KeptProbes
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.stamps import Reading, readStamp, stampFormat
from echostamp.times import Moment, moment

MS = 1_000_000
SECOND = 1000 * MS
HOUR = 3600 * SECOND

#: What our clock shows when the monotonic one begins.
EPOCH = 1_700_000_000 * SECOND

#: How far the far clock is ahead.
AHEAD = 12_345 * MS


def at(ms: float, step: int = 0) -> Moment:
    """
    Read our clocks.

    @param ms: since the beginning.
    @param step: nanoseconds by which the time of day has been set forward.
    """
    now = round(ms * MS)
    return Moment(now, EPOCH + now + step, now)


def stamp(ms: float, form: str = "iso", ahead: int = AHEAD) -> Reading | None:
    """Read the far clock's stamp of a moment."""
    stamped = stampFormat(form, utc=True).stamp(EPOCH + round(ms * MS) + ahead)
    return readStamp(stamped)


class MeasurementTests(SynchronousTestCase):
    """
    Probes come and go, and what is known grows.
    """

    def setUp(self) -> None:
        """Begin."""
        self.begin()

    def begin(self, zone: int | None = None, kept: int = LIMIT) -> None:
        """Begin with nothing known."""
        self.store = KeptProbes(kept)
        self.found = Measurement(self.store, zone)

    def probe(
        self, ms: float, rtt: float = 20, form: str = "iso", ahead: int = AHEAD
    ) -> Flight:
        """A probe goes there and back."""
        sent = self.send(round(ms * MS), at(ms))
        reading = stamp(ms + rtt / 2, form, ahead)
        self.answer(sent, at(ms + rtt), reading, False)
        return sent

    def send(self, due: int, at: Moment) -> Flight:
        """Send a probe."""
        seq = self.found.sent
        when, steps = self.found.probeSent(due, at)
        return Flight(seq, when, at.realtime, at.after, steps)

    def answer(
        self, flight: Flight, at: Moment, reading: Reading | None, isAltered: bool
    ) -> None:
        """Answer it."""
        reply = Reply(flight.seq, reading, isAltered)
        self.found.probeAnswered(flight, at, reply, False)

    def extra(self, flight: Flight, at: Moment, reading: Reading | None) -> None:
        """Answer an extra probe."""
        self.found.extraAnswered(flight, at, Reply(flight.seq, reading, False))

    def zone(self) -> tuple[int, bool] | None:
        """Give the far clock's zone, and whether it was assumed."""
        return self.found.far.zone

    def assertOffset(self, truth: int = AHEAD) -> None:
        """Assert that the offset is within its bounds."""
        report = self.store.offset.report()
        assert report is not None
        self.assertLessEqual(report.low, truth)
        self.assertGreaterEqual(report.high, truth)

    def test_ourClocks(self) -> None:
        """Our clocks are read in order."""
        before, realtime, after = moment()
        self.assertLessEqual(before, after)
        self.assertLess(abs(time.time_ns() - realtime), 60 * SECOND)

    def test_times(self) -> None:
        """A probe's times are those of our clock; the RTT is the monotonic one's; when
        it was due is as long before it left as it had waited."""
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
        """With stamps the far clock is known within half a round trip."""
        for ms in range(0, 200, 20):
            self.probe(ms, rtt=10)
        self.assertOffset()
        report = self.store.offset.report()
        assert report is not None
        self.assertLessEqual(report.high - report.low, 10 * MS + 10)
        self.assertEqual(self.found.far.stamped, 10)
        self.assertIsNone(self.zone())

    def test_noStamps(self) -> None:
        """Without stamps there is a round trip, and no far clock."""
        sent = self.send(0, at(0))
        self.answer(sent, at(20), None, False)
        self.assertEqual(self.store.delays.run[0].rtt, 20 * MS)
        self.assertIsNone(self.store.offset.report())
        self.assertEqual(self.found.far.stamped, 0)
        self.assertIsNone(self.found.nextExtra(at(30)))

    def test_wrongStampsAreSummedUp(self) -> None:
        """However far from ours the far clock is, what it says can be summed up."""
        for second, year in enumerate([1700, 9999, 2023, 2169, 1878]):
            sent = self.send(0, at(1000 * second))
            reading = Reading((year - 1970) * 31_556_952 * SECOND, 1, True, 0)
            self.answer(sent, at(1000 * second + 20), reading, False)
        oneWays(self.store.delays.run, self.store.offset)
        self.assertEqual(self.store.offset.misfits, 4)

    def test_windowsThatAreGone(self) -> None:
        """The windows of probes that are not kept any longer are forgotten."""
        self.begin(kept=8192)
        for second in range(20_000):
            self.probe(1000 * second, ahead=second % 200 // 100 * SECOND)
        first = self.store.delays.run.first
        self.assertGreater(first, 0)
        stretches = [each.first for each in self.store.offset.stretches()]
        self.assertEqual(bisect_right(stretches, first), 1)

    def test_altered(self) -> None:
        """The stamp of a reply that came back altered is not believed."""
        sent = self.send(0, at(0))
        self.answer(sent, at(20), stamp(10), True)
        run = self.store.delays.run
        self.assertEqual((run.altered, run.received, run[0].t2), (1, 1, None))
        self.assertIsNone(self.store.offset.report())

    def test_zoneGuessed(self) -> None:
        """Stamps without a zone give the offset but for the zone, which is guessed."""
        for ms in range(0, 4000, 100):
            self.probe(ms, form="ctime", ahead=AHEAD - 5 * HOUR)
        self.assertEqual(self.zone(), (-5 * HOUR, True))
        self.assertOffset()

    def test_zoneTold(self) -> None:
        """A zone that is told is no guess, and a clock an hour off is one."""
        self.begin(2 * HOUR)
        for ms in range(0, 3000, 100):
            self.probe(ms, form="ctime", ahead=3 * HOUR)
        self.assertEqual(self.zone(), (2 * HOUR, False))
        self.assertOffset(HOUR)

    def test_summerTime(self) -> None:
        """A far wall clock that jumps by an hour has changed its zone; no step."""
        for ms in range(0, 3000, 100):
            self.probe(ms, form="ctime", ahead=0)
        for ms in range(3000, 6000, 100):
            self.probe(ms, form="ctime", ahead=HOUR)
        self.assertEqual(self.found.far.zoneChanges, 1)
        self.assertEqual(self.store.offset.misfits, 0)
        self.assertOffset(0)

    def test_ownClockStepped(self) -> None:
        """When our own clock is set, what was known of the other is forgotten, and a
        probe that was under way is void; its RTT stands."""
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

    def test_ownClockSteppedUnderAWallClock(self) -> None:
        """When our own clock is set, the far clock has no summer time of it."""
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
        """A new connection may lead to another machine: its clock, its round trips."""
        self.probe(0, rtt=1)
        self.found.far.forget()
        self.assertIsNone(self.store.offset.report())
        self.probe(1000, rtt=400, form="ctime", ahead=0)
        self.assertIsNotNone(self.found.nextExtra(at(1400)))
        self.assertOffset(0)

    def test_anotherMachinesZone(self) -> None:
        """After a reconnect another machine may answer, in another zone: it is assumed
        anew.  When our own clock is set, the zone stays."""
        self.probe(0, form="ctime", ahead=0)
        self.found.disconnected(Outage(EPOCH, 0, "gone", 0))
        self.found.reconnected(at(1000))
        self.assertEqual(self.zone(), (0, True))
        self.probe(2000, form="ctime", ahead=2 * HOUR)
        self.assertEqual(self.zone(), (2 * HOUR, True))
        self.assertEqual(self.found.far.zoneChanges, 0)
        self.assertOffset(0)

    def test_extras(self) -> None:
        """Extra probes meet the turn of a far clock's second, and narrow its bounds;
        they are no part of the run."""
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
        """However coarse the stamps are, of extra probes the first 20 follow one
        another, and then one a second; when the bounds are narrow there are none, until
        they are wide again."""
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
        """However short the interval is, behind the first 20 extra probes comes one a
        second."""
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
        """Beside the first 20 there are no more extra probes than probes."""
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
        """Where stamps are fine, there is nothing to be gained."""
        self.assertIsNone(self.found.nextExtra(at(0)))
        self.probe(0)
        self.assertIsNone(self.found.nextExtra(at(20)))

    def test_extraUnderAStep(self) -> None:
        """An extra probe under which our own clock was set tells nothing."""
        self.probe(0, form="ctime")
        sent = self.found.extraSent(1, at(100))
        self.extra(sent, at(110, SECOND), stamp(105, "ctime"))
        self.assertIsNone(self.store.offset.report())
        self.assertIsNone(self.found.nextExtra(at(120, SECOND)))

    def test_lostLateAndTwice(self) -> None:
        """A lost probe may be answered late, altered too, and then again."""
        found = self.found
        probe = found.probeLost(0, self.send(0, at(0)))
        self.assertTrue(probe.lost)
        found.repeated(0, at(5000), True)
        run = self.store.delays.run
        self.assertEqual((run.lost, run.late, run.altered), (1, 1, 1))
        self.assertIsNone(run[0].rtt)
        found.repeated(0, at(5001), False)
        self.assertEqual((run.late, run.duplicates), (1, 1))

    def test_repeatedOfNobody(self) -> None:
        """What answers no probe that is known counts for nothing."""
        self.found.repeated(0, at(0), False)
        self.assertEqual(self.store.delays.run.duplicates, 0)
