"""Tests for L{echostamp.web.places}."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.endpointparts import parseDescription
from echostamp.web.places import WebEndpoints, webEndpoints

BOTH = (r"tcp:9862:interface=127.0.0.1", r"tcp:9862:interface=\:\:1")


class WebEndpointsTests(SynchronousTestCase):
    """
    Tests for L{webEndpoints}.
    """

    def test_port(self) -> None:
        """A port alone, and one of localhost, is a port of the loopback addresses.
        One of them is enough."""
        expected = WebEndpoints(BOTH, isOneEnough=True, isLocal=True, checksHost=True)
        self.assertEqual(webEndpoints("9862"), expected)
        self.assertEqual(webEndpoints("localhost:9862"), expected)

    def test_address(self) -> None:
        """An address and a port is that one."""
        for text, description, isLocal in (
            ("127.0.0.1:80", "tcp:80:interface=127.0.0.1", True),
            ("127.8.9.1:80", "tcp:80:interface=127.8.9.1", True),
            ("[::1]:80", r"tcp:80:interface=\:\:1", True),
            ("192.0.2.1:0", "tcp:0:interface=192.0.2.1", False),
            ("0.0.0.0:80", "tcp:80:interface=0.0.0.0", False),
            ("[::]:80", r"tcp:80:interface=\:\:", False),
            ("[fe80::1%lo]:80", r"tcp:80:interface=fe80\:\:1%lo", False),
        ):
            expected = WebEndpoints((description,), isLocal=isLocal, checksHost=isLocal)
            self.assertEqual(webEndpoints(text), expected)
            self.assertEqual(expected.isExposed, not isLocal)

    def test_addressOfADescription(self) -> None:
        """The description names the address and the port that were given."""
        found = parseDescription(webEndpoints("[2001:db8::1]:9862").descriptions[0])
        self.assertEqual(found.words, ["9862"])
        self.assertEqual(found.named, {"interface": "2001:db8::1"})

    def test_exposed(self) -> None:
        """Plain text on another address than loopback is exposed to the network."""
        for text in (
            "tcp:9862",
            "tcp:9862:192.0.2.1",
            "tcp:9862:interface=192.0.2.1",
            r"tcp6:9862:interface=\:\:",
            "tcp6:9862",
            "tcp:9862:interface=localhost.example",
            "systemd:INET:0",
            "other:x",
        ):
            found = webEndpoints(text)
            self.assertEqual(found.descriptions, (text,))
            self.assertTrue(found.isExposed, text)
            self.assertFalse(found.checksHost, text)

    def test_loopback(self) -> None:
        """A description with a loopback address is not exposed, and Host is checked."""
        for text in (
            "tcp:9862:127.0.0.1",
            "tcp:9862:interface=127.0.0.1:backlog=5",
            r"tcp:9862:interface=\:\:1",
            r"tcp:9862:interface=\:\:ffff\:127.0.0.1",
            r"tcp6:9862:5:\:\:1",
            r"tcp6:port=9862:interface=\:\:1",
        ):
            found = webEndpoints(text)
            self.assertEqual(found.descriptions, (text,))
            self.assertFalse(found.isExposed, text)
            self.assertTrue(found.checksHost, text)

    def test_tls(self) -> None:
        """TLS is not exposed, and its clients know its name: Host is not checked."""
        for end in "", ":interface=127.0.0.1", ":clientCA=ca.pem":
            found = webEndpoints(f"tls:9862:privateKey=a:certKey=b{end}")
            self.assertTrue(found.isTls)
            self.assertFalse(found.isExposed)
            self.assertFalse(found.checksHost)

    def test_local(self) -> None:
        """Neither is a UNIX socket, nor a loopback address for a proxy.  Its clients
        name the proxy."""
        for text in (
            "unix:/run/web.sock",
            "proxy:unix:/run/web.sock",
            "proxy:tcp:9862:interface=127.0.0.1",
            "haproxy:tcp:9862:interface=127.0.0.1",
        ):
            found = webEndpoints(text)
            self.assertTrue(found.isLocal, text)
            self.assertFalse(found.isExposed, text)
            self.assertFalse(found.checksHost, text)

    def test_proxyElsewhere(self) -> None:
        """What a proxy on another machine sends is exposed, but by TLS."""
        self.assertTrue(webEndpoints("proxy:tcp:9862").isExposed)
        found = webEndpoints("proxy:tls:9862:privateKey=a:certKey=b")
        self.assertFalse(found.isExposed)

    def test_wrong(self) -> None:
        """What is wrong is said in a line."""
        for text, expected in (
            ("65536", "'65536' is not a port from 0 to 65535"),
            ("9" * 5000, f"'{'9' * 5000}' is not a port from 0 to 65535"),
            ("127.0.0.1:65536", "65536 is not a port from 0 to 65535"),
            ("127.0.0.1:", "no port behind the colon"),
            ("127.0.0.1:http", "port 'http' is no number"),
            (
                "127.0.0.1",
                "no port: an address and a port are written as 127.0.0.1:9862",
            ),
            ("::1", "no port: an address and a port are written as [::1]:9862"),
            ("[::1]", "no port: an address and a port are written as [::1]:9862"),
            ("[::x]:80", "'::x' is not an IPv6 address"),
            ("224.0.0.1:80", "224.0.0.1 is not the address of one machine"),
            (
                "[fe80::1]:80",
                "a link-local address needs its link, as fe80::1%eth0",
            ),
            ("tcp:80:x=y", "unknown parameter 'x'"),
            ("tls:80\\", "nothing follows its last backslash"),
        ):
            error = self.assertRaises(ValueError, webEndpoints, text)
            self.assertEqual(str(error), expected)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Any text is read, or refused as a wrong value."""
        with contextlib.suppress(ValueError):
            webEndpoints(text)
