"""Tests for L{echostamp.talk.run}."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.exitstatus import Outcome
from echostamp.stamps import StampFormat
from echostamp.talk import run
from echostamp.talk.consoles import PipeConsole, TerminalConsole
from echostamp.talk.run import MOST_PARTING, TalkOptions, talk
from echostamp.talk.terminal import EDITING_HINT
from echostamp.test.fakes import FakeFarTransport, FakeReactor, FakeStandardIO

OPTIONS = TalkOptions("localhost:7", 3.0)


class ScriptedReactor(FakeReactor):
    """
    A reactor whose run is a script.

    @ivar script: called with the reactor once it runs.
    """

    def __init__(self, script: Callable[[ScriptedReactor], object]) -> None:
        super().__init__()
        self.script = script

    def run(self, installSignalHandlers: bool = True) -> None:
        """Call what waits for the reactor to run, and then the script."""
        super().run()
        self.hasStopped = False
        self.script(self)

    def accept(self) -> Any:
        """Let the connection be made, and give its protocol."""
        factory: Any = self.tcpClients[-1][2]
        connection = factory.buildProtocol(None)
        connection.makeConnection(FakeFarTransport())
        return connection


class TalkTests(SynchronousTestCase):
    """
    L{talk} connects to the target, and runs the reactor until the conversation ends.
    """

    def setUp(self) -> None:
        """Install no real signal handler, end no process, and attach no console."""
        self.handlers: dict[int, Any] = {}
        self.consoles: list[PipeConsole | TerminalConsole] = []
        self.exits: list[int] = []
        self.errors = io.StringIO()
        self.isTerminal = False
        self.alarms: list[float] = []
        self.patch(signal, "signal", self.handlers.__setitem__)
        self.patch(signal, "setitimer", lambda timer, after: self.alarms.append(after))
        self.patch(os, "_exit", self.exits.append)
        self.patch(os, "isatty", lambda fd: self.isTerminal)
        self.patch(sys, "stderr", self.errors)
        self.patch(run, "attach", lambda console, reactor: self.attach(console))

    def attach(self, console: PipeConsole | TerminalConsole) -> None:
        """Attach a console to nothing but memory."""
        self.consoles.append(console)
        console.makeConnection(FakeStandardIO())

    def assertExits(
        self, script: Callable[[ScriptedReactor], object], status: int, line: str
    ) -> None:
        """Assert that the process exits at once, how, and with which line."""
        talk(ScriptedReactor(script), OPTIONS)
        self.assertEqual(self.exits, [status])
        self.assertEqual(self.errors.getvalue(), line)

    def test_wrongTarget(self) -> None:
        """A wrong TARGET gets one line that quotes it, and status 2; nothing runs."""
        reactor = FakeReactor()
        status, line = talk(reactor, TalkOptions("a\n:0", 3.0))
        self.assertEqual(status, 2)
        self.assertTrue(line.startswith(r"TARGET 'a\n:0': "), line)
        self.assertFalse(reactor.hasRun)

    def test_conversation(self) -> None:
        """The conversation's outcome stops the reactor and is returned."""
        for isTerminal, kind in (False, PipeConsole), (True, TerminalConsole):
            self.isTerminal = isTerminal

            def script(reactor: ScriptedReactor) -> None:
                self.assertEqual(reactor.tcpClients[0][:2], ("192.0.2.1", 7))
                connection = reactor.accept()
                conversation = self.consoles[-1].conversation
                self.assertEqual(conversation.name, "localhost:7")
                self.assertIs(conversation.reactor, reactor)
                self.assertFalse(reactor.hasStopped)
                self.consoles[-1].readConnectionLost()
                connection.readConnectionLost()
                self.consoles[-1].connectionLost()
                self.assertFalse(reactor.hasStopped)
                connection.connectionLost(Failure(ConnectionDone()))
                self.assertTrue(reactor.hasStopped)
                self.assertEqual(self.exits, [])

            self.assertEqual(talk(ScriptedReactor(script), OPTIONS), Outcome(0))
            self.assertIsInstance(self.consoles[-1], kind)

    def test_name(self) -> None:
        """The name is asked for before anything else is sent."""

        def script(reactor: ScriptedReactor) -> None:
            connection = reactor.accept()
            self.assertEqual(connection.transport.sent, b"/name ann\n")
            self.consoles[-1].conversation.finish(Outcome(0))
            self.consoles[-1].connectionLost()
            connection.connectionLost(Failure(ConnectionDone()))

        options = TalkOptions("localhost:7", 3.0, name="ann")
        self.assertEqual(talk(ScriptedReactor(script), options), Outcome(0))

    def test_reconnect(self) -> None:
        """A lost connection is made again.  A signal while there is none exits at once,
        also if a name is being looked up."""
        self.isTerminal = True

        def script(reactor: ScriptedReactor) -> None:
            for _ in range(2):
                connection = reactor.accept()
                self.assertEqual(connection.transport.sent, b"/name ann\n")
                connection.dataReceived(b"[1] /name ann\n")
                connection.connectionLost(Failure(ConnectionDone()))
                reactor.advance(1)
            self.handlers[signal.SIGINT](signal.SIGINT, None)
            reactor.advance(0)

        options = TalkOptions("localhost:7", 3.0, name="ann", isReconnecting=True)
        talk(ScriptedReactor(script), options)
        self.assertEqual(self.exits, [130])
        self.assertEqual(self.errors.getvalue(), "\n")

    def test_painter(self) -> None:
        """The time and the bell of the options are shown on a terminal."""
        self.isTerminal = True
        shown = bytearray()

        def script(reactor: ScriptedReactor) -> None:
            connection = reactor.accept()
            connection.dataReceived(b"[1] <bob> hi ann\n")
            transport: Any = self.consoles[-1].transport
            shown.extend(transport.sent)
            self.handlers[signal.SIGINT](signal.SIGINT, None)
            reactor.advance(0)
            connection.connectionLost(Failure(ConnectionDone()))

        form = StampFormat(lambda ns: b"noon", 1)
        options = TalkOptions(
            "localhost:7", 3.0, name="ann", timeFormat=form, hasBell=True
        )
        self.patch(os, "environ", {})
        talk(ScriptedReactor(script), options)
        self.assertIn(b"noon <bob> hi ann\a\n", shown)

    def test_wrongHistoryFile(self) -> None:
        """A history file that cannot be used gets one line, and status 2; nothing
        runs."""
        folder = self.mktemp()
        os.mkdir(folder)
        other = Path(self.mktemp())
        other.write_text("precious\n")
        for path, why in [
            (folder, os.strerror(errno.EISDIR)),
            (f"{folder}/no/file", os.strerror(errno.ENOENT)),
            (str(other), "it was not written by echostamp talk"),
        ]:
            reactor = FakeReactor()
            options = TalkOptions("localhost:7", 3.0, isEditing=True, historyFile=path)
            outcome = Outcome(2, f"--history-file {path!r}: {why}")
            self.assertEqual(talk(reactor, options), outcome)
            self.assertFalse(reactor.hasRun)

    def test_hint(self) -> None:
        """Where the terminal could edit lines, a received line brings a hint how."""
        self.isTerminal = True
        for term, isHinted in ("xterm", True), ("dumb", False):
            self.patch(os, "environ", {"TERM": term})
            shown = bytearray()

            def script(reactor: ScriptedReactor) -> None:
                connection = reactor.accept()
                connection.dataReceived(b"[1] * bob joined\n")
                transport: Any = self.consoles[-1].transport
                shown.extend(transport.sent)  # noqa: B023
                self.handlers[signal.SIGINT](signal.SIGINT, None)
                reactor.advance(0)
                connection.connectionLost(Failure(ConnectionDone()))

            talk(ScriptedReactor(script), OPTIONS)
            self.assertEqual(EDITING_HINT.encode() in shown, isHinted)

    def test_refused(self) -> None:
        """A connection that is refused is reported; status 1."""

        def script(reactor: ScriptedReactor) -> None:
            factory: Any = reactor.tcpClients[-1][2]
            factory.clientConnectionFailed(None, Failure(ConnectionRefusedError(111)))
            reactor.advance(0.5)

        line = f"echostamp: localhost:7: {os.strerror(111)}\n"
        self.assertExits(script, 1, line)

    def test_timeout(self) -> None:
        """A connection that is not made in time is reported; status 1."""

        def script(reactor: ScriptedReactor) -> None:
            reactor.advance(2.9)
            self.assertEqual(self.errors.getvalue(), "")
            reactor.advance(0.2)

        line = "echostamp: localhost:7: no connection within 3 s\n"
        self.assertExits(script, 1, line)

    def test_interruptedBeforeTheConnection(self) -> None:
        """Ctrl-C during the connection exits at once; status 130."""

        def script(reactor: ScriptedReactor) -> None:
            self.handlers[signal.SIGINT](signal.SIGINT, None)
            reactor.advance(0)

        self.assertExits(script, 130, "")

    def test_interrupted(self) -> None:
        """A signal ends the conversation: what comes after it is ignored."""
        self.isTerminal = True

        def script(reactor: ScriptedReactor) -> None:
            connection = reactor.accept()
            self.handlers[signal.SIGTERM](signal.SIGTERM, None)
            connection.readConnectionLost()
            self.assertFalse(reactor.hasStopped)
            reactor.advance(0)
            self.assertTrue(connection.transport.isHalfClosed)
            connection.connectionLost(Failure(ConnectionDone()))
            self.assertTrue(reactor.hasStopped)

        self.assertEqual(talk(ScriptedReactor(script), OPTIONS), Outcome(143))
        self.assertEqual(self.errors.getvalue(), "\n")
        self.assertEqual(self.alarms, [MOST_PARTING, 0])

    def test_interruptedWhileBusy(self) -> None:
        """A client that is too busy to end after a signal exits soon."""

        def script(reactor: ScriptedReactor) -> None:
            connection = reactor.accept()
            self.handlers[signal.SIGINT](signal.SIGINT, None)
            self.assertEqual((self.alarms, self.exits), ([MOST_PARTING], []))
            self.handlers[signal.SIGALRM](signal.SIGALRM, None)
            self.assertEqual(self.exits, [130])
            reactor.advance(0)
            connection.connectionLost(Failure(ConnectionDone()))

        talk(ScriptedReactor(script), OPTIONS)

    def test_broken(self) -> None:
        """An error in EchoStamp ends it with a traceback; status 2."""

        def attach(console: object, reactor: object) -> None:
            raise RuntimeError("oops")

        self.patch(run, "attach", attach)
        outcome = talk(ScriptedReactor(ScriptedReactor.accept), OPTIONS)
        self.assertEqual(outcome, Outcome(2, "the fault is EchoStamp's"))
        self.assertIn("RuntimeError: oops", self.errors.getvalue())
