"""
The client's command in the process of a test.
"""

from __future__ import annotations

import io
import sys

import twisted.internet
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client import command, ping, watch
from echostamp.client.command import main
from echostamp.client.ping import PingOptions
from echostamp.client.watch import WatchOptions
from echostamp.exitstatus import Outcome
from echostamp.talk import run, terminal
from echostamp.talk.run import TalkOptions
from echostamp.test.fakes import FakeReactor


class CommandCase(SynchronousTestCase):
    """
    The command line.  No subcommand is run.

    @ivar talks: the options with which C{talk} would have been run.
    @ivar pings: the options with which C{ping} would have been run.
    @ivar watches: the options with which C{watch} would have been run.
    """

    def setUp(self) -> None:
        """Note what would be run, and what is written."""
        self.talks: list[TalkOptions] = []
        self.pings: list[tuple[object, ...]] = []
        self.watches: list[WatchOptions] = []
        self.output, self.errors = io.StringIO(), io.StringIO()
        from twisted.internet import reactor  # noqa: F401  # install one to replace

        self.reactor = FakeReactor()
        self.patch(twisted.internet, "reactor", self.reactor)
        self.patch(command, "unusableStandardIO", lambda: "")
        self.patch(terminal, "canEdit", lambda: False)
        self.patch(terminal, "isTerminal", lambda: False)
        self.patch(run, "talk", self.talk)
        self.patch(ping, "ping", self.ping)
        self.patch(watch, "watch", self.watch)
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)

    def talk(self, reactor: object, options: TalkOptions) -> Outcome:
        """Note the call, and give a status that nothing else has."""
        self.assertIs(reactor, self.reactor)
        self.talks.append(options)
        return Outcome(42, "the end")

    def ping(self, reactor: object, options: PingOptions) -> Outcome:
        """Note the call, and give a status that nothing else has."""
        self.assertIs(reactor, self.reactor)
        wish = options.wish
        self.pings.append(
            (
                *(wish.target, wish.plan, options.output, options.thresholds),
                *(wish.route, options.zone, wish.files, wish.stamp),
            )
        )
        return Outcome(43, "the end")

    def watch(self, reactor: object, options: WatchOptions) -> Outcome:
        """Note the call, and give a status that nothing else has."""
        self.assertIs(reactor, self.reactor)
        self.watches.append(options)
        return Outcome(44, "the end")

    def ended(self, *arguments: str) -> int:
        """Run a command line that ends the process at once, and give its status."""
        status = self.assertRaises(SystemExit, main, arguments).code
        self.assertEqual((self.talks, self.pings, self.watches), ([], [], []))
        assert isinstance(status, int)
        return status

    def said(self) -> str:
        """Give what was written to standard error, and clear it."""
        text = self.errors.getvalue()
        self.errors.seek(0)
        self.errors.truncate()
        return text
