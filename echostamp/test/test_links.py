"""Tests for L{echostamp.web.links}."""

from __future__ import annotations

from urllib.parse import unquote, urljoin

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.links import peerLink, root, withQuery


class LinkTests(SynchronousTestCase):
    """
    Tests for L{root}, L{peerLink} and L{withQuery}.
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
