"""Tests for L{echostamp.measure.offset}."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.envelope import MOST_DRIFT
from echostamp.measure.offset import LONGEST_WINDOW, OffsetTracker
from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.test.figures import figure
from echostamp.test.simulatedclocks import (
    THEN,
    Offset,
    Path,
    constantRate,
    isInside,
    randomPath,
    simulate,
)

US, MS, SECOND = 1000, 1_000_000, 1_000_000_000


class BrokenTests(SynchronousTestCase):
    """
    Where the clocks do not run at constant rates the truth is inside, or it is said.
    """

    def outcomes(
        self, make: Callable[[random.Random, Path], Offset], runs: int = 100
    ) -> Counter[str]:
        """
        Measure clocks of one kind.

        @param make: gives the offset.
        @return: how many runs were right, flagged, and neither.
        """
        found: Counter[str] = Counter()
        for seed in range(runs):
            source = random.Random(seed)
            base = 10 ** source.uniform(5, 7.3)
            path = Path(base, base * source.uniform(0.5, 2), base / 5, base / 5)
            offset = make(source, path)
            report = simulate(source, path, offset, 120).report()
            assert report is not None
            if report.verdict != FITS:
                found["flagged"] += 1
            else:
                found["right" if isInside(report, offset) else "missed"] += 1
        return found

    def test_wanderingRate(self) -> None:
        """A rate that wanders by 0.02 ppm every 16 s, as a disciplined clock's does."""

        def make(source: random.Random, path: Path) -> Offset:
            step = 16 * SECOND * 1000
            rates = [Fraction(0)]
            starts = [Fraction(0)]
            for _ in range(20):
                starts.append(starts[-1] + rates[-1] * step)
                rates.append(rates[-1] + Fraction(round(source.gauss(0, 20)), 10**9))

            def offset(at: int) -> int:
                index, part = divmod(at, step)
                return int(starts[index] + rates[index] * part)

            return offset

        found = self.outcomes(make)
        figure(f"wandering rate: {found['flagged']} of 100 flagged falsely")
        self.assertEqual(found["missed"], 0)
        self.assertLess(found["flagged"], 5)

    def slewed(self, ppm: int, least: float, most: float) -> Counter[str]:
        """
        Measure clocks that are slewed once.

        @param ppm: how fast.
        @param least: by how much at least, in round trips.
        @param most: by how much at most.
        """

        def make(source: random.Random, path: Path) -> Offset:
            begin = source.randrange(20, 90) * SECOND * 1000
            amount = int(1000 * path.longest * source.uniform(least, most))
            return lambda at: max(0, min(amount, (at - begin) * ppm // 10**6))

        return self.outcomes(make)

    def test_steps(self) -> None:
        """A step, and the fastest slew of chrony's, by more than the longest round trip
        is always seen."""
        for ppm in (10**9, 83_333):
            found = self.slewed(ppm, 1.1, 20)
            self.assertEqual(found, {"flagged": 100}, ppm)

    def test_twoClocks(self) -> None:
        """Two clocks behind one address that differ by more than the round trip are
        always seen."""

        def make(source: random.Random, path: Path) -> Offset:
            apart = int(1000 * path.longest * source.uniform(1.1, 20))
            return lambda at: apart * (at // 1_000_003 % 2)

        self.assertEqual(self.outcomes(make), {"flagged": 100})

    def test_smallOnes(self) -> None:
        """What is smaller than the round trip, or slow, cannot always be seen: nearly
        always the bounds still hold, or it is doubted."""
        for name, ppm, least, most in (
            ("steps up to about the longest RTT", 10**9, 0.01, 1.0),
            ("slews of 83,333 ppm up to it", 83_333, 0.01, 1.0),
            ("slews of 500 ppm", 500, 0.1, 20.0),
        ):
            found = self.slewed(ppm, least, most)
            figure(
                f"{name}: bounds hold in {found['right']} of 100 runs, "
                f"{found['flagged']} flagged, {found['missed']} missed"
            )
            self.assertLessEqual(found["missed"], 5)


class TrackerTests(SynchronousTestCase):
    """
    Windows.
    """

    def feed(
        self, tracker: OffsetTracker, seconds: range, offset: int, rtt: int = 2 * MS
    ) -> None:
        """Give the tracker a probe a second over an even path."""
        for seq in seconds:
            t1 = THEN + seq * SECOND
            stamp = t1 + rtt // 2 + offset
            tracker.add(seq, t1, stamp, stamp, t1 + rtt, 1)

    def test_nothing(self) -> None:
        """Before the first probe nothing is known."""
        tracker = OffsetTracker()
        self.assertIsNone(tracker.report())
        self.assertIsNone(tracker.bounds(THEN))
        self.assertEqual(list(tracker.stretches()), [])

    def test_oneProbe(self) -> None:
        """One probe bounds the offset, and tells no drift."""
        tracker = OffsetTracker()
        self.feed(tracker, range(1), 7 * SECOND)
        report = tracker.report()
        assert report is not None
        self.assertEqual(report.driftPpm, 0)
        self.assertLessEqual(report.driftLowPpm, -500)
        self.assertGreaterEqual(report.driftHighPpm, 500)
        self.assertApproximates(report.estimate, 7 * SECOND, 2)

    def test_driftAtTheLimit(self) -> None:
        """A slope is no estimate of the drift only because none steeper is looked for:
        where little is known it is the middle of what fits, and the offset is on its
        line."""
        limits = [0, 0]
        for seed in range(200):
            source = random.Random(seed)
            offset, _ = constantRate(source)
            resolution = source.choice([1, MS, SECOND])
            tracker = simulate(source, randomPath(source), offset, 5, resolution)
            report, window = tracker.report(), tracker.window()
            if report is None or window is None:
                continue
            self.assertLess(abs(report.driftPpm), 500, seed)
            self.assertTrue(isInside(report, offset), seed)
            best = window._lines.best(window._span)
            isKnown = report.driftHighPpm - report.driftLowPpm < 1000
            if abs(Fraction(best.y, best.w)) == MOST_DRIFT or not isKnown:
                limits[isKnown] += 1
                middle = (report.driftLowPpm + report.driftHighPpm) / 2
                self.assertApproximates(report.driftPpm, middle, 1e-6)
                self.assertApproximates(window.drift() * 1e6, report.driftPpm, 1e-6)
        self.assertTrue(limits[0] > 20 and limits[1], limits)

    def test_windowsEnd(self) -> None:
        """No window is longer than five minutes; the one before it may tell more."""
        tracker = OffsetTracker()
        self.feed(tracker, range(302), 0)
        self.assertEqual([first for first, _ in tracker.stretches()], [0, 301])
        report = tracker.report()
        assert report is not None
        self.assertLessEqual(report.window, LONGEST_WINDOW + 2 * MS)
        self.assertEqual(report.verdict, FITS)

    def test_narrowerOfTwo(self) -> None:
        """The window before this one is reported while it tells more."""
        tracker = OffsetTracker()
        self.feed(tracker, range(301), 0)
        before = tracker.report()
        self.feed(tracker, range(301, 303), 0, rtt=20 * MS)
        self.assertEqual(len(list(tracker.stretches())), 2)
        self.assertEqual(tracker.report(), before)
        self.feed(tracker, range(303, 310), 0, rtt=MS)
        report = tracker.report()
        assert report is not None
        self.assertLess(report.window, 10 * SECOND)

    def test_doubtsStay(self) -> None:
        """The doubt of a window that is over is the run's."""
        tracker = OffsetTracker()
        self.feed(tracker, range(100), 0)
        self.feed(tracker, range(100, 290), 1_900 * US)
        report = tracker.report()
        assert report is not None
        self.assertEqual(report.verdict, DOUBTFUL)
        self.feed(tracker, range(310, 1000), 1_900 * US)
        report = tracker.report()
        assert report is not None
        self.assertEqual(report.verdict, DOUBTFUL)

    def test_fewBetweenMisfits(self) -> None:
        """Between misfits a window needs ten probes to have a drift; of what has not,
        however much it is, little is remembered."""
        source = random.Random(2)
        tracker = OffsetTracker()
        for seq in range(3000):
            self.feed(tracker, range(seq, seq + 1), source.randrange(2) * SECOND)
        self.assertGreater(tracker.misfits, 1000)
        stretches = list(tracker.stretches())
        self.assertLess(len(stretches), 20)
        self.assertEqual(stretches[0], (0, None))
        tracker.restart()
        self.feed(tracker, range(3000, 3009), 0)
        self.assertIsNone(list(tracker.stretches())[-1].drift)
        self.feed(tracker, range(3009, 3010), 0)
        self.assertIsNotNone(list(tracker.stretches())[-1].drift)

    def test_doubtAmongOutliers(self) -> None:
        """That some replies take seconds hides no slew."""
        flagged = 0
        for seed in range(20):
            source = random.Random(seed)
            tracker = OffsetTracker()
            for seq in range(200):
                t1 = THEN + seq * SECOND
                out, home = (
                    100 * US + int(source.expovariate(1 / (20 * US))) for _ in range(2)
                )
                if source.random() < 0.03:
                    home += 3 * SECOND
                slewed = min(max(0, seq - 50), 50) * 4 * US
                stamp = t1 + out + slewed
                tracker.add(seq, t1, stamp, stamp, t1 + out + home, 1)
            report = tracker.report()
            assert report is not None
            flagged += report.verdict != FITS
        self.assertGreaterEqual(flagged, 19)

    def test_ourClockIsCut(self) -> None:
        """T4 is cut to a nanosecond: what it bounds is one further away."""
        tracker = OffsetTracker()
        tracker.add(0, THEN, THEN, THEN, THEN, 1)
        bounds = tracker.bounds(THEN)
        assert bounds is not None
        self.assertLessEqual(bounds[0], -1)

    def test_resolvedLater(self) -> None:
        """In which steps the far clock counts may be known late: then it holds for all
        probes since the last restart, and what seemed a step of the clock was none."""
        tracker = OffsetTracker()
        for isKnown in False, True:
            for seq in range(10):
                t1 = THEN + 10 * isKnown * SECOND + seq * 1_037 * MS
                stamp = (t1 + 50 * US) // (20 * MS) * 20 * MS
                tracker.add(seq + 10 * isKnown, t1, stamp, stamp, t1 + 100 * US, 1)
            if not isKnown:
                self.assertGreater(tracker.misfits, 0)
                tracker.resolve(20 * MS)
            report = tracker.report()
            assert report is not None
            self.assertEqual(tracker.misfits, 0)
            self.assertEqual((report.verdict, report.resolution), (FITS, 20 * MS))
            self.assertTrue(report.low <= 0 <= report.high)
            tracker.restart()

    def test_resolvedTooLate(self) -> None:
        """The times of few probes are kept for that; later ones are counted as their
        resolution says."""
        tracker = OffsetTracker()
        self.feed(tracker, range(600), 0)
        before = tracker.report()
        tracker.resolve(20 * MS)
        self.assertEqual(tracker.report(), before)
        self.feed(tracker, range(600, 601), 0)
        report = tracker.report()
        assert report is not None
        self.assertEqual(report.resolution, 20 * MS)

    def test_stretches(self) -> None:
        """Where no line fits any longer the drift of what was before stays known;
        windows of which no probe is kept are forgotten."""
        tracker = OffsetTracker(100 * SECOND)
        for seq in range(122):
            t1 = THEN + seq * SECOND
            stamp = t1 + MS + seq * 10 * US + (5 * SECOND if seq >= 10 else 0)
            tracker.add(seq, t1, stamp, stamp, t1 + 2 * MS, 1)
        for (first, drift), expected in zip(
            tracker.stretches(), [0, 10, 111], strict=True
        ):
            self.assertEqual(first, expected)
            assert drift is not None
            self.assertApproximates(drift, 1e-5, 1e-10)
        self.feed(tracker, range(122, 140), 0)
        for first, left in (
            (9, [0, 10, 111, 122]),
            (10, [10, 111, 122]),
            (121, [111, 122]),
        ):
            tracker.prune(first)
            self.assertEqual([each.first for each in tracker.stretches()], left)

    def test_restart(self) -> None:
        """After a reconnect nothing of before counts, and it is no step."""
        tracker = OffsetTracker()
        self.feed(tracker, range(10), 0)
        tracker.restart()
        self.assertIsNone(tracker.report())
        self.feed(tracker, range(10, 20), 5 * SECOND, rtt=20 * MS)
        report = tracker.report()
        assert report is not None
        self.assertTrue(report.low <= 5 * SECOND <= report.high)
        self.assertEqual(report.verdict, FITS)

    def test_afterAStep(self) -> None:
        """A step is told from then on, and the bounds are those since it."""
        tracker = OffsetTracker()
        self.feed(tracker, range(10), 0)
        self.feed(tracker, range(10, 20), 5 * SECOND)
        report = tracker.report()
        assert report is not None
        self.assertTrue(report.low <= 5 * SECOND <= report.high)
        self.assertEqual(report.verdict, NO_FIT)
        self.assertEqual(tracker.misfits, 1)

    def test_backBeforeItLeft(self) -> None:
        """A negative round trip fits no line."""
        tracker = OffsetTracker()
        tracker.add(0, THEN, THEN, THEN + SECOND, THEN + MS, 1)
        self.assertEqual(tracker.misfits, 1)
        self.assertIsNone(tracker.report())
        self.assertEqual(list(tracker.stretches()), [(0, None)])

    def test_farFuture(self) -> None:
        """A clock that is thousands of years ahead is measured like any other."""
        tracker = OffsetTracker()
        ahead = 8000 * 365 * 86_400 * SECOND
        self.feed(tracker, range(10), ahead)
        report = tracker.report()
        assert report is not None
        self.assertTrue(report.low <= ahead <= report.high)
