"""Tests for L{echostamp.tcpinfo}."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.tcpinfo import TcpInfo, acknowledged, tcpInfo
from echostamp.test.fakes import FakeTcpSocket


class TcpInfoTests(SynchronousTestCase):
    """
    The kernel's figures of a TCP connection.
    """

    def test_layout(self) -> None:
        """C{struct tcp_info} has eight octets, then numbers of four octets: C{tcpi_rtt}
        is the 16th of them, C{tcpi_total_retrans} the 24th."""
        numbers = list(range(100, 124))
        answer = bytes(8) + struct.pack("=24I", *numbers)
        self.assertEqual(tcpInfo(FakeTcpSocket(answer)), TcpInfo(115_000, 123))

    def test_real(self) -> None:
        """A real socket that is not connected has zeros."""
        with socket.socket() as connection:
            self.assertEqual(tcpInfo(connection), TcpInfo(0, 0))

    def test_nothingToTell(self) -> None:
        """Other sockets, other systems, and closed sockets have no figures."""
        with socket.socket(socket.AF_UNIX) as connection:
            self.assertIsNone(tcpInfo(connection))
        self.assertIsNone(tcpInfo(None))
        self.assertIsNone(tcpInfo(FakeTcpSocket(b"")))
        self.assertIsNone(tcpInfo(FakeTcpSocket(b"short")))


class AcknowledgedTests(SynchronousTestCase):
    """
    How many octets a peer has taken.
    """

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
