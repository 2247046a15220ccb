"""Tests for L{echostamp.daemon.options}."""

from __future__ import annotations

import io
import sys

from echostamp import __version__
from echostamp.daemon import limitoptions
from echostamp.intercom.pace import BACKLOG, SURGE
from echostamp.stamps import stampFormat
from echostamp.test.daemonoptions import OptionsCase, parsed


class OptionsTests(OptionsCase):
    """
    The options of C{twistd echostamp}.
    """

    def setUp(self) -> None:
        """Record what is printed."""
        self.output = io.StringIO()
        self.patch(sys, "stdout", self.output)

    def test_defaults(self) -> None:
        """The defaults: port 8002 at all addresses, C{ctime} in local time."""
        options = parsed()
        self.assertEqual(options.endpoints, ["tcp:8002"])
        self.assertEqual(
            options.format.stamp(1), stampFormat("ctime", utc=False).stamp(1)
        )
        self.assertEqual(options.pause, 0.1)
        self.assertEqual(options.maxLength, 65536)

    def test_port(self) -> None:
        """C{--port} accepts every port, and 0 for any."""
        for arguments, port in [
            (["--port", "0"], "0"),
            (["--port=65535"], "65535"),
            (["-p", "7"], "7"),
            (["-p7"], "7"),
        ]:
            self.assertEqual(parsed(*arguments).endpoints, [f"tcp:{port}"])

    def test_interface(self) -> None:
        """C{--interface} applies to C{--port}, or to its default."""
        for arguments, endpoint in [
            (["--interface", "127.0.0.1"], "tcp:8002:interface=127.0.0.1"),
            (["-i", "::1"], r"tcp:8002:interface=\:\:1"),
            (["-p", "7", "-i", "::1"], r"tcp:7:interface=\:\:1"),
            (["-i", "fe80::1%eth0"], r"tcp:8002:interface=fe80\:\:1%eth0"),
        ]:
            self.assertEqual(parsed(*arguments).endpoints, [endpoint])

    def test_endpoints(self) -> None:
        """C{--endpoint} is repeatable; the order is kept. With it C{--port} has no
        default, and comes first."""
        self.assertEqual(
            parsed("-e", "unix:/s", "--endpoint", "tcp:7", "-e9").endpoints,
            ["unix:/s", "tcp:7", "9"],
        )
        self.assertEqual(
            parsed("-e", "unix:/s", "-p", "7").endpoints, ["tcp:7", "unix:/s"]
        )
        self.assertEqual(
            parsed("-e", "9", "-p", "7", "-i", "::1").endpoints,
            [r"tcp:7:interface=\:\:1", "9"],
        )

    def test_endpointsAreEachOptionsOwn(self) -> None:
        """The endpoints of one command line do not appear in the next."""
        parsed("-e", "7")
        self.assertEqual(parsed().endpoints, ["tcp:8002"])

    def test_valuesWithAMinus(self) -> None:
        """A value may begin with a minus sign, behind a space as behind an equals
        sign."""
        for arguments in ["--format=-%H"], ["--format", "-%H"], ["-f", "-%H"]:
            self.assertEqual(parsed("--utc", *arguments).format.text(0), b"-00")
        for name in "grace", "max-pps", "answer-port", "allow", "interface":
            for arguments in [f"--{name}=-1"], [f"--{name}", "-1"]:
                line = self.refused(*arguments, "--reflector=7")
                self.assertTrue(line.startswith(f"--{name} '-1': "), line)

    def test_format(self) -> None:
        """C{--format} and C{--utc} choose the format of the stamps."""
        for arguments, expected in [
            (["--format", "iso"], stampFormat("iso", utc=False)),
            (["-f", "unix", "--utc"], stampFormat("unix", utc=True)),
            (["--utc"], stampFormat("ctime", utc=True)),
        ]:
            found = parsed(*arguments).format
            self.assertEqual(found.stamp(1), expected.stamp(1))
            self.assertEqual(found.resolution, expected.resolution)
        self.assertEqual(parsed("-f", "%H", "--utc").format.stamp(0), b"[00] ")

    def test_numbers(self) -> None:
        """C{--pause} and C{--max-length} accept the numbers within their bounds."""
        for text, pause in [("0", 0.0), ("0.5", 0.5), ("3600", 3600.0)]:
            self.assertEqual(parsed("--pause", text).pause, pause)
        for text, length in [("1", 1), ("98304", 98304)]:
            self.assertEqual(parsed("--max-length", text).maxLength, length)

    def test_wrongValues(self) -> None:
        """Each wrong value gets one line, which names the option and the value."""
        for option, values in {
            "port": ["x", "", "-1", "65536", "70000", "1.5", "0x10", "8002 tcp"],
            "pause": ["x", "", "-1", "-0.001", "3600.5", "nan", "inf", "1e400"],
            "max-length": ["x", "", "0", "-1", "98305", "1e3", "nan"],
            "interface": ["x", "", "localhost", "1.2.3", "::1::2", "[::1]", "a\nb"],
            "format": ["", "x" * 61, "a\nb", "[%H]"],
            "proxy-from": ["", "x", "192.0.2.1/24", "::ffff:192.0.2.0/120"],
        }.items():
            for value in values:
                line = self.refused(f"--{option}={value}")
                self.assertTrue(line.startswith(f"--{option} {value!r}: "), line)

    def test_linkLocal(self) -> None:
        """The line for a link-local address says that its link is missing."""
        line = self.refused("-i", "fe80::1")
        self.assertIn("--interface 'fe80::1': a link-local address needs its", line)
        self.assertIn("is not the address of one", self.refused("-i", "ff02::1"))

    def test_boundsAreNamed(self) -> None:
        """The line names the bounds."""
        self.assertIn("whole number from 0 to 65535", self.refused("-p", "x"))
        self.assertIn("number from 0 to 3600", self.refused("--pause", "x"))
        self.assertIn("from 1 to 98304", self.refused("--max-length", "0"))
        self.assertIn("not an IP address", self.refused("-i", "x"))

    def test_interfaceBesideAnEndpoint(self) -> None:
        """C{--interface} does not apply to an endpoint; the line says what to write."""
        line = self.refused("-i", "::1", "-e", "tcp:7")
        self.assertIn("--interface goes with --port", line)

    def test_wrongCommandLines(self) -> None:
        """One line names an unknown option, a missing value or an argument."""
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
        """C{--version} prints our version in one line, and ends with status 0."""
        ended = self.assertRaises(SystemExit, parsed, "--version")
        self.assertFalse(ended.code)
        self.assertTrue(
            self.output.getvalue().startswith(f"EchoStamp {__version__} (Twisted ")
        )
        self.assertEqual(self.output.getvalue().count("\n"), 1)

    def test_help(self) -> None:
        """C{--help} lists every option, and ends with status 0."""
        ended = self.assertRaises(SystemExit, parsed, "--help")
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

    def test_descriptors(self) -> None:
        """Each of STAMP's ports takes two descriptors: a socket, and perhaps an
        epoll."""
        asked: list[int] = []

        def most(ports: int) -> int:
            asked.append(ports)
            return 5

        self.patch(limitoptions, "mostConnections", most)
        parsed()
        parsed("--reflector=192.0.2.1", "--reflector=7")
        self.assertEqual(asked, [1, 1 + 2 * 3])


class IntercomOptionsTests(OptionsCase):
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
            options = parsed(*arguments)
            flags = bool(options["intercom"]), bool(options["no-notices"])
            self.assertEqual((*flags, options.backlog), expected)

    def test_wrong(self) -> None:
        """An error is one line that names the option."""
        for arguments, line in [
            (["--no-notices"], "--no-notices goes with --intercom"),
            (["--no-commands"], "--no-commands goes with --intercom"),
            (["--backlog=300000"], "--backlog goes with --intercom"),
            (["--intercom", "--backlog=1"], "--backlog '1': "),
            (["--intercom", f"--backlog={2**31}"], "--backlog '2147483648': "),
        ]:
            self.assertTrue(self.refused(*arguments).startswith(line), arguments)
