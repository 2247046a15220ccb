"""Tests for L{echostamp.client.command} and L{echostamp.__main__}."""

from __future__ import annotations

import io
import runpy
import sys
import time

import twisted.internet
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp import __version__
from echostamp.client import ping
from echostamp.client.command import main
from echostamp.client.output import OutputOptions
from echostamp.client.ping import PingOptions
from echostamp.connect.tls import TlsFiles
from echostamp.exitstatus import Outcome
from echostamp.measure.thresholds import Thresholds
from echostamp.probe.plan import Plan, Route, StampPlan
from echostamp.talk import run as talk
from echostamp.talk import terminal
from echostamp.test.fakes import FakeReactor

NO_FILES = TlsFiles()


class CommandCase(SynchronousTestCase):
    """
    The command line, with nobody behind it.
    """

    def setUp(self) -> None:
        """Note what would be run, and what is said."""
        self.talks: list[tuple[object, ...]] = []
        self.pings: list[tuple[object, ...]] = []
        self.output, self.errors = io.StringIO(), io.StringIO()
        from twisted.internet import reactor  # noqa: F401  # there is one to replace

        self.reactor = FakeReactor()
        self.patch(twisted.internet, "reactor", self.reactor)
        self.patch(terminal, "unusableStandardIO", lambda: "")
        self.patch(terminal, "canEdit", lambda: False)
        self.patch(talk, "talk", self.talk)
        self.patch(ping, "ping", self.ping)
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)

    def talk(self, reactor: object, *what: object) -> Outcome:
        """Note what would be run, and give a status that nothing else has."""
        self.assertIs(reactor, self.reactor)
        self.talks.append(what)
        return Outcome(42, "the end")

    def ping(self, reactor: object, what: PingOptions) -> Outcome:
        """Note what would be run, and give a status that nothing else has."""
        self.assertIs(reactor, self.reactor)
        wish = what.wish
        self.pings.append(
            (
                *(wish.target, wish.plan, what.output, what.thresholds, wish.route),
                *(what.zone, wish.files, wish.stamp),
            )
        )
        return Outcome(43, "the end")

    def ended(self, *arguments: str) -> int:
        """Run a command line that ends the process at once."""
        status = self.assertRaises(SystemExit, main, arguments).code
        self.assertEqual((self.talks, self.pings), ([], []))
        assert isinstance(status, int)
        return status

    def said(self) -> str:
        """Give what was said on standard error, and forget it."""
        text = self.errors.getvalue()
        self.errors.seek(0)
        self.errors.truncate()
        return text


class MainTests(CommandCase):
    """
    The subcommands and their options.
    """

    def test_alone(self) -> None:
        """C{echostamp} alone is C{echostamp talk}, and its status the talk's."""
        for arguments in [], ["talk"]:
            self.assertEqual(main(arguments), 42)
            self.assertEqual(
                self.talks.pop(), ("localhost:8002", 10.0, False, NO_FILES, None, False)
            )

    def test_processesOwnCommandLine(self) -> None:
        """Without arguments of its own, C{main} takes the process's."""
        self.patch(sys, "argv", ["echostamp", "talk", "far"])
        self.assertEqual(main(), 42)
        self.assertEqual(self.talks, [("far", 10.0, False, NO_FILES, None, False)])
        self.assertEqual(self.said(), "echostamp: the end\n")

    def test_timers(self) -> None:
        """The reactor's timers go by a clock that nobody sets."""
        main([])
        self.assertIs(self.reactor.seconds, time.monotonic)

    def test_unusableStandardIO(self) -> None:
        """Without standard input and output nothing is begun, and one line says so."""
        self.patch(terminal, "unusableStandardIO", lambda: "standard input: closed")
        self.assertEqual(main([]), 2)
        self.assertEqual(self.said(), "echostamp: standard input: closed\n")
        self.assertEqual(self.talks, [])

    def test_options(self) -> None:
        """Target, C{--time} and C{--timeout} reach the talk."""
        main(["talk", "--time", "--timeout", "0.5", "[::1]:7"])
        main(["talk", "unix:/s", "--timeout=86400"])
        self.assertEqual(
            self.talks,
            [
                ("[::1]:7", 0.5, True, NO_FILES, None, False),
                ("unix:/s", 86400.0, False, NO_FILES, None, False),
            ],
        )

    def test_name(self) -> None:
        """C{--name} reaches the talk, if it is one."""
        main(["talk", "--name", "ann"])
        self.assertEqual(
            self.talks, [("localhost:8002", 10.0, False, NO_FILES, "ann", False)]
        )
        self.talks.clear()
        for name in "", "a b", "x" * 33, "127.0.0.1:7", "\udcff", "é":
            self.assertEqual(self.ended("talk", "--name", name), 2)
            self.assertIn("is no name: 1 to 32 letters", self.said())

    def test_editing(self) -> None:
        """Where lines can be edited, the talk is told."""
        self.patch(terminal, "canEdit", lambda: True)
        main(["talk"])
        self.assertEqual(self.talks[0][-1], True)

    def test_filesForTls(self) -> None:
        """C{--ca}, C{--cert} and C{--key} reach the talk, an empty name too."""
        main(["talk", "tls:far", "--ca", "a", "--cert=b", "--key", "c"])
        main(["talk", "tls:far", "--ca="])
        self.assertEqual(
            [files for _, _, _, files, *_ in self.talks],
            [TlsFiles("a", "b", "c"), TlsFiles("")],
        )

    def test_wrongTimeouts(self) -> None:
        """What is no number of seconds is refused, by a line that quotes it."""
        for text in "x", "", "0", "-1", "nan", "inf", "-inf", "86401", "1s":
            self.assertEqual(self.ended("talk", f"--timeout={text}"), 2)
            said = self.said()
            self.assertEqual(said.count("\n"), 1, said)
            self.assertTrue(said.startswith("echostamp talk: argument --timeout: "))
            self.assertIn(repr(text), said)

    def test_wrongCommandLines(self) -> None:
        """A wrong command line gets one line, which names what is wrong; status 2."""
        for arguments, name in [
            (["nonsense"], "nonsense"),
            (["--nonsense"], "--nonsense"),
            (["talk", "--nonsense"], "--nonsense"),
            (["talk", "far", "extra"], "extra"),
            (["talk", "--timeout"], "--timeout"),
            (["talk", "--time=1"], "--time"),
            (["--"], ""),
        ]:
            self.assertEqual(self.ended(*arguments), 2)
            said = self.said()
            self.assertEqual(said.count("\n"), 1, said)
            self.assertTrue(said.startswith("echostamp"), said)
            self.assertIn(name, said)
            self.assertIn("--help", said)
        self.assertEqual(self.output.getvalue(), "")

    def test_version(self) -> None:
        """C{--version} prints one line and ends with status 0."""
        self.assertEqual(self.ended("--version"), 0)
        self.assertEqual(self.output.getvalue(), f"EchoStamp {__version__}\n")

    def test_help(self) -> None:
        """C{--help} tells of every subcommand, and a subcommand's of its options."""
        self.assertEqual(self.ended("--help"), 0)
        self.assertIn("talk", self.output.getvalue())
        self.assertEqual(self.ended("talk", "--help"), 0)
        for text in "TARGET", "localhost:8002", "--time ", "--timeout SECONDS", "10":
            self.assertIn(text, self.output.getvalue())
        for text in "--ca FILE", "--cert FILE", "--key FILE":
            self.assertIn(text, self.output.getvalue())


class PingTests(CommandCase):
    """
    C{echostamp ping} and its options.
    """

    def pinged(self, *arguments: str) -> tuple[object, ...]:
        """Run it, and give what is run."""
        self.assertEqual(main(["ping", *arguments]), 43)
        return self.pings.pop()

    def test_alone(self) -> None:
        """Without options it is as the defaults have it."""
        self.assertEqual(
            self.pinged(),
            (
                *(
                    "localhost:8002",
                    Plan(size=0),
                    OutputOptions(),
                    Thresholds(),
                    Route(),
                ),
                *(None, NO_FILES, StampPlan()),
            ),
        )
        self.assertIs(self.reactor.seconds, time.monotonic)

    def test_plan(self) -> None:
        """What to send, and when, by long and short options."""
        plan = Plan(5, 20_000_000, 2_000_000_000, 200_000_000, 64, False)
        for options in (
            "-c5 -i20ms -w2 -W200ms -s64 --no-jitter",
            "--count=5 --interval=.02 --deadline=2s --timeout=200000us --size 64 "
            "--no-jitter",
        ):
            self.assertEqual(self.pinged("far", *options.split())[:2], ("far", plan))
        self.assertEqual(self.pinged("-i0")[1], Plan(interval=0, size=0))

    def test_manner(self) -> None:
        """How to tell it."""
        for options, manner in [
            (
                "-q -D -O -n --histogram",
                OutputOptions("text", True, True, True, True, True),
            ),
            ("--quiet --numeric", OutputOptions(isQuiet=True, isNumeric=True)),
            ("--json", OutputOptions("json")),
            ("--jsonl", OutputOptions("jsonl")),
        ]:
            self.assertEqual(self.pinged(*options.split())[2], manner)

    def test_thresholds(self) -> None:
        """What must hold."""
        options = "--max-rtt=5ms", "--max-loss=2.5%", "--max-offset=1us"
        self.assertEqual(self.pinged(*options)[3], Thresholds(5_000_000, 2.5, 1000))
        self.assertEqual(self.pinged("--max-loss=0")[3], Thresholds(loss=0))

    def test_route(self) -> None:
        """By what addresses; the zone; the files for TLS."""
        self.assertEqual(self.pinged("-4")[4], Route(only4=True))
        self.assertEqual(self.pinged("-6")[4], Route(only6=True))
        self.assertEqual(self.pinged("--source=::1")[4], Route(source="::1"))
        self.assertEqual(self.pinged("--zone=+01:00")[5], 3_600_000_000_000)
        for text, source in [
            ("192.0.2.1:7", ("192.0.2.1", 7)),
            ("[::1]:7", ("::1", 7)),
            ("[::1]", ("::1", 0)),
        ]:
            route = Route(False, False, *source)
            self.assertEqual(self.pinged(f"--source={text}")[4], route)
        files = TlsFiles("a", "b", "c")
        self.assertEqual(self.pinged("--ca=a", "--cert=b", "--key=c")[6], files)

    def test_stamp(self) -> None:
        """How packets of STAMP look."""
        options = "--ssid 7 --dscp 46 --tlv cos --tlv follow-up --tlv cos --ptp --ttl 9"
        plan = StampPlan(7, 46, ("cos", "follow-up"), True, 9)
        self.assertEqual(self.pinged("stamp:far", *options.split())[7], plan)

    def test_wrong(self) -> None:
        """What cannot be is refused by one line, which names the option and quotes
        what it was given."""
        for option, *texts in [
            ("--ssid", "65536", "-1", "x"),
            ("--dscp", "64", "x"),
            ("--ttl", "0", "256", "x"),
            ("--tlv", "x", ""),
            ("--count", "0", "-1", "x", "1000000001", "1.5", ""),
            ("--interval", "999us", "1ns", "3601", "x", "-1", "1m", ""),
            ("--deadline", "0", "1us", "x", "400000000"),
            ("--timeout", "0", "1us", "3601s", "x"),
            ("--size", "31", "65537", "x"),
            ("--max-rtt", "0", "x"),
            ("--max-loss", "101", "-1", "x", "nan", "inf", "%"),
            ("--max-offset", "0", "x", "+1"),
            ("--zone", "Nowhere", "+1", "+25:00"),
            ("--source", "localhost", "1.2.3", "x", ":7", "1.2.3:7"),
        ]:
            for text in texts:
                self.assertEqual(self.ended("ping", f"{option}={text}"), 2)
                said = self.said()
                self.assertEqual(said.count("\n"), 1, said)
                self.assertTrue(said.startswith("echostamp ping: argument "), said)
                self.assertIn(option, said)
                self.assertIn(repr(text), said)

    def test_excluding(self) -> None:
        """There is one form of output."""
        self.assertEqual(self.ended("ping", "--json", "--jsonl"), 2)
        self.assertIn("--jsonl", self.said())
        for option in "-D", "-O", "--histogram":
            self.assertEqual(self.ended("ping", "--json", option), 2)
            self.assertIn(option, self.said())

    def test_bounds(self) -> None:
        """A duration out of bounds is told the bounds."""
        self.assertEqual(self.ended("ping", "-i0.5ms"), 2)
        self.assertIn("from 1.000 ms to 3600.000 s, or 0", self.said())

    def test_help(self) -> None:
        """C{--help} tells of every option."""
        self.assertEqual(self.ended("ping", "--help"), 0)
        for text in (
            *("--count", "--interval", "--deadline", "--timeout", "--size"),
            *("--no-jitter", "--source", "--zone", "--quiet", "-D", "-O", "--numeric"),
            *("--json", "--jsonl", "--histogram", "--max-rtt", "--max-loss"),
            *("--max-offset", "TARGET", "--ca"),
        ):
            self.assertIn(text, self.output.getvalue())

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """Whatever an option is given, it is taken, or refused by status 2."""
        for option in "-c", "-i", "-w", "-W", "-s", "--max-loss", "--zone", "--source":
            try:
                self.assertEqual(main(["ping", f"{option}={text}"]), 43)
            except SystemExit as ended:
                self.assertEqual(ended.code, 2)


class ModuleTests(CommandCase):
    """
    C{python -m echostamp}.
    """

    def test_moduleIsTheCommand(self) -> None:
        """The module is the command: same options, same status."""
        self.patch(sys, "argv", ["echostamp", "talk", "--time"])
        ended = self.assertRaises(
            SystemExit, runpy.run_module, "echostamp", run_name="__main__"
        )
        self.assertEqual(ended.code, 42)
        self.assertEqual(
            self.talks, [("localhost:8002", 10.0, True, NO_FILES, None, False)]
        )

    def test_importRunsNothing(self) -> None:
        """Whatever imports every module runs nothing."""
        runpy.run_module("echostamp.__main__", run_name="echostamp.__main__")
        self.assertEqual(self.talks, [])
