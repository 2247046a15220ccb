"""Tests for L{echostamp.tcpinfo}."""

from __future__ import annotations

import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from echostamp.tcpinfo import TcpInfo, tcpInfo
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
