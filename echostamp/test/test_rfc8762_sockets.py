"""Tests for L{echostamp.rfc8762.sockets}."""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762 import sockets
from echostamp.rfc8762.sockets import boundUdpSocket
from echostamp.test.fakes import osError
from echostamp.test.udpsockets import FakeSocketModule


class BoundUdpSocketTests(SynchronousTestCase):
    """
    UDP sockets at addresses.
    """

    def setUp(self) -> None:
        """Replace the system's sockets."""
        self.sockets = FakeSocketModule()
        self.patch(sockets, "socket", self.sockets)

    def test_families(self) -> None:
        """The address gives the family; an IPv6 socket takes no IPv4."""
        bound: Any = boundUdpSocket("127.0.0.1", 862)
        self.assertEqual(bound.family, socket.AF_INET)
        self.assertEqual((bound.address, bound.isBlocking), (("127.0.0.1", 862), False))
        self.assertEqual(bound.options, [])
        bound = boundUdpSocket("::1", 863)
        self.assertEqual(bound.family, socket.AF_INET6)
        self.assertEqual(bound.address, ("::1", 863, 0, 0))
        only = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.assertEqual(bound.options, [only])

    def test_names(self) -> None:
        """No name is looked up."""
        self.assertRaises(OSError, boundUdpSocket, "localhost", 862)
        self.assertEqual(self.sockets.made, [])

    def test_noLink(self) -> None:
        """A link that is not there is named as that."""
        host = "fe80::1%nosuchlink"
        error: Any = self.assertRaises(OSError, boundUdpSocket, host, 862)
        self.assertEqual(error.strerror, "There is no such link")

    def test_refused(self) -> None:
        """Where the address is not available, the socket is closed."""
        self.sockets.refusal = osError(errno.EADDRINUSE)
        self.assertRaises(OSError, boundUdpSocket, "127.0.0.1", 862)
        self.assertTrue(self.sockets.made[0].isClosed)

    def test_broadcast(self) -> None:
        """A network's broadcast address is refused; the socket is closed."""
        error: Any = self.assertRaises(OSError, boundUdpSocket, "192.0.2.255", 862)
        self.assertEqual(error.errno, errno.EADDRNOTAVAIL)
        self.assertEqual([each.isClosed for each in self.sockets.made], [True])
