"""Tests for L{echostamp.connect.target}."""

from __future__ import annotations

from types import SimpleNamespace

from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect import target as targets
from echostamp.connect.target import (
    Target,
    parseStampTarget,
    parseTarget,
    whyNoTarget,
)
from echostamp.connect.tls import OptionError
from echostamp.test.fakes import FakeReactor, Resolver
from echostamp.test.tlsclients import TlsClientCase


class ParseTargetTests(SynchronousTestCase):
    """
    A TARGET becomes an endpoint.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor = FakeReactor()

    def parse(self, text: str) -> Target:
        """Read a target."""
        return parseTarget(self.reactor, text, 3.0)

    def test_hostsAndPorts(self) -> None:
        """The default port is 8002; the target's name has the host and the port."""
        for text, name in [
            ("localhost", "localhost:8002"),
            ("localhost:7", "localhost:7"),
            ("192.0.2.1", "192.0.2.1:8002"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("::1", "[::1]:8002"),
            ("[::1]", "[::1]:8002"),
            ("[2001:db8::1]:1", "[2001:db8::1]:1"),
            ("tcp", "tcp:8002"),
        ]:
            target = self.parse(text)
            self.assertEqual(target.name, name)
            self.assertIsInstance(target.endpoint, HostnameEndpoint)

    def test_hostIsConnectedTo(self) -> None:
        """The address, the port and the timeout reach the reactor."""
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

    def test_namesOutsideAscii(self) -> None:
        """A name is shown as it was typed, and looked up as its A-label."""
        target = self.parse("Straße.example:7")
        self.assertEqual(target.name, "Straße.example:7")
        resolver = self.reactor.nameResolver = Resolver()
        target.endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(resolver.questions[0][0], "xn--strae-oqa.example")

    def test_endpointDescriptions(self) -> None:
        """Twisted's client endpoint descriptions are targets; the name is the
        description."""
        for text, kind in [
            ("tcp:localhost:8002", TCP4ClientEndpoint),
            ("tcp:host=localhost:port=8002", TCP4ClientEndpoint),
            ("unix:/run/echostamp.sock", UNIXClientEndpoint),
        ]:
            target = self.parse(text)
            self.assertEqual(target.name, text)
            self.assertIsInstance(target.endpoint, kind)

    def test_wrongTargets(self) -> None:
        """What is not a target is refused, and the text says why."""
        for text, why in [
            ("", "no host"),
            (":8002", "no host"),
            ("[]:8002", "no host"),
            ("localhost:", "no port behind the colon"),
            ("[localhost]:8002", "'localhost' is not an IPv6 address"),
            ("localhost:0", "0 is not a port from 1 to 65535"),
            ("a..b", "'a..b' is not a host name"),
            ("tcp:a..b:8002", "'a..b' is not a host name"),
            ("tcp:host=a..b:port=8002", "'a..b' is not a host name"),
            ("a" * 64 + ".example", "is not a host name"),
            ("\udcff:8002", "is not a host name"),
            ("[fe80::1]:8002", "a link-local address needs its link"),
            ("fe80::1%nosuchlink", "there is no link 'nosuchlink'"),
            ("localhost:65536", "65536 is not a port from 1 to 65535"),
            ("localhost:http", "port 'http' is no number"),
            ("localhost:80:90", "neither HOST:PORT nor an endpoint"),
            ("[::1]x", "neither HOST:PORT nor an endpoint"),
            ("nonsense:localhost:8002", "neither HOST:PORT nor an endpoint"),
            ("[::1]:abc", "port 'abc' is no number"),
            ("192.0.2.1:abc", "port 'abc' is no number"),
            ("tcp:localhost:x", "'x' is not a port from 1 to 65535"),
            (r"tcp:host=fe80\:\:1:port=7", "a link-local address needs its link"),
            ("a=b", "'a=b' is no kind of endpoint"),
        ]:
            error = self.assertRaises(ValueError, self.parse, text)
            self.assertIn(why, str(error), text)
            self.assertNotIn("\n", str(error), text)

    def test_linkLocal(self) -> None:
        """An address with a link is connected to as it is: a look-up loses the link."""
        target = self.parse("fe80::1%lo")
        self.assertEqual(target.name, "[fe80::1%lo]:8002")
        self.assertIsInstance(target.endpoint, TCP6ClientEndpoint)

    def test_plugins(self) -> None:
        """A plugin's kind of endpoint is left to the plugin, whose parser may raise any
        error: its type is named then."""

        def parse(reactor: object, text: str) -> object:
            raise KeyError(text)

        plugin = SimpleNamespace(prefix="Onion")
        self.patch(targets, "getPlugins", lambda interface: [plugin])
        self.patch(targets, "clientFromString", parse)
        for text in "onion:far", "onion:far:80":
            error = self.assertRaises(ValueError, self.parse, text)
            self.assertEqual(str(error), f"KeyError: {text!r}")
        error = self.assertRaises(ValueError, self.parse, "onions:far")
        self.assertEqual(str(error), "port 'far' is no number")


class TlsTargetTests(TlsClientCase):
    """
    Targets behind C{tls:}.
    """

    def test_hostsAndPorts(self) -> None:
        """Behind C{tls:} hosts and ports are written as without it."""
        for text, name in [
            ("tls:far", "tls:far:8002"),
            ("tls:far:7", "tls:far:7"),
            ("tls:192.0.2.1:7", "tls:192.0.2.1:7"),
            ("tls:::1", "tls:[::1]:8002"),
            ("tls:[fe80::1%lo]:7", "tls:[fe80::1%lo]:7"),
        ]:
            self.assertEqual(self.parse(text, self.ca).name, name)

    def test_wrongTargets(self) -> None:
        """What is not a target is refused, and the text says why."""
        for text, why in [
            ("tls:", "no host"),
            ("tls:[::1]:x", "port 'x' is no number"),
            ("tls::7", "no host"),
            ("tls:far:0", "0 is not a port"),
            ("tls:far:x", "port 'x' is no number"),
            ("tls:host=far:port=7", "over TLS it has to be tls:HOST:PORT"),
            ("ssl:far:7", "ssl: is Twisted's; use tls:HOST:PORT"),
            ("tls:a..b", "'a..b' is not a host name"),
            ("tls:b\u00fc\u2026cher.example", "is not a host name"),
        ]:
            self.assertIn(why, str(self.assertRaises(ValueError, self.parse, text)))

    def test_filesWithoutTls(self) -> None:
        """C{--ca} and C{--cert} need a target behind C{tls:}."""
        for text in "far:7", "unix:/s", "ssl:far:7":
            for files in [self.ca], [None, self.ours]:
                error = self.assertRaises(ValueError, self.parse, text, *files)
                self.assertIn("--ca and --cert go with tls:HOST:PORT", str(error))

    def test_keyAlone(self) -> None:
        """C{--key} needs C{--cert}."""
        for text in "tls:far", "far":
            error = self.assertRaises(
                OptionError, self.parse, text, None, None, self.ours
            )
            self.assertEqual(str(error), "--key goes with --cert")


class StampTargetTests(SynchronousTestCase):
    """
    Targets behind C{stamp:}.
    """

    def test_hostsAndPorts(self) -> None:
        """The default port of C{stamp:} is 862."""
        for text, place in [
            ("stamp:far", ("far", 862)),
            ("stamp:far:7", ("far", 7)),
            ("stamp:::1", ("::1", 862)),
            ("stamp:[fe80::1%lo]:7", ("fe80::1%lo", 7)),
            ("far:7", None),
            ("tcp:far:7", None),
        ]:
            self.assertEqual(parseStampTarget(text), place, text)

    def test_wrongTargets(self) -> None:
        """What is not a target is refused, and the text says why."""
        for text, why in [
            ("stamp:", "no host"),
            ("stamp:far:0", "0 is not a port"),
            ("stamp:a..b", "'a..b' is not a host name"),
            ("stamp:fe80::1", "a link-local address needs its link"),
            ("stamp:tcp:far:7", "not stamp:HOST or stamp:HOST:PORT"),
            ("stamp:far:x", "port 'x' is no number"),
            ("stamp:[::1]:x", "port 'x' is no number"),
            ("stamp:ff02::1", "a link-local address needs its link"),
        ]:
            error = self.assertRaises(ValueError, parseStampTarget, text)
            self.assertIn(why, str(error), text)

    def test_onlyPing(self) -> None:
        """Other commands refuse such a target; the text names the right command."""
        error = self.assertRaises(ValueError, parseTarget, FakeReactor(), "stamp:a", 3)
        self.assertIn("echostamp ping", str(error))


class WhyNoTargetTests(SynchronousTestCase):
    """
    The line for the user.
    """

    def test_quoted(self) -> None:
        """It quotes the TARGET, unless a file is wrong."""
        self.assertEqual(
            whyNoTarget("a\nb", ValueError("no host")), "TARGET 'a\\nb': no host"
        )
        self.assertEqual(whyNoTarget("a", OptionError("--ca 'b': no")), "--ca 'b': no")
