"""Tests for L{echostamp.measure.offset} and L{echostamp.measure.envelope}."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, count
from typing import NamedTuple
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure import envelope
from echostamp.measure.coarseclocks import nextTurn
from echostamp.measure.envelope import MOST_DRIFT, Envelope
from echostamp.measure.offset import (
    DOUBTFUL,
    FITS,
    LONGEST_WINDOW,
    NO_FIT,
    OffsetReport,
    OffsetTracker,
    OwnClock,
)

US, MS, SECOND = 1000, 1_000_000, 1_000_000_000
THEN = 1_700_000_000 * SECOND

#: From picoseconds of true time since the beginning to the offset in picoseconds.
Offset = Callable[[int], int]


class Path(NamedTuple):
    """
    A path: nanoseconds that each way takes at least, and what queues add on average.
    """

    out: float
    home: float
    queue: float
    backQueue: float

    @property
    def longest(self) -> float:
        """Nanoseconds that hardly a round trip takes."""
        return self.out + self.home + 12 * (self.queue + self.backQueue)


def exchange(
    source: random.Random, begin: int, path: Path, offset: Offset, resolution: int = 1
) -> tuple[int, int, int]:
    """
    Send one probe.  True times are in picoseconds; clocks cut them.

    @param begin: when it leaves, picoseconds since the beginning.
    @return: T1, the far end's stamp, and T4.
    """
    there = begin + int(1000 * (path.out + source.expovariate(1) * path.queue))
    back = there + int(1000 * (path.home + source.expovariate(1) * path.backQueue))
    stamp = THEN + (there + offset(there)) // 1000
    return (
        THEN + begin // 1000,
        stamp // resolution * resolution,
        THEN + back // 1000,
    )


def simulate(
    source: random.Random,
    path: Path,
    offset: Offset,
    probes: int = 60,
    resolution: int = 1,
) -> OffsetTracker:
    """
    Measure: a probe a second, some lost, some answered twice, in the order in which the
    replies come.
    """
    arrivals = []
    for seq in range(probes):
        begin = (seq * SECOND + source.randrange(50 * MS)) * 1000 + source.randrange(
            1000
        )
        for _ in range(source.choice([0] + [1] * 20 + [2])):
            t1, stamp, t4 = exchange(source, begin, path, offset, resolution)
            arrivals.append((t4, seq, t1, stamp))
    tracker = OffsetTracker()
    for t4, seq, t1, stamp in sorted(arrivals):
        tracker.add(seq, t1, stamp, stamp, t4, resolution)
    return tracker


def isInside(report: OffsetReport, offset: Offset) -> bool:
    """
    Say whether the truth is within the bounds, and the estimate too.
    """
    truth = offset((report.at - THEN) * 1000)
    return (
        report.low * 1000 <= truth <= report.high * 1000
        and report.low <= report.estimate <= report.high
    )


def constantRate(source: random.Random, most: int = 100_000) -> tuple[Offset, float]:
    """
    Give an offset of up to some hours, and its drift in ppm.

    @param most: the greatest drift, in parts of 10**9.
    """
    start = source.randrange(-(10**16), 10**16)
    drift = source.randrange(-most, most + 1)
    return lambda at: start + at * drift // 10**9, drift / 1000


def randomPath(source: random.Random) -> Path:
    """
    Give a path of 20 microseconds to 60 ms, as asymmetric as it comes.
    """
    return Path(*(10 ** source.uniform(4, 7.5) for _ in range(4)))


class EnvelopeTests(SynchronousTestCase):
    """
    The lines that fit are exactly those that a search through all of them finds.
    """

    points = st.lists(
        st.tuples(st.booleans(), st.integers(-20, 20), st.integers(-30, 30)),
        min_size=1,
        max_size=7,
    )

    @given(points, st.integers(-40, 40))
    def test_everyCorner(self, points: list[tuple[bool, int, int]], at: int) -> None:
        """Bounds of values and slopes are those among the crossings of all bounds."""
        # Steep enough to matter: a unit of time is a thousand of the envelope's.
        lines = Envelope()
        halves = [(Fraction(0), Fraction(1), MOST_DRIFT)]
        halves += [(Fraction(0), Fraction(-1), MOST_DRIFT)]
        halves += [(Fraction(sign), Fraction(0), Fraction(1 << 62)) for sign in (1, -1)]
        for isUpper, moment, value in points:
            add = lines.atMost if isUpper else lines.atLeast
            add(moment * 1000, value)
            sign = 1 if isUpper else -1
            halves.append(
                (Fraction(sign), Fraction(sign * moment * 1000), Fraction(sign * value))
            )
        corners = []
        for (p1, q1, r1), (p2, q2, r2) in combinations(halves, 2):
            w = p1 * q2 - p2 * q1
            if w:
                a, b = (r1 * q2 - r2 * q1) / w, (p1 * r2 - p2 * r1) / w
                if all(p * a + q * b <= r for p, q, r in halves):
                    corners.append((a, b))
        self.assertEqual(lines.isEmpty, not corners)
        if corners:
            moment = at * 1000
            values = [a + b * moment for a, b in corners]
            self.assertEqual(
                lines.values(moment), (min(values) // 1, -(-max(values) // 1))
            )
            slopes = [b for _, b in corners]
            self.assertEqual(lines.slopes(), (min(slopes), max(slopes)))
            best = lines.best()
            rooms = [
                min(r - q * b for p, q, r in halves if p == 1)
                + min(r - q * b for p, q, r in halves if p == -1)
                for b in slopes
            ]
            self.assertEqual(best.room, max(rooms))
            for a in (best.start - best.room / 2, best.start + best.room / 2):
                self.assertTrue(all(p * a + q * best.slope <= r for p, q, r in halves))

    @given(points, st.integers(-40, 40))
    def test_droppedCorners(self, points: list[tuple[bool, int, int]], at: int) -> None:
        """What is dropped of many corners widens the bounds, and not the slopes beyond
        500 ppm."""
        few, all_ = Envelope(), Envelope()
        for lines, most in (few, 5), (all_, 100):
            with mock.patch.multiple(envelope, MOST_EDGES=most, _LEFT=most):
                for isUpper, moment, value in points:
                    add = lines.atMost if isUpper else lines.atLeast
                    add(moment * 1000, value)
        self.assertLessEqual(len(few.bends()), 5)
        if not all_.isEmpty:
            low, high = all_.values(at * 1000)
            wideLow, wideHigh = few.values(at * 1000)
            self.assertTrue(wideLow <= low <= high <= wideHigh)
            slowest, fastest = all_.slopes()
            wideSlowest, wideFastest = few.slopes()
            self.assertTrue(-MOST_DRIFT <= wideSlowest <= slowest)
            self.assertTrue(fastest <= wideFastest <= MOST_DRIFT)

    def test_manyCorners(self) -> None:
        """Bounds along a parabola, each of which makes a corner, leave at most 64; and
        what is dropped changes the bounds by little."""
        few, all_ = Envelope(), Envelope()
        for lines, most, left in (few, 64, 48), (all_, 10_000, 10_000):
            with mock.patch.multiple(envelope, MOST_EDGES=most, _LEFT=left):
                for index in range(-300, 300):
                    moment = index * SECOND
                    bend = moment * moment // (1_500_000 * SECOND)
                    lines.atMost(moment, bend + 100 * MS)
                    lines.atLeast(moment, -bend)
                    self.assertLessEqual(len(lines.bends()), most)
        self.assertGreater(len(all_.bends()), 500)
        for moment in range(-300 * SECOND, 300 * SECOND, 50 * SECOND):
            low, high = all_.values(moment)
            wideLow, wideHigh = few.values(moment)
            self.assertTrue(wideLow <= low < high <= wideHigh)
            self.assertLess(wideHigh - wideLow, (high - low) * 1.1)

    def test_atMost64(self) -> None:
        """As it is used no envelope has more than 64 edges."""
        lines = Envelope()
        for index in range(-300, 300):
            moment = index * SECOND
            bend = moment * moment // (1_500_000 * SECOND)
            lines.atMost(moment, bend + 100 * MS)
            lines.atLeast(moment, -bend)
        self.assertTrue(40 < len(lines.bends()) <= 64)

    def test_slopeStaysBounded(self) -> None:
        """The limits of the slope are kept when edges are dropped, however little they
        take away."""
        lines = Envelope()
        with mock.patch.multiple(envelope, MOST_EDGES=4, _LEFT=4):
            lines.atMost(-16_000, 4)
            lines.atLeast(17_000, -16)
            lines.atMost(9_000, -2)
        self.assertLessEqual(lines.slopes()[1], MOST_DRIFT)
        self.assertGreaterEqual(lines.slopes()[0], -MOST_DRIFT)

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
        print(f"\nfigure: {each:.1f} microseconds a probe for the offset's bounds")
        report = tracker.report()
        assert report is not None
        self.assertTrue(isInside(report, offset))


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
        print(
            f"\nfigure: truth inside in {total} of {total} runs; {doubted} of them "
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
                    now = nextTurn(now, low, high, SECOND, least)
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
        print(
            f"\nfigure: whole seconds, 60 probes: half-width 2 RTT {worst / MS:+.2f} ms"
        )

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
            print(f"\nfigure: {name}: {found[DOUBTFUL]} of 100 flagged falsely")
            self.assertEqual(found[NO_FIT], 0)
            self.assertLessEqual(found[DOUBTFUL], 2)


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
        print(f"\nfigure: wandering rate: {found['flagged']} of 100 flagged falsely")
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
            print(
                f"\nfigure: {name}: bounds hold in {found['right']} of 100 runs, "
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
            if abs(best.slope) == MOST_DRIFT or not isKnown:
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


class OwnClockTests(SynchronousTestCase):
    """
    Steps of our own clock.
    """

    @given(st.lists(st.tuples(st.integers(0, MS), st.integers(0, MS)), min_size=1))
    def test_readingsApartAreNoStep(self, waits: list[tuple[int, int]]) -> None:
        """However long the machine dawdled between two readings, it is no step."""
        clock = OwnClock()
        monotonic = 0
        for first, second in waits:
            realtime = THEN + monotonic + first
            clock.observe(monotonic, realtime, monotonic + first + second)
            monotonic += SECOND
        self.assertEqual(clock.steps, 0)

    def test_stepUnderASlowReading(self) -> None:
        """A step under a reading that took longer than the step is seen at the next
        one."""
        clock = OwnClock()
        seen = [
            clock.observe(
                at * SECOND, THEN + at * SECOND + took // 2 + step, at * SECOND + took
            )
            for at, (took, step) in enumerate(
                [(100, 0), (10 * MS, 4 * MS), (100, 4 * MS), (100, 4 * MS)]
            )
        ]
        self.assertEqual(seen, [0, 0, 1, 1])

    def test_smallSteps(self) -> None:
        """A step of a tenth of a millisecond is seen; what is within a microsecond is
        none, however often."""
        clock = OwnClock()
        for at, changed in enumerate([0, 900, 1800, 2700, 1800, 900, 0]):
            clock.observe(at * SECOND, THEN + at * SECOND + changed, at * SECOND)
        self.assertEqual(clock.steps, 0)
        clock.observe(7 * SECOND, THEN + 7 * SECOND + 100 * US, 7 * SECOND)
        self.assertEqual(clock.steps, 1)

    def test_step(self) -> None:
        """A step either way is seen once."""
        clock = OwnClock()
        seen = [
            clock.observe(at * SECOND, THEN + at * SECOND + step, at * SECOND + 100)
            for at, step in enumerate([0, 0, MS, MS, MS, -MS, -MS])
        ]
        self.assertEqual(seen, [0, 0, 1, 1, 1, 2, 2])
