"""Tests for the memory that L{echostamp.probe.prober} holds."""

from __future__ import annotations

import random

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
        for interval in 60 * MS, 500 * MS:
            far = self.begin(interval)
            chance = random.Random(interval)
            far.delay = lambda seq, chance=chance: (  # type: ignore[misc]
                0.02 + chance.random() / 20 if seq % 30 else None
            )
            far.run(700 * interval / SECOND)
            for transport in far.transports:
                transport.lines.clear()
            askAll(far.prober)
            self.assertTrue(40_000 < heldByProber(far) < allowed(self.plan))

    def test_silentFarEnd(self) -> None:
        """It is dialed again and again, for an hour: what is kept of the connections
        does not grow."""
        far = self.begin(SECOND)
        far.delay = lambda seq: None
        held, attempts = [], 1
        for _ in range(3):
            for _ in range(1200):
                far.run(1)
                if far.attempts > attempts:
                    attempts = far.attempts
                    far.accept()
            del far.transports[:-1], far.reactor.tcpClients[:-1]
            attempts = 1
            askAll(far.prober)
            held.append(heldByProber(far))
        self.assertGreater(far.prober.result().outageCount, 400)
        # Times between attempts are drawn at random, so a few octets more or less are
        # nothing; one object kept for each outage would be over 7,000.
        self.assertTrue(10_000 < held[2] < held[0] + 5000)
        self.assertLess(held[2], allowed(self.plan))

    def test_deadFarEnd(self) -> None:
        """With 3,000 probes in flight it holds at most 64 octets more for each."""
        far = self.begin(MS)
        far.delay = lambda seq: 0.02 if seq % 900 == 0 else None
        far.run(4)
        self.assertGreater(len(far.prober.inFlight()), 2900)
        askAll(far.prober)
        self.assertLess(heldByProber(far), allowed(self.plan))


class StampTests(StampCase):
    """
    Over STAMP, the session-sender included.
    """

    def held(self) -> int:
        """Give what the prober holds, without what stands for the network."""
        kept = self.reactor, self.prober.done, self.near, self.far, self.resolver
        return heldBy(self.prober, self, self.sink, *kept)

    def test_fullWindows(self) -> None:
        """With all windows full, and all their results asked for, it holds at most
        64 KiB."""
        for interval in 20 * MS, 100 * MS, 500 * MS:
            self.sink = Silence()  # type: ignore[assignment]
            self.fate = lambda number: "" if number % 50 else "lost there"
            plan = Plan(interval=interval, timeout=3 * SECOND, size=64, kept=0)
            self.begin(plan, SenderSession())
            self.run_(max(700 * interval // SECOND, 20))
            self.near.sent.clear()
            askAll(self.prober)
            self.assertTrue(40_000 < self.held() < allowed(plan))

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
