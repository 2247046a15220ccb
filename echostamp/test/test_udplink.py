"""Tests for L{echostamp.probe.udplink}."""

from __future__ import annotations

import errno

from echostamp.measure.offsetwindow import FITS
from echostamp.probe.plan import Plan
from echostamp.probe.udplink import WARM_UP
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.test.farends import MS, keptBy
from echostamp.test.stampruns import US, StampCase
from echostamp.test.wires import THERE
from echostamp.times import SECOND


class StampLinkTests(StampCase):
    """
    Tests for runs of probes over STAMP.
    """

    def test_run(self) -> None:
        """Every probe has its four times.  The reply to the first packet is
        discarded."""
        self.ahead = 5 * MS
        self.begin(Plan(count=3, interval=SECOND, size=44), SenderSession())
        self.assertEqual(self.sink.events, [])
        self.run_(10)
        self.assertTrue(self.isOver)
        self.assertEqual(len(self.near.sent), 4)
        run = keptBy(self.prober).delays.run
        for probe in run:
            assert probe.t2 is not None
            assert probe.t3 is not None
            assert probe.t4 is not None
            self.assertEqual(probe.t2 - probe.t1, 5 * MS + MS - 20 * US)
            self.assertEqual(probe.t4 - probe.t3, 2 * MS - 5 * MS)
            self.assertEqual(probe.rtt, 3 * MS - 20 * US)
        found = keptBy(self.prober).offset.report()
        assert found
        self.assertLessEqual(found.low, 5 * MS)
        self.assertGreaterEqual(found.high, 5 * MS)
        self.assertFalse(self.near.isReading)

    def test_followUp(self) -> None:
        """With follow-ups, T3 is the time when the reply left.  One more packet brings
        the last follow-up."""
        session = SenderSession(tlvs=[7])
        policy = Policy(isStateful=True)
        self.begin(Plan(count=3, interval=SECOND, size=64), session, policy)
        self.run_(10)
        self.assertTrue(self.isOver)
        self.assertEqual(len(self.near.sent), 5)
        run = keptBy(self.prober).delays.run
        self.assertEqual([probe.rtt for probe in run], [3 * MS - 50 * US] * 3)
        self.assertIn(", 3 T3 by follow-up\n", self.summary())
        found = self.document()["stats"]["stamp"]
        self.assertEqual((found["kernel_t1"], found["kernel_t4"]), (3, 3))
        self.assertEqual(found["unreturned_tlvs"], [])

    def test_nobodyToFollowUp(self) -> None:
        """Without a reply, no packet is sent for the last follow-up."""
        self.fate = lambda number: "lost there"
        plan = Plan(count=1, interval=SECOND, timeout=SECOND, size=64)
        self.begin(plan, SenderSession(tlvs=[7]))
        self.run_(WARM_UP + 1.1)
        self.assertTrue(self.isOver)
        self.assertEqual(len(self.near.sent), 2)

    def test_coarse(self) -> None:
        """If a reflector counts in milliseconds, the bounds of the offset allow for
        it."""
        self.ahead, self.unit = 700 * US, MS
        plan = Plan(count=20, interval=100_300 * US, size=44)
        self.begin(plan, SenderSession())
        self.run_(10)
        found = keptBy(self.prober).offset.report()
        assert found
        self.assertEqual((found.resolution, found.verdict), (MS, FITS))
        self.assertLessEqual(found.low, 700 * US)
        self.assertGreaterEqual(found.high, 700 * US)
        self.assertIn(
            "resolution    the reflector counts in 1.000 ms: each RTT can be off by "
            "that\n",
            self.summary(),
        )

    def test_lastFollowUpLost(self) -> None:
        """If the packet for the last follow-up is lost, the run ends after the
        timeout."""
        self.fate = lambda number: "lost there" if number == 3 else ""
        policy = Policy(isStateful=True)
        plan = Plan(count=2, interval=SECOND, timeout=500 * MS, size=64)
        self.begin(plan, SenderSession(tlvs=[7]), policy)
        self.run_(1.2)
        self.assertFalse(self.isOver)
        self.run_(1)
        self.assertTrue(self.isOver)
        rtts = [probe.rtt for probe in keptBy(self.prober).delays.run]
        self.assertEqual(rtts, [3 * MS - 50 * US, 3 * MS - 20 * US])

    def test_nobodyThere(self) -> None:
        """Probes are sent by their schedule, even without any reply."""
        self.fate = lambda number: "lost there"
        self.begin(
            Plan(count=9, interval=SECOND, timeout=SECOND, size=44), SenderSession()
        )
        self.sender.refused(errno.ECONNREFUSED, THERE)
        self.run_(20)
        self.assertEqual(len(self.near.sent), 10)
        found = self.prober.result().session
        assert isinstance(found, Findings)
        self.assertEqual(found.refusals, ((errno.ECONNREFUSED, 1),))
        self.assertEqual(self.prober.measurement.outageCount, 0)
        self.assertIn("9 sent, 0 received, 9 unanswered", self.summary())
