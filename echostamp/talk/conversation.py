"""
The conversation between a console and the far end.

It counts what is owed, and knows when to end and how.  The two sides are protocols:
L{FarEnd} is the network's, a L{Console} is standard input and output.  Each is the
other's producer, so that what is in between stays bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from echostamp.exitstatus import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    Outcome,
)
from echostamp.intercom.parsing import IntercomParser, Origin
from echostamp.line.replies import SendTimes

if TYPE_CHECKING:
    from echostamp.talk.farend import FarEnd

#: Seconds of quiet after which no reply is expected soon: the prompt comes back, and
#: a far end that has answered everything and stays is left.
QUIET = 1.0


class Console(Protocol):
    """
    What a conversation asks of its near side.

    @ivar isTerminal: whether somebody sits there.
    """

    isTerminal: bool

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """
        Write what came back: pieces, and who says each.
        """

    def finish(self) -> None:
        """
        Write what is left, and then call L{Conversation.outputClosed}.
        """


class Conversation:
    """
    Messages go out, replies come back.

    @ivar farEnd: the network side, once it is connected.
    @ivar console: the near side, once it is connected.
    @ivar done: fires with the L{Outcome} when every reply has been written.
    @ivar replies: what was sent and what came back.
    """

    farEnd: FarEnd
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
        @param name: what messages call the far end.
        @param timeout: seconds to wait for replies still owed once the input has
            ended, counted from the last that came.
        @param showTimes: whether to put the round-trip time after each reply.
        @param clock: gives nanoseconds, for the round-trip times.
        """
        self.reactor = reactor
        self.name = name
        self.done: Deferred[Outcome] = Deferred()
        self._parser = IntercomParser()
        self.replies = self._parser.replies
        self._timeout = timeout
        self._clock = clock
        self._sendTimes = SendTimes() if showTimes else None
        self._lastSent = 0
        self._lastReceived = 0
        self._heldReturn = b""
        self._hasHeard = False
        self._isUnterminated = False
        self._isIntroduced = True
        self._addedLine = 0
        self._inputEnded = False
        self._outputBlocked = False
        self._halfClosed = False
        self._isSettled = False
        self._timer: IDelayedCall | None = None
        self._outcome: Outcome | None = None

    @property
    def isOver(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome is not None

    def send(self, data: bytes) -> None:
        """
        Send what was typed or read.
        """
        before = self.replies.sentLines
        self._parser.sent(data)
        if self._sendTimes is not None:
            self._lastSent = self._clock()
            self._sendTimes.sent(self.replies.sentLines - before, self._lastSent)
        self.farEnd.transport.write(data)

    def introduce(self, name: str) -> None:
        """
        Ask the intercom for a name.  The reply to that is not shown: nobody typed it.
        """
        self._isIntroduced = False
        self.send(b"/name %s\n" % name.encode())

    def received(self, data: bytes) -> None:
        """
        Show what came back.
        """
        self._hasHeard = True
        heard: list[tuple[Origin, bytes]] = []
        before = self.replies.receivedLines
        for origin, piece in self._parser.feed(data):
            if origin is Origin.OWN:
                heard.append((origin, self._shown(piece, before)))
            else:
                heard.append((origin, piece))
            before = self.replies.receivedLines
        self.console.show(heard)
        self._progress()

    def _shown(self, data: bytes, before: int) -> bytes:
        """
        Give what of replies is shown: not what answers lines that nobody typed.

        @param before: how many lines had come.
        """
        if before < self._addedLine <= self.replies.receivedLines:
            lines = data.split(b"\n")
            ours = self._addedLine - before
            data = b"\n".join(lines[:ours]) + b"\n".join(lines[ours:])
        if self._sendTimes is not None:
            self._lastReceived = self._clock()
            data = self._timed(data)
        if not self._isIntroduced:
            end = data.find(b"\n") + 1
            self._isIntroduced = end > 0
            data = data[end:] if end else b""
        return data

    def _timed(self, data: bytes) -> bytes:
        """
        Put the round-trip time after each reply that ends here, in front of its CR LF
        or LF.
        """
        *lines, rest = (self._heldReturn + data).split(b"\n")
        text = rest.removesuffix(b"\r")
        self._heldReturn = rest[len(text) :]
        timed = []
        for line in lines:
            reply = line.removesuffix(b"\r")
            timed += [reply, self._roundTrip(), line[len(reply) :], b"\n"]
        return b"".join([*timed, text])

    def _roundTrip(self) -> bytes:
        """
        Give the round-trip time of the oldest outstanding message, as text.
        """
        assert self._sendTimes is not None
        sent = self._sendTimes.answered()
        if sent is None:
            return b""
        return b"  (%.3f ms)" % ((self._lastReceived - sent) / 1e6)

    def inputEnded(self) -> None:
        """
        Nothing more will be sent.
        """
        if self._inputEnded:
            return
        self._inputEnded = True
        self._isUnterminated = self.replies.isUnterminated
        if self._isUnterminated:
            if self._sendTimes is not None:
                self._sendTimes.sent(1, self._lastSent)
            if self.farEnd.isTls:
                self._parser.sent(b"\n")
                self._addedLine = self.replies.sentLines
                self.farEnd.transport.write(b"\n")
        self._progress()

    def inputFailed(self) -> None:
        """
        Not all of the input could be read.
        """
        self.finish(Outcome(NEAR_END_FAILED, "standard input cannot be read"))

    def outputBlocked(self, isBlocked: bool) -> None:
        """
        Whoever reads our output does not keep up, or does again.
        """
        self._outputBlocked = isBlocked
        self._progress()

    def _progress(self) -> None:
        """
        See what is owed, once the input has ended.

        Some servers answer nothing more when their input has ended, others nothing
        before.  So our FIN goes out when every line has been answered, or after
        L{QUIET} seconds without a reply.
        """
        if self._isSettled and not self._outputBlocked:
            # It owes nothing: what it still says does not keep us.
            return
        self._stopTimer()
        self._isSettled = False
        if not self._inputEnded or self._outputBlocked or self.isOver:
            return
        # A far end that has said nothing may still be about to refuse us: in TLS 1.3 a
        # client's handshake is over before its certificate has been looked at.
        if self.farEnd.isTls and self._hasHeard and not self.replies.unanswered:
            self.finish(Outcome(DONE))
            return
        if not self.replies.unansweredLines:
            self._halfClose()
        self._isSettled = not self.replies.unanswered
        self._startTimer(min(QUIET, self._timeout), self._quiet)

    def _quiet(self) -> None:
        """
        No reply came for L{QUIET} seconds.
        """
        if not self.replies.unanswered:
            self.finish(Outcome(DONE))
            return
        self._halfClose()
        self._startTimer(max(0, self._timeout - QUIET), self._timedOut)

    def _timedOut(self) -> None:
        """
        No reply came for as long as we would wait.  Who ends a conversation on a
        terminal has seen what was not answered, and is done.
        """
        self.finish(
            Outcome(
                DONE if self.console.isTerminal else FAR_END_FAILED,
                f"{self.name}: {self._owed()} within {self._timeout:g} s",
            )
        )

    def _startTimer(self, seconds: float, elapsed: Callable[[], None]) -> None:
        """
        Call C{elapsed} unless there is progress before.
        """
        self._timer = self.reactor.callLater(seconds, elapsed)

    def _stopTimer(self) -> None:
        """
        There is progress.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _halfClose(self) -> None:
        """
        Tell the far end that our input has ended.  Under TLS that would cost replies:
        the connection is closed when they have been counted.
        """
        if not self._halfClosed and not self.farEnd.isTls:
            self._halfClosed = True
            self.farEnd.transport.unregisterProducer()
            self.farEnd.transport.loseWriteConnection()

    @property
    def _unanswered(self) -> int:
        """How many messages have not been answered, of those that somebody sent."""
        return self.replies.unanswered - (not self._isIntroduced)

    def _owed(self) -> str:
        """
        Say how many messages have not been answered.
        """
        count = self._unanswered
        return f"{count} message{'' if count == 1 else 's'} not answered"

    def farEndClosed(self, why: str, isClean: bool) -> None:
        """
        Nothing more will come back.

        @param why: what has happened.
        @param isClean: whether the far end closed the connection as it should.
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
        if self._sendTimes is not None:
            isAnswered = self._isUnterminated and not self.replies.unanswered
            time = self._roundTrip() if isAnswered else b""
            self.console.show([(Origin.OWN, time + self._heldReturn)])
        self._leave(outcome)
        self.console.finish()

    def _showRest(self) -> None:
        """
        Show what waited for more to come.
        """
        before = self.replies.receivedLines
        if rest := self._parser.rest():
            self.console.show([(Origin.OWN, self._shown(rest, before))])

    def _leave(self, outcome: Outcome) -> None:
        """
        Let go of the far end.
        """
        self._stopTimer()
        self._outcome = outcome
        self.farEnd.transport.unregisterProducer()
        self.farEnd.transport.loseConnection()

    def outputClosed(self, isFlushed: bool) -> None:
        """
        Nothing more can be written to standard output.

        @param isFlushed: whether all was that should be.
        """
        if self.done.called:
            return
        outcome = self._outcome
        if not isFlushed or outcome is None:
            outcome = Outcome(FAR_END_FAILED, "standard output was closed, or is full")
            self._leave(outcome)
        self.done.callback(outcome)

    def abandon(self, outcome: Outcome) -> None:
        """
        Take no more notice of either side: the process is about to end.
        """
        self._stopTimer()
        self._outcome = outcome
