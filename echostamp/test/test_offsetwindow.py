"""Tests for L{echostamp.measure.offsetwindow}."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.coarseclocks import nextTick
from echostamp.measure.envelope import MOST_DRIFT
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.test.figures import figure
from echostamp.test.simulatedclocks import (
    THEN,
    Path,
    constantRate,
    exchange,
    isInside,
    randomPath,
    simulate,
)

US, MS, SECOND = 1000, 1_000_000, 1_000_000_000


class TruthTests(SynchronousTestCase):
    """
    Where both clocks run at constant rates the truth lies within the bounds.
    """

    def test_alwaysInside(self) -> None:
        """In a thousand runs the truth is inside, offset and drift, and no run is said
        to fit no line."""
        verdicts: Counter[str] = Counter()
        for seed in count():
            if verdicts.total() == 1000:
                break
            source = random.Random(seed)
            offset, drift = constantRate(source)
            resolution = source.choice([1, US, SECOND])
            probes = source.choice([1, 5, 20, 60])
            path = randomPath(source)
            report = simulate(source, path, offset, probes, resolution).report()
            if report is None:  # every probe was lost
                continue
            self.assertTrue(isInside(report, offset), seed)
            self.assertTrue(report.driftLowPpm <= drift <= report.driftHighPpm, seed)
            self.assertTrue(
                report.driftLowPpm <= report.driftPpm <= report.driftHighPpm, seed
            )
            self.assertEqual(report.resolution, resolution)
            self.assertNotEqual(report.verdict, NO_FIT, seed)
            verdicts[report.verdict] += 1
        doubted = verdicts[DOUBTFUL]
        total = verdicts.total()
        figure(
            f"truth inside in {total} of {total} runs; {doubted} of them "
            f"({100 * doubted / total:.1f} %) flagged falsely as doubtful, 0 as no line"
        )
        self.assertLess(doubted, total * 0.05)

    def test_halfTheShortestRoundTrip(self) -> None:
        """Without drift the half-width is at most half the shortest round trip, and
        what the slopes that are still possible make of it, and the clocks'
        resolutions."""
        for seed in range(200):
            source = random.Random(seed)
            offset, _ = constantRate(source, most=0)
            tracker = simulate(source, randomPath(source), offset)
            report, window = tracker.report(), tracker.window()
            assert report is not None
            assert window is not None
            assert window.leastRtt is not None
            most = window.leastRtt * (1 + float(MOST_DRIFT)) / 2 + 2
            self.assertLessEqual((report.high - report.low) / 2, most, seed)

    def test_wholeSeconds(self) -> None:
        """Of whole seconds 60 probes, half of them near the turn, leave at most two
        round trips and 5 ms."""
        worst = float(-SECOND)
        for seed in range(100):
            source = random.Random(seed)
            offset, _ = constantRate(source)
            path = Path(*(10 ** source.uniform(4, 7) for _ in range(4)))
            tracker = OffsetTracker()
            rtts: list[int] = []
            now = THEN
            for probe in range(60):
                if probe % 2:
                    low, high = tracker.bounds(now) or (0, 0)
                    least = min(rtts)
                    now = nextTick(now, low, high, SECOND, least)
                begin = (now - THEN) * 1000
                t1, stamp, t4 = exchange(source, begin, path, offset, SECOND)
                tracker.add(probe, t1, stamp, stamp, t4, SECOND)
                rtts.append(t4 - t1)
                now = t4 + 200 * MS
            report = tracker.report()
            assert report is not None
            self.assertTrue(isInside(report, offset), seed)
            half = (report.high - report.low) / 2
            self.assertLessEqual(half, 2 * min(rtts) + 5 * MS, seed)
            worst = max(worst, half - 2 * min(rtts))
        figure(f"whole seconds, 60 probes: half-width 2 RTT {worst / MS:+.2f} ms")

    def test_receiveAndTransmitApart(self) -> None:
        """Where the far end tells T2 and T3 apart its own time widens nothing."""
        tracker = OffsetTracker()
        for seq in range(60):
            t1 = THEN + seq * SECOND
            t2 = t1 + 5 * SECOND + 100 * US
            tracker.add(seq, t1, t2, t2 + 300 * MS, t1 + 300 * MS + 200 * US, 1)
        report = tracker.report()
        assert report is not None
        self.assertTrue(report.low <= 5 * SECOND <= report.high)
        self.assertLess(report.high - report.low, 201 * US)
        self.assertEqual(report.verdict, FITS)

    def test_queues(self) -> None:
        """Long queues both ways, on a short path, are no reason for doubt."""
        for name, path, probes in (
            ("1 ms, queues of 30 ms", Path(MS / 2, MS / 2, 30 * MS, 30 * MS), 60),
            ("the same, 10 probes", Path(MS / 2, MS / 2, 30 * MS, 30 * MS), 10),
            ("4 ms, queues of 5 ms", Path(2 * MS, 2 * MS, 5 * MS, 5 * MS), 60),
        ):
            found: Counter[str] = Counter()
            for seed in range(100):
                source = random.Random(seed)
                offset, _ = constantRate(source)
                report = simulate(source, path, offset, probes).report()
                assert report is not None
                self.assertTrue(isInside(report, offset))
                found[report.verdict] += 1
            figure(f"{name}: {found[DOUBTFUL]} of 100 flagged falsely")
            self.assertEqual(found[NO_FIT], 0)
            self.assertLessEqual(found[DOUBTFUL], 2)

    def test_cost(self) -> None:
        """A window of many probes costs some microseconds a probe."""
        source = random.Random(1)
        path = Path(20 * US, 20 * US, 5 * US, 5 * US)
        offset, _ = constantRate(source)
        found = [exchange(source, at * 10**9, path, offset) for at in range(20_000)]
        tracker = OffsetTracker()
        began = time.perf_counter()
        for seq, (t1, stamp, t4) in enumerate(found):
            tracker.add(seq, t1, stamp, stamp, t4, 1)
        each = (time.perf_counter() - began) / len(found) * 1e6
        figure(f"{each:.1f} microseconds a probe for the offset's bounds")
        report = tracker.report()
        assert report is not None
        self.assertTrue(isInside(report, offset))
