"""Tests for L{echostamp.history.mixture}."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.mixture import RTT_SHARES, merged, pdvQuantiles, rttQuantiles
from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.measure.quantiles import quantile
from echostamp.measure.verdicts import BARELY, FITS, NO_FIT, UNKNOWN, VERDICTS
from echostamp.test.figures import figure
from echostamp.test.historycases import rows

#: The names of the stored quantiles, without the ends.
NAMES = "p10", "p25", "median", "p75", "p90", "p99"

UNFIT = VERDICTS.index(NO_FIT)


def minuteOf(at: int, rtts: Sequence[int]) -> KeptRow:
    """
    Make the row of round trips.
    """
    ranked = sorted(rtts)
    exact = [
        round(quantile(len(ranked), Fraction(share, 100), ranked.__getitem__))
        for share in RTT_SHARES
    ]
    some = KeptRow(at, len(rtts), len(rtts), len(rtts))
    return KeptRow._make([*some[:8], *exact, *some[16:]])


class RoundingTests(SynchronousTestCase):
    """
    Sums of floats.
    """

    def test_wide(self) -> None:
        """The greatest value is reached although it is far from the others."""
        rows = [(1_000_000, 19, 56_156_697_453)] * 3
        self.assertEqual(list(pdvQuantiles(rows)), [19, 56_156_697_453])

    def test_dense(self) -> None:
        """Many replies within a nanosecond move no quantile that is minutes away."""
        rtts = 7, 23, 27, 28, 98509, 47_265_155_515, 436_038_138_118, 943_063_740_007
        found = rttQuantiles([(1_000_000, rtts)] * 2)[-1]
        assert found is not None
        # Half a reply of the 20,000 between it and the greatest.
        self.assertApproximates(found, rtts[-2], (rtts[-1] - rtts[-2]) // 40_000)


class PropertyTests(SynchronousTestCase):
    """
    What holds for any rows.
    """

    @given(strategies.lists(rows(), min_size=1, max_size=9))
    def test_exact(self, some: list[KeptRow]) -> None:
        """Counts add up, and the ends of all ranges are exact."""
        found = merged(some, 5)
        self.assertEqual(found.at, 5)
        for name in KeptRow._fields[1:8]:
            total = sum(getattr(each, name) for each in some)
            self.assertEqual(getattr(found, name), total)
        for name, end in [
            ("least", min),
            ("most", max),
            ("offsetLow", min),
            ("offsetHigh", max),
            ("verdict", max),
        ]:
            known = [getattr(each, name) for each in some]
            known = [each for each in known if each is not None]
            self.assertEqual(getattr(found, name), end(known) if known else None)

    @given(strategies.lists(rows(), min_size=1, max_size=9))
    def test_order(self, some: list[KeptRow]) -> None:
        """Quantiles are in order, within the ends, or not known if no row knows."""
        found = merged(some, 0)
        for part in found[8:16], found[20:23]:
            known = [each for each in part if each is not None]
            self.assertIn(len(known), (0, len(part)))
            self.assertEqual(sorted(known), known)
        isKnown = any(each.least is not None for each in some)
        self.assertEqual(found.median is not None, isKnown)

    @given(rows(), strategies.integers(2, 5))
    def test_same(self, one: KeptRow, count: int) -> None:
        """Rows of many replies that are equal have the quantiles of one of them."""
        one = one._replace(received=one.received and 1_000_000)
        found = merged([one] * count, one.at)
        for after, before in [
            (found[8:16], one[8:16]),
            (found[16:18], one[16:18]),
            (found[18:20], one[18:20]),
        ]:
            known = [each for each in before if each is not None]
            if not known or not one.received:
                self.assertIsNone(after[1])
                continue
            for now, then in zip(after, known, strict=True):
                assert now is not None
                self.assertApproximates(now, then, 1 + known[-1] * 1e-4)

    @given(strategies.lists(rows(0), min_size=1, max_size=6), strategies.randoms())
    def test_anyOrder(self, some: list[KeptRow], rng: random.Random) -> None:
        """The order of rows makes no difference to the quantiles."""
        mixed = list(some)
        rng.shuffle(mixed)
        first, second = merged(some, 0), merged(mixed, 0)
        self.assertEqual(first[:8], second[:8])
        for one, other in zip(first[8:20], second[8:20], strict=True):
            self.assertEqual(one is None, other is None)
            if one is not None and other is not None:
                self.assertApproximates(one, other, 1 + one * 1e-6)

    @given(strategies.lists(rows(), min_size=2, max_size=6))
    def test_share(self, some: list[KeptRow]) -> None:
        """Of the stored distributions, as many replies are below a quantile as should
        be."""
        found = rttQuantiles((each.received, each[8:16]) for each in some)
        known = [each for each in some if each.received and each.least is not None]
        self.assertEqual(not known, found[0] is None)
        if len(known) < 2:
            return
        total = sum(each.received for each in known)
        for share, value in zip(RTT_SHARES[1:-1], found, strict=True):
            assert value is not None
            rank = (total - 1) * share / 100 + 0.5
            below = sum(_below(each, value - 1) for each in known)
            upTo = sum(_below(each, value + 1) for each in known)
            self.assertLessEqual(below, rank + 1e-6 * total)
            self.assertGreaterEqual(upTo, rank - 1e-6 * total)


def _below(row: KeptRow, value: int) -> float:
    """
    Count the replies of a row's distribution that are not above a value: a half at
    either end, and the others in even parts between the stored points.
    """
    knots = [each for each in row[8:16] if each is not None]
    count = 0.5 * (value >= knots[0]) + 0.5 * (value >= knots[-1])
    for at, (low, high) in enumerate(pairwise(knots)):
        part = (row.received - 1) * (RTT_SHARES[at + 1] - RTT_SHARES[at]) / 100
        if value >= high:
            count += part
        elif value > low:
            count += part * (value - low) / (high - low)
    return count


class MergingTests(SynchronousTestCase):
    """
    Cases with known answers.
    """

    def test_one(self) -> None:
        """A single row is as it was, but for its time."""
        one = minuteOf(60, [1, 2, 3])
        self.assertEqual(merged([one], 0), one._replace(at=0))

    def test_weights(self) -> None:
        """A row counts by its replies."""
        few, many = minuteOf(0, [1000] * 20), minuteOf(60, [9000] * 80)
        found = merged([few, many], 0)
        self.assertEqual(
            [found.least, found.p10, found.p25, found.most], [1000, 1000, 9000, 9000]
        )

    def test_silent(self) -> None:
        """A row without replies changes no quantile."""
        one, silent = minuteOf(0, [5, 6, 7]), KeptRow(60, due=60, lostUnknown=60)
        found = merged([one, silent], 0)
        self.assertEqual(found[8:16], one[8:16])
        self.assertEqual((found.due, found.lost), (63, 60))

    def test_noReplies(self) -> None:
        """Nor does one without replies that has RTTs of the minute before."""
        rows = [minuteOf(0, [5, 6, 7]), minuteOf(60, [8, 9, 10])]
        ghost = minuteOf(120, [1, 100])._replace(received=0)
        found = merged([*rows, ghost], 0)
        self.assertEqual(found[9:15], merged(rows, 0)[9:15])

    def test_uniform(self) -> None:
        """Two ranges side by side are one range."""
        low, high = minuteOf(0, range(1001)), minuteOf(60, range(1000, 2001))
        found = merged([low, high], 0)
        self.assertEqual(found[8:16], (0, 200, 500, 1000, 1500, 1800, 1980, 2000))

    def test_pdv(self) -> None:
        """Of PDV, the median and the 99th percentile are mixed, each way."""
        self.assertEqual(pdvQuantiles([(5, None, None), (0, 1, 2)]), (None, None))
        self.assertEqual(pdvQuantiles([(5, 100, 900), (9, None, None)]), (100, 900))
        found = pdvQuantiles([(50, 100, 149), (50, 300, 349)])
        self.assertEqual(found, [129, 349])
        one = KeptRow(0, received=5, pdvForward=1, pdvForwardP99=2)
        found = merged([one, one._replace(pdvBackward=3, pdvBackwardP99=4)], 0)[16:20]
        self.assertEqual(found, (1, 2, 3, 4))

    def test_estimate(self) -> None:
        """The estimate is that of the closest bounds that fit, the last of several."""
        wide = KeptRow(0, offsetLow=-50, offset=0, offsetHigh=50, verdict=1)
        close = KeptRow(60, offsetLow=7, offset=8, offsetHigh=9, verdict=2)
        later = close._replace(at=120, offset=9)
        unfit = KeptRow(180, offsetLow=4, offset=4, offsetHigh=4, verdict=UNFIT)
        for some, estimate in [
            ([wide, close, later, unfit], 9),
            ([wide, unfit], 0),
            ([unfit, KeptRow(240)], 4),
            ([KeptRow(0), KeptRow(240)], None),
        ]:
            self.assertEqual(merged(some, 0).offset, estimate)
        found = merged([wide, unfit, close], 0)
        self.assertEqual((found.offsetLow, found.offsetHigh), (-50, 50))

    def test_verdict(self) -> None:
        """The verdict is the worst; it is unknown only if it always was."""
        for verdicts, worst in [
            ((UNKNOWN, UNKNOWN), UNKNOWN),
            ((FITS, UNKNOWN), FITS),
            ((FITS, BARELY, UNKNOWN), BARELY),
            ((NO_FIT, BARELY, FITS), NO_FIT),
        ]:
            some = [
                KeptRow(at, verdict=VERDICTS.index(each))
                for at, each in enumerate(verdicts)
            ]
            self.assertEqual(VERDICTS[merged(some, 0).verdict], worst)

    def test_hops(self) -> None:
        """The hops are those of the last row that knows them."""
        some = [KeptRow(0, hopsForward=7), KeptRow(60, hopsForward=9), KeptRow(120)]
        self.assertEqual(merged(some, 0)[24:26], (9, None))

    def test_stalls(self) -> None:
        """Stalls add up, but within a minute they are the same."""
        some = [KeptRow(0, stalled=5), KeptRow(0, stalled=7), KeptRow(60, stalled=2)]
        self.assertEqual(merged(some, 0).stalled, 9)
        some[:2] = reversed(some[:2])
        self.assertEqual(merged(some, 0).stalled, 9)


Shape = Callable[[random.Random, int], float]

#: Shapes of RTTs in milliseconds, from the number of the probe in the hour.
SHAPES: dict[str, Shape] = {
    "log-normal": lambda rng, at: 10 + rng.lognormvariate(0, 0.5),
    "heavy tail": lambda rng, at: 10 + rng.paretovariate(2),
    "two modes": lambda rng, at: rng.gauss(10, 0.2) + 15 * (rng.random() < 0.3),
    "level shift": lambda rng, at: rng.gauss(10 if at < 1800 else 14, 0.3),
    "busy quarter": lambda rng, at: 10 + rng.expovariate(0.2 if at < 900 else 4),
}


class AccuracyTests(SynchronousTestCase):
    """
    How far the quantiles of hours that are made of minutes are from exact ones.
    """

    def assertClose(self, name: str, every: int, most: dict[str, float]) -> None:
        """
        Assert that each quantile of 20 hours is near the exact one.

        @param every: seconds between two probes.
        @param most: by how many percent each quantile may be off, if not by less than
            1; by the median of the hours.
        """
        errors: dict[str, list[float]] = {each: [] for each in NAMES}
        for seed in range(20):
            rng = random.Random(seed)
            rtts = [round(SHAPES[name](rng, at) * 1e6) for at in range(0, HOUR, every)]
            size = MINUTE // every
            minutes = [
                minuteOf(at * every, rtts[at : at + size])
                for at in range(0, len(rtts), size)
            ]
            hour, exact = merged(minutes, 0), minuteOf(0, rtts)
            self.assertEqual((hour.least, hour.most), (exact.least, exact.most))
            for each in NAMES:
                error = abs(getattr(hour, each) / getattr(exact, each) - 1)
                errors[each].append(100 * error)
        found = {each: median(some) for each, some in errors.items()}
        figure(
            f"an hour of minutes, {name}, a probe every {every} s, off by "
            + ", ".join(
                f"{each} {found[each]:.2f} (at most {max(errors[each]):.2f})"
                for each in NAMES
            )
            + " %"
        )
        for each in NAMES:
            self.assertLess(found[each], most.get(each, 1), each)

    def test_smooth(self) -> None:
        """Where RTTs lie close to each other, quantiles are within a percent."""
        for every in 1, 5:
            self.assertClose("log-normal", every, {})

    def test_tail(self) -> None:
        """Of a heavy tail, p90 and p99 come out too high: the distribution is not
        linear there."""
        self.assertClose("heavy tail", 1, {"p90": 3, "p99": 12})
        self.assertClose("heavy tail", 5, {})

    def test_gap(self) -> None:
        """A quantile that lies beside a gap between two modes, or two levels, may come
        out somewhere within it."""
        for every in 1, 5:
            self.assertClose("two modes", every, {"p75": 13})
            self.assertClose("level shift", every, {"median": 10})

    def test_busy(self) -> None:
        """Quantiles between those of quiet and of busy minutes come out higher."""
        self.assertClose("busy quarter", 1, {"p90": 2, "p99": 6})
        self.assertClose("busy quarter", 5, {})

    def test_day(self) -> None:
        """A day that is made of hours, which are made of minutes, is as good."""
        rng = random.Random(3)
        rtts = [round(SHAPES["log-normal"](rng, at) * 1e6) for at in range(0, DAY, 5)]
        minutes = [
            minuteOf(at * 5, rtts[at : at + 12]) for at in range(0, len(rtts), 12)
        ]
        hours = [
            merged(minutes[at : at + 60], minutes[at].at)
            for at in range(0, len(minutes), 60)
        ]
        day, exact = merged(hours, 0), minuteOf(0, rtts)
        errors = {
            each: 100 * abs(getattr(day, each) / getattr(exact, each) - 1)
            for each in NAMES
        }
        figure(
            "a day of hours, log-normal, a probe every 5 s, off by "
            + ", ".join(f"{each} {error:.2f}" for each, error in errors.items())
            + " %"
        )
        self.assertLess(max(errors.values()), 1)
        self.assertEqual((day.least, day.most), (exact.least, exact.most))
