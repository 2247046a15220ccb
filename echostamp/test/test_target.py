"""Tests for L{echostamp.client.target}."""

from __future__ import annotations

import errno
import os

from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.error import (
    ConnectError,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.target import Target, parseTarget, whatFailed
from echostamp.test.fakes import FakeReactor


class ParseTargetTests(SynchronousTestCase):
    """
    From what a user writes to an endpoint.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor = FakeReactor()

    def parse(self, text: str) -> Target:
        """Read a target."""
        return parseTarget(self.reactor, text, 3.0)

    def test_hostsAndPorts(self) -> None:
        """A host has port 8002 unless it names one; a name stands for itself."""
        for text, name in [
            ("localhost", "localhost:8002"),
            ("localhost:7", "localhost:7"),
            ("192.0.2.1", "192.0.2.1:8002"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("::1", "[::1]:8002"),
            ("[::1]", "[::1]:8002"),
            ("[2001:db8::1]:1", "[2001:db8::1]:1"),
            ("fe80::1%eth0", "[fe80::1%eth0]:8002"),
            ("tcp", "tcp:8002"),
        ]:
            target = self.parse(text)
            self.assertEqual(target.name, name)
            self.assertIsInstance(target.endpoint, HostnameEndpoint)

    def test_hostIsConnectedTo(self) -> None:
        """The address, its port and the seconds it may take reach the reactor."""
        for text in "far:7", "[2001:db8::1]:8":
            target = self.parse(text)
            target.endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(
            [
                (host, port, seconds)
                for host, port, _, seconds, _ in self.reactor.tcpClients
            ],
            [("192.0.2.1", 7, 3.0), ("2001:db8::1", 8, 3.0)],
        )

    def test_endpointDescriptions(self) -> None:
        """Twisted's client endpoints are targets, and called as they were written."""
        for text, kind in [
            ("tcp:localhost:8002", TCP4ClientEndpoint),
            ("tcp:host=localhost:port=8002", TCP4ClientEndpoint),
            ("unix:/run/echostamp.sock", UNIXClientEndpoint),
        ]:
            target = self.parse(text)
            self.assertEqual(target.name, text)
            self.assertIsInstance(target.endpoint, kind)

    def test_wrongTargets(self) -> None:
        """What is no target is refused, and the text says why."""
        for text, why in [
            ("", "no host"),
            (":8002", "no host"),
            ("[]:8002", "no host"),
            ("[localhost]:8002", "'localhost' is not an IPv6 address"),
            ("localhost:0", "0 is not a port from 1 to 65535"),
            ("localhost:65536", "65536 is not a port from 1 to 65535"),
            ("localhost:http", "Unknown endpoint type"),
            ("localhost:", "Unknown endpoint type"),
            ("localhost:80:90", "Unknown endpoint type"),
            ("[::1]x", "Unknown endpoint type"),
            ("nonsense:localhost:8002", "Unknown endpoint type"),
            ("tcp:localhost:x", "'x'"),
        ]:
            error = self.assertRaises(ValueError, self.parse, text)
            self.assertIn(why, str(error), text)
            self.assertNotIn("\n", str(error), text)

    def test_endpointParsersErrors(self) -> None:
        """An endpoint's parser may fail in any way: the kind is told then."""
        for text, why in [
            ("tcp:8002", "TypeError: "),
            ("unix:/s:nonsense=1", "TypeError: "),
        ]:
            error = self.assertRaises(ValueError, self.parse, text)
            self.assertTrue(str(error).startswith(why), str(error))
            self.assertNotIn("\n", str(error))


class WhatFailedTests(SynchronousTestCase):
    """
    Why there is no connection, in a few words.
    """

    def test_texts(self) -> None:
        """Each failure has words that a user knows, and they are one line."""
        for error, text in [
            (DNSLookupError("nowhere"), "the name does not resolve"),
            (TimeoutError("no connection within 3 s"), "no connection within 3 s"),
            (
                ConnectionRefusedError(errno.ECONNREFUSED, "x"),
                os.strerror(errno.ECONNREFUSED),
            ),
            (ConnectError(errno.ENOENT, "x"), os.strerror(errno.ENOENT)),
            (ConnectionLost(), "the connection was lost"),
            (ValueError("invalid hostname: a b"), "invalid hostname: a b"),
            (KeyError(), "KeyError"),
        ]:
            self.assertEqual(whatFailed(Failure(error)), text)

    def test_connectErrorWithoutANumber(self) -> None:
        """A failure that the system gave no number for has its own words."""
        text = whatFailed(Failure(ConnectError(string="no luck")))
        self.assertIn("no luck", text)
