"""Tests for L{echostamp.rfc8762.sharedports}."""

from __future__ import annotations

import errno
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762 import sharedports
from echostamp.rfc8762.sharedports import MOST_RATE, PortKind, SenderPort, SharedPorts

KIND = PortKind("0.0.0.0", 255, 0)
ONE, TWO = ("192.0.2.1", 862), ("192.0.2.2", 862)


class FakePort:
    """
    A port in memory.

    @ivar sent: the packets, and where they were sent to.
    @ivar number: the number of the next one; C{-1} if it is refused.
    @ivar error: why the port cannot be read, if that is so.
    """

    stampsArrivals = True
    error: OSError | None = None

    def __init__(self, receiver: Any, options: Any) -> None:
        self.receiver, self.options = receiver, options
        self.address = "192.0.2.9", 7
        self.number = 0
        self.sent: list[tuple[bytes, Any]] = []
        self.calls: list[str] = []

    def startReading(self) -> None:
        """Note it, or fail."""
        if self.error is not None:
            raise self.error
        self.calls.append("start")

    def close(self) -> None:
        """Note it."""
        self.calls.append("close")

    def send(self, packet: bytes, peer: Any, to: Any, tos: int) -> int | None:
        """Send a packet."""
        self.sent.append((packet, peer))
        if self.number < 0:
            self.receiver.refused(errno.ENETUNREACH, peer)
            return None
        self.number += 1
        return self.number - 1

    def readDepartures(self, most: int) -> bool:
        """Give nothing."""
        return False


class Sender:
    """
    What a session-sender gets.
    """

    def __init__(self) -> None:
        self.got: list[Any] = []

    def received(self, packet: bytes, peer: Any, *how: Any) -> None:
        """Keep it."""
        self.got.append((packet, peer))

    def transmitted(self, number: int, at: int) -> None:
        """Keep it."""
        self.got.append((number, at))

    def refused(self, error: int, peer: Any) -> None:
        """Keep it."""
        self.got.append((error, peer))


class SharedPortsTests(SynchronousTestCase):
    """
    Senders that share ports.
    """

    def setUp(self) -> None:
        """Make ports in memory."""
        self.opened: list[FakePort] = []
        self.patch(sharedports, "boundUdpSocket", lambda host, port: (host, port))
        self.patch(sharedports, "Port", self.open)
        self.ports = SharedPorts(None)

    def open(self, reactor: Any, bound: Any, receiver: Any, **options: Any) -> FakePort:
        """Open a port."""
        self.opened.append(FakePort(receiver, (bound, options)))
        return self.opened[-1]

    def sender(
        self, peer: Any, rate: float = 1.0, kind: PortKind = KIND
    ) -> tuple[Sender, SenderPort]:
        """Make a sender, and what it sends by."""
        sender: Any = Sender()
        return sender, self.ports.take(rate, kind, peer)(sender)

    def test_shared(self) -> None:
        """Senders to different reflectors share a port, which is read once, and closed
        when the last one has left."""
        (_, one), (_, two) = self.sender(ONE), self.sender(TWO)
        (port,) = self.opened
        self.assertEqual(
            port.options, (("0.0.0.0", 0), {"departures": True, "ttl": 255})
        )
        self.assertEqual((one.address, one.stampsArrivals), (port.address, True))
        one.startReading()
        two.startReading()
        self.assertEqual(port.calls, ["start"])
        one.close()
        one.close()
        self.assertEqual(port.calls, ["start"])
        two.close()
        self.assertEqual(port.calls, ["start", "close"])
        self.sender(ONE)
        self.assertEqual(len(self.opened), 2)

    def test_noReading(self) -> None:
        """A port that could not be read at first is read later."""
        (_, one), (_, two) = self.sender(ONE), self.sender(TWO)
        (port,) = self.opened
        port.error = OSError(errno.EMFILE, "too many open files")
        self.assertRaises(OSError, one.startReading)
        port.error = None
        two.startReading()
        self.assertEqual(port.calls, ["start"])

    def test_apart(self) -> None:
        """Two senders to the same reflector never share a port, nor do those of other
        kinds; and no port has more than its rate."""
        _, first = self.sender(ONE)
        self.sender(ONE)
        self.assertEqual(len(self.opened), 2)
        for kind in (
            KIND._replace(ttl=1),
            KIND._replace(dscp=46),
            KIND._replace(host="::"),
        ):
            self.sender(TWO, kind=kind)
        self.assertEqual(len(self.opened), 5)
        self.sender(TWO, rate=MOST_RATE - 1)
        self.assertEqual(len(self.opened), 5)
        self.sender(("192.0.2.3", 862), rate=MOST_RATE)
        self.assertEqual(len(self.opened), 6)
        # What left makes room.
        first.close()
        self.sender(("192.0.2.4", 862))
        self.assertEqual(len(self.opened), 6)

    def test_received(self) -> None:
        """A datagram goes to the sender whose reflector it comes from.  Of others that
        one refuses it whose reflector is at the same host; with one sender, it does."""
        (one, _), (two, second) = self.sender(ONE), self.sender(TWO)
        receiver = self.opened[0].receiver
        receiver.received(b"a", (*ONE, 0, 0), 7, 60, 0, None)
        receiver.received(b"b", TWO, 7, 60, 0, None)
        receiver.received(b"c", ("192.0.2.1", 9), 7, 60, 0, None)
        receiver.received(b"d", ("192.0.2.7", 862), 7, 60, 0, None)
        self.assertEqual(one.got, [(b"a", (*ONE, 0, 0)), (b"c", ("192.0.2.1", 9))])
        self.assertEqual(two.got, [(b"b", TWO)])
        second.close()
        receiver.received(b"e", ("192.0.2.7", 862), 7, 60, 0, None)
        self.assertEqual(one.got[2:], [(b"e", ("192.0.2.7", 862))])

    def test_departures(self) -> None:
        """Each sender's packets are counted apart, and their departures reported to it,
        by its own numbers."""
        (one, first), (two, second) = self.sender(ONE), self.sender(TWO)
        self.assertEqual(first.send(b"a", ONE), 0)
        self.assertEqual(second.send(b"b", TWO), 0)
        self.assertEqual(first.send(b"c", ONE), 1)
        receiver = self.opened[0].receiver
        for number in (2, 1, 0, 0, 99):
            receiver.transmitted(number, 1000 + number)
        self.assertEqual(one.got, [(1, 1002), (0, 1000)])
        self.assertEqual(two.got, [(0, 1001)])
        self.assertIs(first.readDepartures(1), False)

    def test_refused(self) -> None:
        """A packet that is refused is not counted, and its sender knows; the port may
        count from 0 again."""
        (one, first), (two, second) = self.sender(ONE), self.sender(TWO)
        first.send(b"a", ONE)
        second.send(b"b", TWO)
        port = self.opened[0]
        port.number = -1
        self.assertIsNone(first.send(b"c", ONE))
        self.assertEqual(one.got, [(errno.ENETUNREACH, ONE)])
        port.number = 0
        self.assertEqual(second.send(b"d", TWO), 1)
        port.receiver.transmitted(0, 1000)
        port.receiver.transmitted(1, 1001)
        self.assertEqual(two.got, [(1, 1000)])
        port.receiver.refused(errno.ECONNREFUSED, ("192.0.2.7", 862))
        port.receiver.refused(errno.ECONNREFUSED, TWO)
        self.assertEqual(two.got[1:], [(errno.ECONNREFUSED, TWO)])

    def test_departuresThatNeverCome(self) -> None:
        """Departures that are not reported take bounded memory."""
        _, first = self.sender(ONE)
        for _ in range(10_000):
            first.send(b"a", ONE)
        shared: Any = self.opened[0].receiver
        self.assertLessEqual(len(shared._departing), 256)
