"""Tests of far clocks that tick in steps that their digits do not show."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from echostamp.measure.offsetwindow import FITS, OffsetReport
from echostamp.measure.windowspec import WINDOWS
from echostamp.probe.keptprobes import KeptProbes
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.probe.probestore import ProbeStore
from echostamp.probe.windowedprobes import WindowedProbes
from echostamp.stamps import readStamp, stampFormat
from echostamp.test.farends import EPOCH, MS
from echostamp.test.measurements import MeasurementCase, at
from echostamp.times import SECOND, Times

US = 1000

#: Steps that real clocks have.
USUAL = (SECOND / 60, 15_625_000.0, 20_000_000.0, 1_000_000.0, SECOND / 1024)


class TickingTests(MeasurementCase):
    """
    Clocks that tick.
    """

    def measured(
        self, source: random.Random, step: float, isStamp: bool, probes: int = 20
    ) -> tuple[OffsetReport, int]:
        """
        Measure such a clock.

        @param step: in which it counts, in nanoseconds.
        @param isStamp: whether by STAMP, and not by lines.
        @return: what was found, and the truth.
        """
        ahead = source.randrange(-(10**12), 10**12)
        interval = source.choice([5, 50, 1000, 3000])

        def shown(at: int) -> int:
            return EPOCH + int((at + ahead) // step * step)

        for seq in range(probes):
            ms = (seq + source.random() / 10) * interval
            there = round(ms * MS) + 20 * US + round(source.expovariate(1 / (50 * US)))
            sent = there + (source.randrange(30 * US) if isStamp else 0)
            back = sent + 20 * US + round(source.expovariate(1 / (50 * US)))
            flight = self.send(round(ms * MS), at(ms))
            if isStamp:
                times = Times(
                    flight.t1, shown(there), shown(sent), at(back / MS).realtime
                )
                reply = Reply(flight.seq, None, False, times)
            else:
                line = stampFormat("iso", utc=True).stamp(shown(there))
                reply = Reply(flight.seq, readStamp(line), False)
            self.found.probeAnswered(flight, at(back / MS), reply, False)
        figures = self.store.figures(0, back, isStamp, None)
        assert figures.offset is not None
        return figures.offset, ahead

    def test_truthIsInside(self) -> None:
        """In 1,000 of 1,000 runs the truth is within the bounds, with steps from 1
        microsecond to 100 ms, over lines and over STAMP, in a whole run and in a
        window; and the clock is not called stepped."""
        stores: list[Callable[[], ProbeStore]] = [
            lambda: KeptProbes(2048),
            lambda: WindowedProbes(WINDOWS),
        ]
        verdicts: Counter[str] = Counter()
        for seed in range(1000):
            source = random.Random(seed)
            step = 10 ** source.uniform(3, 8)
            if seed % 4 == 0:
                step = source.choice(USUAL)
            elif seed % 2:
                step = float(int(step))
            self.store = stores[seed // 4 % 2]()  # type: ignore[assignment]
            self.found = Measurement(self.store, 1000, None)
            report, truth = self.measured(source, step, seed % 3 == 0)
            self.assertTrue(report.low <= truth <= report.high, (seed, step, report))
            verdicts[report.verdict] += 1
        self.assertEqual(verdicts, {FITS: 1000})

    def test_stepIsReported(self) -> None:
        """What was inferred is known to the report; of a clock that counts in units of
        its digits nothing was."""
        for step in USUAL:
            for isStamp in False, True:
                self.begin()
                self.measured(random.Random(1), step, isStamp)
                found = self.found.far.step
                assert found is not None
                self.assertApproximates(found, step, 8)
        for isStamp in False, True:
            self.begin()
            report, _ = self.measured(random.Random(1), 1.0, isStamp)
            self.assertIsNone(self.found.far.step)
            self.assertLess(report.resolution, 1000)

    def test_anotherMachine(self) -> None:
        """Behind a new connection may be another clock."""
        self.measured(random.Random(1), 20_000_000.0, False)
        self.assertIsNotNone(self.found.far.step)
        self.found.far.reconnected()
        self.probe(1e6 + 1 / 3)
        self.assertIsNone(self.found.far.step)
        report = self.store.offset.report()
        assert report is not None
        self.assertEqual(report.resolution, 1)

    def test_roundAtFirst(self) -> None:
        """Timestamps that are round by chance do not count once it is known that they
        are."""
        source = random.Random(1)
        for seq in range(100):
            now = seq * 10 * MS + source.randrange(MS)
            flight = self.send(now, at(now / MS))
            shown = EPOCH + now + 4500
            if seq < 3:
                shown -= shown % US
            times = Times(flight.t1, shown, shown, flight.t1 + 9000)
            received = at((now + 9000) / MS)
            self.found.probeAnswered(
                flight, received, Reply(flight.seq, None, False, times), False
            )
        report = self.store.offset.report()
        assert report is not None
        self.assertEqual(report.resolution, 1)

    def test_extraProbes(self) -> None:
        """A clock that ticks as seldom as every 10 ms gets extra probes."""
        for step, isCoarse in (SECOND / 60, True), (4_000_000.0, False):
            self.begin()
            self.measured(random.Random(1), step, False)
            self.assertEqual(self.found.far.isCoarse, isCoarse)
