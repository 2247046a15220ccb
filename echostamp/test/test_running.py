"""Tests for L{echostamp.running}."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.exitstatus import Outcome
from echostamp.running import MOST_STOPPING, CommandRun
from echostamp.test.fakes import FakeReactor


class Exited(BaseException):
    """
    Raised where a real process would end.
    """


class CommandRunTests(SynchronousTestCase):
    """
    L{CommandRun} runs a command and handles its signals.

    @ivar handlers: the installed signal handlers, by number.
    @ivar stops: the numbers of the signals that asked the command to stop.
    """

    def setUp(self) -> None:
        """Install no real signal handler, and end no real process."""
        self.reactor = FakeReactor()
        self.handlers: dict[int, Any] = {}
        self.stops: list[int] = []
        self.exits: list[int] = []
        self.errors = io.StringIO()
        self.patch(signal, "signal", self.handlers.__setitem__)
        self.patch(os, "_exit", self.exit)
        self.patch(sys, "stderr", self.errors)
        self.addCleanup(gc.unfreeze)

    def exit(self, status: int) -> None:
        """Note the exit status."""
        self.exits.append(status)
        raise Exited

    def run_(
        self,
        start: Callable[[CommandRun], object],
        mustExit: bool = False,
        **options: Any,
    ) -> Outcome:
        """Run a command that is over when it has started."""
        run = CommandRun(self.reactor, self.stops.append, lambda: mustExit, **options)
        return run.untilEnd(lambda: start(run))

    def test_firstOutcome(self) -> None:
        """The first outcome stops the reactor and is returned; others are ignored."""

        def start(run: CommandRun) -> None:
            self.assertFalse(self.reactor.hasStopped)
            run.end(Outcome(3, "first"))
            self.assertTrue(self.reactor.hasStopped)
            self.reactor.hasStopped = False
            run.end(Outcome(1, "second"))
            self.assertFalse(self.reactor.hasStopped)

        self.assertEqual(self.run_(start), Outcome(3, "first"))
        self.assertEqual(self.exits, [])

    def test_collections(self) -> None:
        """While the command runs garbage is collected, but not looked for among what
        was loaded before."""
        self.addCleanup(gc.enable)
        gc.disable()
        seen: list[object] = []

        def start(run: CommandRun) -> None:
            seen.extend([gc.isenabled(), gc.get_freeze_count() > 1000])
            run.end(Outcome(0))

        gc.unfreeze()
        self.run_(start)
        self.assertEqual(seen, [True, True])

    def test_signals(self) -> None:
        """The first SIGINT or SIGTERM asks the command to stop, a second one has its
        default effect."""
        for number in signal.SIGINT, signal.SIGTERM:

            def start(run: CommandRun, number: int = number) -> None:
                self.handlers[number](number, None)
                self.assertEqual(self.stops.pop(), number)
                self.assertEqual(self.handlers[number], signal.SIG_DFL)
                run.end(Outcome(128 + number))

            self.reactor = FakeReactor()
            self.assertEqual(self.run_(start), Outcome(128 + number))
        self.assertEqual(self.stops, [])
        self.assertEqual(set(self.handlers), {signal.SIGINT, signal.SIGTERM})

    def test_secondSignalOfProcessOne(self) -> None:
        """As process 1 of a container a second signal ends the process, too, where its
        default action would do nothing."""
        self.patch(os, "getpid", lambda: 1)

        def start(run: CommandRun) -> None:
            self.handlers[signal.SIGINT](signal.SIGINT, None)
            self.assertRaises(Exited, self.handlers[signal.SIGINT], signal.SIGINT, None)
            run.end(Outcome(130))

        self.run_(start)
        self.assertEqual(self.exits, [130])

    def test_beforeDeath(self) -> None:
        """What has to be done before a second signal kills the process is done."""
        raised: list[object] = []
        self.patch(signal, "raise_signal", raised.append)

        def start(run: CommandRun) -> None:
            self.handlers[signal.SIGTERM](signal.SIGTERM, None)
            self.assertEqual(raised, [])
            # The process survives its default action here.
            second = self.handlers[signal.SIGTERM]
            self.assertRaises(Exited, second, signal.SIGTERM, None)
            run.end(Outcome(143))

        self.run_(start, beforeDeath=lambda: raised.append("before"))
        self.assertEqual(raised, ["before", signal.SIGTERM])
        self.assertEqual(self.handlers[signal.SIGTERM], signal.SIG_DFL)

    def test_stuck(self) -> None:
        """A command that does not end after a signal, or fails at it, is killed by the
        signal after some seconds."""
        raised: list[object] = []
        self.patch(signal, "raise_signal", raised.append)
        for number in signal.SIGINT, signal.SIGTERM:

            def start(run: CommandRun, number: int = number) -> None:
                self.handlers[number](number, None)
                self.reactor.advance(0)
                self.reactor.advance(MOST_STOPPING - 0.1)
                self.assertEqual(raised, [])
                self.reactor.advance(0.2)
                self.assertEqual(raised.pop(), number)
                self.assertEqual(self.handlers[number], signal.SIG_DFL)
                run.end(Outcome(0))

            self.reactor = FakeReactor()
            self.run_(start)

    def test_brokenStop(self) -> None:
        """A command that cannot be stopped is killed, too."""
        raised: list[object] = []
        self.patch(signal, "raise_signal", raised.append)

        def stop(number: int) -> None:
            raise RuntimeError("oops")

        run = CommandRun(self.reactor, stop)

        def start() -> None:
            handler = self.handlers[signal.SIGTERM]
            self.assertRaises(RuntimeError, handler, signal.SIGTERM, None)
            self.reactor.fromTimerToTimer(MOST_STOPPING)
            run.end(Outcome(0))

        run.untilEnd(start)
        self.assertEqual(raised, [signal.SIGTERM])

    def test_moreSignals(self) -> None:
        """Another signal's function is called in a turn of the reactor, each time."""
        calls: list[str] = []

        def start(run: CommandRun) -> None:
            for count in 1, 2:
                self.handlers[signal.SIGQUIT](signal.SIGQUIT, None)
                self.assertEqual(len(calls), count - 1)
                self.reactor.advance(0)
                self.assertEqual(len(calls), count)
            run.end(Outcome(0))

        signals = {signal.SIGQUIT: lambda: calls.append("figures")}
        self.assertEqual(self.run_(start, signals=signals), Outcome(0))
        self.assertEqual(self.stops, [])

    def test_mustExit(self) -> None:
        """A process that must exit writes its line and exits; the reactor is not
        asked to stop."""

        def start(run: CommandRun) -> None:
            self.assertRaises(Exited, run.end, Outcome(1, "too late"))
            self.assertFalse(self.reactor.hasStopped)

        self.run_(start, mustExit=True)
        self.assertEqual(self.exits, [1])
        self.assertEqual(self.errors.getvalue(), "echostamp: too late\n")

    def test_brokenStart(self) -> None:
        """A command that fails when it starts ends: the reactor does not run on."""

        def start(run: CommandRun) -> None:
            raise RuntimeError("oops")

        self.assertEqual(self.run_(start), Outcome(2, "the fault is EchoStamp's"))
        self.assertTrue(self.reactor.hasStopped)
        self.assertIn("RuntimeError: oops", self.errors.getvalue())

    def test_broken(self) -> None:
        """An error in EchoStamp is printed with its traceback, and ends the command
        with status 2."""
        outcome = self.run_(lambda run: run.broken(Failure(RuntimeError("oops"))))
        self.assertEqual(outcome, Outcome(2, "the fault is EchoStamp's"))
        self.assertIn("RuntimeError: oops", self.errors.getvalue())
