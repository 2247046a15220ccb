"""Tests for L{echostamp.listen.sockets}."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen import sockets
from echostamp.listen.sockets import (
    boundTcpSockets,
    clash,
    dropNew,
    keepUrgentData,
    watchPeer,
)
from echostamp.test.fakes import FakeSocket, osError
from echostamp.test.listencases import ListenCase

REUSE = (socket.SOL_SOCKET, socket.SO_REUSEADDR)
REUSEPORT = (socket.SOL_SOCKET, socket.SO_REUSEPORT)
V6ONLY = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


class TcpTests(ListenCase):
    """
    TCP sockets are bound before they listen.
    """

    def test_everyAddressByOneSocket(self) -> None:
        """Without an interface one dual-stack socket is bound, whatever the system's
        default. It does not listen."""
        self.prepare("tcp:8002")
        (made,) = self.sockets.made
        self.assertEqual(made.family, socket.AF_INET6)
        self.assertEqual(made.address, ("::", 8002, 0, 0))
        self.assertEqual(made.options, {REUSE: 1, V6ONLY: 0})
        self.assertFalse(made.isBlocking)
        self.assertFalse(made.isClosed)
        self.assertEqual(self.sockets.listening, [])
        self.assertEqual(self.reactor.adoptedPorts, [])

    def test_machineWithoutIpv6(self) -> None:
        """Where the machine has no IPv6, or no IPv6 address, only IPv4 is bound."""
        for refused, number in [
            (socket.AF_INET6, errno.EAFNOSUPPORT),
            ("::", errno.EADDRNOTAVAIL),
        ]:
            self.sockets.made.clear()
            self.sockets.refusals = {refused: osError(number)}
            prepared = self.prepare("tcp:8002")
            *failed, made = self.sockets.made
            self.assertEqual(made.family, socket.AF_INET)
            self.assertEqual(made.address, ("0.0.0.0", 8002))
            self.assertEqual(made.options, {REUSE: 1})
            self.assertTrue(all(other.isClosed for other in failed))
            self.assertEqual(
                prepared.listen().getHost(), IPv4Address("TCP", "0.0.0.0", 1234)
            )

    def test_otherErrorsPass(self) -> None:
        """After any other error, such as a taken port, IPv4 is not tried. The socket is
        closed."""
        for number in errno.EADDRINUSE, errno.EACCES:
            self.sockets.made.clear()
            self.sockets.refusals = {"::": osError(number)}
            error = self.assertRaises(OSError, self.prepare, "tcp:8002")
            self.assertEqual(error.errno, number)
            (made,) = self.sockets.made
            self.assertTrue(made.isClosed)

    def test_fallbackFails(self) -> None:
        """An error of IPv4 is raised, and no socket stays open."""
        self.sockets.refusals = {
            "::": osError(errno.EADDRNOTAVAIL),
            "0.0.0.0": osError(errno.EADDRINUSE),
        }
        error = self.assertRaises(OSError, self.prepare, "tcp:8002")
        self.assertEqual(error.errno, errno.EADDRINUSE)
        self.assertEqual([made.isClosed for made in self.sockets.made], [True, True])

    def test_interface(self) -> None:
        """An address is bound by a socket of its own family."""
        self.patch(socket, "if_nametoindex", {"eth0": 7}.__getitem__)
        for interface, family, address in [
            ("127.0.0.1", socket.AF_INET, ("127.0.0.1", 80)),
            (r"\:\:1", socket.AF_INET6, ("::1", 80, 0, 0)),
            (r"fe80\:\:1%eth0", socket.AF_INET6, ("fe80::1", 80, 0, 7)),
            (r"fe80\:\:1%9", socket.AF_INET6, ("fe80::1", 80, 0, 9)),
        ]:
            self.sockets.made.clear()
            self.prepare(f"tcp:80:interface={interface}")
            (made,) = self.sockets.made
            self.assertEqual((made.family, made.address), (family, address))

    def test_interfaceHasNoFallback(self) -> None:
        """IPv4 is not tried for an IPv6 address that the machine does not have."""
        self.sockets.refusals = {"::1": osError(errno.EADDRNOTAVAIL)}
        error = self.assertRaises(OSError, self.prepare, r"tcp:80:interface=\:\:1")
        self.assertEqual(error.errno, errno.EADDRNOTAVAIL)

    def test_wrongAddresses(self) -> None:
        """A link-local address names its link, whatever kind of endpoint has it.  No
        socket is made for the address of a group."""
        for kind in "tcp", "tcp6", r"haproxy:tcp":
            for interface, why in [
                (r"fe80\:\:1", "needs its link, as fe80::1%eth0"),
                (r"ff02\:\:1%eth0", "is not the address of one machine"),
            ]:
                description = f"{kind}:80:interface={interface}"
                error = self.assertRaises(ValueError, self.prepare, description)
                self.assertIn(why, str(error))
        self.assertEqual(self.sockets.made, [])

    def test_linkThatIsNotThere(self) -> None:
        """An address on a link that does not exist is an error."""
        error = self.assertRaises(
            OSError, self.prepare, r"tcp:80:interface=fe80\:\:1%eth9"
        )
        self.assertIn("interface", str(error))
        self.assertTrue(self.sockets.made[0].isClosed)


class SharedTests(ListenCase):
    """
    TCP sockets that share one address.
    """

    def test_oneAddress(self) -> None:
        """All listen on one port, also where the system picks it."""
        self.patch(sockets, "socket", socket)
        bound = boundTcpSockets("127.0.0.1", 0, 3)
        for each in bound:
            self.addCleanup(each.close)
            self.assertEqual(each.getsockopt(*REUSEPORT), 1)
            self.assertEqual(each.getsockname(), bound[0].getsockname())
            each.listen()
        self.assertNotEqual(bound[0].getsockname()[1], 0)

    def test_anotherDaemonOfTheSameUser(self) -> None:
        """Another daemon that listens at the address is found, although its sockets
        share it, too."""
        self.patch(sockets, "socket", socket)
        (other,) = boundTcpSockets("127.0.0.1", 0, 1)
        self.addCleanup(other.close)
        other.listen()
        port = other.getsockname()[1]
        error = self.assertRaises(OSError, boundTcpSockets, "127.0.0.1", port, 2)
        self.assertEqual(error.errno, errno.EADDRINUSE)

    def test_oneCannotBeBound(self) -> None:
        """No socket stays open when one of them fails."""

        def refuse(bound: object, isBlocking: bool) -> None:
            if len(self.sockets.made) == 3:
                self.sockets.refusals["192.0.2.1"] = osError(errno.EADDRINUSE)

        self.patch(FakeSocket, "setblocking", refuse)
        self.assertRaises(OSError, boundTcpSockets, "192.0.2.1", 80, 9)
        closed = [each.isClosed for each in self.sockets.made]
        self.assertEqual(closed, [True, True, True])
        # The first one has looked for other daemons.
        shared = [REUSEPORT in each.options for each in self.sockets.made]
        self.assertEqual(shared, [False, True, True])


class ClashTests(SynchronousTestCase):
    """
    Tests for L{clash}.
    """

    def test_links(self) -> None:
        """A link-local address is another one on another link."""

        def bound(link: int) -> Any:
            return SimpleNamespace(getsockname=lambda: ("fe80::1", 8002, 0, link))

        self.assertTrue(clash(bound(2), bound(2)))
        self.assertFalse(clash(bound(2), bound(3)))


class DropNewTests(SynchronousTestCase):
    """
    The kernel drops new connections.
    """

    def test_dropNew(self) -> None:
        """A connection that waits is accepted and goes on.  A new one is neither
        accepted nor refused."""
        with socket.socket() as kept, socket.socket() as one, socket.socket() as other:
            kept.bind(("127.0.0.1", 0))
            kept.listen()
            kept.setblocking(False)
            one.connect(kept.getsockname())
            dropNew(kept)
            other.setblocking(False)
            found = other.connect_ex(kept.getsockname())
            self.assertEqual(found, errno.EINPROGRESS)
            accepted, _ = kept.accept()
            with accepted:
                accepted.setblocking(True)
                one.sendall(b"a message")
                self.assertEqual(accepted.recv(20), b"a message")
                one.shutdown(socket.SHUT_WR)
                self.assertEqual(accepted.recv(20), b"")
            self.assertRaises(BlockingIOError, kept.accept)
            self.assertEqual(other.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)


class UrgentDataTests(SynchronousTestCase):
    """
    Urgent data stays in the stream.
    """

    def test_keepUrgentData(self) -> None:
        """The kernel does not take it out."""
        with socket.socket() as made:
            keepUrgentData(made)
            self.assertEqual(made.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE), 1)


class WatchPeerTests(SynchronousTestCase):
    """
    The kernel ends connections whose peer has vanished.
    """

    def test_watchPeer(self) -> None:
        """The keepalive probes end within the limit, and so does the wait for an
        acknowledgement."""
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
