"""Tests for L{echostamp.web.site}."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.gate import Gate
from echostamp.test.fakes import FakeReactor, lost
from echostamp.test.webclients import FakeSource, FakeWebConnection, WebClient
from echostamp.web.site import WebSite, webPages


class SiteTests(SynchronousTestCase):
    """
    Tests for L{WebSite} and L{webPages}.
    """

    def setUp(self) -> None:
        """Make a site."""
        self.reactor = FakeReactor()
        self.source = FakeSource()
        self.site = WebSite(self.reactor, webPages(self.reactor, self.source))
        self.client = WebClient(self.site, self.reactor)

    def test_index(self) -> None:
        """The first page has the matrix, and names others."""
        self.client.get("/")
        for _ in range(50):
            self.reactor.advance(0)
            self.client.connection.turn()
        found = self.client.answer()
        self.assertEqual(found.status, 200)
        for each in "ams", "fra":
            self.assertIn(f'href="peer/{each}"', found.text)
        for path in "./", "events", "metrics", "static/style.css":
            self.assertIn(f'href="{path}"', found.text)

    def test_health(self) -> None:
        """While the event loop turns, the daemon is healthy, ready or not."""
        for self.source.isUp in True, False:
            self.client.get("/healthz")
            found = self.client.answer()
            self.assertEqual((found.status, found.text), (200, "ok\n"))

    def test_readiness(self) -> None:
        """Whether it is ready, it says itself."""
        for self.source.isUp, expected in (
            (True, (200, "ready\n")),
            (False, (503, "not ready\n")),
        ):
            self.client.get("/readyz")
            found = self.client.answer()
            self.assertEqual((found.status, found.text), expected)

    def test_noLog(self) -> None:
        """A site that listens opens no log, and sets no timer."""
        before = len(self.reactor.getDelayedCalls())
        self.site.doStart()
        self.assertEqual(len(self.reactor.getDelayedCalls()), before)
        self.site.doStop()

    def test_behindAGate(self) -> None:
        """The gate of the daemon's other connections limits those of the site."""
        refused: list[str] = []
        gate = Gate(self.site, lambda peer, why: refused.append(why), most=1)
        address = IPv4Address("TCP", "192.0.2.1", 4711)
        connection = FakeWebConnection(self.reactor)
        protocol = connection.protocol = gate.buildProtocol(address)
        assert protocol is not None
        protocol.makeConnection(connection)
        self.assertIsNone(gate.buildProtocol(address))
        self.assertEqual(refused, ["more than 1 connection"])
        protocol.dataReceived(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.turn()
        self.assertTrue(connection.sent.startswith(b"HTTP/1.1 200 OK\r\n"))
        lost(connection)
        self.assertIsNotNone(gate.buildProtocol(address))
