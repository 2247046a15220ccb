"""Tests for L{echostamp.client.command} and L{echostamp.__main__}."""

from __future__ import annotations

import gc
import runpy
import sys

from echostamp import __version__
from echostamp.client import command
from echostamp.client.command import main
from echostamp.talk.run import TalkOptions
from echostamp.test.commands import CommandCase


class MainTests(CommandCase):
    """
    The subcommands, and what is checked before one is run.
    """

    def test_alone(self) -> None:
        """C{echostamp} alone is C{echostamp talk}, and has its status."""
        for arguments in [], ["talk"]:
            self.assertEqual(main(arguments), 42)
            self.assertEqual(self.talks.pop(), TalkOptions("localhost:8002"))

    def test_processesOwnCommandLine(self) -> None:
        """Without an argument, C{main} reads the process's command line."""
        self.patch(sys, "argv", ["echostamp", "talk", "far"])
        self.assertEqual(main(), 42)
        self.assertEqual(self.talks, [TalkOptions("far")])
        self.assertEqual(self.said(), "echostamp: the end\n")

    def test_unusableStandardIO(self) -> None:
        """Without standard input and output no subcommand runs: one line, status 2."""
        self.patch(command, "unusableStandardIO", lambda: "standard input: closed")
        self.assertEqual(main([]), 2)
        self.assertEqual(self.said(), "echostamp: standard input: closed\n")
        self.assertEqual(self.talks, [])

    def test_wrongCommandLines(self) -> None:
        """A wrong command line gets one line that names what is wrong, and status 2."""
        for arguments, name in [
            (["nonsense"], "nonsense"),
            (["--nonsense"], "--nonsense"),
            (["talk", "--nonsense"], "--nonsense"),
            (["talk", "far", "extra"], "extra"),
            (["talk", "--timeout"], "--timeout"),
            (["talk", "--time=1"], "--time"),
            (["talk", "--name", "--"], "--name"),
            (["ping", "-q", "-c", "2", "-w", "--", "far"], "-w"),
            (["ping", "--key=--", "stamp:far"], "--key"),
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
        """C{--version} prints one line; status 0."""
        self.assertEqual(self.ended("--version"), 0)
        self.assertEqual(self.output.getvalue(), f"EchoStamp {__version__}\n")

    def test_help(self) -> None:
        """C{--help} names every subcommand, and a subcommand's names its options."""
        self.assertEqual(self.ended("--help"), 0)
        self.assertIn("talk", self.output.getvalue())
        self.assertEqual(self.ended("talk", "--help"), 0)
        for text in "TARGET", "localhost:8002", "--time ", "--timeout SECONDS", "10":
            self.assertIn(text, self.output.getvalue())
        for text in "--ca FILE", "--cert FILE", "--key FILE":
            self.assertIn(text, self.output.getvalue())


class ModuleTests(CommandCase):
    """
    C{python -m echostamp}.
    """

    def setUp(self) -> None:
        """Collect garbage again after the test."""
        super().setUp()
        self.addCleanup(gc.enable)

    def test_moduleIsTheCommand(self) -> None:
        """The module has the command's options and status."""
        self.patch(sys, "argv", ["echostamp", "talk", "--time"])
        ended = self.assertRaises(
            SystemExit, runpy.run_module, "echostamp", run_name="__main__"
        )
        self.assertEqual(ended.code, 42)
        self.assertEqual(self.talks, [TalkOptions("localhost:8002", showTimes=True)])
        # The run of the reactor, which enables it again, is left out here.
        self.assertFalse(gc.isenabled())

    def test_importRunsNothing(self) -> None:
        """Importing the module runs nothing."""
        runpy.run_module("echostamp.__main__", run_name="echostamp.__main__")
        self.assertEqual(self.talks, [])
