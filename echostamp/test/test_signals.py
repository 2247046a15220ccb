"""Tests for L{echostamp.daemon.signals}."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import signals
from echostamp.daemon.signals import SignalService
from echostamp.test.fakes import FakeReactor

HANDLED = {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}


class SignalServiceTests(SynchronousTestCase):
    """
    The daemon's signals.

    @ivar handlers: the installed handlers, by the signal's number.
    @ivar blocked: the signals that are blocked.
    @ivar calls: what the signals have called.
    """

    def setUp(self) -> None:
        """Record the handlers, the mask and the log."""
        self.reactor = FakeReactor()
        self.handlers: dict[int, Any] = {}
        self.blocked: set[int] = set()
        self.calls: list[str] = []
        self.events = EventLoggingObserver()
        self.patch(signals, "log", Logger(observer=self.events))

    def setHandler(self, number: int, handler: Any) -> Any:
        """Install a handler, and give the old one."""
        before = self.handlers.get(number, signal.SIG_DFL)
        self.handlers[number] = handler
        return before

    def setMask(self, how: int, which: Any) -> None:
        """Block or unblock signals."""
        if how == signal.SIG_BLOCK:
            self.blocked |= set(which)
        else:
            self.blocked -= set(which)

    def make(self, *reports: Callable[[], object]) -> SignalService:
        """Make the service."""
        calls: dict[int, Callable[[], object]] = {
            signal.SIGTERM: lambda: self.calls.append("stop")
        }
        return SignalService(
            *(self.reactor, calls, reports, self.setHandler, self.setMask),
        )

    def run_(self) -> None:
        """Let the reactor begin to run."""
        for call, arguments, named in self.reactor.whenRunningHooks:
            call(*arguments, **named)

    def deliver(self, number: int) -> None:
        """Deliver a signal."""
        self.handlers[number](number, None)
        self.reactor.advance(0)

    def log(self) -> list[str]:
        """Give the lines of the log."""
        return [formatEvent(event) for event in self.events]

    def test_blockedUntilTheReactorRuns(self) -> None:
        """From the start of the services until the reactor runs, the kernel keeps the
        signals: it is the same for twistd and for twist."""
        for begin in "privilegedStartService", "startService":
            made = self.make()
            getattr(made, begin)()
            self.assertEqual(self.blocked, HANDLED)
            self.assertEqual(self.handlers, {})
            made.startService()
            # The reactor's own, which ours replaces.
            self.handlers[signal.SIGTERM] = lambda number, frame: self.fail("called")
            self.run_()
            self.assertEqual(self.blocked, set())
            self.deliver(signal.SIGTERM)
            self.assertEqual(self.calls.pop(), "stop")
            self.reactor, self.handlers = FakeReactor(), {}

    def test_inATurnOfTheReactor(self) -> None:
        """A signal may interrupt any code: it is handled in the next turn."""
        self.make().startService()
        self.run_()
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertEqual(self.calls, [])
        self.reactor.advance(0)
        self.assertEqual(self.calls, ["stop"])

    def test_nothingToDo(self) -> None:
        """Without a log file and reports, SIGUSR1 is one line of the log; SIGUSR2
        always is."""
        self.make().startService()
        self.run_()
        self.deliver(signal.SIGUSR1)
        self.deliver(signal.SIGUSR2)
        self.assertEqual(
            self.log(),
            [
                "SIGUSR1: no log file to rotate, and no reflector to report on",
                "SIGUSR2: nothing to do",
            ],
        )

    def test_reports(self) -> None:
        """SIGUSR1 asks for the reports, each time."""
        self.make(lambda: self.calls.append("counts")).startService()
        self.run_()
        self.deliver(signal.SIGUSR1)
        self.deliver(signal.SIGUSR1)
        self.assertEqual(self.calls, ["counts"] * 2)
        self.assertEqual(self.log(), [])

    def test_newLogFile(self) -> None:
        """twistd's handler of SIGUSR1 is called, too: it begins a new log file."""
        rotated: list[int] = []
        self.handlers[signal.SIGUSR1] = lambda number, frame: rotated.append(number)
        self.make().startService()
        self.run_()
        self.deliver(signal.SIGUSR1)
        self.assertEqual(rotated, [signal.SIGUSR1])
        self.assertEqual(self.log(), [])

    def test_ignoredAtTheEnd(self) -> None:
        """When the reactor has stopped, no signal changes the exit status: twistd needs
        a while to exit, and Python restores default actions meanwhile."""
        self.make().startService()
        self.run_()
        [(ignore, arguments, named)] = self.reactor.triggers["after"]["shutdown"]
        ignore(*arguments, **named)
        self.assertEqual(self.handlers, dict.fromkeys(HANDLED, signal.SIG_IGN))
