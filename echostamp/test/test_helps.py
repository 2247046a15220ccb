"""Tests for the help texts of all commands."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.command import parser
from echostamp.daemon.options import Options

#: Spaces within a text: where a line begins, or behind an option, there may be more.
RUN = re.compile(r"\S( {2,}|\t)\S")
OPTION = re.compile(r" +-\S+( \S+)?(, --\S+( \S+)?)? {2,}")


def helps() -> dict[str, str]:
    """
    Give each command's help.
    """
    top = parser()
    found = {name: each.format_help() for name, each in top.commands.items()}
    return {**found, "echostamp": top.format_help(), "twistd": str(Options())}


class HelpTests(SynchronousTestCase):
    """
    Tests for help texts.
    """

    def test_spaces(self) -> None:
        """No text has more than one space between two words."""
        for command, text in helps().items():
            for line in text.splitlines():
                rest = OPTION.sub("", line)
                if not re.match(r" +[A-Za-z]+ {2,}", rest):
                    self.assertIsNone(RUN.search(rest), f"{command}: {line}")

    def test_plain(self) -> None:
        """The descriptions themselves have no line break and no run of spaces."""
        actions = [each for sub in parser().commands.values() for each in sub._actions]
        for action in actions:
            self.assertIsNone(re.search(r"\s\s|\n", action.help or ""), action.dest)

    def test_holes(self) -> None:
        """The rule finds a hole, in the text of an option too."""
        for line in "  -x, --xy=   one    hole", "two  words":
            self.assertTrue(RUN.search(OPTION.sub("", line)))
        self.assertIsNone(RUN.search(OPTION.sub("", "  -x, --xy=   no hole")))
