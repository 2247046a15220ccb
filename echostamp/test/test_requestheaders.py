"""Tests for L{echostamp.web.requestheaders}."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.requestheaders import acceptsGzip, isOwnHost


class HostTests(SynchronousTestCase):
    """
    Tests for L{isOwnHost}.
    """

    def test_localhost(self) -> None:
        """The name localhost is this machine's, with and without a port."""
        for host in "localhost", "LocalHost", "localhost:9862", "localhost:":
            self.assertTrue(isOwnHost(host), host)

    @given(
        st.ip_addresses(),
        st.one_of(st.none(), st.integers(min_value=0, max_value=65535)),
    )
    def test_addresses(
        self, address: IPv4Address | IPv6Address, port: int | None
    ) -> None:
        """So is each address."""
        host = f"[{address}]" if address.version == 6 else str(address)
        self.assertTrue(isOwnHost(host if port is None else f"{host}:{port}"))

    def test_names(self) -> None:
        """No other name is, nor what only looks like an address."""
        for host in (
            "",
            ":80",
            "evil.example",
            "evil.example:9862",
            "localhost.evil.example",
            "evil.localhost",
            "127.0.0.1.evil.example",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1:80:80",
            "127.0.0.1:x",
            "127.0.0.1 ",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[127.0.0.1]",
            "[evil.example]",
            "[::1]evil.example",
            "user@127.0.0.1",
            "127.0.0.1/evil.example",
            "127.0.0.1\n",
            "\N{ARABIC-INDIC DIGIT ONE}27.0.0.1",
            "localhost\x00",
        ):
            self.assertFalse(isOwnHost(host), host)

    @given(st.text())
    def test_anything(self, host: str) -> None:
        """No text makes it fail."""
        isOwnHost(host)


class GzipTests(SynchronousTestCase):
    """
    Tests for L{acceptsGzip}.
    """

    def test_asked(self) -> None:
        """A client that names gzip, or any coding, gets it."""
        for header in (
            "gzip",
            "GZIP",
            "x-gzip",
            "deflate, gzip",
            "gzip;q=0.1",
            "br;q=1.0, gzip ; q = 0.8, *;q=0",
            "*",
            "identity;q=0, *;q=0.5",
        ):
            self.assertTrue(acceptsGzip(header), header)

    def test_notAsked(self) -> None:
        """One that does not, or says no, does not get it."""
        for header in (
            "",
            "identity",
            "gzip;q=0",
            "gzip;q=0.000, *",
            "*;q=0",
            "gzipped",
            "gzip;q=nan",
            "gzip;q=-1",
            "gzip;q",
            "gzip;level=9",
        ):
            self.assertFalse(acceptsGzip(header), header)

    @given(st.text())
    def test_anything(self, header: str) -> None:
        """No text makes it fail."""
        acceptsGzip(header)
