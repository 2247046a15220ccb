"""Tests that the man pages and the programs name the same options."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.client.command import parser
from echostamp.daemon.service import PORT, Options

DOCS = Path(echostamp.__file__).parent.parent / "docs"


def section(name: str, title: str) -> str:
    """
    Read a section of a man page.

    @param name: the page's file.
    @param title: the section's heading.
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

    @return: for each option, its entry, heading included.
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


def helped(text: str) -> set[str]:
    """
    Find the options of a help text's list.
    """
    lists = re.findall(r"^ +((?:-\w, )?--[\w-]+)", text, re.MULTILINE)
    return {option for options in lists for option in options.split(", ")}


def clientHelp(*command: str) -> str:
    """
    Give the client's help text.

    @param command: the subcommand, or nothing.
    """
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            parser().parse_args([*command, "--help"])
    except SystemExit:
        pass
    return printed.getvalue()


class ClientPageTests(SynchronousTestCase):
    """
    C{echostamp.1}.
    """

    def test_options(self) -> None:
        """Every option of the command and of C{talk} has its entry; no other has."""
        options = helped(clientHelp()) | helped(clientHelp("talk"))
        self.assertLessEqual({"-h", "--version", "--timeout"}, options)
        self.assertEqual(set(documented(section("echostamp.1", "OPTIONS"))), options)

    def test_synopsis(self) -> None:
        """The synopsis has each option, and no other."""
        options = helped(clientHelp()) | helped(clientHelp("talk"))
        self.assertEqual(flags(section("echostamp.1", "SYNOPSIS")), options)

    def test_defaults(self) -> None:
        """The defaults are those of the parser."""
        arguments = parser().parse_args(["talk"])
        timeout = documented(section("echostamp.1", "OPTIONS"))["--timeout"]
        self.assertIn(f"default is {arguments.timeout:g}.", timeout)
        self.assertIn(arguments.target, section("echostamp.1", "DESCRIPTION"))


class DaemonPageTests(SynchronousTestCase):
    """
    C{twistd-echostamp.8}.
    """

    def test_options(self) -> None:
        """Every option has its entry; no other has."""
        options = helped(Options().getUsage())
        self.assertLessEqual({"-e", "--endpoint", "--utc", "--version"}, options)
        self.assertEqual(
            set(documented(section("twistd-echostamp.8", "OPTIONS"))), options
        )

    def test_synopsis(self) -> None:
        """The synopsis has each option once, by its short name where there is one."""
        usage = Options().getUsage()
        first = set(re.findall(r"^ +(--?[\w-]+)", usage, re.MULTILINE))
        self.assertEqual(flags(section("twistd-echostamp.8", "SYNOPSIS")), first)

    def test_defaults(self) -> None:
        """The defaults are those of the options."""
        entries = documented(section("twistd-echostamp.8", "OPTIONS"))
        options = Options()
        for name in "format", "pause", "max-length":
            self.assertRegex(
                entries[f"--{name}"],
                rf"default is\s(\.Li )?{re.escape(options[name])} ?\.",
            )
        self.assertIn(f"default is {PORT}.", entries["--port"])
