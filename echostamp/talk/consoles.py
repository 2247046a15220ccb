"""
The consoles of C{echostamp talk}: each is a L{LineReceiver} on standard input
and output.

L{TerminalConsole} is for a terminal, L{PipeConsole} for anything else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.intercom.parsing import Origin
from echostamp.talk.conversation import Conversation
from echostamp.talk.patience import QUIET
from echostamp.talk.terminal import LEAVING_HINT, PROMPT, Painter
from echostamp.talk.typedrows import TypedRows


@implementer(IHalfCloseableProtocol)
class _StandardConsole(LineReceiver):
    """
    The near side of a conversation: standard input and output.
    """

    transport: Any
    delimiter = b"\n"
    MAX_LENGTH = sys.maxsize
    isTerminal = False

    def __init__(self, conversation: Conversation) -> None:
        """
        @param conversation: the conversation that this is the near side of.
        """
        self.conversation = conversation
        conversation.console = self

    def connectionMade(self) -> None:
        """Make each side the other's producer."""
        self.connectionChanged()

    def connectionChanged(self) -> None:
        """Make each side the other's producer, or read on without a far side."""
        self.transport.unregisterProducer()
        if self.conversation.isConnected:
            farEnd = self.conversation.farEnd
            farEnd.transport.registerProducer(self, True)
            self.transport.registerProducer(farEnd, True)
        else:
            LineReceiver.resumeProducing(self)

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """Write the received pieces."""
        self.transport.write(b"".join([piece for _, piece in heard]))

    def finish(self) -> None:
        """Close standard output once everything has been written."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def stopProducing(self) -> None:
        """Do nothing: the far side itself reports that it is closed."""

    def readConnectionLost(self) -> None:
        """Report the end of the input."""
        self.conversation.inputEnded()

    def writeConnectionLost(self) -> None:
        """Report that standard output was closed by its reader."""
        self.conversation.outputClosed(isFlushed=False)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report that standard output is closed."""
        self.conversation.outputClosed(isFlushed=bool(reason.check(ConnectionDone)))


class PipeConsole(_StandardConsole):
    """
    A console that is not a terminal: it passes octets through unchanged.
    """

    def connectionMade(self) -> None:
        """Accept lines of any length, and a last line without a newline."""
        super().connectionMade()
        LineReceiver.setRawMode(self)

    def rawDataReceived(self, data: bytes) -> None:
        """Send what was read."""
        self.conversation.send(data)


class TerminalConsole(_StandardConsole):
    """
    A console on a terminal.

    The terminal keeps its modes.  Its own line editing gives us whole lines, and there
    is nothing to restore when we are killed.
    """

    isTerminal = True

    def __init__(
        self,
        conversation: Conversation,
        painter: Painter,
        encoding: str = "utf-8",
        hint: str = "",
        typedRows: TypedRows | None = None,
    ) -> None:
        """
        @param conversation: the conversation that this is the near side of.
        @param painter: turns replies into text for the terminal.
        @param encoding: the terminal's encoding.
        @param hint: shown once, before the first line of another member that splits
            what is being typed, or after a line with an escape: an arrow, for one.
        @param typedRows: erases typed lines in an intercom; L{None} where the terminal
            can only print.
        """
        super().__init__(conversation)
        self._hint = hint
        self._leavingHint = LEAVING_HINT
        self._typedRows = typedRows
        self._encoding = encoding
        self._painter = painter
        self._atPrompt = False
        self._atLineStart = True
        self._isEnded = False
        self._wait: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Show the first prompt."""
        super().connectionMade()
        self._showLeavingHint()
        self._prompt()

    def lineReceived(self, line: bytes) -> None:
        """Send a line; an empty one ends the conversation, but not in an intercom."""
        if self._isEnded:
            return
        begin = PROMPT if self._atPrompt else ""
        self._atPrompt, self._atLineStart = False, True
        self._painter.leaveRow()
        if b"\x1b" in line:
            self._showHint()
        if self.conversation.members.isIntercom:
            self._erase(begin + line.decode("utf-8", "replace"))
        if line:
            self._send(line)
        elif not self.conversation.members.isIntercom:
            self._end()
        elif not (self._isWaiting or self._isMoreTyped):
            self._prompt()

    @property
    def _isMoreTyped(self) -> bool:
        """Whether more whole lines were typed, as far as that is known."""
        return self._typedRows is not None and self._typedRows.isMoreTyped()

    def _erase(self, typed: str) -> None:
        """
        Erase a typed line: its reply will be shown in its place.
        """
        if self._typedRows and (erasing := self._typedRows.erased(typed)):
            self._write(erasing)
            self._typedRows.begin()

    def readConnectionLost(self) -> None:
        """Send text that Ctrl-D ended without a newline, and end the conversation."""
        if not (self._isEnded or self.conversation.isOver):
            if rest := LineReceiver.clearLineBuffer(self):
                self._send(rest)
            self._newLine()
            self._end()

    def _send(self, line: bytes) -> None:
        """
        Send a line.  The prompt waits a little for its reply.
        """
        self._stopWaiting()
        self._wait = self.conversation.reactor.callLater(QUIET, self._prompt)
        self.conversation.send(line + b"\n")

    def _end(self) -> None:
        """
        Accept no more lines.
        """
        self._isEnded = True
        self._stopWaiting()
        self.conversation.inputEnded()

    def _stopWaiting(self) -> None:
        """
        Cancel the prompt's timer.
        """
        if self._wait is not None and self._wait.active():
            self._wait.cancel()

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """Write the received pieces as safe text, on separate lines."""
        text = self._painter.paint(heard)
        if not text:
            return
        if self._atPrompt:
            self._newLine()
            if any(origin is not Origin.OWN for origin, _ in heard):
                self._showHint()
        self._showLeavingHint()
        self._write(text)
        self._atLineStart = text.endswith("\n")
        if self._atLineStart and not (self._isWaiting or self._isMoreTyped):
            self._prompt()

    @property
    def _isWaiting(self) -> bool:
        """Whether the prompt waits for a reply."""
        isSoon = self._wait is not None and self._wait.active()
        return isSoon and bool(self.conversation.replies.unanswered)

    def _showLeavingHint(self) -> None:
        """
        Say how to leave an intercom, unless that was said.
        """
        if self.conversation.members.isIntercom and self._leavingHint:
            if not self._atLineStart:
                self._newLine()
            self._write(f"{self._leavingHint}\n")
            self._leavingHint = ""

    def _showHint(self) -> None:
        """
        Show the hint, unless it was shown.
        """
        if self._hint:
            self._write(f"{self._hint}\n")
            self._hint = ""

    def _prompt(self) -> None:
        """
        Show the prompt.
        """
        self._stopWaiting()
        if not (self._isEnded or self.conversation.isOver):
            if not self._atLineStart:
                self._newLine()
            self._write(PROMPT)
            self._painter.leaveRow()
            self._atPrompt, self._atLineStart = True, False
            if rows := self._typedRows:
                # The reactor writes the prompt between two turns.
                later = self.conversation.reactor.callLater
                later(0, later, 0, rows.beginBehind, rows.shown)

    def _newLine(self) -> None:
        """
        Begin a new line.
        """
        self._write("\n")
        self._atPrompt, self._atLineStart = False, True

    def _write(self, text: str) -> None:
        """
        Write to the terminal, in its encoding.
        """
        if self._typedRows:
            self._typedRows.forget()
        self.transport.write(text.encode(self._encoding, "backslashreplace"))

    def finish(self) -> None:
        """Write what is left, and leave the cursor at the start of a line."""
        self._isEnded = True
        self._stopWaiting()
        if rest := self._painter.rest():
            self._write(rest)
        if not self._atLineStart:
            self._newLine()
        super().finish()
