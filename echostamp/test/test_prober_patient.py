"""Tests for runs of L{echostamp.probe.prober} that never give up."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionRefusedError

from echostamp.probe.interfaces import MemorySink
from echostamp.probe.plan import Plan
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.test.farends import EPOCH, MS, Far, ProberCase
from echostamp.test.stampruns import StampCase
from echostamp.test.wires import THERE
from echostamp.times import SECOND


class FirstAttemptTests(ProberCase):
    """
    Tests for a far end that is not there at first.
    """

    def wait(self, **plan: Any) -> Far:
        """Begin a run whose first attempt fails after 2.5 s."""
        self.far = Far(Plan(isPatient=True, interval=SECOND, **plan))
        self.sink: MemorySink = self.far.sink
        self.far.prober.start()
        self.far.run(2.5)
        self.far.refuse(ConnectionRefusedError(111))
        return self.far

    def test_probesAreDue(self) -> None:
        """From the first failure on, probes are due, and count as not sent."""
        far = self.wait(kept=0)
        self.assertEqual(
            self.sink.events, [("outage", "Connection refused"), ("skipped", 0)]
        )
        far.run(10.5)
        result = far.prober.result()
        self.assertEqual((result.figures.sent, result.figures.skipped), (0, 11))
        self.assertEqual(result.began, EPOCH + 2500 * MS)
        self.assertEqual(result.elapsed, 10_500 * MS)
        (outage,) = result.outages
        self.assertEqual(outage.start, EPOCH + 2500 * MS)
        self.assertEqual((outage.reason, outage.error), ("Connection refused", ""))
        self.assertEqual((outage.lost, outage.skipped), (0, 11))
        self.assertIsNone(outage.length)

    def test_thenItIsThere(self) -> None:
        """The first connection ends the outage, and the schedule goes on."""
        far = self.wait()
        far.run(5.2)
        far.refuse(ConnectionRefusedError(111))
        far.run(4)
        far.accept()
        far.run(3)
        result = far.prober.result()
        self.assertEqual((result.outageCount, result.figures.skipped), (1, 10))
        self.assertEqual(result.outageLength, 9200 * MS)
        self.assertEqual(result.outages[0].error, "Connection refused")
        self.assertEqual(far.times(), [12.5, 13.5, 14.5])
        self.assertEqual(result.figures.received, 3)

    def test_count(self) -> None:
        """The run ends by its count, though none could be sent."""
        far = self.wait(count=3)
        far.run(5)
        self.assertTrue(far.isOver)
        self.assertEqual(far.prober.result().figures.skipped, 3)
        self.assertIsNone(far.prober.failure)


class SilentReflectorTests(StampCase):
    """
    Tests for a reflector that stops answering.
    """

    def test_anotherAddress(self) -> None:
        """The name of a silent reflector is looked up again, and the probes go to its
        new address."""
        self.fate = lambda number: "lost there" if number > 3 else ""
        plan = Plan(isPatient=True, interval=SECOND, timeout=SECOND, size=44)
        self.begin(plan, SenderSession())
        first = self.near
        self.run_(9)
        self.assertTrue(self.dialer.isLookingUp)
        self.assertFalse(first.isReading)
        (outage,) = self.prober.measurement.outages
        self.assertEqual(outage.reason, "3 probes in a row timed out")
        self.assertIsNone(self.prober.link)
        self.fate = lambda number: ""
        self.resolver.answer(IPv4Address("UDP", "192.0.2.77", THERE[1]))
        self.assertIsNot(self.near, first)
        self.run_(0.6)
        self.assertTrue(self.near.sent)
        assert self.prober.link is not None
        self.assertEqual(self.prober.link.address, "192.0.2.77:862")
        self.assertIsNotNone(self.prober.measurement.outages[0].length)
        self.prober.stop()
        self.run_(60)
        self.assertFalse(self.near.isReading)
        self.assertFalse(self.dialer.isLookingUp)

    def test_stoppedMeanwhile(self) -> None:
        """A run that is stopped while it waits to look the name up does not do so."""
        self.fate = lambda number: "lost there"
        plan = Plan(isPatient=True, interval=SECOND, timeout=SECOND, size=44)
        self.begin(plan, SenderSession())
        self.run_(3.6)
        self.assertEqual(self.prober.measurement.outageCount, 1)
        self.assertFalse(self.dialer.isLookingUp)
        self.prober.stop()
        self.run_(60)
        self.assertFalse(self.dialer.isLookingUp)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
