"""Tests for the completions that C{docs/make_completions.py} makes."""

from __future__ import annotations

import re

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp.client.command import parser
from echostamp.daemon.options import Options
from echostamp.test.docscripts import DOCS, docScript
from echostamp.test.helptexts import clientHelp, helped

FOLDER = DOCS.parent / "deploy" / "completions"


def read(path: str) -> str:
    """
    Read the completions of a command.

    @raise SkipTest: the package is installed without them.
    """
    try:
        return (FOLDER / path).read_text("utf-8")
    except FileNotFoundError:
        raise SkipTest("no completions here") from None


def inBash(command: str) -> dict[str, set[str]]:
    """
    Give the options that bash knows, by the subcommand; the command's own are under its
    name.
    """
    found = re.findall(
        r"^_shtab_(?:\w+_)?([a-z]+)_option_strings=\((.*)\)$",
        read(f"bash/{command}"),
        re.MULTILINE,
    )
    return {name: set(options.split()) for name, options in found}


def inZsh(command: str) -> dict[str, set[str]]:
    """
    Give the options that zsh knows, in the same way.
    """
    found = re.findall(
        r"^_shtab_(?:\w+_)?([a-z]+)_options=\(\n(.*?)\n\)$",
        read(f"zsh/_{command}"),
        re.MULTILINE | re.DOTALL,
    )
    # "--one[help]", "*--two=[help]:FILE:_files", "*"{-t,--three=}"[help]" and the like.
    line = re.compile(
        r'^  (?:"[^"\[]*")?["{](?:\*|\(.*?\))?(-[-\w,=]+)[}\[]', re.MULTILINE
    )
    return {
        name: {
            option.rstrip("=")
            for options in line.findall(text)
            for option in options.split(",")
        }
        for name, text in found
    }


class OptionsTests(SynchronousTestCase):
    """
    The options of the files against those of C{--help}.
    """

    def test_client(self) -> None:
        """Each subcommand has the options of its help, in both shells."""
        commands = ["talk", "ping", "watch", "report"]
        expected = {name: helped(clientHelp(name)) for name in commands}
        self.assertLessEqual({"--history", "-h"}, expected["report"])
        expected["echostamp"] = helped(clientHelp())
        self.assertEqual(inBash("echostamp"), expected)
        self.assertEqual(inZsh("echostamp"), expected)

    def test_daemon(self) -> None:
        """The daemon has the options of its help, in both shells."""
        expected = {"echostampd": helped(Options().getUsage())}
        self.assertEqual(inBash("echostampd"), expected)
        self.assertEqual(inZsh("echostampd"), expected)


class ScriptTests(SynchronousTestCase):
    """
    The script that makes the files.
    """

    def setUp(self) -> None:
        """Load it."""
        read("bash/echostamp")
        try:
            self.script = docScript("make_completions")
        except ModuleNotFoundError:
            raise SkipTest("needs shtab, of the extra dev") from None

    def test_files(self) -> None:
        """The files are those of today: docs/make_completions.py makes them."""
        made = self.script.completions()
        there = [path for path in FOLDER.rglob("*") if path.is_file()]
        self.assertEqual(
            {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in there},
            made,
        )

    def test_names(self) -> None:
        """The script names options that there are, and values that they accept."""
        daemon = {f"--{each.rstrip('=')}" for each in Options().longOpt}
        self.assertLessEqual({f"--{each}" for each in self.script.FILES}, daemon)
        for option, words in self.script.WORDS.items():
            for word in words:
                if option in daemon:
                    Options().parseOptions(["--reflector", "0", option, word])
                else:
                    parser().commands["ping"].parse_args([option, word])
