"""Tests for L{echostamp.web.roompage}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.test.htmlpages import Page
from echostamp.test.webclients import WebClient
from echostamp.web.roompage import roomPage
from echostamp.web.site import WebSite


class RoomPageTests(SynchronousTestCase):
    """
    Tests for L{roomPage}.
    """

    def setUp(self) -> None:
        """Make a site that has the page only."""
        reactor = FakeReactor()
        self.client = WebClient(WebSite(reactor, {b"/room": roomPage}), reactor)

    def test_page(self) -> None:
        """It is whole, loads its script and its style, and has a place for each thing
        that the script looks for."""
        self.client.get("/room", "Accept-Encoding: gzip")
        found = self.client.answer()
        self.assertEqual(found.status, 200)
        page = Page(found.text)
        named = {attributes.get("id") for _, attributes in page.elements}
        for each in "join", "name", "room", "lines", "newer", "say", "line", "who":
            self.assertIn(each, named)
        for each in 'src="static/room.js"', 'href="static/room.css"':
            self.assertIn(each, found.text)
        self.assertIn('<a href="room" aria-current="page">Room</a>', found.text)
        # A page without a script would lose what is typed if it were read again.
        self.assertNotIn("http-equiv", found.text)

    def test_nothingInline(self) -> None:
        """It has no script and no style of its own, which its policy would forbid."""
        self.client.get("/room")
        found = self.client.answer()
        self.assertIn("connect-src 'self'", found.headers["content-security-policy"])
        for tag, attributes in Page(found.text).elements:
            self.assertNotIn("style", attributes)
            self.assertFalse([each for each in attributes if each.startswith("on")])
            self.assertTrue(tag != "script" or attributes["src"])
            self.assertNotEqual(tag, "style")

    def test_head(self) -> None:
        """A request of HEAD gets no body."""
        self.client.get("/room", method="HEAD")
        self.assertEqual(self.client.answer(hasBody=False).status, 200)
        self.assertTrue(bytes(self.client.connection.sent).endswith(b"\r\n\r\n"))
