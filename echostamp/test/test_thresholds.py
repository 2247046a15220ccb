"""Tests for L{echostamp.measure.thresholds} and their texts."""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.result import Figures, Result
from echostamp.measure.thresholds import Thresholds
from echostamp.probe.plan import Plan
from echostamp.report.thresholds import failedText
from echostamp.test.farends import MS, Far
from echostamp.times import SECOND


class ThresholdsTests(SynchronousTestCase):
    """
    Tests for thresholds, and for the texts of those that fail.
    """

    def found(self, *rtts: float | None, ahead: int = 0) -> Far:
        """Run probes with given round trips, in seconds; L{None} for a loss."""
        far = Far(Plan(count=len(rtts), timeout=500 * MS))
        far.delay = lambda seq: rtts[seq]
        far.ahead = ahead
        far.start()
        far.run(60)
        return far

    def assertFails(self, thresholds: Thresholds, far: Far, *lines: str) -> None:
        """Assert which thresholds fail, by the beginning of each text."""
        result = far.prober.result()
        failed = [failedText(each, result) for each in thresholds.failed(result)]
        self.assertEqual(len(failed), len(lines), failed)
        for line, start in zip(failed, lines, strict=True):
            self.assertEqual(line[: len(start)], start)

    def test_none(self) -> None:
        """Without thresholds none fails."""
        self.assertFails(Thresholds(), self.found(None, 0.4))

    def test_rtt(self) -> None:
        """The longest round trip must be within the limit."""
        far = self.found(0.02, 0.03)
        self.assertFails(Thresholds(rtt=30 * MS), far)
        self.assertFails(
            Thresholds(rtt=29 * MS), far, "--max-rtt 29.000 ms: one took 30.000 ms"
        )

    def test_wait(self) -> None:
        """So must the wait of each probe in flight."""
        far = Far(Plan(timeout=10 * SECOND))
        far.delay = lambda seq: 0.02 if seq < 2 else None
        far.start()
        far.run(5)
        far.prober.stop()
        far.run(5)
        self.assertFails(Thresholds(rtt=3 * SECOND), far)
        why = "--max-rtt 2.999 s: one has not been answered for 3.000 s"
        self.assertFails(Thresholds(rtt=2999 * MS), far, why)

    def test_untimed(self) -> None:
        """Where a reply has no RTT, the longest that it can have taken must be within
        the limit, or the threshold cannot be judged."""
        result = Result(Figures(sent=1, received=1, untimed=1), longestUntimed=7 * MS)
        self.assertEqual(Thresholds(rtt=7 * MS).failed(result), [])
        [failed] = Thresholds(rtt=6 * MS).failed(result)
        self.assertEqual(
            failedText(failed, result),
            "--max-rtt 6.000 ms: not known, one has no RTT and took at most 7.000 ms",
        )

    def test_loss(self) -> None:
        """The share of unanswered probes must be within the limit."""
        far = self.found(0.02, None, 0.02, 0.02)
        self.assertFails(Thresholds(loss=25), far)
        why = "--max-loss 24.5: 25 % were not answered or not sent, 75 %"
        self.assertFails(Thresholds(loss=24.5), far, why)

    def test_outage(self) -> None:
        """Probes that could not be sent count as unanswered."""
        far = Far(Plan(interval=SECOND, timeout=500 * MS))
        far.start()
        far.run(5.5)
        far.transports[-1].lose(ConnectionLost())
        far.run(6)
        far.prober.stop()
        self.assertEqual(far.store.delays.run.lost, 0)
        self.assertFails(Thresholds(loss=20), far, "--max-loss 20: ")
        self.assertFails(Thresholds(loss=60), far)

    def test_inFlight(self) -> None:
        """A probe that has waited for longer than any reply took may be lost.  One that
        has just been sent is not counted."""
        far = Far(Plan(interval=SECOND, timeout=60 * SECOND))
        far.delay = lambda seq: 0.02 if seq < 5 else None
        far.start()
        far.run(5.01)
        far.prober.stop()
        self.assertFails(Thresholds(loss=0), far)
        far = Far(Plan(interval=SECOND, timeout=60 * SECOND))
        far.delay = lambda seq: 0.02 if seq < 5 else None
        far.start()
        far.run(9.5)
        far.prober.stop()
        why = "--max-loss 10: not known, 5 may still be answered"
        self.assertFails(Thresholds(loss=10), far, why)
        self.assertFails(Thresholds(loss=50), far)

    def test_offset(self) -> None:
        """Both bounds of the offset must be within the limit."""
        for ahead in 50 * MS, -50 * MS:
            far = self.found(*[0.02] * 5, ahead=ahead)
            self.assertFails(Thresholds(offset=65 * MS), far)
            why = "--max-offset 55.000 ms: the offset is "
            self.assertFails(Thresholds(offset=55 * MS), far, why)

    def test_several(self) -> None:
        """Each threshold that fails has its text."""
        far = self.found(0.02, None, ahead=50 * MS)
        options = "--max-rtt", "--max-loss", "--max-offset"
        self.assertFails(Thresholds(MS, 10, MS), far, *options)

    def test_unknownOffset(self) -> None:
        """The threshold fails if the offset is not known."""
        why = "--max-offset 1.000 s: the far clock is not known"
        self.assertFails(Thresholds(offset=SECOND), Far(Plan()), why)
        far = Far(Plan())
        far.start()
        far.run(2.5)
        far.ahead = SECOND
        far.run(5)
        why = "--max-offset 60.000 s: the far clock is not known (stepped, slewed, or"
        self.assertFails(Thresholds(offset=60 * SECOND), far, why)
