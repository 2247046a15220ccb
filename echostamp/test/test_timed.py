"""Tests for L{echostamp.connect.timed}."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.addresses import scoped
from echostamp.connect.failures import whatFailed
from echostamp.connect.target import Target, parseTarget
from echostamp.connect.timed import MOST_ADDRESSES, NoAddress, TimedEndpoint
from echostamp.test.fakes import FakeReactor, Resolver
from echostamp.times import SetUp

SIX = IPv6Address("TCP", "2001:db8::1", 7)
FOUR = IPv4Address("TCP", "192.0.2.1", 7)


#: A link-local address on the first link.
LINK_LOCAL = IPv6Address("TCP", "fe80::1", 7, 0, 1)


class TimedEndpointTests(SynchronousTestCase):
    """
    L{TimedEndpoint} connects step by step, and times each step.
    """

    def setUp(self) -> None:
        """Make a reactor whose name resolver waits."""
        self.reactor = FakeReactor()
        self.resolver = self.reactor.nameResolver = Resolver()

    def endpoint(self, target: str | Target, **options: Any) -> TimedEndpoint:
        """Make an endpoint for a target."""
        if isinstance(target, str):
            target = parseTarget(self.reactor, target, 5)
        return TimedEndpoint(
            self.reactor,
            target,
            5,
            clock=lambda: round(self.reactor.seconds() * 1e9),
            **options,
        )

    def connect(self, endpoint: TimedEndpoint) -> Deferred[Any]:
        """Begin to connect."""
        return endpoint.connect(Factory.forProtocol(Protocol))

    def accept(self) -> None:
        """Let the last attempt to connect succeed."""
        factory: Any = self.reactor.tcpClients[-1][2]
        factory.buildProtocol(None).makeConnection(StringTransport())

    def refuse(self) -> None:
        """Let the last attempt to connect fail."""
        factory: Any = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def test_steps(self) -> None:
        """The look-up and the connection are timed separately."""
        endpoint = self.endpoint("far:7")
        connected = self.connect(endpoint)
        self.reactor.advance(2)
        self.resolver.answer(FOUR)
        self.reactor.advance(3)
        self.accept()
        self.assertIsInstance(self.successResultOf(connected), Protocol)
        self.assertEqual(endpoint.setUp, SetUp(2_000_000_000, 3_000_000_000))

    def test_addresses(self) -> None:
        """Each address is tried once, in the order in which it was found."""
        connected = self.connect(self.endpoint("far:7"))
        self.resolver.answer(SIX, FOUR, SIX)
        self.refuse()
        self.accept()
        self.successResultOf(connected)
        tried = [(host, port) for host, port, *_ in self.reactor.tcpClients]
        self.assertEqual(tried, [("2001:db8::1", 7), ("192.0.2.1", 7)])

    def test_manyAddresses(self) -> None:
        """Of very many addresses only the first ones are tried."""
        connected = self.connect(self.endpoint("far:7"))
        hosts = (f"192.0.2.{each % 256}" for each in range(1000))
        self.resolver.answer(*(IPv4Address("TCP", host, 7) for host in hosts))
        while not connected.called:
            self.refuse()
        self.failureResultOf(connected, ConnectionRefusedError)
        self.assertEqual(len(self.reactor.tcpClients), MOST_ADDRESSES)

    def test_nobodyAnswers(self) -> None:
        """If no address answers, the first one's error is reported."""
        endpoint = self.endpoint("far:7")
        connected = self.connect(endpoint)
        self.resolver.answer(SIX, FOUR)
        self.refuse()
        self.refuse()
        self.failureResultOf(connected, ConnectionRefusedError)
        self.assertIsNone(endpoint.setUp.connect)

    def test_linkLocal(self) -> None:
        """The link of an address is kept."""
        self.connect(self.endpoint("far:7"))
        self.resolver.answer(LINK_LOCAL)
        [(host, *_)] = self.reactor.tcpClients
        self.assertEqual(host, scoped("fe80::1", 1))
        self.assertIn("%", host)

    def test_noLink(self) -> None:
        """A link-local address without its link is left out.  Where a name has no other
        address, the error says what is missing."""
        lost = IPv6Address("TCP", "fe80::1", 7)
        self.connect(self.endpoint("far:7"))
        self.resolver.answer(lost, FOUR)
        self.assertEqual([to[0] for to in self.reactor.tcpClients], ["192.0.2.1"])
        connected = self.connect(self.endpoint("far:7"))
        self.resolver.answer(lost)
        failure = self.failureResultOf(connected, NoAddress)
        self.assertEqual(
            whatFailed(failure),
            "its address is fe80::1: a link-local address needs its link, as "
            "fe80::1%eth0",
        )

    def test_noLookUp(self) -> None:
        """An IPv4 address is not looked up."""
        endpoint = self.endpoint("192.0.2.1:7")
        connected = self.connect(endpoint)
        self.assertFalse(endpoint.isLookingUp)
        self.accept()
        self.successResultOf(connected)
        self.assertIsNone(endpoint.setUp.resolve)

    def test_silentTls(self) -> None:
        """A TLS handshake without an answer times out."""
        connected = self.connect(self.endpoint("tls:192.0.2.1:7"))
        self.accept()
        self.reactor.advance(4.9)
        self.assertNoResult(connected)
        self.reactor.advance(0.2)
        failure = self.failureResultOf(connected)
        self.assertEqual(whatFailed(failure), "it did not answer in time")

    def test_noName(self) -> None:
        """A name without addresses does not resolve; one without addresses of the
        requested type says so."""
        endpoint = self.endpoint("far:7")
        connected = self.connect(endpoint)
        self.assertTrue(endpoint.isLookingUp)
        self.resolver.answer()
        self.failureResultOf(connected, DNSLookupError)
        self.assertFalse(endpoint.isLookingUp)
        connected = self.connect(self.endpoint("far:7", addressTypes=[IPv6Address]))
        self.resolver.answer()
        failure = self.failureResultOf(connected, NoAddress)
        self.assertEqual(whatFailed(failure), "there is no IPv6 address for it")

    def test_kindOfAddress(self) -> None:
        """Only addresses of the requested type are looked up, and the connection comes
        from the requested source."""
        endpoint = self.endpoint("far:7", addressTypes=[IPv6Address], source="::1")
        self.connect(endpoint)
        self.assertEqual(self.resolver.questions, [("far", 7, [IPv6Address], "TCP")])
        self.resolver.answer(SIX)
        self.assertEqual(self.reactor.tcpClients[0][4], ("::1", 0))

    def test_namesAreLookedUpAgain(self) -> None:
        """Each connection looks the name up again, and has times of its own."""
        endpoint = self.endpoint("far:7")
        self.connect(endpoint)
        self.resolver.answer(FOUR)
        self.accept()
        before = endpoint.setUp
        self.connect(endpoint)
        self.assertEqual(len(self.resolver.questions), 2)
        self.assertIsNot(endpoint.setUp, before)
        self.assertEqual(endpoint.setUp, SetUp())

    def test_namesOutsideAscii(self) -> None:
        """The resolver is asked for the A-label of a name, by IDNA 2008."""
        self.connect(self.endpoint("Straße.example:7"))
        self.assertEqual(self.resolver.questions[0][0], "xn--strae-oqa.example")

    def test_otherEndpoints(self) -> None:
        """A Twisted endpoint is timed as a whole, without a look-up."""
        endpoint = self.endpoint("tcp:192.0.2.1:7")
        connected = self.connect(endpoint)
        self.reactor.advance(1)
        self.accept()
        self.successResultOf(connected)
        self.assertEqual(endpoint.setUp, SetUp(None, 1_000_000_000))

    def test_cancelled(self) -> None:
        """Cancelling stops the attempt."""
        connected = self.connect(self.endpoint("far:7"))
        self.resolver.answer(FOUR)
        connected.cancel()
        self.failureResultOf(connected)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
