"""Tests for L{echostamp.monitor.resolving}."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IHostnameResolver
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.connect.timed import NoAddress, lookUp
from echostamp.monitor.resolving import AT_ONCE, LONGEST, PeerReactor, PeerResolver
from echostamp.test.fakes import Addresses, FakeReactor, Resolver


def addresses(*hosts: str) -> list[IPv4Address]:
    """Make addresses."""
    return [IPv4Address("TCP", host, 0) for host in hosts]


class PeerResolverTests(SynchronousTestCase):
    """
    How a peer's name is looked up.
    """

    def setUp(self) -> None:
        """Make the resolver of a peer at C{192.0.2.2}."""
        self.reactor: Any = FakeReactor()
        self.answers = self.reactor.nameResolver = Resolver()
        self.turns = DeferredSemaphore(AT_ONCE)
        self.found: list[list[str]] = []
        self.resolver = self.make()
        self.resolver.present = lambda: "192.0.2.2"

    def make(self) -> PeerResolver:
        """Make a resolver."""
        resolver = PeerResolver(self.reactor, self.turns)
        resolver.present = str
        resolver.found = self.found.append
        return resolver

    def test_interface(self) -> None:
        """It is a resolver of Twisted's."""
        verifyObject(IHostnameResolver, self.resolver)

    def test_presentAddressFirst(self) -> None:
        """While the name has the present address, that one is used."""
        near = PeerReactor(self.reactor, self.resolver)
        looked: Any = self.looking(near)
        self.answers.answer(*addresses("192.0.2.1", "192.0.2.2", "192.0.2.3"))
        hosts = [each.host for each in self.successResultOf(looked)]
        self.assertEqual(hosts, ["192.0.2.2", "192.0.2.1", "192.0.2.3"])
        self.assertEqual(self.found, [hosts])

    def test_link(self) -> None:
        """A link-local address is found with its link."""
        self.patch(socket, "if_indextoname", lambda number: f"eth{number}")
        self.resolver.check("far")
        self.answers.answer(IPv6Address("TCP", "fe80::1", 0, 0, 2))
        self.assertEqual(self.found, [["fe80::1%eth2"]])

    def looking(self, reactor: Any) -> Any:
        """Look a name up, as a dialer does."""
        from twisted.internet.defer import Deferred

        return Deferred.fromCoroutine(lookUp(reactor, "far", 7, [IPv4Address]))

    def test_check(self) -> None:
        """A look-up without a connection only reports the addresses."""
        self.resolver.check("far")
        self.assertEqual(self.answers.questions, [("far", 0, None, "TCP")])
        self.answers.answer()
        self.assertEqual(self.found, [[]])

    def test_checkAsksAsTheDialer(self) -> None:
        """A check asks for addresses of the kinds that the dialer can use."""
        self.looking(PeerReactor(self.reactor, self.resolver))
        self.resolver.check("far")
        kinds = [types for _, _, types, _ in self.answers.questions]
        self.assertEqual(kinds, [[IPv4Address]] * 2)

    def test_checksDoNotPileUp(self) -> None:
        """While a check has no answer, there is no other one."""
        self.resolver.check("far")
        self.resolver.check("far")
        self.assertEqual(len(self.answers.questions), 1)
        self.reactor.advance(LONGEST)
        self.resolver.check("far")
        self.assertEqual(len(self.answers.questions), 2)

    def test_takesTooLong(self) -> None:
        """A look-up that takes too long finds nothing; a later answer is ignored."""
        self.resolver.check("far")
        self.reactor.advance(LONGEST - 1)
        self.assertEqual(self.found, [])
        self.reactor.advance(1)
        self.assertEqual(self.found, [[]])
        self.answers.answer(*addresses("192.0.2.1"))
        self.assertEqual(self.found, [[]])

    def test_atOnce(self) -> None:
        """Only so many names are looked up at a time."""
        for _ in range(AT_ONCE + 3):
            self.make().check("far")
        self.assertEqual(len(self.answers.questions), AT_ONCE)
        self.answers.answer(*addresses("192.0.2.1"))
        self.assertEqual(len(self.answers.questions), AT_ONCE + 1)

    def test_together(self) -> None:
        """Those who ask for a name at the same time get the same answer."""
        asking = [Addresses() for _ in range(3)]
        for each in asking:
            self.resolver.resolveHostName(each, "far", 7, [IPv4Address])
        self.assertEqual(len(self.answers.questions), 1)
        expected = addresses("192.0.2.1", "192.0.2.3")
        self.answers.answer(*expected)
        for each in asking:
            self.assertEqual((each.found, each.isComplete), (expected, True))
        self.assertEqual(self.found, [["192.0.2.1", "192.0.2.3"]])
        self.resolver.resolveHostName(asking[0], "far", 7, [IPv4Address])
        self.assertEqual(len(self.answers.questions), 2)

    def test_stopped(self) -> None:
        """After the end nothing is found: neither by the look-up that goes on, nor by
        those that wait for their turn.  Those of others take these turns."""
        gone = [self.make() for _ in range(1000)]
        for each in gone:
            each.check("gone")
        looked: Any = self.looking(PeerReactor(self.reactor, gone[-1]))
        self.make().check("far")
        for each in gone:
            each.stop()
        self.failureResultOf(looked, NoAddress)
        self.answers.answer(*addresses("192.0.2.1"))
        self.assertEqual(self.found, [])
        self.assertEqual(self.answers.questions[AT_ONCE:], [("far", 0, None, "TCP")])
        self.answers.answer(*addresses("192.0.2.1"))
        self.assertEqual(self.found, [["192.0.2.1"]])

    def test_passesOnTheRest(self) -> None:
        """Everything else is the reactor's."""
        near = PeerReactor(self.reactor, self.resolver)
        self.assertEqual(near.seconds(), self.reactor.seconds())
