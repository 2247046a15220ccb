"""Tests for L{echostamp.daemon.service} and the plugin that names it."""

from __future__ import annotations

import errno
import io
import os
import socket
import sys
from typing import Any

import twisted.internet
from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp import __version__
from echostamp.daemon import service
from echostamp.daemon.service import Options, makeService
from echostamp.intercom.pace import BACKLOG, SURGE
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.listen import sockets
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSockets, osError


class OptionsTests(SynchronousTestCase):
    """
    What stands behind C{twistd echostamp}.
    """

    def setUp(self) -> None:
        """Note what is printed."""
        self.output = io.StringIO()
        self.patch(sys, "stdout", self.output)

    def parsed(self, *arguments: str) -> Options:
        """Read a command line."""
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def refused(self, *arguments: str) -> str:
        """Read a wrong command line, and give the one line that says so."""
        line = self.assertRaises(SystemExit, self.parsed, *arguments).code
        assert isinstance(line, str), f"status {line} for {arguments}"
        self.assertEqual(len(line.splitlines()), 1, line)
        self.assertTrue(line.startswith("echostamp: "), line)
        return line.removeprefix("echostamp: ")

    def test_defaults(self) -> None:
        """Without options: port 8002 everywhere, C{ctime} in local time."""
        options = self.parsed()
        self.assertEqual(options.endpoints, ["tcp:8002"])
        self.assertEqual(
            options.format.stamp(1), stampFormat("ctime", utc=False).stamp(1)
        )
        self.assertEqual(options.pause, 0.1)
        self.assertEqual(options.maxLength, 65536)

    def test_port(self) -> None:
        """C{--port} takes every port number, 0 for any included."""
        for arguments, port in [
            (["--port", "0"], "0"),
            (["--port=65535"], "65535"),
            (["-p", "7"], "7"),
            (["-p7"], "7"),
        ]:
            self.assertEqual(self.parsed(*arguments).endpoints, [f"tcp:{port}"])

    def test_interface(self) -> None:
        """C{--interface} goes with the port, or with its default."""
        for arguments, endpoint in [
            (["--interface", "127.0.0.1"], "tcp:8002:interface=127.0.0.1"),
            (["-i", "::1"], r"tcp:8002:interface=\:\:1"),
            (["-p", "7", "-i", "::1"], r"tcp:7:interface=\:\:1"),
            (["-i", "fe80::1%eth0"], r"tcp:8002:interface=fe80\:\:1%eth0"),
        ]:
            self.assertEqual(self.parsed(*arguments).endpoints, [endpoint])

    def test_endpoints(self) -> None:
        """C{--endpoint} may be repeated; the order is kept.  With it, C{--port} has no
        default, and comes first where it is given."""
        self.assertEqual(
            self.parsed("-e", "unix:/s", "--endpoint", "tcp:7", "-e9").endpoints,
            ["unix:/s", "tcp:7", "9"],
        )
        self.assertEqual(
            self.parsed("-e", "unix:/s", "-p", "7").endpoints, ["tcp:7", "unix:/s"]
        )
        self.assertEqual(
            self.parsed("-e", "9", "-p", "7", "-i", "::1").endpoints,
            [r"tcp:7:interface=\:\:1", "9"],
        )

    def test_endpointsAreEachOptionsOwn(self) -> None:
        """What one command line said does not reach the next."""
        self.parsed("-e", "7")
        self.assertEqual(self.parsed().endpoints, ["tcp:8002"])

    def test_format(self) -> None:
        """C{--format} and C{--utc} say how stamps look."""
        for arguments, expected in [
            (["--format", "iso"], stampFormat("iso", utc=False)),
            (["-f", "unix", "--utc"], stampFormat("unix", utc=True)),
            (["--utc"], stampFormat("ctime", utc=True)),
        ]:
            found = self.parsed(*arguments).format
            self.assertEqual(found.stamp(1), expected.stamp(1))
            self.assertEqual(found.resolution, expected.resolution)
        self.assertEqual(self.parsed("-f", "%H", "--utc").format.stamp(0), b"[00] ")

    def test_numbers(self) -> None:
        """C{--pause} and C{--max-length} take the numbers within their bounds."""
        for text, pause in [("0", 0.0), ("0.5", 0.5), ("3600", 3600.0)]:
            self.assertEqual(self.parsed("--pause", text).pause, pause)
        for text, length in [("1", 1), ("98304", 98304)]:
            self.assertEqual(self.parsed("--max-length", text).maxLength, length)

    def test_wrongValues(self) -> None:
        """Each wrong value gets one line, which names the option and the value."""
        for option, values in {
            "port": ["x", "", "-1", "65536", "70000", "1.5", "0x10", "8002 tcp"],
            "pause": ["x", "", "-1", "-0.001", "3600.5", "nan", "inf", "1e400"],
            "max-length": ["x", "", "0", "-1", "98305", "1e3", "nan"],
            "interface": ["x", "", "localhost", "1.2.3", "::1::2", "[::1]", "a\nb"],
            "format": ["", "x" * 61, "a\nb", "[%H]"],
        }.items():
            for value in values:
                line = self.refused(f"--{option}={value}")
                self.assertTrue(line.startswith(f"--{option} {value!r}: "), line)

    def test_boundsAreTold(self) -> None:
        """The line says what would be right."""
        self.assertIn("whole number from 0 to 65535", self.refused("-p", "x"))
        self.assertIn("number from 0 to 3600", self.refused("--pause", "x"))
        self.assertIn("from 1 to 98304", self.refused("--max-length", "0"))
        self.assertIn("not an IP address", self.refused("-i", "x"))

    def test_interfaceBesideAnEndpoint(self) -> None:
        """C{--interface} says nothing of an endpoint: the line tells where it goes."""
        line = self.refused("-i", "::1", "-e", "tcp:7")
        self.assertIn("--interface goes with --port", line)

    def test_wrongCommandLines(self) -> None:
        """What is no option, lacks its value or is too much is named in one line."""
        for arguments, name in [
            (["--nonsense"], "--nonsense"),
            (["-x"], "-x"),
            (["--port"], "--port"),
            (["-e"], "-e"),
            (["--utc=yes"], "--utc"),
            (["extra"], "'extra'"),
            (["-p", "7", "a\nb"], r"'a\nb'"),
        ]:
            self.assertIn(name, self.refused(*arguments))
        self.assertEqual(self.output.getvalue(), "")

    def test_version(self) -> None:
        """C{--version} prints one line with our version, and ends with status 0."""
        ended = self.assertRaises(SystemExit, self.parsed, "--version")
        self.assertFalse(ended.code)
        self.assertTrue(
            self.output.getvalue().startswith(f"EchoStamp {__version__} (Twisted ")
        )
        self.assertEqual(self.output.getvalue().count("\n"), 1)

    def test_help(self) -> None:
        """C{--help} tells of every option, and ends with status 0."""
        ended = self.assertRaises(SystemExit, self.parsed, "--help")
        self.assertFalse(ended.code)
        for text in [
            "-p, --port=",
            "-i, --interface=",
            "-e, --endpoint=",
            "-f, --format=",
            "--utc",
            "--pause=",
            "--max-length=",
            "--help",
            "--version",
            "8002",
            "65536",
            "0.1",
        ]:
            self.assertIn(text, self.output.getvalue())


class MakeServiceTests(SynchronousTestCase):
    """
    The daemon's parts, put together.
    """

    def setUp(self) -> None:
        """Put in a reactor and sockets of our own."""
        from twisted.internet import reactor  # noqa: F401  # there is one to replace

        self.reactor = FakeReactor()
        self.sockets = FakeSockets()
        self.patch(twisted.internet, "reactor", self.reactor)
        self.patch(sockets, "socket", self.sockets)

    def make(self, *arguments: str) -> Any:
        """Make the service of a command line."""
        options = Options()
        options.parseOptions(list(arguments))
        return makeService(options)

    def refused(self, *arguments: str) -> str:
        """Make a service that cannot be, and give the one line that says why."""
        line = self.assertRaises(SystemExit, self.make, *arguments).code
        assert isinstance(line, str)
        self.assertEqual(len(line.splitlines()), 1, line)
        self.assertEqual(self.sockets.listening, [])
        self.assertEqual(self.reactor.adoptedPorts, [])
        self.assertEqual(self.reactor.unixServers, [])
        return line

    def test_service(self) -> None:
        """The service listens on each endpoint once it is started, not before."""
        made = self.make("-p", "7", "-e", "tcp:8:interface=127.0.0.1", "-e", "unix:s")
        verifyObject(IService, made)
        self.assertEqual(self.sockets.listening, [])
        made.startService()
        self.assertEqual(
            [bound.address for bound in self.sockets.listening],
            [("::", 7, 0, 0), ("127.0.0.1", 8)],
        )
        self.assertEqual(len(self.reactor.unixServers), 1)

    def test_everyEndpointSharesOneFactory(self) -> None:
        """The endpoints share a factory, which the options have reached."""
        self.make(
            *["--pause", "0.5", "--max-length", "99", "-f", "%H", "--utc"],
            *["-e", "7", "-e", "8"],
        ).startService()
        gates: list[Any] = [port[2] for port in self.reactor.adoptedPorts]
        one, other = gates
        self.assertIs(one._factory, other._factory)
        self.assertIs(one._counts, other._counts)
        factory = one._factory
        assert isinstance(factory, TimestampEchoFactory)
        self.assertIs(factory.reactor, self.reactor)
        self.assertEqual((factory.pause, factory.maxLength), (0.5, 99))
        self.assertRegex(factory.stamp(), rb"\A\[\d\d\] \Z")

    def test_wrongEndpoints(self) -> None:
        """An endpoint that does not parse gets one line that quotes it; nothing
        listens, also where others were right."""
        for description in "nonsense:1", "tcp:x", "70000", "", "tcp:x\n:1":
            line = self.refused("-e", "tcp:7", "-e", description, "-e", "unix:s")
            self.assertTrue(
                line.startswith(f"echostamp: --endpoint {description!r}: "), line
            )

    def test_takenPort(self) -> None:
        """A taken port gets one line that names the address; nothing listens."""
        self.sockets.refusals = {"127.0.0.1": osError(errno.EADDRINUSE)}
        line = self.refused("-p", "7", "-e", "tcp:8:interface=127.0.0.1")
        self.assertEqual(
            line,
            "echostamp: cannot listen on 'tcp:8:interface=127.0.0.1': "
            + os.strerror(errno.EADDRINUSE),
        )

    def test_errorWithoutANumber(self) -> None:
        """An error that the system gave no text for has its own words."""
        line = self.refused("-i", "fe80::1%eth9")
        self.assertIn("cannot listen on", line)
        self.assertTrue(line.endswith(": no interface with this name"), line)

    def test_addressFamilyOfTheInterface(self) -> None:
        """What C{--interface} names is what is bound."""
        self.make("-i", "::1")
        (bound,) = self.sockets.made
        self.assertEqual(bound.family, socket.AF_INET6)
        self.assertEqual(bound.address, ("::1", 8002, 0, 0))


class PluginTests(SynchronousTestCase):
    """
    Twisted finds the daemon.
    """

    def test_pluginIsFound(self) -> None:
        """C{twistd} lists one C{echostamp}, and it is this daemon."""
        makers = [
            maker for maker in getPlugins(IServiceMaker) if maker.tapname == "echostamp"
        ]
        self.assertEqual(len(makers), 1)
        (maker,) = makers
        verifyObject(IServiceMaker, maker)
        self.assertTrue(maker.description)
        self.assertIs(maker.options, service.Options)
        self.assertIs(maker.makeService, service.makeService)


class IntercomOptionsTests(SynchronousTestCase):
    """
    The options of the intercom.
    """

    def test_right(self) -> None:
        """The intercom is off by default.  Its backlog has a least value."""
        for arguments, expected in [
            ([], (False, False, BACKLOG)),
            (["--intercom"], (True, False, BACKLOG)),
            (["--intercom", "--no-notices", f"--backlog={SURGE}"], (True, True, SURGE)),
        ]:
            options = Options()
            options.parseOptions(arguments)
            flags = bool(options["intercom"]), bool(options["no-notices"])
            self.assertEqual((*flags, options.backlog), expected)

    def test_wrong(self) -> None:
        """An error is one line that names the option."""
        for arguments, line in [
            (["--no-notices"], "--no-notices goes with --intercom"),
            (["--backlog=300000"], "--backlog goes with --intercom"),
            (["--intercom", "--backlog=1"], "--backlog '1': "),
            (["--intercom", f"--backlog={2**31}"], "--backlog '2147483648': "),
        ]:
            error = self.assertRaises(SystemExit, Options().parseOptions, arguments)
            self.assertTrue(str(error).startswith(f"echostamp: {line}"), error)
