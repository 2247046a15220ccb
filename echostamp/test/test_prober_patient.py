"""Tests for runs of L{echostamp.probe.prober} that never give up."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionRefusedError

from echostamp.probe.memorysink import MemorySink
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


class OtherAddressTests(StampCase):
    """
    Tests for a reflector whose name has another address.
    """

    def test_redial(self) -> None:
        """The probes go to the new address.  There is no outage, and replies to those
        in flight still count."""
        plan = Plan(isPatient=True, interval=SECOND, timeout=SECOND, size=44)
        self.begin(plan, SenderSession())
        self.run_(3)
        first, sender = self.near, self.sender
        self.prober.redial()
        self.assertTrue(self.dialer.isLookingUp)
        self.resolver.answer(IPv4Address("UDP", "192.0.2.77", THERE[1]))
        self.run_(0.4)
        assert self.prober.link is not None
        self.assertEqual(self.prober.link.address, f"{THERE[0]}:862")
        self.run_(0.2)
        self.assertEqual(self.prober.link.address, "192.0.2.77:862")
        self.assertTrue(first.isReading)
        self.assertIsNot(self.sender, sender)
        self.run_(2)
        self.assertFalse(first.isReading)
        self.assertEqual(self.prober.measurement.outageCount, 0)
        self.assertEqual(self.prober.result().figures.skipped, 0)
        self.prober.stop()
        self.run_(60)
        self.assertFalse(self.near.isReading)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_silentReflectorKeepsItsLink(self) -> None:
        """A silent reflector keeps its session: its numbers may show later where the
        packets were lost."""
        self.fate = lambda number: "lost there"
        plan = Plan(isPatient=True, interval=SECOND, timeout=SECOND, size=44)
        self.begin(plan, SenderSession())
        self.run_(60)
        self.assertEqual(self.prober.measurement.outageCount, 0)
        self.prober.stop()
        self.run_(60)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
