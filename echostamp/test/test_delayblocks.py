"""Tests for L{echostamp.measure.delayblocks}, and for the doubt that comes from it."""

from __future__ import annotations

import random
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import Probe
from echostamp.measure.delayblocks import MOST, DelayBlocks
from echostamp.measure.offsetwindow import DOUBTFUL, FITS
from echostamp.measure.windows import Rolling
from echostamp.measure.windowspec import WINDOWS
from echostamp.test.delaymodels import MODELS, Fault, Model, exchanges, none, step
from echostamp.test.delaymodels import verdict as wholeRun
from echostamp.times import SECOND


def lastWindow(
    source: random.Random, model: Model, probes: int, fault: Fault = none
) -> str:
    """Give the verdict of the five minutes before the end of a run."""
    rolling, no = Rolling(), False
    for seq, t1, stamp, t4 in exchanges(source, model, probes, fault):
        rolling.sent()
        times = t1, t1, stamp, stamp, t4, t4 - t1, model.resolution
        rolling.add(t4, Probe(seq, *times, no, no, no, no, no, no))
    window = next(each for each in WINDOWS if each.length == 300 * SECOND)
    offset = rolling.over(t4, window).offset
    assert offset is not None
    return offset.verdict


class DoubtTests(SynchronousTestCase):
    """
    When a clock is doubted.
    """

    def test_noFalseAlarm(self) -> None:
        """While both clocks run at constant rates neither is doubted, whatever the
        shape of the delays: in none of 200 runs, nor in their last windows."""
        for seed in range(200, 400):
            name = [*MODELS][seed % len(MODELS)]
            probes = 1000 if seed < 214 else 300 if seed % 2 else 60
            for measure in wholeRun, lastWindow:
                source = random.Random(seed)
                found = measure(source, MODELS[name], probes)
                self.assertEqual(found, FITS, (seed, name, probes))

    def test_stepsAreFound(self) -> None:
        """A step that leaves room for a line is found, in a whole run and in a window,
        also where the window does not keep all probes."""
        model = MODELS["gamma of shape 8"]
        for probes in 300, 1000:
            for measure in wholeRun, lastWindow:
                found: Counter[str] = Counter()
                for seed in range(10):
                    source = random.Random(seed)
                    fault = step(source, 2.5 * model.deviation)
                    found[measure(source, model, probes, fault)] += 1
                self.assertGreaterEqual(found[DOUBTFUL], 9, (probes, found))

    def test_laterWindowsNeedMore(self) -> None:
        """The more windows a run has, the further ranks must have moved: what is just
        doubted in the first window is not in the thousandth, and more is."""
        blocks, least = DelayBlocks(), 0
        for amount in range(100):
            source, blocks = random.Random(1), DelayBlocks()
            for at in range(60):
                there, back = source.gauss(0, 10), source.gauss(0, 10)
                moved = amount * (at >= 30)
                blocks.add(at, there + moved, at, back - moved)
            if blocks.haveMoved(1000):
                break
            least = amount if not blocks.haveMoved() else least
        self.assertTrue(5 < least + 1 < amount < 90, (least, amount))


class BlocksTests(SynchronousTestCase):
    """
    Delays by themselves.
    """

    def blocks(self, probes: int, moved: tuple[float, float]) -> DelayBlocks:
        """
        Give the delays of a run with a drift, which move in the middle of it.

        @param moved: by how much: on the way there, and on the way back.
        """
        source = random.Random(probes)
        found = DelayBlocks()
        for at in range(probes):
            there, back = (
                source.expovariate(1) + each * (at > probes // 2) for each in moved
            )
            found.add(at, there + at / 7, at + 0.1, back - at / 7)
        return found

    def test_bothMustMove(self) -> None:
        """A queue that begins on one way, or on both, is no step of a clock."""
        for probes in 60, 1000:
            for moved in (3, 0), (0, 3), (-3, 0), (3, 3), (-3, -3):
                self.assertFalse(self.blocks(probes, moved).haveMoved(), moved)
            for moved in (3, -3), (-3, 3):
                self.assertTrue(self.blocks(probes, moved).haveMoved(), moved)

    def test_few(self) -> None:
        """Of fewer than twelve probes nothing is said."""
        for probes in range(12):
            self.assertFalse(self.blocks(probes, (50, -50)).haveMoved())
        self.assertTrue(self.blocks(20, (50, -50)).haveMoved())

    def test_nothingVaries(self) -> None:
        """Delays that are all equal, or all at one time, have not moved."""
        blocks, atOnce = DelayBlocks(), DelayBlocks()
        for at in range(300):
            blocks.add(at, 5, at, 5)
            atOnce.add(0, at, 0, -at)
        self.assertFalse(blocks.haveMoved())
        self.assertFalse(atOnce.haveMoved())

    def test_bounded(self) -> None:
        """However many probes there are, few blocks are kept, and no least delay is
        lost."""
        blocks = DelayBlocks()
        for at in range(100_000):
            blocks.add(at, -1000 if at == 77_777 else at % 7, at, at % 5)
        self.assertTrue(MOST // 2 <= len(blocks._forward) <= MOST)
        self.assertIn((77_777, -1000), blocks._forward)
