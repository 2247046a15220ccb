"""Tests for L{echostamp.listen.gate}."""

from __future__ import annotations

import os
import resource
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.gate import (
    SPARE_DESCRIPTORS,
    Gate,
    LocalCounts,
    WayOut,
    mostConnections,
)


def address(host: str) -> IPv4Address | IPv6Address:
    """Make an address."""
    kind = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, 4711)


class MostConnectionsTests(SynchronousTestCase):
    """
    How many connections the limit of open files allows.
    """

    def test_mostConnections(self) -> None:
        """The limit of open files, less the descriptors that are open, those of the
        ports and the spare ones."""
        self.patch(resource, "getrlimit", lambda which: (100, 100))
        self.patch(os, "listdir", lambda path: ["0", "1", "2"])
        self.assertEqual(mostConnections(5), 100 - 3 - 5 - SPARE_DESCRIPTORS)
        self.patch(resource, "getrlimit", lambda which: (10, 10))
        self.assertLess(mostConnections(1), 1)

        def noProc(path: str) -> list[str]:
            raise FileNotFoundError(path)

        self.patch(os, "listdir", noProc)
        self.patch(resource, "getrlimit", lambda which: (100, 100))
        self.assertEqual(mostConnections(0), 100 - 16 - SPARE_DESCRIPTORS)


class GateTests(SynchronousTestCase):
    """
    Connections above a limit are refused.
    """

    def setUp(self) -> None:
        """Record the refusals."""
        self.refusals: list[tuple[str, str]] = []

    def gate(self, factory: Any = None, **limits: Any) -> Gate:
        """Make a gate."""
        factory = factory or Factory.forProtocol(Protocol)
        return Gate(factory, lambda *refusal: self.refusals.append(refusal), **limits)

    def test_mostOfAll(self) -> None:
        """Connections are accepted up to the limit, and again when one has ended."""
        gate = self.gate(most=2)
        one, two = (gate.buildProtocol(address("192.0.2.1")) for _ in "12")
        self.assertIsNone(gate.buildProtocol(address("192.0.2.2")))
        self.assertEqual(self.refusals, [("192.0.2.2:4711", "more than 2 connections")])
        assert one is not None
        one.connectionLost(None)  # type: ignore[arg-type]
        self.assertIsNotNone(gate.buildProtocol(address("192.0.2.2")))
        del two

    def test_limitThatMoves(self) -> None:
        """A limit may be lowered and raised while there are connections: those that
        there are stay."""
        most = 2
        gate = self.gate(most=lambda: most)
        made = [gate.buildProtocol(address("192.0.2.1")) for _ in "12"]
        self.assertNotIn(None, made)
        most = 1
        self.assertIsNone(gate.buildProtocol(address("192.0.2.2")))
        self.assertEqual(self.refusals, [("192.0.2.2:4711", "more than 1 connection")])
        most = 3
        self.assertIsNotNone(gate.buildProtocol(address("192.0.2.2")))

    def test_mostOfAHost(self) -> None:
        """Each host has its own limit; an IPv4-mapped address is the same host."""
        counts = LocalCounts()
        gate = self.gate(mostPerHost=1, counts=counts)
        made = gate.buildProtocol(address("192.0.2.1"))
        self.assertIsNone(gate.buildProtocol(address("::ffff:192.0.2.1")))
        self.assertIsNotNone(gate.buildProtocol(address("192.0.2.2")))
        self.assertIsNotNone(gate.buildProtocol(UNIXAddress(None)))
        assert made is not None
        made.connectionLost(None)  # type: ignore[arg-type]
        self.assertEqual(counts, {"192.0.2.2": 1})

    def test_gatesThatCountTogether(self) -> None:
        """Two gates with the same counts share one limit."""
        counts = LocalCounts()
        gates = [self.gate(most=1, counts=counts) for _ in "12"]
        made = [gate.buildProtocol(address("192.0.2.1")) for gate in gates]
        self.assertEqual([protocol is None for protocol in made], [False, True])

    def test_wayOut(self) -> None:
        """A connection that goes on does not count at its first gate, but at the next
        one, until it ends."""
        counts = LocalCounts()
        second = LocalCounts()
        gate = self.gate(most=2, mostPerHost=1, counts=counts)
        on = WayOut(self.gate(most=1, mostPerHost=5, counts=second), counts)
        first = gate.buildProtocol(address("192.0.2.1"))
        self.assertIsNone(gate.buildProtocol(address("192.0.2.1")))
        next_ = on.buildProtocol(address("192.0.2.1"))
        self.assertIsNotNone(gate.buildProtocol(address("192.0.2.1")))
        self.assertIsNone(on.buildProtocol(address("192.0.2.1")))
        self.assertEqual(second, {"": 1, "192.0.2.1": 1})
        for each in next_, first:
            assert each is not None
            each.connectionLost(None)  # type: ignore[arg-type]
        self.assertEqual((counts, second), ({"": 1, "192.0.2.1": 1}, {}))

    def test_innerFactoryRefuses(self) -> None:
        """A connection without a protocol is not counted."""
        inner = Factory()
        inner.buildProtocol = lambda addr: None  # type: ignore[method-assign]
        counts = LocalCounts()
        gate = self.gate(inner, most=1, counts=counts)
        self.assertIsNone(gate.buildProtocol(address("192.0.2.1")))
        self.assertEqual(counts, {})

    def test_lossIsPassedOn(self) -> None:
        """The protocol learns of its end, once."""
        heard = []

        class Noting(Protocol):
            def connectionLost(self, reason: object = None) -> None:
                heard.append(reason)

        gate = self.gate(Factory.forProtocol(Noting), most=1)
        made = gate.buildProtocol(address("192.0.2.1"))
        assert made is not None
        made.connectionLost("reason")  # type: ignore[arg-type]
        self.assertEqual(heard, ["reason"])

    def test_factoryIsToldOfPorts(self) -> None:
        """The start and the end of listening are passed on."""
        inner = Factory.forProtocol(Protocol)
        gate = self.gate(inner)
        gate.doStart()
        self.assertEqual(inner.numPorts, 1)
        gate.doStop()
        self.assertEqual(inner.numPorts, 0)
