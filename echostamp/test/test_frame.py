"""Tests for L{echostamp.web.frame} and L{echostamp.web.escaping}."""

from __future__ import annotations

from html import unescape
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.text import printable
from echostamp.web.escaping import asHtml, asPath, pageOf
from echostamp.web.frame import PAGE_END, pageHead


class FrameTests(SynchronousTestCase):
    """
    Tests for L{pageHead}.
    """

    def test_links(self) -> None:
        """All links are relative: to the page's own folder, or up from it."""
        first = pageHead("x")
        self.assertIn('href="./">Matrix<', first)
        self.assertIn('href="events">Events<', first)
        self.assertIn('src="static/page.js" defer', first)
        deep = pageHead("x", "../../", styles=["plot.css"], scripts=["plot.js"])
        for each in (
            'href="../../">Matrix<',
            'href="../../metrics">Metrics<',
            'href="../../static/plot.css"',
            'src="../../static/plot.js" defer',
        ):
            self.assertIn(each, deep)

    def test_here(self) -> None:
        """The link to the page itself says so."""
        found = pageHead("x", here="Events")
        self.assertEqual(found.count("aria-current"), 1)
        self.assertIn('href="events" aria-current="page">Events<', found)

    def test_title(self) -> None:
        """The title is escaped."""
        self.assertIn("<title>&lt;b&gt;&amp;</title>", pageHead("<b>&"))

    def test_whole(self) -> None:
        """What the beginning opens the end closes."""
        found = pageHead("x") + PAGE_END
        for each in "html", "head", "body", "header", "main", "noscript":
            self.assertIn(f"</{each}>", found)

    def test_withoutAScript(self) -> None:
        """Without a script the page is read again."""
        self.assertIn(
            '<noscript><meta http-equiv="refresh" content="10"></noscript>',
            pageHead("x"),
        )


class EscapingTests(SynchronousTestCase):
    """
    Tests for L{asHtml}, L{asPath} and L{pageOf}.
    """

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """A text is shown as a terminal shows it, and ends neither a tag nor an
        attribute."""
        found = asHtml(text)
        self.assertEqual(unescape(found), unescape(asHtml(printable(text))))
        self.assertFalse(set("<>\"'\r\n\0") & set(found))
        found.encode()

    def test_plain(self) -> None:
        """Plain text stays."""
        for each in "ams1", "Zürich 1", "a/192.0.2.1":
            self.assertEqual(asHtml(each), each)
        self.assertEqual(asHtml("a\u202eb\ud800"), "a\\u202eb\\ud800")

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_paths(self, name: str) -> None:
        """A name in a path can be read again, and is safe within HTML."""
        found = asPath(name)
        self.assertEqual(unquote(found), name)
        self.assertFalse(set("<>\"'&?#% ") & set(found.replace("%", "")))

    def test_pages(self) -> None:
        """The page of a peer is at this daemon, or at one of the web."""
        self.assertEqual(pageOf("", "a/192.0.2.1"), "peer/a/192.0.2.1")
        self.assertEqual(pageOf("http://h:1", "a b"), "http://h:1/peer/a%20b")
        self.assertEqual(pageOf("HTTPS://h/x/", "a"), "HTTPS://h/x/peer/a")
        for each in "javascript:alert(1)//", "data:text/html,", "//h/", "file:///", "x":
            self.assertEqual(pageOf(each, "a"), "")
        self.assertNotIn('"', pageOf('http://h/"><script>', "a"))
