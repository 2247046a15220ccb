"""Tests for L{echostamp.measure.windowfigures} and L{echostamp.measure.windowclock}:
windows of several flows.  Those of one are in L{echostamp.test.test_windows}."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import quantiles

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import Probe
from echostamp.measure.delay import summary
from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.measure.result import Figures
from echostamp.measure.windowclock import offsetFrom
from echostamp.measure.windowfigures import figuresOf, rttQuantiles
from echostamp.measure.windows import Rolling
from echostamp.measure.windowspec import WindowSpec
from echostamp.test.figures import figure
from echostamp.test.streams import THEN
from echostamp.times import MICROSECOND, MILLISECOND, SECOND

MINUTE = WindowSpec("1m", length=60 * SECOND)

#: How long a probe waits for its reply, and the far clock's offset.
TIMEOUT, AHEAD = 2 * SECOND, 50 * MILLISECOND

#: The least delays of the paths: there, and back.
PATHS = (
    (1 * MILLISECOND, 9 * MILLISECOND),
    (9 * MILLISECOND, 1 * MILLISECOND),
    (4 * MILLISECOND, 4 * MILLISECOND),
)


class FlowsCase(SynchronousTestCase):
    """
    Flows to one far clock over paths of their own.
    """

    def setUp(self) -> None:
        """Begin with the same chance."""
        self.source = random.Random(7)
        # Of each flow.
        self.rtts: list[list[int | None]] = []
        self.there: list[list[int]] = []

    def clock(self, at: int) -> int:
        """Give the far clock's time."""
        return at + AHEAD

    def flow(
        self,
        path: tuple[int, int],
        count: int,
        interval: int = SECOND,
        windows: Sequence[WindowSpec] = (MINUTE,),
        loss: float = 0.0,
    ) -> Rolling:
        """Probe over a path."""
        rolling = Rolling(windows)
        rolling.isApart = True
        fates: list[tuple[int, Probe]] = []
        rtts: list[int | None] = []
        theres: list[int] = []
        for seq in range(count):
            due = seq * interval + self.source.randrange(MILLISECOND)
            there, back = (
                least + int(self.source.expovariate(1 / (100 * MICROSECOND)))
                for least in path
            )
            t1 = THEN + due
            t2 = self.clock(t1 + there)
            t4 = t1 + there + back
            isLost = self.source.random() < loss
            no = False
            kinds = no, no, no, no, no
            probe = Probe(seq, t1, t1, t2, t2, t4, there + back, 1, no, *kinds)
            if isLost:
                nothing = None, None, None, None, None
                probe = Probe(seq, t1, t1, *nothing, True, *kinds)
            fates.append((due + (TIMEOUT if isLost else there + back), probe))
            rtts.append(None if isLost else there + back)
            if not isLost:
                theres.append(there)
        for at, probe in sorted(fates):
            rolling.sent()
            rolling.add(at, probe)
        self.now = count * interval + TIMEOUT
        self.rtts.append(rtts)
        self.there.append(theres)
        return rolling

    def figures(self, flows: Sequence[Rolling], window: WindowSpec = MINUTE) -> Figures:
        """Give the figures of all flows."""
        selections = [each.select(self.now, window) for each in flows]
        found = figuresOf(selections)
        self.assertEqual(offsetFrom(selections), found.offset)
        return found

    def assertRight(self, found: Figures, ahead: int = AHEAD) -> None:
        """Check that the far clock's offset is within its bounds."""
        assert found.offset is not None
        self.assertLessEqual(found.offset.low, ahead)
        self.assertGreaterEqual(found.offset.high, ahead)


class QuantilesTests(FlowsCase):
    """
    Quantiles that the figures do not have.
    """

    def quantiles(self, flows: Sequence[Rolling], *ps: int) -> list[float]:
        """Give quantiles in hundredths."""
        selections = [each.select(self.now, MINUTE) for each in flows]
        return rttQuantiles(selections, [Fraction(each, 100) for each in ps])

    def test_exact(self) -> None:
        """They are those of all RTTs, by the method of the figures."""
        flows = [self.flow(path, 55, loss=0.1) for path in PATHS]
        known = [rtt for rtts in self.rtts for rtt in rtts if rtt is not None]
        exact = quantiles(known, n=20, method="inclusive")
        found = self.quantiles(flows, 10, 25, 75)
        for each, place in zip(found, (2, 5, 15), strict=True):
            self.assertAlmostEqual(each, exact[place - 1], 3)

    def test_many(self) -> None:
        """Of many probes they come from as many as the other quantiles, so that all
        are in order."""
        flows = [self.flow(PATHS[0], 6000, 10 * MILLISECOND)]
        rtt = self.figures(flows).rtt
        assert rtt is not None
        p10, p25, p50, p75, p90 = self.quantiles(flows, 10, 25, 50, 75, 90)
        self.assertEqual((p50, p90), (rtt.median, rtt.p90))
        found = [rtt.min, p10, p25, p50, p75, p90, rtt.p99, rtt.max]
        self.assertEqual(found, sorted(found))

    def test_none(self) -> None:
        """Without an RTT there is none."""
        self.assertEqual(self.quantiles([self.flow(PATHS[0], 5, loss=1)], 10), [])


class FiguresTests(FlowsCase):
    """
    The figures of flows together.
    """

    def test_together(self) -> None:
        """Counts are added, and RTTs are those of all; IPDV, PDV and bursts of loss are
        within a flow: paths of different delays do not vary by that."""
        flows = [self.flow(path, 55, loss=0.1) for path in PATHS]
        found = self.figures(flows)
        known = [[rtt for rtt in rtts if rtt is not None] for rtts in self.rtts]
        self.assertEqual(found.sent, 165)
        self.assertEqual(found.received, sum(map(len, known)))
        self.assertEqual(found.lost, 165 - found.received)
        self.assertGreater(found.lost, 5)
        self.assertEqual(found.rtt, summary([rtt for rtts in known for rtt in rtts]))
        self.assertEqual(
            found.ipdv,
            summary(
                [
                    abs(after - before)
                    for rtts in self.rtts
                    for before, after in pairwise(rtts)
                    if before is not None and after is not None
                ]
            ),
        )
        bursts = [self.figures([each]).bursts for each in flows]
        for length, count in found.bursts.items():
            self.assertEqual(count, sum(each.get(length, 0) for each in bursts))
        assert found.forward is not None
        assert found.forward.pdv is not None
        expected = [delay - min(each) for each in self.there for delay in each]
        self.assertEqual(found.forward.pdv.n, len(expected))
        self.assertApproximates(found.forward.pdv.max, max(expected), 20 * MICROSECOND)
        self.assertLess(found.forward.pdv.max, MILLISECOND)

    def test_clock(self) -> None:
        """The bounds of the offset are those of all flows: closer than any flow's own,
        and the clock is within."""
        flows = [self.flow(path, 55) for path in PATHS]
        found = self.figures(flows)
        self.assertRight(found)
        assert found.offset is not None
        self.assertEqual(found.offset.verdict, FITS)
        width = found.offset.high - found.offset.low
        self.assertLess(width, 2500 * MICROSECOND)
        for each in flows:
            own = self.figures([each]).offset
            assert own is not None
            self.assertGreater(own.high - own.low, 3 * width)

    def test_many(self) -> None:
        """With more probes than are kept, counts and extremes are still those of all,
        and the bounds are right, also where one flow has fewer probes."""
        window = WindowSpec("4m", length=240 * SECOND)
        flows = [
            self.flow(path, count, interval, [window])
            for path, count, interval in zip(
                PATHS,
                (2000, 1000, 100),
                (SECOND // 10, SECOND // 5, 2 * SECOND),
                strict=True,
            )
        ]
        self.now = 201 * SECOND
        found = self.figures(flows, window)
        self.assertGreater(found.every, 1)
        self.assertEqual(found.received, 3100)
        values = [rtt for rtts in self.rtts for rtt in rtts if rtt is not None]
        assert found.rtt is not None
        self.assertEqual(found.rtt.n, 3100)
        self.assertEqual((found.rtt.min, found.rtt.max), (min(values), max(values)))
        self.assertRight(found)
        assert found.offset is not None
        self.assertEqual(found.offset.verdict, FITS)
        self.assertLess(found.offset.high - found.offset.low, 2500 * MICROSECOND)
        assert found.forward is not None
        assert found.forward.pdv is not None
        self.assertLess(found.forward.pdv.max, 2 * MILLISECOND)

    def test_nothing(self) -> None:
        """Flows without replies have no delays and no clock."""
        flows = [self.flow(path, 5, loss=1.0) for path in PATHS]
        found = self.figures(flows)
        self.assertEqual((found.sent, found.lost), (15, 15))
        self.assertIsNone(found.rtt)
        self.assertIsNone(found.offset)
        self.assertIsNone(found.forward)

    def test_oneSilent(self) -> None:
        """A flow without replies takes nothing from the others."""
        flows = [self.flow(PATHS[0], 30), self.flow(PATHS[1], 30, loss=1.0)]
        found = self.figures(flows)
        self.assertEqual((found.received, found.lost), (30, 30))
        self.assertEqual(found.offset, self.figures(flows[:1]).offset)


class SetClockTests(FlowsCase):
    """
    The far clock is set, or slewed.
    """

    step, slew = 0, 0.0

    def clock(self, at: int) -> int:
        """Give the far clock's time: it is set after 30 s, or slewed from then on."""
        since = at - THEN - 30 * SECOND
        return at + AHEAD + (self.step + int(since * self.slew) if since > 0 else 0)

    def test_step(self) -> None:
        """After a step no line fits, and the bounds are those since."""
        self.step = -70 * MILLISECOND
        found = self.figures([self.flow(path, 55) for path in PATHS])
        assert found.offset is not None
        self.assertEqual(found.offset.verdict, NO_FIT)
        self.assertRight(found, AHEAD + self.step)

    def test_stepOfMany(self) -> None:
        """The same with more probes than are kept."""
        self.step = -70 * MILLISECOND
        flows = [self.flow(path, 1200, SECOND // 20) for path in PATHS]
        found = self.figures(flows)
        self.assertGreater(found.every, 1)
        assert found.offset is not None
        self.assertEqual(found.offset.verdict, NO_FIT)
        self.assertRight(found, AHEAD + self.step)

    def test_machines(self) -> None:
        """Where each flow reaches another machine, no line fits."""
        flows = []
        for path in PATHS:
            self.step = self.step + 20 * MILLISECOND
            flows.append(self.flow(path, 55))
        found = self.figures(flows)
        assert found.offset is not None
        self.assertEqual(found.offset.verdict, NO_FIT)

    def test_chance(self) -> None:
        """A clock that was slewed is found, and one that was not is not doubted."""
        false = missed = 0
        for seed in range(100):
            self.source = random.Random(seed)
            self.slew = 0.0
            found = self.figures([self.flow(path, 58) for path in PATHS]).offset
            assert found is not None
            false += found.verdict != FITS
            self.slew = 0.0005
            found = self.figures([self.flow(path, 58) for path in PATHS]).offset
            assert found is not None
            missed += found.verdict not in (DOUBTFUL, NO_FIT)
        figure(f"flows: {false} of 100 clocks flagged falsely, {missed} slews missed")
        self.assertLessEqual(false, 1)
        self.assertLessEqual(missed, 1)
