"""Tests for L{echostamp.web.links}."""

from __future__ import annotations

from urllib.parse import unquote, urljoin

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.links import asPath, pageOf, peerLink, root, withQuery


class LinkTests(SynchronousTestCase):
    """
    Tests for L{root}, L{withQuery}, and links to peers.
    """

    def test_root(self) -> None:
        """From any page the link leads to the first one, below any prefix."""
        for path in "/", "/events", "/peer/ams", "/peer/a/b", "/peer/a%2Fb":
            for prefix in "", "/status", "/x/y":
                found = urljoin(f"http://host{prefix}{path}", root(path.encode()))
                self.assertEqual(found, f"http://host{prefix}/", path)

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
    def test_names(self, name: str) -> None:
        """A name survives in a link, and begins no query and no other path."""
        found = peerLink(name)
        self.assertEqual(unquote(found), f"peer/{name}")
        for sign in "?#\"'<>& ":
            self.assertNotIn(sign, found)

    def test_query(self) -> None:
        """A link has those parts of the query that are given."""
        self.assertEqual(withQuery("x", {"a": None}), "x")
        self.assertEqual(
            withQuery("x", {"a": "b&c/ü", "to": 3}), "x?a=b%26c%2F%C3%BC&to=3"
        )

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
