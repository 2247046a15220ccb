"""Tests for L{echostamp.daemon.limits}."""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections import Counter
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import limits
from echostamp.daemon.limits import (
    BoundedLog,
    Gate,
    LimitedVisitors,
    acknowledged,
    hostKey,
    mostConnections,
    watchPeer,
)
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection


def address(host: str) -> IPv4Address | IPv6Address:
    """Make an address."""
    kind = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, 4711)


class HostTests(SynchronousTestCase):
    """
    What counts as one host.
    """

    def test_hosts(self) -> None:
        """An IPv4 address, mapped or not; an IPv6 /64; nothing else."""
        for host, key in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
        ]:
            self.assertEqual(hostKey(address(host)), key)
        self.assertIsNone(hostKey(UNIXAddress(None)))
        self.assertIsNone(hostKey(None))

    def test_mostConnections(self) -> None:
        """What the limit of descriptors leaves, beside those of the ports."""
        self.patch(resource, "getrlimit", lambda which: (100, 100))
        self.patch(os, "listdir", lambda path: ["0", "1", "2"])
        self.assertEqual(mostConnections(5), 100 - 3 - 5 - limits.SPARE_DESCRIPTORS)
        self.patch(resource, "getrlimit", lambda which: (10, 10))
        self.assertLess(mostConnections(1), 1)

        def noProc(path: str) -> list[str]:
            raise FileNotFoundError(path)

        self.patch(os, "listdir", noProc)
        self.patch(resource, "getrlimit", lambda which: (100, 100))
        self.assertEqual(mostConnections(0), 100 - 16 - limits.SPARE_DESCRIPTORS)

    def test_watchPeer(self) -> None:
        """Keepalive probes fit into the limit, and unacknowledged data has it too."""
        for seconds in 1, 4, 60, 32_767:
            with socket.socket() as made:
                watchPeer(made, seconds)
                option = made.getsockopt
                self.assertEqual(option(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)
                if not hasattr(socket, "TCP_USER_TIMEOUT"):
                    continue
                idle, interval, count, timeout = (
                    option(socket.IPPROTO_TCP, name)
                    for name in (
                        socket.TCP_KEEPIDLE,
                        socket.TCP_KEEPINTVL,
                        socket.TCP_KEEPCNT,
                        socket.TCP_USER_TIMEOUT,
                    )
                )
                self.assertEqual(timeout, seconds * 1000)
                self.assertLessEqual(idle + interval * count, max(2, seconds))

    def test_acknowledged(self) -> None:
        """The kernel knows how much a peer has taken, where there is one."""

        class Transport:
            socket: Any

        transport = Transport()
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            transport.socket = listening
            self.assertEqual(acknowledged(transport), 0)
        self.assertEqual(acknowledged(transport), 0)
        near, far = socket.socketpair()
        with near, far:
            transport.socket = near
            near.send(b"1")
            near.send(b"2")
            before = acknowledged(transport)
            self.assertGreater(before, 0)
            far.recv(1)
            self.assertGreater(acknowledged(transport), before)
        self.assertEqual(acknowledged(transport), 0)
        self.assertEqual(acknowledged(object()), 0)

        class Kernel:
            family = socket.AF_INET6

            def getsockopt(self, level: int, name: int, size: int) -> bytes:
                return bytes(120) + (0x0102030405).to_bytes(8, sys.byteorder)

        transport.socket = Kernel()
        self.assertEqual(acknowledged(transport), 0x0102030405)


class BoundedLogTests(SynchronousTestCase):
    """
    The log takes so many lines of a kind in a second.
    """

    def test_linesThatAreLeftOutAreCounted(self) -> None:
        """Each kind for itself; the next second begins anew."""
        reactor = FakeReactor()
        events = EventLoggingObserver()
        bounded = BoundedLog(reactor, 2, Logger(observer=events))
        for number in range(5):
            bounded.info("numbers", "{number}", number=number)
        bounded.info("letters", "a")
        reactor.advance(1)
        bounded.info("numbers", "next")
        reactor.advance(1)
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["0", "1", "a", "3 more lines left out: numbers", "next"],
        )
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_atTheEnd(self) -> None:
        """What was left out of the last second is said, too."""
        reactor = FakeReactor()
        events = EventLoggingObserver()
        bounded = BoundedLog(reactor, 1, Logger(observer=events))
        for _ in range(2):
            bounded.finish()
            bounded.info("numbers", "1")
            bounded.info("numbers", "2")
        bounded.finish()
        lines = ["1", "1 more lines left out: numbers"] * 2
        self.assertEqual([formatEvent(event) for event in events], lines)
        self.assertEqual(reactor.getDelayedCalls(), [])


class GateTests(SynchronousTestCase):
    """
    Who is let in.
    """

    def setUp(self) -> None:
        """Note who is not."""
        self.refusals: list[tuple[str, str]] = []

    def gate(self, factory: Any = None, **limits: Any) -> Gate:
        """Make a gate."""
        factory = factory or Factory.forProtocol(Protocol)
        return Gate(factory, lambda *refusal: self.refusals.append(refusal), **limits)

    def test_mostOfAll(self) -> None:
        """So many, and another when one has left."""
        gate = self.gate(most=2)
        one, two = (gate.buildProtocol(address("192.0.2.1")) for _ in "12")
        self.assertIsNone(gate.buildProtocol(address("192.0.2.2")))
        self.assertEqual(self.refusals, [("192.0.2.2:4711", "more than 2 connections")])
        assert one is not None
        one.connectionLost(None)  # type: ignore[arg-type]
        self.assertIsNotNone(gate.buildProtocol(address("192.0.2.2")))
        del two

    def test_mostOfAHost(self) -> None:
        """One host, however it is written, does not take the place of another."""
        counts: Counter[str] = Counter()
        gate = self.gate(mostPerHost=1, counts=counts)
        made = gate.buildProtocol(address("192.0.2.1"))
        self.assertIsNone(gate.buildProtocol(address("::ffff:192.0.2.1")))
        self.assertIsNotNone(gate.buildProtocol(address("192.0.2.2")))
        self.assertIsNotNone(gate.buildProtocol(UNIXAddress(None)))
        assert made is not None
        made.connectionLost(None)  # type: ignore[arg-type]
        self.assertEqual(counts, {"192.0.2.2": 1})

    def test_gatesThatCountTogether(self) -> None:
        """Two ports have one limit."""
        counts: Counter[str] = Counter()
        gates = [self.gate(most=1, counts=counts) for _ in "12"]
        made = [gate.buildProtocol(address("192.0.2.1")) for gate in gates]
        self.assertEqual([protocol is None for protocol in made], [False, True])

    def test_innerFactoryRefuses(self) -> None:
        """Who gets no protocol is not counted."""
        inner = Factory()
        inner.buildProtocol = lambda addr: None  # type: ignore[method-assign]
        counts: Counter[str] = Counter()
        gate = self.gate(inner, most=1, counts=counts)
        self.assertIsNone(gate.buildProtocol(address("192.0.2.1")))
        self.assertEqual(counts, {})

    def test_lossIsPassedOn(self) -> None:
        """The protocol hears of its end, which is counted once."""
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


class TimeTests(SynchronousTestCase):
    """
    How long a connection may stand.
    """

    def connect(self, room: int = 1 << 30, **limits: Any) -> FakeSocketConnection:
        """Connect to a daemon with limits."""
        self.reactor = FakeReactor()
        self.visitors = LimitedVisitors(self.reactor, **limits)
        factory = TimestampEchoFactory(
            self.reactor,
            EchoSettings(stampFormat("x")),
            connectionLog=self.visitors,
        )
        echo = factory.buildProtocol(address("192.0.2.1"))
        transport = FakeSocketConnection(self.reactor, room)
        transport.protocol = echo
        assert echo is not None
        echo.makeConnection(transport)
        return transport

    def advance(self, seconds: float) -> None:
        """Let time pass, in small turns."""
        for _ in range(round(seconds * 100)):
            self.reactor.advance(0.01)

    def test_noLimits(self) -> None:
        """By default a connection may stand for ever, and has no timer."""
        self.connect()
        self.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_idle(self) -> None:
        """The time counts from the last whole message; a drip does not count."""
        transport = self.connect(idleTimeout=1)
        self.advance(0.9)
        transport.protocol.dataReceived(b"a\n")
        for _ in range(9):
            self.advance(0.1)
            transport.protocol.dataReceived(b"x")
        transport.turn()
        self.assertFalse(transport.isClosed)
        self.advance(0.2)
        transport.turn()
        self.assertTrue(transport.isClosed)
        self.advance(2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_takingARepliesIsActivity(self) -> None:
        """A slow reader is not idle, as long as it takes replies."""
        transport = self.connect(room=0, idleTimeout=1)
        transport.protocol.dataReceived(b"\n" * 60_000)
        for _ in range(4):
            self.advance(0.9)
            transport.turn(room=65_536)
        self.assertFalse(transport.isAborted)
        self.advance(1.1)
        self.assertTrue(transport.isAborted)

    def test_roomForRepliesIsActivity(self) -> None:
        """So is to take the last one that waited."""
        transport = self.connect(room=0, idleTimeout=1)
        transport.protocol.dataReceived(b"a\n")
        self.advance(0.9)
        transport.turn(room=65_536)
        self.advance(0.9)
        self.assertFalse(transport.isClosed)
        self.advance(0.2)
        transport.turn()
        self.assertTrue(transport.isClosed)

    def test_takingOctetsIsActivity(self) -> None:
        """A peer that reads slowly out of what the kernel holds is not idle either; one
        that stops is, at most two limits later."""
        taken = 0
        transport = self.connect(
            room=0, idleTimeout=1, acknowledged=lambda transport: taken
        )
        transport.protocol.dataReceived(b"a\n")
        for _ in range(40):
            self.advance(0.1)
            taken += 1
        self.assertFalse(transport.isAborted)
        self.advance(2)
        self.assertTrue(transport.isAborted)
        self.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.visitors._taken, {})

    def test_messagesWithoutANewlineAreActivity(self) -> None:
        """A message that a pause ends, or a read, is a whole message."""
        for pause in 0, 0.1:
            transport = self.connect(idleTimeout=1)
            transport.protocol.factory.pause = pause
            for _ in range(5):
                self.advance(0.5)
                transport.protocol.dataReceived(b"hello")
            self.advance(0.5)
            self.assertEqual(transport.sent, b"[x] hello" * 5)
            self.assertFalse(transport.isClosed)

    def test_longMessageIsActivity(self) -> None:
        """A message without an end is activity while it flows, but not as a drip."""
        transport = self.connect(idleTimeout=1)
        for _ in range(30):
            self.advance(0.1)
            transport.protocol.dataReceived(b"x" * 16_384)
        self.assertFalse(transport.isClosed)
        for _ in range(12):
            self.advance(0.1)
            transport.protocol.dataReceived(b"x")
        transport.turn()
        self.assertTrue(transport.isClosed)

    def test_timersDoNotGather(self) -> None:
        """However long a connection talks, it has a timer for each limit."""
        transport = self.connect(idleTimeout=0.1, maxAge=60)
        for _ in range(100):
            self.advance(0.05)
            transport.protocol.dataReceived(b"a\n")
        (timers,) = self.visitors._timers.values()
        self.assertEqual(len(timers), 2)

    def test_age(self) -> None:
        """A connection that has had its time is drained, and cut after the grace."""
        transport = self.connect(maxAge=2, grace=1)
        for _ in range(29):
            self.advance(0.1)
            transport.protocol.dataReceived(b"a\n")
        self.assertFalse(transport.isAborted)
        self.advance(0.2)
        self.assertTrue(transport.isAborted)
        self.advance(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
