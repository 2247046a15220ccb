"""A prober that runs for long, in simulation."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.windowspec import WINDOWS
from echostamp.probe.plan import Plan
from echostamp.test.farends import MS, Far, FarTransport
from echostamp.test.proberruns import MOST, Silence, heldByProber
from tests.harness import figure

#: Probes of the run.
PROBES = 1_000_000


class LongRunTests(SynchronousTestCase):
    """
    A prober whose run goes on and on.
    """

    def test_memoryIsFlat(self) -> None:
        """After 1,000,000 probes a prober holds no more than after 100,000: at most 64
        KiB."""
        self.patch(
            FarTransport, "write", lambda self, data: self._far.heard(self, data)
        )
        far = Far(Plan(interval=MS, timeout=60 * MS, kept=0), sink=Silence())
        far.delay = lambda seq: None if seq % 1000 == 7 else 0.0005
        far.start()
        sizes = []
        for _ in range(10):
            far.run(PROBES / 10 / 1000)
            for window in WINDOWS:
                result = far.prober.result(window=window)
                self.assertGreater(result.figures.received, 0)
            sizes.append(heldByProber(far))
        self.assertGreaterEqual(far.prober.measurement.sent, PROBES)
        self.assertLess(max(sizes), MOST)
        self.assertLess(max(sizes), min(sizes) * 1.1)
        figure(
            f"a prober without single probes: {min(sizes):,} to {max(sizes):,} octets "
            f"over {PROBES:,} probes"
        )
