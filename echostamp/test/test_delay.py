"""Tests for L{echostamp.measure.delay}."""

from __future__ import annotations

import random
import statistics
import tracemalloc
from array import array
from fractions import Fraction
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.delay import (
    Delays,
    Summary,
    _magnitudes,
    ipdv,
    roundTrip,
    summary,
)
from echostamp.measure.quantiles import RELATIVE_ERROR
from echostamp.measure.result import Figures

MS = 1_000_000
SECOND = 1000 * MS
THEN = 1_700_000_000 * SECOND

#: Round trips of up to an hour, and what rounding can make of one.
durations = st.integers(min_value=-1000, max_value=3600 * SECOND)

#: For each probe its RTT, and how long it waited; None: it was lost.
replies = st.lists(st.none() | st.tuples(durations, st.integers(0, SECOND)))


def measured(answers: list[tuple[int, int] | None], limit: int = 10**6) -> Delays:
    """
    Give the figures of a run.
    """
    delays = Delays(limit)
    for number, answer in enumerate(answers):
        due = THEN + number * SECOND
        seq = delays.run.send(due, due + (answer[1] if answer else 0))
        if answer is None:
            delays.run.lose(seq)
        else:
            delays.run.reply(seq, due + sum(answer), answer[0])
    return delays


def lossPercent(delays: Delays) -> float | None:
    """Give the share of lost probes as a result has it."""
    run = delays.run
    return Figures(received=run.received, lost=run.lost).lossPercent


class SummaryTests(SynchronousTestCase):
    """
    Values in short.
    """

    def assertSummary(self, found: Summary | None, values: list[int]) -> None:
        """
        Assert that a summary is what the standard library makes of the values.
        """
        if not values:
            self.assertIsNone(found)
            return
        assert found is not None
        self.assertEqual(found.n, len(values))
        self.assertEqual(found.min, min(values))
        self.assertEqual(found.max, max(values))
        exactly = list(map(Fraction, values))
        self.assertEqual(found.mean, float(statistics.mean(exactly)))
        self.assertEqual(found.median, float(statistics.median(exactly)))
        if len(values) == 1:
            self.assertIsNone(found.stddev)
            cuts = [Fraction(values[0])] * 999
        else:
            self.assertApproximates(
                found.stddev, statistics.stdev(values), 1e-9 * abs(max(values)) + 1e-9
            )
            cuts = statistics.quantiles(exactly, n=1000, method="inclusive")
        self.assertEqual(found.p90, float(cuts[899]))
        self.assertEqual(found.p99, float(cuts[989]))
        enough = len(values) >= 1000
        self.assertEqual(found.p999, float(cuts[998]) if enough else None)
        self.assertTrue(found.exact)

    @given(st.lists(durations))
    def test_summary(self, values: list[int]) -> None:
        """Every figure is the one that L{statistics} gives."""
        self.assertSummary(summary(values), values)

    def test_p999(self) -> None:
        """The 99.9th percentile is told from 1,000 values on."""
        source = random.Random(1)
        for n in (999, 1000, 3000):
            values = [int(source.expovariate(1e-7)) for _ in range(n)]
            self.assertSummary(summary(values), values)

    @given(replies)
    def test_rtt(self, answers: list[tuple[int, int] | None]) -> None:
        """RTTs are summed up from when a probe left and from when it was due."""
        delays = measured(answers)
        known = [answer for answer in answers if answer]
        self.assertSummary(delays.rtt(), [rtt for rtt, _ in known])
        self.assertSummary(delays.rttFromDue(), [sum(each) for each in known])

    @given(replies)
    def test_ipdv(self, answers: list[tuple[int, int] | None]) -> None:
        """RFC 3393: each probe's RTT less that of the probe sent before it, where both
        were answered."""
        delays = measured(answers)
        expected = [
            second[0] - first[0]
            for first, second in pairwise(answers)
            if first and second
        ]
        self.assertEqual(list(ipdv(delays.run.blocks())), expected)
        self.assertSummary(delays.ipdv(), list(map(abs, expected)))

    def test_signsAreTakenInPlace(self) -> None:
        """Of a million differences no copy is made only to take their signs."""
        values = array("q", range(-50_000, 50_000))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        found = _magnitudes(values)
        _, peak = tracemalloc.get_traced_memory()
        self.assertEqual(list(found), list(map(abs, range(-50_000, 50_000))))
        self.assertLess(peak, 100_000)

    @given(st.lists(st.booleans()))
    def test_losses(self, lost: list[bool]) -> None:
        """RFC 3357: the lengths of the runs of losses; RFC 6673: their share."""
        delays = measured([None if each else (MS, 0) for each in lost])
        runs = [len(list(group)) for isLost, group in groupby(lost) if isLost]
        self.assertEqual(
            delays.bursts(),
            {length: runs.count(length) for length in sorted(set(runs))},
        )
        self.assertEqual(delays.bursts(), delays.bursts())
        self.assertEqual(
            lossPercent(delays), 100 * sum(lost) / len(lost) if lost else None
        )

    def test_pendingIsNotLost(self) -> None:
        """A probe of which nothing is known yet is in no share, and ends a burst."""
        delays = measured([None, (MS, 0)])
        delays.run.send(THEN, THEN)
        self.assertEqual(lossPercent(delays), 50)
        delays.run.lose(delays.run.send(THEN, THEN))
        self.assertEqual(delays.bursts(), {1: 2})

    def test_lateIsInNoSummary(self) -> None:
        """A reply that came too late is lost, and its RTT is not counted."""
        delays = measured([None, (MS, 0)])
        delays.run.reply(0, THEN + 5 * SECOND, 5 * SECOND)
        self.assertSummary(delays.rtt(), [MS])
        self.assertSummary(delays.ipdv(), [])

    def test_summedUpAgain(self) -> None:
        """What has come meanwhile, or is known better, is in the next summary."""
        delays = measured([(MS, 0)])
        self.assertSummary(delays.rtt(), [MS])
        delays.run.amend(0, THEN, THEN, 2 * MS)
        self.assertSummary(delays.rtt(), [2 * MS])
        seq = delays.run.send(THEN, THEN)
        self.assertSummary(delays.rttFromDue(), [2 * MS])
        delays.run.reply(seq, THEN + 5 * MS, 5 * MS)
        self.assertSummary(delays.rtt(), [2 * MS, 5 * MS])
        self.assertSummary(delays.rttFromDue(), [2 * MS, 5 * MS])
        self.assertSummary(delays.ipdv(), [3 * MS])

    def test_roundTrip(self) -> None:
        """The far end's own time is no part of the round trip."""
        self.assertEqual(roundTrip(0, 1007, 1009, 10), 8)
        self.assertEqual(roundTrip(0, 1007, 1007, 10), 10)


class ManyProbesTests(SynchronousTestCase):
    """
    More probes than are kept.
    """

    def test_beyondTheLimit(self) -> None:
        """Counts, extremes, mean and deviation stay exact; percentiles are within the
        histogram's error; IPDV and bursts know the probe before."""
        source = random.Random(2)
        answers = [
            None
            if source.random() < 0.3
            else (int(source.expovariate(1e-7)), source.randrange(MS))
            for _ in range(20_000)
        ]
        few, many = measured(answers, 8192), measured(answers)
        self.assertGreater(few.run.first, 0)
        self.assertEqual(few.bursts(), many.bursts())
        for short, full in (
            (few.rtt(), many.rtt()),
            (few.rttFromDue(), many.rttFromDue()),
            (few.ipdv(), many.ipdv()),
        ):
            assert short is not None
            assert full is not None
            self.assertFalse(short.exact)
            for name in ("n", "min", "mean", "max", "stddev"):
                self.assertEqual(getattr(short, name), getattr(full, name), name)
            for name in ("median", "p90", "p99", "p999"):
                value = getattr(full, name)
                error = abs(getattr(short, name) - value)
                self.assertLessEqual(error, value * RELATIVE_ERROR, name)
