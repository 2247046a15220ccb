"""Tests for L{echostamp.probe.sharing}."""

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.route import Route
from echostamp.probe.sharing import Sender, maySharePort, mostPorts
from echostamp.rfc8762 import sharedports
from echostamp.rfc8762.sharedports import MOST_RATE, MOST_SIZE, PortKind, SharedPorts
from echostamp.times import SECOND


def sender(target: str, rate: float = 1.0, **more: Any) -> Sender:
    """Make a sender of so many packets a second."""
    plan = Plan(interval=round(SECOND / rate))
    return Sender(target, plan, Route(), StampPlan(), **more)


class SharingTests(SynchronousTestCase):
    """
    How many ports are enough.
    """

    def test_who(self) -> None:
        """Senders of long packets, in any number, or from a port of their own do not
        share."""
        for plan, route, may in [
            (Plan(), Route(), True),
            (Plan(size=MOST_SIZE), Route(source="192.0.2.1"), True),
            (Plan(size=MOST_SIZE + 1), Route(), False),
            (Plan(interval=0), Route(), False),
            (Plan(), Route(source="192.0.2.1", sourcePort=7), False),
        ]:
            self.assertIs(maySharePort(plan, route), may)

    def test_few(self) -> None:
        """Never more are needed than there are senders."""
        self.assertEqual(mostPorts([]), 0)
        self.assertEqual(mostPorts([sender("a")]), 1)
        self.assertEqual(mostPorts([sender("a", flows=2), sender("b")]), 3)

    def test_many(self) -> None:
        """A thousand peers with a packet a second need few."""
        many = [sender(f"host{number}") for number in range(1000)]
        self.assertEqual(mostPorts(many), 36)
        self.assertEqual(mostPorts([each._replace(flows=2) for each in many]), 69)

    def test_enough(self) -> None:
        """So many ports are always enough, in whatever order senders come: of several
        kinds and rates, at the addresses of one name or of many, of both versions."""
        self.patch(sharedports, "boundUdpSocket", lambda host, port: None)
        self.patch(sharedports, "Port", FakePort)
        source = random.Random(3)
        for _ in range(200):
            senders, takes = [], []
            for number in range(source.randrange(1, 40)):
                rate = source.choice((0.1, 1.0, 5.0, 20.0, 40.0, 2.0 * MOST_RATE))
                flows, addresses = source.choice((1, 1, 4)), source.choice((1, 1, 16))
                dscp = source.choice((0, 46))
                target = f"host{source.randrange(30) if addresses == 1 else number}"
                one = sender(target, rate, flows=flows, addresses=addresses)
                senders.append(one._replace(stamp=StampPlan(dscp=dscp)))
                host = source.choice(("0.0.0.0", "::"))
                for address in range(addresses):
                    kind = PortKind(host, 255, dscp)
                    peer = f"{target}/{address}/{host}", 862
                    takes += [(rate, kind, peer)] * flows
            source.shuffle(takes)
            ports = SharedPorts(None)
            FakePort.opened = 0
            for rate, kind, peer in takes:
                receiver: Any = None
                ports.take(rate, kind, peer)(receiver)
            self.assertLessEqual(FakePort.opened, mostPorts(senders))


class FakePort:
    """
    A port that counts how many there are.
    """

    opened = 0
    address = "", 0
    stampsArrivals = True

    def __init__(self, *ignored: Any, **named: Any) -> None:
        FakePort.opened += 1

    def readDepartures(self, most: int) -> bool:
        """Give nothing."""
        return False
