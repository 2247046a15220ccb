"""Tests for L{echostamp.web.routes}."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.routes import nameIn, routeOf

#: Pages by path.
PAGES = {
    b"/": "index",
    b"/api/v1/peers": "peers",
    b"/api/v1/peers/": "peer",
    b"/peer/": "page",
    b"/peer/static/": "inner",
}


class RouteTests(SynchronousTestCase):
    """
    Tests for L{routeOf}.
    """

    def test_exact(self) -> None:
        """A page has its path, octet by octet."""
        self.assertEqual(routeOf(PAGES, b"/"), ("index", ""))
        self.assertEqual(routeOf(PAGES, b"/api/v1/peers"), ("peers", ""))
        for path in b"", b"//", b"/api", b"/api/v1/peersX", b"/API/v1/peers", b"/x":
            self.assertIsNone(routeOf(PAGES, path), path)

    def test_prefix(self) -> None:
        """A name follows a prefix, with slashes, as they are or encoded."""
        for path, name in (
            (b"/peer/ams", "ams"),
            (b"/peer/ams/192.0.2.1", "ams/192.0.2.1"),
            (b"/peer/ams%2F2001:db8::1%25eth0", "ams/2001:db8::1%eth0"),
            (b"/peer/%C3%A9+%3F%23", "é+?#"),
            (b"/peer/ams/", "ams/"),
            (b"/peer//ams", "/ams"),
            (b"/peer/%2525", "%25"),
        ):
            self.assertEqual(routeOf(PAGES, path), ("page", name))

    def test_longest(self) -> None:
        """The longest prefix counts."""
        self.assertEqual(routeOf(PAGES, b"/peer/static/x"), ("inner", "x"))
        self.assertEqual(routeOf(PAGES, b"/peer/static"), ("page", "static"))

    def test_noName(self) -> None:
        """A prefix without a name is no page."""
        for path in b"/peer/", b"/peer", b"/api/v1/peers/", b"/peer/static/":
            self.assertIsNone(routeOf(PAGES, path), path)

    def test_noPath(self) -> None:
        """Parts of dots, encoded or not, and what is no UTF-8, are no names."""
        for rest in (
            b"..",
            b".",
            b"../metrics",
            b"a/../b",
            b"%2e%2e/%2e%2e/etc/passwd",
            b"a%2f..",
            b"%ff",
            b"%",
            b"a%2",
            b"%zz",
            b"\xc3\xa9%c3",
        ):
            self.assertIsNone(routeOf(PAGES, b"/peer/" + rest), rest)

    def test_dotsInNames(self) -> None:
        """Dots beside other characters are as good as any."""
        for rest in b"...", b"a..b", b"..a", b".hidden":
            self.assertEqual(routeOf(PAGES, b"/peer/" + rest), ("page", rest.decode()))

    @given(st.text(min_size=1), st.sampled_from(["", "/"]))
    def test_everyName(self, name: str, safe: str) -> None:
        """Each name is found by its encoded octets, but for those with parts of
        dots."""
        expected = None if {".", ".."} & set(name.split("/")) else ("page", name)
        path = f"/peer/{quote(name, safe=safe)}".encode()
        if name.startswith("static/") and safe:
            path = b"/peer/static%2F" + path[len(b"/peer/static/") :]
        self.assertEqual(routeOf(PAGES, path), expected)

    @given(st.binary(max_size=40))
    def test_anything(self, path: bytes) -> None:
        """Any octets are a name or none, and no name has a part of dots."""
        name = nameIn(path)
        if name is not None:
            self.assertTrue({".", ".."}.isdisjoint(name.split("/")))
