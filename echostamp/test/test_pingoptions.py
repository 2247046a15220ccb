"""Tests for L{echostamp.client.pingoptions}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from echostamp.client.command import main
from echostamp.client.output import OutputOptions
from echostamp.connect.tls import TlsFiles
from echostamp.measure.thresholds import Thresholds
from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.route import Route
from echostamp.test.commands import CommandCase


class PingOptionsTests(CommandCase):
    """
    C{echostamp ping} and its options.
    """

    def pinged(self, *arguments: str) -> tuple[object, ...]:
        """Run it, and give the arguments of L{ping.ping}."""
        self.assertEqual(main(["ping", *arguments]), 43)
        return self.pings.pop()

    def test_alone(self) -> None:
        """Without options it has the defaults."""
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
                *(None, TlsFiles(), StampPlan()),
            ),
        )

    def test_plan(self) -> None:
        """Long and short options become the plan."""
        plan = Plan(5, 20_000_000, 2_000_000_000, 200_000_000, 64, False)
        for options in (
            "-c5 -i20ms -w2 -W200ms -s64 --no-jitter",
            "--count=5 --interval=.02 --deadline=2s --timeout=200000us --size 64 "
            "--no-jitter",
        ):
            self.assertEqual(self.pinged("far", *options.split())[:2], ("far", plan))
        self.assertEqual(self.pinged("-i0")[1], Plan(interval=0, size=0))
        self.assertEqual(self.pinged("--wait")[1], Plan(size=0, waits=True))

    def test_output(self) -> None:
        """Options become the form of the output."""
        for options, output in [
            (
                "-q -v -D -O -n --histogram",
                OutputOptions("text", True, True, True, True, True, True),
            ),
            ("--quiet --numeric", OutputOptions(isQuiet=True, isNumeric=True)),
            ("--json", OutputOptions("json")),
            ("--jsonl", OutputOptions("jsonl")),
        ]:
            self.assertEqual(self.pinged(*options.split())[2], output)

    def test_thresholds(self) -> None:
        """Options become thresholds."""
        options = "--max-rtt=5ms", "--max-loss=2.5%", "--max-offset=1us"
        self.assertEqual(self.pinged(*options)[3], Thresholds(5_000_000, 2.5, 1000))
        self.assertEqual(self.pinged("--max-loss=0")[3], Thresholds(loss=0))

    def test_route(self) -> None:
        """Options become the route, the zone and the files for TLS."""
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
        """Options become the plan of STAMP's packets."""
        options = "--ssid 7 --dscp 46 --tlv cos --tlv follow-up --tlv cos --ptp --ttl 9"
        plan = StampPlan(7, 46, ("cos", "follow-up"), True, 9)
        self.assertEqual(self.pinged("stamp:far", *options.split())[7], plan)

    def test_wrong(self) -> None:
        """A wrong value is refused in one line that names the option and quotes the
        value."""
        for option, *texts in [
            ("--ssid", "65536", "-1", "x"),
            ("--dscp", "64", "x"),
            ("--ttl", "0", "256", "x"),
            ("--tlv", "x", ""),
            ("--count", "0", "-1", "x", "1000000001", "1.5", ""),
            ("--interval", "999us", "1ns", "3601", "61m", "x", "-1", ""),
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
        """There is one form of the output."""
        self.assertEqual(self.ended("ping", "--json", "--jsonl"), 2)
        self.assertIn("--jsonl", self.said())
        for option in "-D", "-O", "--histogram":
            self.assertEqual(self.ended("ping", "--json", option), 2)
            self.assertIn(option, self.said())

    def test_bounds(self) -> None:
        """The error for a duration out of bounds names the bounds."""
        self.assertEqual(self.ended("ping", "-i0.5ms"), 2)
        self.assertIn("'0.5ms' is not from 1ms to 1 hour, or 0", self.said())

        self.assertEqual(self.ended("ping", "-w367d"), 2)
        self.assertIn("'367d' is not from 1ms to 366 days", self.said())

    def test_help(self) -> None:
        """C{--help} names every option."""
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
        """Any value of an option is accepted, or refused with status 2."""
        for option in "-c", "-i", "-w", "-W", "-s", "--max-loss", "--zone", "--source":
            try:
                self.assertEqual(main(["ping", f"{option}={text}"]), 43)
            except SystemExit as ended:
                self.assertEqual(ended.code, 2)
