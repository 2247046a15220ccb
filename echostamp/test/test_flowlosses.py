"""Tests for L{echostamp.monitor.flowlosses}."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.event import Event, Kind
from echostamp.monitor.flowlosses import FlowCounts, FlowLosses
from echostamp.test.figures import figure


class FlowLossesTests(SynchronousTestCase):
    """
    Which flows stand out.
    """

    def setUp(self) -> None:
        """Make a peer."""
        self.losses = FlowLosses("ams")

    def judge(self, *counts: tuple[int, int]) -> list[Event]:
        """Judge flows by how many probes were lost and answered."""
        flows = [FlowCounts(*each) for each in counts]
        return list(self.losses.judge(flows, 7, lambda index: f"192.0.2.1:{index}"))

    def kinds(self, *counts: tuple[int, int]) -> list[tuple[Kind, str]]:
        """Give the events of a judgement, and the flows."""
        return [(each.kind, each.subject) for each in self.judge(*counts)]

    def test_one(self) -> None:
        """A flow that loses all stands out after some probes, once; it ceases to when
        its loss is as that of the others again."""
        fine = [(0, 60)] * 7
        self.assertEqual(self.kinds((2, 0), *fine), [])
        self.assertFalse(self.losses.areAny)
        self.assertEqual(self.kinds((4, 0), *fine), [(Kind.FLOW_LOSS, "1")])
        self.assertTrue(self.losses.areAny)
        self.assertEqual(self.kinds((9, 0), *fine), [])
        self.assertEqual(self.kinds((9, 300), *fine), [])
        self.assertEqual(self.kinds((4, 300), *fine), [(Kind.FLOW_OK, "1")])

    def test_text(self) -> None:
        """The event names the flow and its port, and says what the others lost."""
        (event,) = self.judge((0, 300), (60, 240), (3, 297))
        self.assertEqual(
            event.text,
            "flow 2 from 192.0.2.1:1 lost 20 % of 300 probes, the others 0.5 %",
        )
        self.assertEqual(event.values, {"loss": 0.2, "probes": 300, "others": 0.005})
        self.assertEqual((event.peer, event.at, event.subject), ("ams", 7, "2"))

    def test_noPort(self) -> None:
        """A flow may have lost its link meanwhile."""
        flows = [FlowCounts(9, 0), FlowCounts(0, 9)]
        (event,) = self.losses.judge(flows, 7, lambda index: "")
        self.assertIn("flow 1 from no port lost 100 %", event.text)

    def test_all(self) -> None:
        """Where all lose as much, none stands out."""
        self.assertEqual(self.kinds((30, 0), (30, 0)), [])
        self.assertEqual(self.kinds((50, 50), (45, 55), (52, 48)), [])
        self.assertEqual(self.kinds((0, 0), (0, 0)), [])

    def test_most(self) -> None:
        """Where most lose all, those stand out, and not the others."""
        found = self.kinds((60, 0), (60, 0), (0, 60), (60, 0))
        self.assertEqual(found, [(Kind.FLOW_LOSS, number) for number in "124"])

    def test_several(self) -> None:
        """One that loses less stands out beside one that loses all."""
        found = self.kinds((60, 240), (300, 0), (300, 0), (0, 300), (1, 299))
        self.assertEqual(found, [(Kind.FLOW_LOSS, number) for number in "231"])

    def test_nothingKnown(self) -> None:
        """While nothing is known of a flow that stood out, it stands out."""
        self.judge((9, 0), (0, 9))
        self.assertEqual(self.kinds((0, 0), (0, 9)), [])

    def test_fewerFlows(self) -> None:
        """A flow that is probed no more does not stand out."""
        self.judge((0, 9), (9, 0))
        (event,) = self.judge((0, 9))
        self.assertEqual((event.kind, event.subject), (Kind.FLOW_OK, "2"))
        self.assertEqual(event.text, "flow 2 is probed no more")
        self.assertFalse(self.losses.areAny)

    def test_chance(self) -> None:
        """Loss by chance, alike on all paths, makes no flow stand out; a path that
        loses 20 % does so within 60 s at 200 ms."""
        source = random.Random(5)
        false = missed = 0
        for share in (0.0, 0.005, 0.02, 0.1, 0.3):
            for _ in range(200):
                self.setUp()
                lost = [sum(source.random() < share for _ in range(300))]
                lost += [sum(source.random() < share for _ in range(300))] * 7
                false += len(self.judge(*((each, 300 - each) for each in lost)))
        for _ in range(200):
            self.setUp()
            worse = sum(source.random() < 0.2 for _ in range(285))
            missed += not self.judge((worse, 285 - worse), *[(1, 284)] * 7)
        figure(f"flows: {false} of 1000 false alarms, {missed} of 200 missed")
        self.assertEqual((false, missed), (0, 0))
