"""
The conversation between a console and the far end.

It counts the unanswered messages, and decides when to end and with which status.  A
L{FarSide} is the connection, a L{Console} is standard input and output.  Each side is
the other's producer, so the octets between them are bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from echostamp.exitstatus import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    Outcome,
    outputFailed,
)
from echostamp.intercom.parsing import IntercomParser, Origin
from echostamp.talk.shown import ShownReplies
from echostamp.talk.sides import Console, FarSide
from echostamp.text import counted

#: Seconds without a reply after which none is expected soon.  Then the prompt comes
#: back, and a far end that has answered everything is disconnected.
QUIET = 1.0


class Conversation:
    """
    Sends messages to the far end, and shows the replies on the console.

    @ivar farEnd: the far side, once it is connected.
    @ivar console: the near side, once it is connected.
    @ivar done: fires with the L{Outcome} when every reply has been written.
    @ivar replies: counts sent messages and received replies.
    """

    farEnd: FarSide
    console: Console

    def __init__(
        self,
        reactor: Any,
        name: str,
        timeout: float,
        showTimes: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param name: the far end's name in messages.
        @param timeout: after the end of the input, how many seconds to wait for the
            next reply.
        @param showTimes: whether to put the round-trip time after each reply.
        @param clock: gives nanoseconds, for the round-trip times.
        """
        self.reactor = reactor
        self.name = name
        self.done: Deferred[Outcome] = Deferred()
        self._parser = IntercomParser()
        self.replies = self._parser.replies
        self._shown = ShownReplies(self.replies, showTimes, clock)
        self._timeout = timeout
        self._hasHeard = False
        self._isUnterminated = False
        self._inputEnded = False
        self._outputBlocked = False
        self._halfClosed = False
        self._isSettled = False
        self._timer: IDelayedCall | None = None
        self._outcome: Outcome | None = None

    @property
    def isConnected(self) -> bool:
        """Whether the far side was ever connected."""
        return hasattr(self, "farEnd")

    @property
    def isOver(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome is not None

    def send(self, data: bytes) -> None:
        """
        Send octets that were typed or read.
        """
        before = self.replies.sentLines
        self._parser.sent(data)
        self._shown.sent(self.replies.sentLines - before)
        self.farEnd.transport.write(data)

    def introduce(self, name: str) -> None:
        """
        Ask the intercom for a name.  The reply to this command is not shown.
        """
        self._shown.hideFirst()
        self.send(b"/name %s\n" % name.encode())

    def received(self, data: bytes) -> None:
        """
        Show received octets.
        """
        self._hasHeard = True
        heard: list[tuple[Origin, bytes]] = []
        before = self.replies.receivedLines
        for origin, piece in self._parser.feed(data):
            if origin is Origin.OWN:
                heard.append((origin, self._shown.shown(piece, before)))
            else:
                heard.append((origin, piece))
            before = self.replies.receivedLines
        self.console.show(heard)
        self._progress()

    def inputEnded(self) -> None:
        """
        Send nothing more, and wait for the replies.
        """
        if self._inputEnded:
            return
        self._inputEnded = True
        self._isUnterminated = self.replies.isUnterminated
        if self._isUnterminated:
            self._shown.inputEnded()
            if self.farEnd.isTls:
                self._parser.sent(b"\n")
                self._shown.hideNewline()
                self.farEnd.transport.write(b"\n")
        self._progress()

    def inputFailed(self) -> None:
        """
        End, because reading the input failed.
        """
        self.finish(Outcome(NEAR_END_FAILED, "standard input cannot be read"))

    def outputBlocked(self, isBlocked: bool) -> None:
        """
        Stop the timers while the output is blocked, and start them again after it.
        """
        self._outputBlocked = isBlocked
        self._progress()

    def _progress(self) -> None:
        """
        Decide what to wait for, once the input has ended.

        Some servers stop answering when their input ends, others start only then.  So
        our FIN is sent when every line has been answered, or after L{QUIET} seconds
        without a reply.
        """
        if self._isSettled and not self._outputBlocked:
            # Everything is answered.  What the far end still sends changes nothing.
            return
        self._stopTimer()
        self._isSettled = False
        if not self._inputEnded or self._outputBlocked or self.isOver:
            return
        # A far end that has sent nothing may still refuse us.  In TLS 1.3 a client's
        # handshake is complete before the server checks the client's certificate.
        if self.farEnd.isTls and self._hasHeard and not self.replies.unanswered:
            self.finish(Outcome(DONE))
            return
        if not self.replies.unansweredLines:
            self._halfClose()
        self._isSettled = not self.replies.unanswered
        self._startTimer(min(QUIET, self._timeout), self._quiet)

    def _quiet(self) -> None:
        """
        Handle L{QUIET} seconds without a reply.
        """
        if not self.replies.unanswered:
            self.finish(Outcome(DONE))
            return
        self._halfClose()
        self._startTimer(max(0, self._timeout - QUIET), self._timedOut)

    def _timedOut(self) -> None:
        """Look once more, in the next turn, for replies that came while suspended."""
        self._startTimer(0, self._endUnanswered)

    def _endUnanswered(self) -> None:
        """
        End, because no reply came within the timeout.

        On a terminal the user has seen which lines were not answered: the status is 0.
        """
        self.finish(
            Outcome(
                DONE if self.console.isTerminal else FAR_END_FAILED,
                f"{self.name}: {self._owed()} within {self._timeout:g} s",
            )
        )

    def _startTimer(self, seconds: float, elapsed: Callable[[], None]) -> None:
        """
        Call C{elapsed} after some seconds, unless there is progress before.
        """
        self._timer = self.reactor.callLater(seconds, elapsed)

    def _stopTimer(self) -> None:
        """Cancel the timer."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _halfClose(self) -> None:
        """
        Send our FIN.  Over TLS the replies would be lost, so the connection is closed
        after they have been counted.
        """
        if not self._halfClosed and not self.farEnd.isTls:
            self._halfClosed = True
            self.farEnd.transport.unregisterProducer()
            self.farEnd.transport.loseWriteConnection()

    @property
    def _unanswered(self) -> int:
        """The number of the user's messages that have not been answered."""
        return self.replies.unanswered - self._shown.isFirstHidden

    def _owed(self) -> str:
        """
        Write how many messages have not been answered.
        """
        return f"{counted(self._unanswered, 'message')} not answered"

    def farEndClosed(self, why: str, isClean: bool) -> None:
        """
        End, because the far end closed the connection.

        @param why: the reason, for the user.
        @param isClean: whether the connection was closed without an error.
        """
        self._showRest()
        isAnswered = not self.replies.unanswered
        if self._inputEnded and isAnswered and (isClean or self._hasHeard):
            self.finish(Outcome(DONE))
            return
        owed = f", {self._owed()}" if self._unanswered else ""
        self.finish(Outcome(FAR_END_FAILED, f"{self.name}: {why}{owed}"))

    def finish(self, outcome: Outcome) -> None:
        """
        Write the replies that are left, and end.
        """
        if self.isOver:
            return
        self._showRest()
        isAnswered = self._isUnterminated and not self.replies.unanswered
        if rest := self._shown.rest(isAnswered):
            self.console.show([(Origin.OWN, rest)])
        self._leave(outcome)
        self.console.finish()

    def _showRest(self) -> None:
        """
        Show a piece that was held back until more came.
        """
        before = self.replies.receivedLines
        if rest := self._parser.rest():
            self.console.show([(Origin.OWN, self._shown.shown(rest, before))])

    def _leave(self, outcome: Outcome) -> None:
        """
        Disconnect from the far end.
        """
        self._stopTimer()
        self._outcome = outcome
        self.farEnd.transport.unregisterProducer()
        self.farEnd.transport.loseConnection()

    def outputClosed(self, isFlushed: bool) -> None:
        """
        Finish, because standard output is closed.

        @param isFlushed: whether everything had been written before.
        """
        if self.done.called:
            return
        outcome = self._outcome
        if not isFlushed or outcome is None:
            outcome = outputFailed(FAR_END_FAILED)
            self._leave(outcome)
        self.done.callback(outcome)

    def abandon(self, outcome: Outcome) -> None:
        """
        Ignore both sides from now on: the process is about to end.
        """
        self._stopTimer()
        self._outcome = outcome
