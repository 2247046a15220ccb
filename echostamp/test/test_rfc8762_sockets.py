"""Tests for L{echostamp.rfc8762.sockets}."""

from __future__ import annotations

import errno
import select
import socket
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762 import sockets
from echostamp.rfc8762.sockets import boundUdpSocket, boundUdpSockets
from echostamp.test.fakes import osError
from echostamp.test.udpsockets import FakeSocketModule

SHARED = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


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

    def test_one(self) -> None:
        """One socket for one process shares its address with none."""
        (bound,) = boundUdpSockets("127.0.0.1", 862, 1)
        self.assertEqual(cast(Any, bound).options, [])

    def test_several(self) -> None:
        """The first is bound before it may share the address, so an address that is
        taken is found; the others get its port."""
        made: Any = boundUdpSockets("127.0.0.1", 862, 3)
        self.assertEqual([each.address for each in made], [("127.0.0.1", 862)] * 3)
        self.assertEqual([each.options for each in made], [[SHARED]] * 3)
        isShared = [each.optionsWhenBound == [SHARED] for each in made]
        self.assertEqual(isShared, [False, True, True])

    def test_severalRefused(self) -> None:
        """Where one cannot be made, none stays: for a full table of files, or where the
        system has no shared addresses."""
        made = FakeSocketModule.socket

        def refusing(module: FakeSocketModule, family: int, kind: int) -> Any:
            module.refusal = osError(errno.ENFILE) if len(module.made) == 2 else None
            return made(module, family, kind)

        self.patch(FakeSocketModule, "socket", refusing)
        self.assertRaises(OSError, boundUdpSockets, "127.0.0.1", 862, 3)
        self.assertEqual([each.isClosed for each in self.sockets.made], [True] * 3)
        self.sockets = FakeSocketModule()
        self.sockets.lacks = "SO_REUSEPORT"
        self.patch(sockets, "socket", self.sockets)
        error: Any = self.assertRaises(OSError, boundUdpSockets, "127.0.0.1", 862, 2)
        self.assertEqual(error.strerror, "Protocol not available")
        self.assertEqual([each.isClosed for each in self.sockets.made], [True])


class SharedAddressTests(SynchronousTestCase):
    """
    Real sockets at one address.
    """

    def test_spread(self) -> None:
        """Every flow has one socket, and many flows are spread over all; neither a
        socket that is alone nor another daemon's set may have the address, too."""
        group = boundUdpSockets("127.0.0.1", 0, 3)
        for each in group:
            self.addCleanup(each.close)
        (host, port) = group[0].getsockname()
        self.assertEqual({each.getsockname() for each in group}, {(host, port)})
        found: set[socket.socket] = set()
        flow = 0
        # So many flows leave one of three without any once in 10^10 times.
        while len(found) < len(group) and flow < 60:
            flow += 1
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                got = []
                for _ in range(2):
                    sender.sendto(b"%d" % flow, (host, port))
                    (readable, _, _) = select.select(group, [], [], 5)
                    got += [(each, each.recv(9)) for each in readable]
            self.assertEqual(got, [(got[0][0], b"%d" % flow)] * 2)
            found.add(got[0][0])
        self.assertEqual(found, set(group))
        for count in 1, 2:
            error: Any = self.assertRaises(OSError, boundUdpSockets, host, port, count)
            self.assertEqual(error.errno, errno.EADDRINUSE)
