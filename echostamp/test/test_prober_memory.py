"""Tests for the memory that L{echostamp.probe.prober} holds."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.plan import Plan
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.test.farends import MS, Far
from echostamp.test.proberruns import Silence, allowed, askAll, heldByProber
from echostamp.test.sizes import heldBy
from echostamp.test.stampruns import StampCase
from echostamp.times import SECOND


class LineTests(SynchronousTestCase):
    """
    Over the line protocol.
    """

    def begin(self, interval: int) -> Far:
        """Begin a run whose far end may answer or not."""
        self.plan = Plan(interval=interval, timeout=3 * SECOND, kept=0)
        far = Far(self.plan, sink=Silence())
        far.start()
        return far

    def test_fullWindows(self) -> None:
        """With all windows full, and all their results asked for, it holds at most
        64 KiB."""
        far = self.begin(400 * MS)
        far.delay = lambda seq: 0.02 if seq % 50 else None
        far.run(400)
        for transport in far.transports:
            transport.lines.clear()
        askAll(far.prober)
        self.assertLess(heldByProber(far), allowed(self.plan))

    def test_deadFarEnd(self) -> None:
        """With 3,000 probes in flight it holds at most 64 octets more for each."""
        far = self.begin(MS)
        far.delay = lambda seq: 0.02 if seq % 900 == 0 else None
        far.run(4)
        self.assertGreater(len(far.prober.inFlight()), 2900)
        askAll(far.prober)
        self.assertLess(heldByProber(far), allowed(self.plan))

    def test_outages(self) -> None:
        """After an hour with a far end that accepts connections and never answers, it
        holds no more than after some minutes."""
        far = self.begin(SECOND)
        far.delay = lambda seq: None
        seen, held = 1, []
        for end in 600, 3600:
            while far.reactor.seconds() < end:
                far.run(1)
                if far.attempts > seen:
                    seen = far.attempts
                    far.transports.clear()
                    far.accept()
            askAll(far.prober)
            self.assertLess(heldByProber(far), allowed(self.plan))
            found = far.prober.measurement.outages, far.prober._links.setUps
            held.append(heldBy(found))
        self.assertGreater(seen, 400)
        self.assertLess(held[1], held[0] + 1000)
        self.assertLess(held[1], 12_000)


class StampTests(StampCase):
    """
    Over STAMP, the session-sender included.
    """

    def held(self) -> int:
        """Give what the prober holds, without what stands for the network."""
        kept = self.reactor, self.prober.done, self.near, self.far, self.resolver
        return heldBy(self.prober, self, self.sink, *kept)

    def test_deadFarEnd(self) -> None:
        """With 3,000 packets in flight it holds at most 64 octets more for each."""
        self.fate = lambda number: "" if number % 900 == 0 else "lost there"
        plan = Plan(interval=MS, timeout=3 * SECOND, size=44, kept=0)
        self.begin(plan, SenderSession())
        self.run_(4)
        self.near.sent.clear()
        self.assertGreater(len(self.prober.inFlight()), 2900)
        askAll(self.prober)
        self.assertLess(self.held(), allowed(plan))
