"""Tests for L{echostamp.measure.oneway}."""

from __future__ import annotations

import random
import statistics
from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.delay import Delays, ipdv, roundTrip, rtts, rttsFromDue, summary
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.oneway import oneWays, variations

MS = 1_000_000
SECOND = 1000 * MS
THEN = 1_700_000_000 * SECOND


class OneWayTests(SynchronousTestCase):
    """
    One-way delays between two clocks that differ.
    """

    def simulate(
        self, seed: int, resolution: int = 1, count: int = 200
    ) -> tuple[Delays, OffsetTracker, list[int], list[int]]:
        """
        Give a run over an asymmetric path with queues and drift, and its true delays.
        """
        source = random.Random(seed)
        offset = source.randrange(-(10**15), 10**15)
        drift = Fraction(source.randrange(-100, 101), 10**6)
        delays, tracker = Delays(), OffsetTracker()
        there: list[int] = []
        back: list[int] = []
        for number in range(count):
            t1 = THEN + number * SECOND
            seq = delays.run.send(t1, t1)
            out = 5 * MS + int(source.expovariate(1 / MS))
            home = 2 * MS + int(source.expovariate(1 / MS))
            inside = source.randrange(MS)
            t2 = t1 + out + offset + int(drift * (t1 + out - THEN))
            left = t1 + out + inside
            t3 = left + offset + int(drift * (left - THEN))
            t4 = left + home
            t2, t3 = t2 // resolution * resolution, t3 // resolution * resolution
            rtt = roundTrip(t1, t2, t3, t4)
            delays.run.reply(seq, t4, rtt, t2, t3, resolution)
            tracker.add(seq, t1, t2, t3, t4, resolution)
            there.append(out)
            back.append(home)
        return delays, tracker, there, back

    def test_variation(self) -> None:
        """RFC 5481: delays above the least seen, each way; neither the offset nor the
        drift shows."""
        for seed in range(5):
            delays, tracker, *truths = self.simulate(seed)
            found = oneWays(delays.run, tracker)
            assert found is not None
            for way, truth in zip(found, truths, strict=True):
                expected = summary(each - min(truth) for each in truth)
                assert expected is not None
                assert way.pdv is not None
                self.assertEqual(way.pdv.n, len(truth))
                self.assertEqual(way.pdv.min, 0)
                for name in ("median", "p90", "max"):
                    error = abs(getattr(way.pdv, name) - getattr(expected, name))
                    self.assertLess(error, MS / 5, name)

    def test_ranges(self) -> None:
        """The true least, median and greatest delays lie in their ranges, and these are
        not wider than the offset's bounds make them."""
        for seed in range(20):
            delays, tracker, *truths = self.simulate(seed, (1, 1000)[seed % 2])
            report = tracker.report()
            found = oneWays(delays.run, tracker)
            assert found is not None
            assert report is not None
            for way, truth in zip(found, truths, strict=True):
                assert way.range is not None
                for (low, high), true in zip(
                    way.range,
                    (min(truth), statistics.median(truth), max(truth)),
                    strict=True,
                ):
                    self.assertLessEqual(low, true)
                    self.assertLessEqual(true, high)
                    self.assertLess(high - low, 3 * (report.high - report.low))

    def test_coarseRanges(self) -> None:
        """What a stamp of a millisecond leaves open is in the ranges, both ways, where
        the path takes 7 ms."""
        for seed in range(10):
            delays, tracker, *truths = self.simulate(seed, MS)
            found, window = oneWays(delays.run, tracker), tracker.window()
            assert found is not None
            assert window is not None
            for isBack, truth in enumerate(truths):
                told = found[isBack].range
                assert told is not None
                self.assertTrue(told.min.low <= min(truth) <= told.min.high)
                self.assertTrue(told.max.low <= max(truth) <= told.max.high)
                median = statistics.median(truth)
                self.assertTrue(told.median.low <= median <= told.median.high)
                for probe, true in zip(delays.run, truth, strict=True):
                    assert probe.t2 is not None
                    assert probe.t3 is not None
                    assert probe.t4 is not None
                    low, high = window.bounds(probe.t4 if isBack else probe.t1)
                    if isBack:
                        ends = (
                            probe.t4 - probe.t3 - MS + low,
                            probe.t4 - probe.t3 + high,
                        )
                    else:
                        ends = (
                            probe.t2 - probe.t1 - high,
                            probe.t2 - probe.t1 + MS - low,
                        )
                    self.assertTrue(ends[0] <= true <= ends[1])

    def test_cannotBeTold(self) -> None:
        """Stamps coarser than the round trip tell no one-way delay, nor do none."""
        delays, tracker, *_ = self.simulate(1, SECOND)
        self.assertIsNone(oneWays(delays.run, tracker))
        self.assertIsNone(oneWays(Delays().run, OffsetTracker()))

    def test_eachWindowHasItsLeast(self) -> None:
        """The far clock was set between two windows: no delay of the first is compared
        with one of the second, and ranges speak of the one with the offset."""
        delays, tracker = Delays(), OffsetTracker()
        for number, offset in enumerate([0, 0, 9 * SECOND, 9 * SECOND]):
            t1 = THEN + number * SECOND
            if number == 2:
                tracker.restart()
            seq = delays.run.send(t1, t1)
            t2, t4 = t1 + offset + 3 * MS, t1 + 4 * MS
            delays.run.reply(seq, t4, 4 * MS, t2)
            tracker.add(seq, t1, t2, t2, t4, 1)
        found = oneWays(delays.run, tracker)
        assert found is not None
        for way in found:
            assert way.pdv is not None
            self.assertLess(way.pdv.max, MS)
            assert way.range is not None
            self.assertLessEqual(way.range.max.high, 5 * MS)

    def test_voidAndLostProbesHaveNone(self) -> None:
        """Probes that our own clock was set under, late ones and those without a stamp
        have no one-way delay."""
        delays, tracker, *_ = self.simulate(3, count=10)
        for number in range(3):
            seq = delays.run.send(THEN, THEN)
            if number == 0:
                delays.run.lose(seq)
            stamp = None if number == 1 else THEN + 10**17
            delays.run.reply(seq, THEN + MS, MS, stamp, void=number == 2)
        found = oneWays(delays.run, tracker)
        assert found is not None
        assert found[0].pdv is not None
        self.assertEqual(found[0].pdv.n, 10)

    def jumping(self, offsets: list[int]) -> tuple[Delays, OffsetTracker]:
        """
        Give a run of a probe a second, over a path with queues.

        @param offsets: of the far clock, at each probe.
        """
        source = random.Random(5)
        delays, tracker = Delays(), OffsetTracker()
        for number, offset in enumerate(offsets):
            t1 = THEN + number * SECOND
            seq = delays.run.send(t1, t1)
            t2 = t1 + offset + 3 * MS + source.randrange(MS)
            t4 = t1 + 6 * MS + source.randrange(MS)
            delays.run.reply(seq, t4, t4 - t1, t2)
            tracker.add(seq, t1, t2, t2, t4, 1)
        return delays, tracker

    def test_aloneInAWindow(self) -> None:
        """Probes that are in a window of few, beside a misfit, have no PDV, and where
        that is so of most PDV is not known; their windows are remembered as one."""
        delays, tracker = self.jumping([number % 2 * SECOND for number in range(100)])
        self.assertEqual(tracker.misfits, 99)
        self.assertEqual([first for first, _ in tracker.stretches()], [0, 99])
        found = oneWays(delays.run, tracker)
        assert found is not None
        for way in found:
            self.assertIsNone(way.pdv)
            self.assertIsNotNone(way.range)
        jumps = [0] * 10 + [SECOND, 2 * SECOND] + [0] * 10
        delays, tracker = self.jumping(jumps)
        self.assertEqual(
            list(tracker.stretches()), [(0, mock.ANY), (10, None), (12, mock.ANY)]
        )
        found = oneWays(delays.run, tracker)
        assert found is not None
        for way in found:
            assert way.pdv is not None
            self.assertEqual(way.pdv.n, 20)
            self.assertLess(way.pdv.max, 2 * MS)
        jumps = [0] * 10 + [number % 2 * SECOND for number in range(1, 20)]
        delays, tracker = self.jumping(jumps)
        found = oneWays(delays.run, tracker)
        assert found is not None
        self.assertEqual([way.pdv for way in found], [None, None])

    def test_twoMachinesByChance(self) -> None:
        """Where two machines answer by chance, some replies in a row are of the same:
        what these differ is no PDV."""
        source = random.Random(7)
        delays, tracker = self.jumping(
            [source.randrange(2) * SECOND for _ in range(300)]
        )
        found = oneWays(delays.run, tracker)
        assert found is not None
        self.assertEqual([way.pdv for way in found], [None, None])

    def test_driftBeforeAStep(self) -> None:
        """The drift is taken out also of what was before a step."""
        offsets = [number * 50_000 + number // 100 * SECOND for number in range(300)]
        delays, tracker = self.jumping(offsets)
        found = oneWays(delays.run, tracker)
        assert found is not None
        for way in found:
            assert way.pdv is not None
            self.assertEqual(way.pdv.n, 300)
            self.assertLess(way.pdv.max, 2.2 * MS)

    def test_sameAsProbeByProbe(self) -> None:
        """Figures that are read from columns are those that the definitions give of one
        probe after the other, through windows, gaps and all kinds of probes."""
        source = random.Random(9)
        delays, tracker = Delays(8192), OffsetTracker(2000 * SECOND)
        offset = 0
        for number in range(15_000):
            if number in (9000, 9001, 14_000):
                offset += SECOND
            if number == 12_000:
                tracker.restart()
            t1 = THEN + number * SECOND
            seq = delays.run.send(t1 - source.randrange(MS), t1)
            kind = source.randrange(20)
            if kind < 2:
                delays.run.lose(seq)
            if kind == 0:
                continue
            t2 = t1 + offset + 3 * MS + source.randrange(MS) + number * 7_000
            t4 = t1 + 6 * MS + source.randrange(MS)
            if kind == 3:
                delays.run.reply(seq, t4, t4 - t1)
                continue
            delays.run.reply(seq, t4, t4 - t1, t2, t2 + 9, 10, void=kind == 4)
            if kind > 4:
                tracker.add(seq, t1, t2, t2 + 9, t4, 10)
                tracker.prune(delays.run.first)
        run, probes = delays.run, list(delays.run)
        self.assertGreater(run.first, 0)
        known = [p.rttInTime for p in probes]
        self.assertEqual(list(rtts(run.blocks())), [r for r in known if r is not None])
        self.assertEqual(
            list(rttsFromDue(run.blocks())),
            [p.rttFromDue for p in probes if p.rttFromDue is not None],
        )
        self.assertEqual(
            list(ipdv(run.blocks())),
            [b - a for a, b in pairwise(known) if a is not None and b is not None],
        )
        stretches = list(tracker.stretches())
        self.assertEqual(bisect_right(stretches, (run.first, 1)), 1)
        firsts = [first for first, _ in stretches]
        window = tracker.window()
        assert window is not None
        found = oneWays(run, tracker)
        assert found is not None
        for isBack in False, True:
            delaysOf: list[list[tuple[int, float]]] = [[] for _ in stretches]
            ends: list[tuple[int, int]] = []
            for p in probes:
                if p.t2 is None or p.t3 is None or p.t4 is None or p.lost or p.void:
                    continue
                index = bisect_right(firsts, p.seq) - 1
                delay = p.t4 - p.t3 if isBack else p.t2 - p.t1
                gain = (stretches[index].drift or 0) * (-1 if isBack else 1)
                delaysOf[index].append((p.seq, delay - (p.t1 - THEN) * gain))
                if stretches[index].first == window.first:
                    low, high = window.bounds(p.t4 if isBack else p.t1)
                    ends.append(
                        (delay - 10 + low, delay + high)
                        if isBack
                        else (delay - high, delay + 10 - low)
                    )
            expected = [
                delay - min(delay for _, delay in each)
                for each in delaysOf
                for _, delay in each
                if len(each) > 1
            ]
            values, alone = variations(run, stretches, isBack)
            self.assertEqual(alone, sum(len(each) == 1 for each in delaysOf))
            self.assertEqual(len(values), len(expected))
            for value, each in zip(values, expected, strict=True):
                self.assertApproximates(value, each, 3)
            self.assertEqual(found[isBack].pdv, summary(values))
            told = found[isBack].range
            assert told is not None
            for index in 0, 1:
                side = [pair[index] for pair in ends]
                self.assertApproximates(told.min[index], min(side), 2)
                median = statistics.median(side)
                self.assertApproximates(told.median[index], median, 2)
                self.assertApproximates(told.max[index], max(side), 2)

    def test_negativeIsNotClamped(self) -> None:
        """Where stamps are coarse beside the delay a range may begin below zero."""
        delays, tracker = Delays(), OffsetTracker()
        seq = delays.run.send(THEN, THEN)
        delays.run.reply(seq, THEN + 2 * MS, 2 * MS, THEN, resolution=MS)
        tracker.add(seq, THEN, THEN, THEN, THEN + 2 * MS, MS)
        found = oneWays(delays.run, tracker)
        assert found is not None
        assert found[0].range is not None
        self.assertLess(found[0].range.min.low, 0)
