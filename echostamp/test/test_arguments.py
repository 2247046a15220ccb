"""Tests for L{echostamp.client.arguments}."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.arguments import (
    CommandParser,
    dscp,
    duration,
    memberName,
    percentage,
    seconds,
    sourceAddress,
    wholeNumber,
    zone,
)
from echostamp.test.commandlines import ended


class CommandParserTests(SynchronousTestCase):
    """
    Values that begin with a minus sign.
    """

    def parsed(self, *arguments: str) -> dict[str, Any]:
        """Parse a command line."""
        parser = CommandParser()
        parser.add_argument("target", nargs="?")
        parser.add_argument("--time", action="store_true")
        parser.add_argument("--timeout")
        parser.add_argument("-4", dest="only4", action="store_true")
        add = parser.group("a group")
        add("-i", "--interval", action="append")
        add("--zone")
        add("--ttl", type=int)
        return {k: v for k, v in vars(parser.parse_args(arguments)).items() if v}

    def test_values(self) -> None:
        """An option that needs a value takes the next argument, whatever it begins
        with, as with an equals sign."""
        for value in "-05:00", "--zone", "-4", "-", "-i", "", "x", "a=b":
            for arguments in (
                *(["--zone", value], [f"--zone={value}"], ["--zo", value]),
                ["--zone=other", "--zone", value],
            ):
                found = self.parsed(*arguments, "--time", "far")
                expected = {"target": "far", "time": True, "zone": value}
                self.assertEqual(found, {k: v for k, v in expected.items() if v})
        self.assertEqual(self.parsed("-i", "-5", "-i-6"), {"interval": ["-5", "-6"]})
        expected = {"only4": True, "interval": ["-5", "-6"]}
        self.assertEqual(self.parsed("-4i", "-5", "-4i-6"), expected)

    def test_others(self) -> None:
        """Options without values take none, abbreviated or not, and behind C{--} there
        are no options."""
        for arguments, expected in [
            (["--time", "far"], {"target": "far", "time": True}),
            (["-4", "far"], {"target": "far", "only4": True}),
            (["--", "--zone"], {"target": "--zone"}),
            (["-i", "1", "--", "-4"], {"target": "-4", "interval": ["1"]}),
        ]:
            self.assertEqual(self.parsed(*arguments), expected)

    def test_dashes(self) -> None:
        """C{--} is no option's value, however it is given: the error names the
        option."""
        for arguments, option in [
            (["--zone", "--", "far"], "--zone"),
            (["--zone=--"], "--zone"),
            (["--zo", "--"], "--zo"),
            (["-i", "--"], "-i"),
            (["-i--"], "-i"),
            (["-i=--"], "-i"),
            (["-4i", "--"], "-i"),
            (["-4i--"], "-i"),
        ]:
            end, _, said = ended(lambda line: self.parsed(*line), arguments)
            assert end is not None
            self.assertEqual(end.code, 2)
            self.assertIn(f": argument {option}: '--' is no value", said)
            self.assertEqual(said.count("\n"), 1)

    def test_errors(self) -> None:
        """A missing value, an ambiguous abbreviation and a wrong value are errors."""
        for arguments, why in [
            (["--zone"], "argument --zone: expected one argument"),
            (["-i"], "argument -i/--interval: expected one argument"),
            (
                ["--t", "-5"],
                "ambiguous option: --t could match --time, --timeout, --ttl",
            ),
            (["--ttl", "-x"], "argument --ttl: invalid int value: '-x'"),
            (["-x"], "unrecognized arguments: -x"),
        ]:
            end, _, said = ended(lambda line: self.parsed(*line), arguments)
            self.assertIsNotNone(end)
            self.assertIn(why, said)


class ReaderTests(SynchronousTestCase):
    """
    Values of options are read.
    """

    def test_right(self) -> None:
        """A right value is turned into a number, an address or a name."""
        cases: list[tuple[Callable[[str], Any], str, Any]] = [
            (seconds, "0.5", 0.5),
            (seconds, "86400", 86400.0),
            (duration(1000, 5000), "5us", 5000),
            (duration(1000, 5000, orNone=True), "0", 0),
            (wholeNumber(1, 9), "9", 9),
            (dscp, "63", 63),
            (dscp, "EF", 46),
            (dscp, "af41", 34),
            (dscp, "CS6", 48),
            (percentage, "2.5", 2.5),
            (percentage, "100%", 100.0),
            (memberName, "ann-2", "ann-2"),
            (zone, "-00:30", -1_800_000_000_000),
            (sourceAddress, "192.0.2.1", ("192.0.2.1", 0)),
            (sourceAddress, "192.0.2.1:7", ("192.0.2.1", 7)),
            (sourceAddress, "::1", ("::1", 0)),
            (sourceAddress, "[fe80::1%lo]:65535", ("fe80::1%lo", 65535)),
        ]
        for read, text, value in cases:
            self.assertEqual(read(text), value, text)

    def test_wrong(self) -> None:
        """A wrong value is refused, and the text says why."""
        cases: list[tuple[Callable[[str], Any], str, str]] = [
            (seconds, "0", "'0' is not a number of seconds above 0, at most 86400"),
            (duration(1000, 5000), "6us", "'6us' is not from 1us to 5us"),
            (duration(1000, 5000), "x", "'x' is not a duration such as 0.5, 200ms, 1s"),
            (duration(0, 5000, orNone=True), "6us", "to 5us, or 0"),
            (wholeNumber(1, 9), "10", "'10' is not a whole number from 1 to 9"),
            (wholeNumber(1, 9), "9" * 5000, "is not a whole number from 1 to 9"),
            (dscp, "64", "'64' is not a DSCP: 0 to 63, or a name such as EF"),
            (dscp, "AF44", "'AF44' is not a DSCP"),
            (percentage, "nan", "'nan' is not a percentage"),
            (memberName, "a b", "'a b' is not a name: 1 to 32 ASCII letters"),
            (zone, "Nowhere", "'Nowhere' is not a zone such as UTC"),
            (sourceAddress, "far", "'far' is not an IP address"),
            (sourceAddress, "far:x", "'far:x' is not an IP address"),
            (sourceAddress, "::1:65536x", "is not an IP address"),
            (sourceAddress, "fe80::1", "a link-local address needs its link"),
            (sourceAddress, "fe80::1%nosuchlink", "there is no link 'nosuchlink'"),
            (sourceAddress, "[::1]:65536", "65536 is not a port from 0 to 65535"),
        ]
        for read, text, why in cases:
            error = self.assertRaises(ArgumentTypeError, read, text)
            self.assertIn(why, str(error))
