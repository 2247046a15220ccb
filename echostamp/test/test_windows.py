"""Tests for L{echostamp.measure.windows}."""

from __future__ import annotations

import random
import sys
from collections import Counter
from itertools import groupby

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import Probe
from echostamp.measure.delay import Summary
from echostamp.measure.offsetwindow import FITS, NO_FIT
from echostamp.measure.oneway import OneWay
from echostamp.measure.result import Figures
from echostamp.measure.windowclock import offsetFrom
from echostamp.measure.windows import Rolling
from echostamp.measure.windowspec import PARTS, WINDOWS, WindowSpec
from echostamp.test.figures import figure
from echostamp.test.streams import THEN, Fate, feed, figuresOf, stream
from echostamp.times import MILLISECOND, SECOND

TEN, MINUTE, FIVE, TWENTY = WINDOWS
HALF = SECOND // 2


def octets(thing: object, seen: set[int] | None = None) -> int:
    """
    Give the memory of an object and of all that it refers to but classes and functions.
    """
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type) or thing is WINDOWS:
        return 0
    seen.add(id(thing))
    parts: list[object] = []
    if isinstance(thing, dict):
        parts += [*thing, *thing.values()]
    elif isinstance(thing, (list, tuple, set)):
        parts += thing
    parts.append(getattr(thing, "__dict__", None))
    for kind in type(thing).__mro__:
        names = getattr(kind, "__slots__", ())
        parts += [getattr(thing, name) for name in names if hasattr(thing, name)]
    return sys.getsizeof(thing) + sum(octets(part, seen) for part in parts)


def probeOf(
    seq: int, t1: int, t2: int | None, t4: int | None, rtt: int | None
) -> Probe:
    """
    Make a probe that was sent when it was due.

    @param t1: nanoseconds since L{THEN}.
    @param t4: L{None}: it is lost.
    """
    no = False
    times = THEN + t1, THEN + t1, t2, t2, t4, rtt, None if t2 is None else 1
    return Probe(seq, *times, t4 is None, no, no, no, no, no)


def answer(
    rolling: Rolling, now: int, seq: int, t1: int, t2: int, rtt: int | None = None
) -> Probe:
    """
    Answer a probe.

    @param now: when the reply comes, in nanoseconds since L{THEN}.
    @param t1: when it was sent, likewise.
    @param t2: the far end's timestamp.
    @param rtt: L{None}: C{now - t1}.
    """
    probe = probeOf(seq, t1, t2, THEN + now, now - t1 if rtt is None else rtt)
    rolling.sent()
    rolling.add(now, probe)
    return probe


def lose(rolling: Rolling, now: int, seq: int, t1: int) -> None:
    """
    Lose a probe.
    """
    rolling.sent()
    rolling.add(now, probeOf(seq, t1, None, None, None))


class SameAsARunTests(SynchronousTestCase):
    """
    The figures of a window are those of a run that has the window's probes only.
    """

    def assertSameWay(self, found: OneWay | None, expected: OneWay | None) -> None:
        """
        Assert that one-way delays are the same, to within what is rounded.
        """
        self.assertEqual(found is None, expected is None)
        if found is None or expected is None:
            return
        for one, other in (found.pdv, expected.pdv), (found.range, expected.range):
            self.assertEqual(one is None, other is None)
        if isinstance(found.pdv, Summary) and isinstance(expected.pdv, Summary):
            self.assertEqual(found.pdv.n, expected.pdv.n)
            for one_, other_ in zip(found.pdv, expected.pdv, strict=True):
                if one_ is not None and other_ is not None:
                    self.assertApproximates(one_, other_, 3)
        if found.range is not None and expected.range is not None:
            for pair in zip(found.range, expected.range, strict=True):
                for one_, other_ in zip(*pair, strict=True):
                    self.assertApproximates(one_, other_, 3)

    def assertSame(self, found: Figures, expected: Figures) -> None:
        """
        Assert that figures are the same.
        """
        self.assertSameWay(found.forward, expected.forward)
        self.assertSameWay(found.backward, expected.backward)
        expected = expected._replace(
            began=found.began,
            ended=found.ended,
            forward=found.forward,
            backward=found.backward,
            isApart=found.isApart,
        )
        self.assertEqual(found, expected)

    def windowOf(
        self, fates: list[Fate], spec: WindowSpec, found: Figures
    ) -> list[Fate]:
        """
        Give the part of a stream that a window has, and assert that it is right.
        """
        now = found.ended
        part = [fate for fate in fates if found.began < fate.at <= now]
        if spec.length is None:
            part = [fate for fate in fates if found.began <= fate.at <= now]
            self.assertGreaterEqual(found.due, min(spec.count or 0, len(fates)))
            self.assertLessEqual(found.due, (spec.count or 0) * (PARTS + 1) // PARTS)
        elif found.began:
            self.assertGreaterEqual(found.began, now - spec.length)
            self.assertLessEqual(found.began, now - spec.length * (PARTS - 1) // PARTS)
        else:
            self.assertLessEqual(now, spec.length)
        return part

    def check(self, fates: list[Fate], windows: list[WindowSpec]) -> None:
        """
        Compare the windows with runs, at several times.
        """
        rolling = Rolling(windows)
        for first in range(0, len(fates), 97):
            feed(rolling, fates[first : first + 97])
            now = fates[: first + 97][-1].at
            for spec in windows:
                found = rolling.over(now, spec)
                self.assertEqual(offsetFrom([rolling.select(now, spec)]), found.offset)
                self.assertEqual(found.every, 1)
                part = self.windowOf(fates[: first + 97], spec, found)
                self.assertSame(found, figuresOf(part))

    def test_exact(self) -> None:
        """Up to 600 answered probes in the longest window every figure is exact, for
        windows by time and by count, through losses, reordering, duplicates, skipped
        probes, and replies without times."""
        for seed in range(6):
            fates = stream(seed, 1200, HALF, loss=(0, 0.05, 0.5)[seed % 3])
            self.check(fates, [*WINDOWS, WindowSpec("7s", length=7 * SECOND)])

    def test_apart(self) -> None:
        """The far end gives T2 and T3 apart: the time between is in no figure."""
        for interval in HALF, 10 * SECOND:
            fates = stream(15, 1200, interval, residence=9 * MILLISECOND)
            self.check(fates, list(WINDOWS))

    def test_slow(self) -> None:
        """Few probes: the windows by count reach further back than those by time."""
        windows = [TEN, FIVE, TWENTY, WindowSpec("last 100", count=100)]
        self.check(stream(7, 700, 20 * SECOND), windows)

    def test_farApart(self) -> None:
        """Probes so far apart, or windows so short, that a probe is in no window any
        more before forty others have come; and a pause."""
        self.check(stream(12, 1300, 10 * SECOND), list(WINDOWS))
        self.check(stream(13, 1300, SECOND), [TEN])
        self.check(stream(13, 1300, SECOND), [TWENTY])
        fates = stream(14, 1500, SECOND)
        late = [fate._replace(at=fate.at + 400 * SECOND) for fate in fates[700:]]
        self.check(fates[:700] + late, list(WINDOWS))

    def test_onlyByCount(self) -> None:
        """Windows by count alone: the last 40 probes exactly, of more a sixteenth more
        at most."""
        windows = [WindowSpec(str(count), count=count) for count in (1, 20, 40, 300)]
        self.check(stream(8, 1500, HALF), windows)

    def test_steps(self) -> None:
        """The far clock was set: the window says that no line fits, as a run does."""
        fates = stream(9, 400, SECOND, step=300)
        self.check(fates, list(WINDOWS))
        rolling = Rolling()
        feed(rolling, fates)
        now = fates[-1].at
        verdicts = [
            offset.verdict
            for spec in (TEN, FIVE)
            if (offset := rolling.over(now, spec).offset)
        ]
        self.assertEqual(verdicts, [FITS, NO_FIT])

    def test_coarse(self) -> None:
        """Timestamps of a whole second or a millisecond."""
        for resolution in MILLISECOND, SECOND:
            self.check(stream(10, 500, HALF, resolution=resolution), list(WINDOWS))

    def test_hours(self) -> None:
        """A window of an hour has more than one window of the offset."""
        windows = [WindowSpec("1h", length=3600 * SECOND)]
        self.check(stream(11, 600, 10 * SECOND), windows)


class ManyProbesTests(SynchronousTestCase):
    """
    More probes than there are rows for.
    """

    def test_exactOfMany(self) -> None:
        """Counts, bursts, extremes of the RTT and the bounds of the offset are those of
        all probes; the rest is near, and comes from at most 600 of them."""
        for seed, interval in (1, SECOND // 5), (2, SECOND // 50), (3, SECOND // 400):
            fates = stream(seed, 12_000, interval)
            # Behind it only losses become known.
            fates = [fate for fate in fates if fate.at < 12_000 * interval]
            rolling = Rolling()
            feed(rolling, fates)
            now = fates[-1].at
            for spec in WINDOWS:
                found = rolling.over(now, spec)
                self.assertEqual(offsetFrom([rolling.select(now, spec)]), found.offset)
                part = [fate for fate in fates if found.began < fate.at]
                if spec.length is None:
                    part = fates[-20:]
                self.assertNear(found, figuresOf(part))

    def assertNear(self, found: Figures, run: Figures) -> None:
        """
        Assert that exact figures are the same, and that others are near.
        """
        for name in (
            *("sent", "received", "lost", "skipped", "late", "duplicates"),
            *("reordered", "altered", "untimed", "bursts"),
        ):
            self.assertEqual(getattr(found, name), getattr(run, name), name)
        self.assertEqual(found.every & (found.every - 1), 0)
        for one, other in (found.rtt, run.rtt), (found.rttFromDue, run.rttFromDue):
            assert one is not None
            assert other is not None
            self.assertEqual(one.exact, found.every == 1)
            for name in "n", "min", "max":
                self.assertEqual(getattr(one, name), getattr(other, name), name)
            self.assertApproximates(one.median, other.median, MILLISECOND)
        assert found.ipdv is not None
        assert run.ipdv is not None
        self.assertApproximates(found.ipdv.median, run.ipdv.median, MILLISECOND)
        self.assertApproximates(found.ipdv.n * found.every, run.ipdv.n, run.ipdv.n / 2)
        for way, runs in (found.forward, run.forward), (found.backward, run.backward):
            assert way is not None
            assert way.pdv is not None
            assert runs is not None
            assert runs.pdv is not None
            self.assertApproximates(way.pdv.median, runs.pdv.median, MILLISECOND)
            self.assertLessEqual(way.pdv.n, 600)
        assert found.offset is not None
        assert run.offset is not None
        self.assertEqual(found.offset.verdict, FITS)
        self.assertLessEqual(found.offset.low, run.offset.low)
        self.assertLessEqual(run.offset.high, found.offset.high)
        width = run.offset.high - run.offset.low
        self.assertLess(found.offset.high - found.offset.low, width * 1.1)

    def test_truth(self) -> None:
        """The true offset lies within the bounds, at any rate."""
        for seed in range(20):
            source = random.Random(seed)
            interval = int(SECOND / 10 ** source.uniform(0, 2.5))
            rolling = Rolling()
            ahead, ppm = source.randrange(-(10**15), 10**15), source.randrange(-99, 99)
            queue = 10 ** source.uniform(4, 7)
            for seq in range(3000):
                t1 = seq * interval
                there = t1 + MILLISECOND + int(source.expovariate(1 / queue))
                t2 = THEN + there + ahead + there * ppm // 10**6
                t4 = there + MILLISECOND + int(source.expovariate(1 / queue))
                answer(rolling, t4, seq, t1, t2)
            for spec in WINDOWS:
                offset = rolling.over(t4, spec).offset
                assert offset is not None
                truth = ahead + (offset.at - THEN) * ppm // 10**6
                self.assertTrue(offset.low <= truth <= offset.high, (seed, spec.name))
                self.assertTrue(offset.driftLowPpm <= ppm <= offset.driftHighPpm)
                self.assertNotEqual(offset.verdict, NO_FIT)

    def test_stepAmongMany(self) -> None:
        """The far clock was set: the bounds are those of the probes since, and the
        window says that no line fits until it has no others."""
        rolling = Rolling()
        seen = []
        for seq in range(20_000):
            t1 = seq * SECOND // 50
            far = 0 if seq < 12_000 else 9 * SECOND
            answer(
                rolling, t1 + 2 * MILLISECOND, seq, t1, THEN + t1 + MILLISECOND + far
            )
            if seq in (11_999, 12_300, 13_000, 19_999):
                reports = [
                    rolling.over(t1 + 2 * MILLISECOND, spec).offset for spec in WINDOWS
                ]
                for report in reports:
                    assert report is not None
                    self.assertTrue(report.low <= far <= report.high)
                    self.assertLess(report.high - report.low, 3 * MILLISECOND)
                seen.append([report.verdict == NO_FIT for report in reports if report])
        no = False
        self.assertEqual(
            seen,
            [
                [no, no, no, no],
                [True, True, True, no],
                [no, True, True, no],
                [no, no, True, no],
            ],
        )

    def test_memory(self) -> None:
        """All windows hold at most 45 KiB at any rate, without the figures that wait
        for the next call."""
        for rate, count in (2, 2000), (10, 6000), (100, 40_000), (1000, 320_000):
            rolling, most = Rolling(), 0
            source = random.Random(rate)
            for seq in range(count):
                t1 = seq * SECOND // rate
                there = t1 + MILLISECOND + source.randrange(MILLISECOND)
                if seq % 50 == 0:
                    lose(rolling, t1 + MILLISECOND, seq, t1)
                else:
                    now = there + source.randrange(MILLISECOND)
                    answer(rolling, now, seq, t1, THEN + there)
                if seq % 499 == 0 and (seq > count // 2):
                    most = max(most, octets(rolling))
            figure(f"windows at {rate}/s: {most / 1024:.1f} KiB")
            self.assertLessEqual(most, 45 * 1024)

    def test_memoryOfTheLost(self) -> None:
        """Where every second probe is lost, the others do not wait for the next one's
        fate in growing numbers."""
        rolling = Rolling()
        least = 0
        for seq in range(0, 8000, 2):
            at = seq * MILLISECOND
            answer(rolling, at, seq, at - MILLISECOND, THEN + at)
            if seq > 3000:
                rolling.add(at, probeOf(seq - 2999, at - 3 * SECOND, None, None, None))
            if seq == 1000:
                least = octets(rolling)
        self.assertLess(octets(rolling), least + 20_000)

    def test_rateFalls(self) -> None:
        """When the probes get fewer all of them are kept again."""
        rolling = Rolling()
        at = 0
        for seq in range(30_000):
            at += SECOND // 200 if seq < 28_000 else SECOND
            answer(rolling, at + 2 * MILLISECOND, seq, at, THEN + at + MILLISECOND)
            if seq == 28_000:
                every = [rolling.over(at, spec).every for spec in WINDOWS]
        self.assertTrue(every[2] >= every[1] > every[0] > 1, every)
        every = [rolling.over(at, spec).every for spec in WINDOWS]
        self.assertEqual(every, [1, 1, 1, 1])

    def test_manyLost(self) -> None:
        """Random losses: the lengths of bursts are exact, across buckets too."""
        source = random.Random(4)
        rolling = Rolling()
        lengths: list[int] = []
        isLost = [source.random() < 0.4 for _ in range(20_000)]
        for seq, lost in enumerate(isLost):
            at = seq * SECOND // 50
            if lost:
                lose(rolling, at, seq, at)
            else:
                answer(rolling, at, seq, at - MILLISECOND, THEN + at)
        figures = rolling.over(at, FIVE)
        part = isLost[-figures.sent :]
        for lost, group in groupby(part):
            if lost:
                lengths.append(len(list(group)))
        self.assertEqual(figures.bursts, dict(sorted(Counter(lengths).items())))


class EventTests(SynchronousTestCase):
    """
    What may happen to a probe after its fate is known.
    """

    def test_late(self) -> None:
        """A late reply is counted with its probe, or where it came."""
        rolling = Rolling()
        for seq in range(100):
            lose(rolling, seq * SECOND, seq, seq * SECOND)
        rolling.late(99)
        rolling.late(0)
        self.assertEqual(rolling.over(99 * SECOND, TEN).late, 1)
        self.assertEqual(rolling.over(99 * SECOND, FIVE).late, 2)
        self.assertEqual(rolling.over(99 * SECOND, FIVE).lost, 100)

    def test_repeated(self) -> None:
        """Duplicates are counted with their probe, or where they came."""
        rolling = Rolling()
        rolling.repeated(7)
        for seq in range(100):
            at = seq * SECOND
            answer(rolling, at, seq, at, THEN + at)
        for seq in 99, 99, 99, 0:
            rolling.repeated(seq)
        self.assertEqual(rolling.over(99 * SECOND, TEN).duplicates, 3)
        self.assertEqual(rolling.over(99 * SECOND, FIVE).duplicates, 4)

    def test_amended(self) -> None:
        """Better times replace those of a probe, also in the IPDV of the next one; too
        late they are ignored."""
        rolling = Rolling()
        probes = []
        for seq in range(80):
            at = seq * SECOND
            rtt = (5 if seq != 78 else 50) * MILLISECOND
            probes.append(answer(rolling, at + rtt, seq, at, THEN + at, rtt))
        for probe in probes[78], probes[0]:
            rolling.amend(probe.seq, probe.t1 + MILLISECOND, 4 * MILLISECOND)
        figures = rolling.over(79 * SECOND, FIVE)
        assert figures.rtt is not None
        assert figures.ipdv is not None
        assert figures.rttFromDue is not None
        self.assertEqual(figures.rtt.max, 5 * MILLISECOND)
        self.assertEqual(figures.rtt.min, 4 * MILLISECOND)
        self.assertEqual(figures.rttFromDue.max, 5 * MILLISECOND)
        self.assertEqual(figures.ipdv.max, MILLISECOND)
        self.assertEqual(figures.ipdv.mean * 79, 2 * MILLISECOND)

    def test_amendedWhileThin(self) -> None:
        """The IPDV that is kept of many probes has the better times, too."""
        rolling = Rolling()
        for seq in range(30_000):
            at = seq * MILLISECOND
            rtt = MILLISECOND + seq % 2
            probe = answer(rolling, at + rtt, seq, at, THEN + at, rtt)
            rolling.amend(seq, probe.t1, MILLISECOND)
        figures = rolling.over(at, TEN)
        assert figures.ipdv is not None
        self.assertGreater(figures.every, 1)
        self.assertEqual(figures.ipdv.max, 0)

    def test_nothingToAmend(self) -> None:
        """A probe without a reply, or without times, has none that get better."""
        rolling = Rolling()
        lose(rolling, SECOND, 0, 0)
        before = rolling.over(SECOND, TEN)
        rolling.amend(0, THEN, 5)
        rolling.amend(7, THEN, 5)
        self.assertIs(rolling.over(SECOND, TEN), before)

    def test_extra(self) -> None:
        """An extra probe narrows the offset, and is in no other figure."""
        rolling, plain = Rolling(), Rolling()
        for each in rolling, plain:
            for seq in range(60):
                at = seq * SECOND
                answer(each, at, seq, at - 9 * MILLISECOND, THEN + at - 2 * MILLISECOND)
        for number in range(60):
            t1 = THEN + (59 * SECOND) + number
            rolling.extra(59 * SECOND, t1, t1 + 500, t1 + 500, t1 + 1000, 1)
        rolling.extra(59 * SECOND, THEN, 10**19, 10**19, THEN + 1, 1)
        for spec in FIVE, TWENTY:
            found, without = (each.over(59 * SECOND, spec) for each in (rolling, plain))
            assert found.offset is not None
            assert without.offset is not None
            self.assertLess(found.offset.high - found.offset.low, 1100)
            self.assertGreater(without.offset.high - without.offset.low, MILLISECOND)
        found, without = (each.over(59 * SECOND, FIVE) for each in (rolling, plain))
        self.assertEqual(found.due, 60)
        self.assertEqual(found.rtt, without.rtt)
        self.assertEqual(found.ipdv, without.ipdv)
        assert found.forward is not None
        assert found.forward.pdv is not None
        self.assertEqual(found.forward.pdv.n, 60)

    def test_extrasAmongThem(self) -> None:
        """Extra probes count for no window by count."""
        spec = WindowSpec("last 30", count=30)
        rolling = Rolling([spec])
        for seq in range(400):
            at = seq * SECOND
            answer(rolling, at, seq, at - MILLISECOND, THEN + at)
            t1 = THEN + at
            rolling.extra(at, t1, t1 + 500, t1 + 500, t1 + 1000, 1)
            due = rolling.over(at, spec).due
            self.assertTrue(min(seq + 1, 30) <= due <= 31, due)

    def test_restart(self) -> None:
        """Our own clock was set: offset and PDV begin again, round trips do not."""
        for count, interval in (60, SECOND), (5000, SECOND // 50):
            rolling = Rolling()
            for seq in range(count):
                at = seq * interval
                answer(rolling, at, seq, at - MILLISECOND, THEN + at)
            rolling.restart()
            found = rolling.over(at, FIVE)
            self.assertEqual(found.received, count)
            self.assertIsNone(found.offset)
            self.assertIsNone(found.forward)
            self.assertIsNotNone(found.rtt)
            for seq in range(count, count + 500):
                at = seq * interval
                t1 = at - MILLISECOND + 77 * SECOND
                rolling.sent()
                rolling.add(
                    at,
                    probeOf(seq, t1, THEN + at, THEN + t1 + MILLISECOND, MILLISECOND),
                )
            found = rolling.over(at, FIVE)
            assert found.offset is not None
            assert found.forward is not None
            assert found.forward.pdv is not None
            self.assertEqual(found.offset.verdict, FITS)
            self.assertTrue(
                found.offset.low < -76 * SECOND < found.offset.high + SECOND
            )
            self.assertLessEqual(found.forward.pdv.n, 500)

    def test_pending(self) -> None:
        """Probes in flight are sent and pending in every window."""
        rolling = Rolling(began=5)
        rolling.sent()
        rolling.sent()
        lose(rolling, SECOND, 0, 0)
        figures = rolling.over(SECOND, TWENTY)
        self.assertEqual((figures.sent, figures.pending, figures.lost), (3, 2, 1))

    def test_nothing(self) -> None:
        """Before the first probe there are no figures, but a span."""
        rolling = Rolling(began=3)
        for spec, began in (TEN, 3), (TWENTY, 9):
            found = rolling.over(9, spec)
            self.assertEqual(found, Figures(began=began, ended=9))

    def test_onlyWhenSomethingHappened(self) -> None:
        """Figures are found again only when something has happened since."""
        rolling = Rolling()
        answer(rolling, SECOND, 0, 0, THEN + 5)
        before = rolling.over(SECOND, TEN)
        self.assertIs(rolling.over(2 * SECOND, TEN), before)
        rolling.skipped(2 * SECOND)
        self.assertEqual(rolling.over(2 * SECOND, TEN).skipped, 1)

    def test_apart(self) -> None:
        """Whether T2 and T3 are apart is handed on."""
        rolling = Rolling()
        rolling.isApart = True
        self.assertTrue(rolling.over(0, TEN).isApart)

    def test_residences(self) -> None:
        """The residences of a window are T3 - T2 of the probes that have all times;
        with many probes, of every so many."""
        for interval, whole in (HALF, True), (10 * MILLISECOND, False):
            fates = stream(16, 3000, interval, residence=9 * MILLISECOND)
            rolling = Rolling()
            feed(rolling, fates)
            now = fates[-1].at
            found = rolling.over(now, TEN)
            expected = [
                probe.t3 - probe.t2
                for at, probe in fates
                if at > found.began
                and probe is not None
                and probe.t2 is not None
                and probe.t3 is not None
                and not probe.void
            ]
            residences = rolling.select(now, TEN).residences()
            if whole:
                self.assertEqual(Counter(residences), Counter(expected))
            else:
                self.assertGreater(len(residences), 50)
                self.assertLess(Counter(residences), Counter(expected))

    def test_noResidences(self) -> None:
        """Without T2 and T3 apart there are none."""
        rolling = Rolling()
        answer(rolling, SECOND, 0, 0, THEN + 5)
        self.assertEqual(rolling.select(SECOND, TEN).residences(), [])

    def test_strangeTimes(self) -> None:
        """A far clock that is thousands of years ahead gives no one-way delays."""
        rolling = Rolling()
        answer(rolling, SECOND, 0, 0, 10**20)
        found = rolling.over(SECOND, TEN)
        self.assertEqual((found.received, found.untimed), (1, 0))
        self.assertIsNone(found.offset)

    def test_reorderedWidely(self) -> None:
        """Of probes that are answered long after the next ones nothing is kept that
        grows."""
        rolling = Rolling()
        order = [seq ^ 512 for seq in range(200 * 512)]
        for index, seq in enumerate(order):
            at = index * MILLISECOND
            answer(rolling, at, seq, at - MILLISECOND, THEN + at)
        self.assertLess(octets(rolling), 50 * 1024)
        self.assertEqual(rolling.over(at, TWENTY).received, 20)
