"""
The interactive client: C{echostamp talk}.

Its console is a L{LineReceiver} on L{StandardIO}: L{TerminalConsole} where somebody
types and reads, L{PipeConsole} elsewhere.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.failures import whatFailed
from echostamp.connect.target import Target, parseTarget, whyNoTarget
from echostamp.connect.tls import TlsFiles
from echostamp.exitstatus import (
    FAR_END_FAILED,
    NEAR_END_FAILED,
    Outcome,
    complain,
    said,
)
from echostamp.intercom.parsing import Origin
from echostamp.talk.conversation import QUIET, Conversation
from echostamp.talk.farend import FarEnd
from echostamp.talk.terminal import (
    PROMPT,
    Painter,
    keptModes,
    privateDescriptor,
)


@implementer(IHalfCloseableProtocol)
class _StandardConsole(LineReceiver):
    """
    Standard input and output as the near side of a conversation.
    """

    transport: Any
    delimiter = b"\n"
    MAX_LENGTH = sys.maxsize
    isTerminal = False

    def __init__(self, conversation: Conversation) -> None:
        """
        @param conversation: what to be the near side of.
        """
        self.conversation = conversation
        conversation.console = self

    def connectionMade(self) -> None:
        """Let each side hold back the other."""
        farEnd = self.conversation.farEnd
        farEnd.transport.registerProducer(self, True)
        self.transport.registerProducer(farEnd, True)

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """Write what came back."""
        self.transport.write(b"".join([piece for _, piece in heard]))

    def finish(self) -> None:
        """Close standard output when all has been written."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def stopProducing(self) -> None:
        """The far end is gone: it says so itself."""

    def readConnectionLost(self) -> None:
        """The input has ended."""
        self.conversation.inputEnded()

    def writeConnectionLost(self) -> None:
        """Standard output is gone."""
        self.conversation.outputClosed(isFlushed=False)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Standard output has been closed."""
        self.conversation.outputClosed(isFlushed=bool(reason.check(ConnectionDone)))


class PipeConsole(_StandardConsole):
    """
    A console that nobody looks at: octets go out as they come in, and back.
    """

    def connectionMade(self) -> None:
        """Take lines of any length, and a last one without an end."""
        super().connectionMade()
        LineReceiver.setRawMode(self)

    def rawDataReceived(self, data: bytes) -> None:
        """Send what was read."""
        self.conversation.send(data)


class TerminalConsole(_StandardConsole):
    """
    A console with somebody before it.

    The terminal keeps its modes: its own line editing gives us whole lines, and there
    is nothing to restore when we are killed.
    """

    isTerminal = True

    def __init__(
        self,
        conversation: Conversation,
        painter: Painter,
        encoding: str = "utf-8",
    ) -> None:
        """
        @param conversation: what to be the near side of.
        @param painter: makes text of what comes.
        @param encoding: the terminal's.
        """
        super().__init__(conversation)
        self._encoding = encoding
        self._painter = painter
        self._atPrompt = False
        self._atLineStart = True
        self._isEnded = False
        self._wait: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Ask for the first line."""
        super().connectionMade()
        self._prompt()

    def lineReceived(self, line: bytes) -> None:
        """Send a line; an empty one ends the conversation."""
        if self._isEnded:
            return
        self._atPrompt, self._atLineStart = False, True
        if line:
            self._send(line)
        else:
            self._end()

    def readConnectionLost(self) -> None:
        """Send what stands before the end of the input, which is not a line yet."""
        if not (self._isEnded or self.conversation.isOver):
            if rest := LineReceiver.clearLineBuffer(self):
                self._send(rest)
            self._newLine()
            self._end()

    def _send(self, line: bytes) -> None:
        """
        Send a line, and wait a little for its reply before the prompt comes back.
        """
        self._stopWaiting()
        self._wait = self.conversation.reactor.callLater(QUIET, self._prompt)
        self.conversation.send(line + b"\n")

    def _end(self) -> None:
        """
        Take no more lines.
        """
        self._isEnded = True
        self._stopWaiting()
        self.conversation.inputEnded()

    def _stopWaiting(self) -> None:
        """
        The prompt needs no timer.
        """
        if self._wait is not None and self._wait.active():
            self._wait.cancel()

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """Write what came back, safe to look at, on lines of its own."""
        text = self._painter.paint(heard)
        if not text:
            return
        if self._atPrompt:
            self._newLine()
        self._write(text)
        self._atLineStart = text.endswith("\n")
        isWaiting = self._wait is not None and self._wait.active()
        if self._atLineStart and not (
            isWaiting and self.conversation.replies.unanswered
        ):
            self._prompt()

    def _prompt(self) -> None:
        """
        Ask for a line.
        """
        self._stopWaiting()
        if not self._isEnded:
            if not self._atLineStart:
                self._newLine()
            self._write(PROMPT)
            self._atPrompt, self._atLineStart = True, False

    def _newLine(self) -> None:
        """
        Begin a line.
        """
        self._write("\n")
        self._atPrompt, self._atLineStart = False, True

    def _write(self, text: str) -> None:
        """
        Write to the terminal, in its encoding.
        """
        self.transport.write(text.encode(self._encoding, "backslashreplace"))

    def finish(self) -> None:
        """Leave the cursor at the start of a line."""
        self._isEnded = True
        self._stopWaiting()
        if rest := self._painter.rest():
            self._write(rest)
        if not self._atLineStart:
            self._newLine()
        super().finish()


class _CheckedStandardIO(StandardIO):
    """
    Standard input and output that tell a read that fails from the end of the input.
    """

    def childConnectionLost(self, fd: str, reason: Failure) -> None:
        """One of the two is gone."""
        if fd == "read" and not reason.check(ConnectionDone):
            cast(Any, self).protocol.conversation.inputFailed()
        cast(Any, StandardIO).childConnectionLost(self, fd, reason)


def talk(
    reactor: Any,
    target: str,
    timeout: float,
    showTimes: bool,
    files: TlsFiles | None = None,
    name: str | None = None,
    isEditing: bool = False,
) -> Outcome:
    """
    Run C{echostamp talk}.

    @param reactor: what to run.
    @param target: where to; see L{parseTarget}.
    @param timeout: seconds to wait for the connection, and for replies still owed
        once the input has ended.
    @param showTimes: whether to put the round-trip time after each reply.
    @param files: what TLS needs, unless the system's CAs are enough.
    @param name: what to be called in the intercom, if anything.
    @param isEditing: whether lines can be edited: on a terminal, with prompt_toolkit
        and the asyncio reactor.
    """
    try:
        found = parseTarget(reactor, target, timeout, files)
    except ValueError as error:
        return Outcome(NEAR_END_FAILED, whyNoTarget(target, error))
    conversation = Conversation(reactor, found.name, timeout, showTimes)
    with keptModes() if isEditing else nullcontext():
        return _run(reactor, found, conversation, timeout, name, isEditing)


def _run(
    reactor: Any,
    target: Target,
    conversation: Conversation,
    timeout: float,
    name: str | None,
    isEditing: bool,
) -> Outcome:
    """
    Run the reactor while the conversation lasts.
    """
    isTerminal = os.isatty(0) and os.isatty(1)
    painter = Painter(os.environ)
    outcomes: list[Outcome] = []
    tooLate = Failure(TimeoutError(f"no connection within {timeout:g} s"))

    def start() -> None:
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, interrupted)
        connecting = target.endpoint.connect(
            Factory.forProtocol(lambda: FarEnd(conversation))
        )
        connecting.addTimeout(timeout, reactor, lambda result, seconds: tooLate)
        connecting.addCallbacks(converse, notConnected).addCallback(end)

    def converse(farEnd: object) -> Deferred[Outcome]:
        if name:
            conversation.introduce(name)
        if isEditing:
            from echostamp.talk.editing import EditingConsole

            EditingConsole(conversation, givenUp, painter).begin()
            return conversation.done
        console: TerminalConsole | PipeConsole
        if isTerminal:
            console = TerminalConsole(conversation, painter, sys.stdout.encoding)
        else:
            console = PipeConsole(conversation)
        cast(Any, _CheckedStandardIO)(
            console,
            privateDescriptor(0, os.O_RDONLY),
            privateDescriptor(1, os.O_WRONLY),
            reactor,
        )
        return conversation.done

    def notConnected(failure: Failure) -> Outcome:
        return Outcome(FAR_END_FAILED, f"{target.name}: {whatFailed(failure)}")

    def interrupted(number: int, frame: object) -> None:
        # A second signal ends the process whatever it still waits for.
        signal.signal(number, signal.SIG_DFL)
        if isTerminal:
            complain("")
        outcome = Outcome(128 + number)
        conversation.abandon(outcome)
        reactor.callFromThread(end, outcome)

    def givenUp() -> None:
        outcome = Outcome(128 + signal.SIGINT)
        conversation.abandon(outcome)
        end(outcome)

    def end(outcome: Outcome) -> None:
        if outcomes:
            return
        outcomes.append(outcome)
        if not hasattr(conversation, "farEnd"):
            # A name that is still being looked up cannot be given up, and the
            # reactor would wait for it.  Nothing else is left to do.
            os._exit(said(outcome))
        reactor.stop()

    reactor.callWhenRunning(start)
    reactor.run()
    return outcomes[0]
