"""Tests for L{echostamp.web.matrixpage}."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import Answer, WebClient
from echostamp.test.webrows import NOW, down, elements, mesh, path, source
from echostamp.web.matrixfilter import MatrixFilter
from echostamp.web.matrixpage import MatrixPage, WantedPage
from echostamp.web.rowdata import SourceRow
from echostamp.web.site import WebSite


class Rows:
    """
    Rows of this daemon and of others.

    @ivar all: the rows, the own one first.
    @ivar asked: how often others were asked for.
    """

    def __init__(self) -> None:
        self.all = mesh(["ams1", "fra1", "lon1"])
        self.asked = 0
        self.waiting: Deferred[SourceRow] | None = None

    def row(self) -> Deferred[SourceRow]:
        """Give the own row."""
        return self.waiting or succeed(self.all[0])

    def rows(self) -> list[SourceRow]:
        """Give the others."""
        self.asked += 1
        return self.all[1:]


class PageTests(SynchronousTestCase):
    """
    Tests for L{MatrixPage}.
    """

    def setUp(self) -> None:
        """Make a site."""
        self.reactor = FakeReactor()
        self.rows = Rows()
        page = MatrixPage(self.reactor, self.rows, self.rows, lambda: NOW)
        self.site = WebSite(self.reactor, {b"/": page})

    def turn(self, *clients: WebClient) -> None:
        """Let the reactor work without time."""
        for _ in range(60):
            self.reactor.advance(0)
            for each in clients:
                each.connection.turn()

    def get(self, path: str, *headers: str) -> Answer:
        """Ask for a page."""
        client = WebClient(self.site, self.reactor)
        client.get(path, *headers)
        self.turn(client)
        return client.answer()

    def test_page(self) -> None:
        """The page has the matrix, filters, a legend, and names its daemon."""
        found = self.get("/")
        self.assertEqual(found.status, 200)
        html = found.text
        elements(html.partition(">")[2])
        self.assertIn("<title>EchoStamp: ams1</title>", html)
        self.assertIn("<h1>ams1</h1>", html)
        for each in "<table ", "<form ", 'class="legend"', "</html>":
            self.assertIn(each, html)
        self.assertIn('href="peer/fra1"', html)
        self.assertIn('<option value="site=fra1">', html)

    def test_headers(self) -> None:
        """It loads nothing from elsewhere, has nothing inline, and sets no cookie."""
        headers = self.get("/").headers
        self.assertEqual(headers["content-type"], "text/html; charset=utf-8")
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["vary"], "Accept-Encoding")
        self.assertNotIn("set-cookie", headers)
        html = self.get("/").text
        for each in elements(html.partition(">")[2]):
            self.assertNotIn("style", each.attributes)
            self.assertFalse([name for name in each.attributes if name[:2] == "on"])
            if each.tag in ("script", "style"):
                self.assertEqual((each.tag, each.text), ("script", ""))

    def test_links(self) -> None:
        """All of its own links are relative."""
        html = self.get("/").text
        for each in elements(html.partition(">")[2]):
            for name in "href", "src", "action":
                value = each.attributes.get(name, "x")
                self.assertNotRegex(value, r"^/|^[a-z]+:")

    def test_part(self) -> None:
        """The script asks for what changes only."""
        whole, part = self.get("/").text, self.get("/?part=table").text
        self.assertIn(part, whole)
        self.assertTrue(part.startswith("<div data-key="))
        self.assertNotIn("<html", part)
        self.assertNotIn("<form", part)

    def test_filter(self) -> None:
        """The filter of the URL is that of the page and of the part."""
        for each in "/?target=lon&show=rtt", "/?part=table&target=lon&show=rtt":
            html = self.get(each).text
            self.assertIn('href="peer/lon1"', html)
            self.assertNotIn('href="peer/fra1"', html)
            self.assertIn("rtt", html)
        self.assertIn('value="lon"', self.get("/?target=lon").text)

    def test_compressed(self) -> None:
        """It is compressed for those who ask."""
        found = self.get("/", "Accept-Encoding: gzip")
        self.assertEqual(found.headers["content-encoding"], "gzip")
        self.assertEqual(found.body, self.get("/").body)

    def test_head(self) -> None:
        """HEAD gets the headers of GET."""
        client = WebClient(self.site, self.reactor)
        client.get("/", method="HEAD")
        self.turn(client)
        found = client.answer(hasBody=False)
        self.assertEqual(found.status, 200)
        self.assertEqual(found.headers["content-type"], "text/html; charset=utf-8")
        self.assertIn("content-security-policy", found.headers)
        client.get("/")
        self.turn(client)
        self.assertEqual(client.answer().status, 200)

    def test_shared(self) -> None:
        """Many browsers within a second see what was made once."""
        clients = [WebClient(self.site, self.reactor) for _ in range(200)]
        for each in clients:
            each.get("/?part=table")
        self.turn(*clients)
        found = {each.answer().body for each in clients}
        self.assertEqual((len(found), self.rows.asked), (1, 1))
        self.reactor.advance(1)
        self.get("/?part=table")
        self.assertEqual(self.rows.asked, 2)

    def test_changes(self) -> None:
        """A second later it shows what is new."""
        self.assertNotIn("✕", self.get("/?part=table").text)
        self.rows.all[0] = source("ams1", down("fra1"), path("lon1"))
        self.reactor.advance(1)
        self.assertIn("✕", self.get("/?part=table").text)

    def test_nothing(self) -> None:
        """Without peers, and where nothing matches the filter, it says so."""
        self.assertIn("No path matches", self.get("/?target=nowhere").text)
        self.rows.all = [SourceRow("ams1", at=NOW)]
        self.reactor.advance(1)
        found = self.get("/").text
        self.assertIn("No peer is watched.", found)
        self.assertNotIn("<table", found)

    def test_waits(self) -> None:
        """It waits for the own row."""
        self.rows.waiting = Deferred()
        client = WebClient(self.site, self.reactor)
        client.get("/")
        self.turn(client)
        self.assertRaises(ValueError, client.answer)
        self.rows.waiting.callback(self.rows.all[0])
        self.turn(client)
        self.assertEqual(client.answer().status, 200)

    def test_gone(self) -> None:
        """A client that has gone meanwhile is left alone."""
        self.rows.waiting = Deferred()
        client = WebClient(self.site, self.reactor)
        client.get("/")
        client.leave()
        self.rows.waiting.callback(self.rows.all[0])
        self.turn(client)
        self.assertEqual(self.rows.asked, 0)

    def test_noRow(self) -> None:
        """If the own row cannot be made, that is an error of the server."""
        self.rows.waiting = fail(RuntimeError("broken on purpose"))
        self.assertEqual(self.get("/").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_smallSteps(self) -> None:
        """Each source is judged and written in steps of its own."""
        page = MatrixPage(self.reactor, self.rows, self.rows, lambda: NOW)
        self.rows.all = mesh([f"h{each}" for each in range(20)])
        steps = list(page.pieces(WantedPage(MatrixFilter())))
        self.assertGreater(len(steps), 20 * 4)
        self.assertLess(max(map(len, steps)), sum(map(len, steps)) / 4)
