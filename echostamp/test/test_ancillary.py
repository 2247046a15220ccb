"""Tests for L{echostamp.rfc8762.ancillary}."""

from __future__ import annotations

import socket
import struct
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.ancillary import Sending, SocketOptions
from echostamp.test.udpsockets import (
    COUNTED,
    IP_PKTINFO,
    IP_RECVERR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_TOS,
    IP_TTL,
    IPV6_PKTINFO,
    IPV6_RECVERR,
    SO_TIMESTAMPING,
    SO_TIMESTAMPNS,
    UNCOUNTED,
    FakeSocket,
    number,
)

IPV6_UNICAST_HOPS, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_TCLASS = 16, 51, 66, 67

SOL, IP, IP6 = socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6


class SocketOptionsTests(SynchronousTestCase):
    """
    The options of a UDP socket.
    """

    def make(self, family: int = socket.AF_INET) -> SocketOptions:
        """Make a socket, and what sets its options."""
        self.socket = FakeSocket(family)
        return SocketOptions(cast(Any, self.socket))

    def test_each(self) -> None:
        """Each family has its own options."""
        for family, expected in [
            (socket.AF_INET, [(IP, IP_RECVERR, 1), (IP, IP_TTL, 9)]),
            (socket.AF_INET6, [(IP6, IPV6_RECVERR, 1), (IP6, IPV6_UNICAST_HOPS, 9)]),
        ]:
            options = self.make(family)
            self.assertTrue(options.queueErrors())
            options.setTtl(9)
            self.assertEqual(self.socket.options, expected)

    def test_timestamps(self) -> None:
        """Departures are counted from 0: the count is switched off, then on."""
        options = self.make()
        self.assertTrue(options.stampArrivals())
        self.assertTrue(options.countDepartures())
        self.assertEqual(
            self.socket.options,
            [
                (SOL, SO_TIMESTAMPNS, 1),
                (SOL, SO_TIMESTAMPING, UNCOUNTED),
                (SOL, SO_TIMESTAMPING, COUNTED),
            ],
        )

    def test_lacking(self) -> None:
        """An option that the system lacks is reported, and the others are set."""
        options = self.make()
        self.socket.refused = {(IP, IP_RECVTTL), (SOL, SO_TIMESTAMPNS)}
        self.assertFalse(options.describeArrivals(isWildcard=True))
        self.assertFalse(options.stampArrivals())
        self.assertEqual(
            self.socket.options, [(IP, IP_RECVTOS, 1), (IP, IP_PKTINFO, 1)]
        )


class SendingTests(SynchronousTestCase):
    """
    The ancillary data of datagrams that are sent.
    """

    def test_none(self) -> None:
        """A datagram that wants nothing has none."""
        self.assertEqual(Sending(is6=False).beside(None, 0), [])

    def test_ipv4(self) -> None:
        """A datagram comes from the wanted address, and has the wanted class."""
        sending = Sending(is6=False)
        ours = bytes([192, 0, 2, 77])
        source = (IP, IP_PKTINFO, struct.pack("@i4s4s", 0, ours, bytes(4)))
        mark = number(IP, IP_TOS, 0xB8)
        self.assertEqual(sending.beside(ours, 0), [source])
        self.assertEqual(sending.beside(ours, 0xB8), [source, mark])
        self.assertEqual(sending.beside(None, 0xB8), [mark])

    def test_ipv6(self) -> None:
        """The same holds for IPv6."""
        ours = socket.inet_pton(socket.AF_INET6, "2001:db8::77")
        source = (IP6, IPV6_PKTINFO, ours + struct.pack("@i", 0))
        self.assertEqual(
            Sending(is6=True).beside(ours, 0xB8),
            [source, number(IP6, IPV6_TCLASS, 0xB8)],
        )

    def test_bounded(self) -> None:
        """The data are kept for a limited number of addresses."""
        sending = Sending(is6=False)
        for each in range(3000):
            ours = struct.pack("!I", each)
            [(_, _, octets)] = sending.beside(ours, 0)
            self.assertEqual(octets[4:8], ours)
            self.assertLessEqual(len(sending._sources), 1024)
