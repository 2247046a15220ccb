"""Tests that the man pages and the programs name the same options."""

from __future__ import annotations

import re
from pathlib import Path
from signal import SIGINT, SIGTERM

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.addresses import ECHO_PORT
from echostamp.client.command import parser
from echostamp.daemon.options import Options
from echostamp.exitstatus import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    PIPE_CLOSED,
    THRESHOLD_FAILED,
)
from echostamp.test.helptexts import clientHelp, firstHelped, helped
from echostamp.units import asTyped

DOCS = Path(echostamp.__file__).parent.parent / "docs"


def section(name: str, title: str) -> str:
    """
    Read a section of a man page.

    @param name: the file name of the page.
    @param title: the heading of the section.
    @raise SkipTest: the package is installed without its man pages.
    """
    path = DOCS / name
    if not path.exists():
        raise SkipTest(f"{path} is not there")
    match = re.search(
        rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)",
        path.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert match, title
    return match[1]


def documented(text: str) -> dict[str, str]:
    """
    Find the options of a man page's list.

    @return: the entry of each option, with its heading.
    """
    entries = re.split(r"^(?=\.It Fl )", text, flags=re.MULTILINE)[1:]
    return {
        option: entry for entry in entries for option in flags(entry.partition("\n")[0])
    }


def flags(text: str) -> set[str]:
    """
    Find every option that mdoc's C{Fl} macro marks.
    """
    found = re.findall(r"\bFl (Fl )?([\w-]+)", text)
    return {("--" if long else "-") + name for long, name in found}


class ClientPageTests(SynchronousTestCase):
    """
    C{echostamp.1}.
    """

    def lists(self) -> dict[str, dict[str, str]]:
        """
        Give the entries of the page's lists, by the subcommands that they are of; the
        command's own are under an empty text.
        """
        lists = section("echostamp.1", "OPTIONS").split("\nOptions of\n")
        heads = [each.partition("\n.Bl ")[0] for each in lists[1:]]
        names = [
            " ".join(re.findall(r"^\.Cm (\w+)", head, re.MULTILINE)) for head in heads
        ]
        self.assertEqual(
            names,
            ["talk ping watch", "talk", "ping watch", "ping", "watch", "report"],
        )
        return dict(zip(["", *names], map(documented, lists), strict=True))

    def ofCommand(self, name: str) -> dict[str, str]:
        """
        Give the entries of a subcommand; no option has two.
        """
        found = [
            each for names, each in self.lists().items() if name in names.split(" ")
        ]
        entries = {option: text for each in found for option, text in each.items()}
        self.assertEqual(sum(map(len, found)), len(entries))
        return entries

    def test_options(self) -> None:
        """Exactly the options of the command and its subcommands have entries."""
        command = set(self.lists()[""])
        self.assertEqual(command, helped(clientHelp()))
        self.assertLessEqual({"-h", "--version"}, command)
        for name in "talk", "ping", "watch":
            options = helped(clientHelp(name)) - {"-h", "--help"}
            self.assertLessEqual({"--ca", "--timeout"}, options)
            self.assertEqual(set(self.ofCommand(name)), options)
        report = helped(clientHelp("report")) - {"-h", "--help"}
        self.assertLessEqual({"--history", "--csv"}, report)
        self.assertEqual(set(self.ofCommand("report")), report)
        ping = set(self.ofCommand("ping"))
        self.assertLessEqual({"-c", "--count", "-4", "-D", "--max-rtt"}, ping)

    def test_synopsis(self) -> None:
        """The synopsis has each option once, by its short name if it has one."""
        forms = section("echostamp.1", "SYNOPSIS").split(".Nm\n")
        for name in "talk", "ping", "watch", "report":
            (form,) = (each for each in forms if each.startswith(f".Cm {name}\n"))
            options = firstHelped(clientHelp(name)) - {"-h"}
            self.assertEqual(flags(form), options)
            forms.remove(form)
        self.assertEqual(flags("".join(forms)), helped(clientHelp()))

    def test_defaults(self) -> None:
        """The page's defaults are the parser's."""
        arguments = parser().parse_args(["talk"])
        talk, ping = self.ofCommand("talk"), self.ofCommand("ping")
        self.assertIn(f"default is {arguments.timeout:g}.", talk["--timeout"])
        self.assertIn(arguments.target, section("echostamp.1", "DESCRIPTION"))
        arguments = parser().parse_args(["ping"])
        words = " ".join(clientHelp("ping").split())
        for option, default in [
            ("--interval", asTyped(arguments.interval)),
            ("--timeout", asTyped(arguments.timeout)),
            ("--ttl", arguments.ttl),
        ]:
            self.assertIn(f"default is {default}.", ping[option])
            self.assertIn(f"(default: {default})", words)
        arguments = parser().parse_args(["watch", "far"])
        default = asTyped(arguments.window)
        watch = self.ofCommand("watch")["--window"]
        self.assertIn(f"default is {default}.", watch)
        words = " ".join(clientHelp("watch").split())
        self.assertIn(f"(default: {default})", words)
        arguments = parser().parse_args(["report", "--history=x"])
        default = asTyped(arguments.since)
        self.assertIn(f"default is {default}.", self.ofCommand("report")["--since"])
        words = " ".join(clientHelp("report").split())
        self.assertIn(f"(default: {default})", words)

    def test_statuses(self) -> None:
        """Every exit status of the command has an entry."""
        statuses = re.findall(
            r"^\.It (\d+)$", section("echostamp.1", "EXIT STATUS"), re.MULTILINE
        )
        self.assertEqual(
            [int(status) for status in statuses],
            [
                *(DONE, FAR_END_FAILED, NEAR_END_FAILED, THRESHOLD_FAILED),
                *(128 + SIGINT, PIPE_CLOSED, 128 + SIGTERM),
            ],
        )


class DaemonPageTests(SynchronousTestCase):
    """
    C{twistd-echostamp.8}.
    """

    def test_options(self) -> None:
        """Exactly the options of the daemon have entries."""
        options = helped(Options().getUsage())
        self.assertLessEqual({"-e", "--endpoint", "--utc", "--version"}, options)
        self.assertEqual(
            set(documented(section("twistd-echostamp.8", "OPTIONS"))), options
        )

    def test_synopsis(self) -> None:
        """The synopsis has each option once, by its short name if it has one."""
        self.assertEqual(
            flags(section("twistd-echostamp.8", "SYNOPSIS")),
            firstHelped(Options().getUsage()),
        )

    def test_defaults(self) -> None:
        """The page's defaults are the options'."""
        entries = documented(section("twistd-echostamp.8", "OPTIONS"))
        options = Options()
        for name in "format", "pause", "max-length":
            self.assertRegex(
                entries[f"--{name}"],
                rf"default is\s(\.Li )?{re.escape(options[name])} ?\.",
            )
        self.assertIn(f"default is {ECHO_PORT}.", entries["--port"])
