"""Tests for L{echostamp.probe.udpdialer}."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectBindError, ConnectError
from twisted.python.failure import Failure

from echostamp.connect.timed import NoAddress
from echostamp.probe import udpdialer
from echostamp.probe.interfaces import Link
from echostamp.probe.messages import Reply
from echostamp.probe.route import Route
from echostamp.probe.udpdialer import StampDialer
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.test.fakes import osError
from echostamp.test.stampruns import FarPort, StampCase
from echostamp.test.wires import THERE
from echostamp.times import Moment, Times


class Owner:
    """
    Keeps the links and the failures of a dialer.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.links: list[Link] = []

    def linkUp(self, link: Link) -> None:
        """Keep a link."""
        self.links.append(link)

    def dialing(self) -> None:
        """Ignore it."""

    def dialFailed(self, failure: Failure) -> None:
        """Keep a failure."""
        self.failures.append(failure)

    def linkReady(self) -> None:
        """Never called."""

    def answered(self, reply: Reply, at: Moment) -> bool:
        """Never called."""
        return False

    def corrected(self, seq: int, times: Times) -> bool:
        """Never called."""
        return False

    def strange(self, count: int) -> None:
        """Never called."""

    def linkDown(self, link: Link, reason: str) -> None:
        """Never called."""

    def closed(self) -> None:
        """Never called."""


class StampDialerTests(StampCase):
    """
    Tests for the way from a name to a socket.
    """

    def dial(self, route: Route) -> Owner:
        """Dial a reflector whose name has an address."""
        owner = Owner()
        self.dialer = StampDialer(
            *(self.reactor, ("far", 862), SenderSession(), route), self.clocks
        )
        self.dialer.start(owner)
        self.resolver.answer(IPv4Address("UDP", *THERE))
        return owner

    def test_noAddress(self) -> None:
        """A name without an address of the right type is looked up again, with backoff,
        until it has one."""
        owner = Owner()
        route = Route(only4=True)
        self.dialer = StampDialer(
            *(self.reactor, ("far", 862), SenderSession(), route), self.clocks
        )
        self.dialer.start(owner)
        for failures in range(1, 4):
            self.resolver.answer()
            self.assertEqual(len(owner.failures), failures)
            self.assertTrue(owner.failures[-1].check(NoAddress))
            self.assertFalse(self.dialer.isLookingUp)
            self.run_(60)
            self.assertTrue(self.dialer.isLookingUp)
        self.resolver.answer(IPv4Address("UDP", *THERE))
        self.assertEqual(owner.links, [])
        self.run_(1)
        self.assertEqual(len(owner.links), 1)
        self.dialer.stop()

    def test_stoppedWhileItWaits(self) -> None:
        """A stopped dialer looks up no name, and opens no socket."""
        owner = self.dial(Route(source="::1"))
        self.assertEqual(len(owner.failures), 0)
        self.dialer.stop()
        self.dialer = StampDialer(
            *(self.reactor, ("far", 862), SenderSession(), Route()), self.clocks
        )
        self.dialer.start(owner)
        self.resolver.answer()
        self.dialer.stop()
        self.run_(60)
        self.assertFalse(self.dialer.isLookingUp)
        self.dialer.start(owner)
        self.resolver.answer(IPv4Address("UDP", *THERE))
        self.run_(60)
        self.assertEqual(owner.links, [])

    def test_noRoute(self) -> None:
        """Without a route to the reflector, or without our own address, there is no
        link.  The dialer retries in both cases."""

        def fail(*arguments: Any) -> None:
            raise osError(errno.EADDRNOTAVAIL)

        for name, route, kind in [
            ("_sourceTo", Route(), ConnectError),
            ("boundUdpSocket", Route(source="192.0.2.3"), ConnectBindError),
        ]:
            patch = self.patch(udpdialer, name, fail)
            owner = self.dial(route)
            (failure,) = owner.failures
            self.assertIs(failure.type, kind)
            patch.restore()
            self.run_(2)
            self.resolver.answer(IPv4Address("UDP", *THERE))
            self.run_(1)
            self.assertEqual(len(owner.links), 1)
            self.dialer.stop()

    def test_noReading(self) -> None:
        """A socket that cannot be read is closed, and another one opened later."""

        def fail(port: FarPort) -> None:
            raise osError(errno.EMFILE)

        closed: list[FarPort] = []
        self.patch(FarPort, "close", lambda port: closed.append(port))
        patch = self.patch(FarPort, "startReading", fail)
        owner = self.dial(Route())
        (failure,) = owner.failures
        self.assertIsInstance(failure.value, OSError)
        self.assertEqual(closed, [self.near])
        patch.restore()
        self.run_(2)
        self.resolver.answer(IPv4Address("UDP", *THERE))
        self.run_(1)
        self.assertEqual(len(owner.links), 1)
        self.dialer.stop()
