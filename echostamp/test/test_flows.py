"""Tests for L{echostamp.monitor.flows}: peers that are probed from several ports."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from echostamp.monitor.event import Kind
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.monitor.spanfigures import RttQuantiles, SpanFigures
from echostamp.test.monitorcases import MonitorCase, peer
from echostamp.times import MILLISECOND, SECOND


class FlowsTests(MonitorCase):
    """
    A peer with four flows, one probe a second each.
    """

    def begin(self, **settings: Any) -> None:
        """Watch it."""
        self.monitor.watch([peer("ams", flows=4, **settings)])
        self.monitor.start()

    def snapshot(self) -> PeerSnapshot:
        """Give what is known of it."""
        (found,) = self.monitor.snapshots()
        return found

    def assertAddsUp(self) -> None:
        """Check that the counters of the flows are those of the peer."""
        found = self.snapshot()
        self.assertEqual(sum(each.sent for each in found.flows), found.tally.sent)
        received = sum(each.received for each in found.flows)
        self.assertEqual(received, found.tally.received)

    def test_sums(self) -> None:
        """The counters of a peer are sums; each flow has its own, and the figures are
        those of all."""
        self.begin()
        self.run_(31)
        self.assertAddsUp()
        found = self.snapshot()
        self.assertEqual([each.sent for each in found.flows], [31, 31, 30, 30])
        self.assertEqual(found.tally.rtts.n, found.tally.received)
        assert found.minute is not None
        self.assertEqual(found.minute.figures.received, found.tally.received)
        assert found.minute.figures.ipdv is not None
        self.assertEqual(found.minute.figures.ipdv.n, found.tally.received - 4)
        self.assertIsNotNone(found.minute.figures.offset)
        self.assertEqual(found.lastRtt, 1_000_000)

    def test_span(self) -> None:
        """The figures of a span are those of the probes of all flows in that time."""
        self.begin()
        flows = self.monitor.peers["ams"].flows
        self.assertEqual(flows.span(1), SpanFigures())
        self.run_(31)
        self.rtt = 3 * MILLISECOND
        self.run_(8)
        found = flows.span(8 * SECOND)
        self.assertEqual(found.figures.received, 34)
        self.assertEqual((found.hopsForward, found.hopsBackward), (None, None))
        quantiles = RttQuantiles(3 * MILLISECOND, 3 * MILLISECOND, 3 * MILLISECOND)
        self.assertEqual(found.quantiles, quantiles)
        self.assertLess(
            found.figures.received, flows.span(20 * SECOND).figures.received
        )

    def test_spread(self) -> None:
        """The probes of the flows are spread over the interval."""
        self.begin()
        self.run_(10)
        times = sorted(at for at, _ in self.sent)
        pauses = [after - before for before, after in pairwise(times)]
        self.assertApproximates(min(pauses), 0.25, 1e-6)
        self.assertApproximates(max(pauses), 0.25, 1e-6)

    def test_lossOfOne(self) -> None:
        """A flow that loses all is named within 15 s, and when it loses no more; the
        peer stays up."""
        self.begin()
        self.run_(60)
        self.silent.add("ams 3")
        self.run_(30)
        (event,) = self.events
        self.assertEqual((event.kind, event.subject), (Kind.FLOW_LOSS, "3"))
        self.assertIn("flow 3 from 192.0.2.1:7 lost ", event.text)
        self.silent.clear()
        self.run_(120)
        self.assertEqual(self.kinds(), [("ams", Kind.FLOW_LOSS), ("ams", Kind.FLOW_OK)])
        self.assertAddsUp()
        self.assertEqual(self.snapshot().downs, 0)
        self.assertEqual(self.snapshot().events[Kind.FLOW_LOSS], 1)

    def test_lossOfAll(self) -> None:
        """A peer that is down has no flow that stands out."""
        self.begin()
        self.run_(60)
        self.silent.add("ams")
        self.run_(120)
        self.silent.clear()
        self.run_(120)
        self.assertEqual(self.kinds(), [("ams", Kind.DOWN), ("ams", Kind.UP)])

    def test_upWithHalf(self) -> None:
        """A peer is up again by three replies in a row of one flow, though others are
        lost."""
        self.begin()
        self.run_(10)
        self.silent.add("ams")
        self.run_(20)
        self.silent -= {"ams"}
        self.silent |= {"ams 1", "ams 3"}
        self.run_(20)
        self.assertIn(("ams", Kind.UP), self.kinds())

    def test_notAllDown(self) -> None:
        """A peer of which one flow is answered is not silent when another is down."""
        self.monitor.watch([peer("ams", flows=4), peer("fra")])
        self.monitor.start()
        self.run_(60)
        self.silent |= {"ams 1", "ams 3", "ams 4", "fra"}
        self.run_(20)
        self.assertNotIn(("", Kind.DOWN), self.kinds())
        self.assertIn(("fra", Kind.DOWN), self.kinds())
        self.silent.add("ams 2")
        self.run_(20)
        self.assertEqual(self.kinds()[-2:], [("", Kind.DOWN), ("ams", Kind.DOWN)])

    def test_change(self) -> None:
        """A peer whose flows change keeps its counters and theirs."""
        self.begin()
        self.run_(20)
        self.silent.add("ams 4")
        self.run_(30)
        self.assertEqual(self.kinds(), [("ams", Kind.FLOW_LOSS)])
        self.monitor.watch([peer("ams", flows=2)])
        self.silent.clear()
        self.run_(10)
        self.assertEqual(self.kinds()[1:], [("ams", Kind.FLOW_OK)])
        found = self.snapshot()
        self.assertEqual(len(found.flows), 2)
        self.assertGreater(found.tally.sent, 4 * 49 + 2 * 8)
        self.assertGreater(found.flows[0].sent, 49 + 8)
        self.monitor.watch([peer("ams", flows=4)])
        self.run_(10)
        self.assertAddsUp()

    def test_single(self) -> None:
        """A peer with one flow has no counters of flows, and no events of one."""
        self.monitor.watch([peer("ams")])
        self.monitor.start()
        self.run_(20)
        self.assertEqual(self.snapshot().flows, ())

    def test_paused(self) -> None:
        """Of a paused peer the probes of all flows count as skipped."""
        self.begin(isPaused=True)
        self.run_(10)
        self.assertEqual(self.snapshot().tally.due, 40)
