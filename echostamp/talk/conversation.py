"""
The conversation between a console and the far end.

It counts the unanswered messages, and decides when to end and with which status.  A
L{FarSide} is the connection, a L{Console} is standard input and output.  Each side is
the other's producer, so the octets between them are bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from echostamp.exitstatus import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    Outcome,
    outputFailed,
)
from echostamp.intercom.naming import isName, requestedName
from echostamp.intercom.parsing import Origin
from echostamp.line.replies import Replies
from echostamp.talk.exchange import Exchange, Heard
from echostamp.talk.members import Members
from echostamp.talk.patience import Patience
from echostamp.talk.sides import Console, FarSide


class Conversation:
    """
    Sends messages to the far end, and shows the replies on the console.

    @ivar farEnd: the far side, once it is connected.
    @ivar console: the near side, once it is connected.
    @ivar done: fires with the L{Outcome} when every reply has been written.
    @ivar isConnected: whether there is a connection, or the last one has ended.
    @ivar members: the names that were heard, and whether the far end is an intercom.
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
        self.isConnected = False
        self.members = Members()
        self._newExchange = partial(Exchange, showTimes, clock)
        self._exchange = self._newExchange()
        self._timeout = timeout
        self._patience = Patience(reactor, timeout, self._quiet, self._endUnanswered)
        self._inputEnded = False
        self._outputBlocked = False
        self._halfClosed = False
        self._isSettled = False
        self._outcome: Outcome | None = None

    @property
    def replies(self) -> Replies:
        """Counts sent messages and received replies."""
        return self._exchange.replies

    @property
    def isOver(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome is not None

    def connected(self, farEnd: FarSide) -> None:
        """Begin to talk with the far side."""
        self.farEnd = farEnd
        self.isConnected = True

    def send(self, data: bytes) -> None:
        """Send octets that were typed or read."""
        name = requestedName(data)
        if name is not None and isName(name):
            self._wants(name.decode())
        if self.console.isTerminal:
            self._exchange.keep(data)
        self._exchange.sent(data)
        self.farEnd.transport.write(data)

    def _wants(self, name: str) -> None:
        """Note that the user asks for a name.  Only the first request may be granted
        without a notice."""
        if not (self.replies.sentLines and self.members.own):
            self.members.own = name

    def introduce(self, name: str) -> None:
        """Ask the intercom for a name.  The reply to this command is not shown."""
        self.members.isIntercom = True
        self._wants(name)
        self._ask(name)

    def _ask(self, name: str) -> None:
        """Send a request for a name."""
        self._exchange.hideNext()
        self._exchange.sent(request := b"/name %s\n" % name.encode())
        self.farEnd.transport.write(request)

    def received(self, data: bytes) -> None:
        """Show received octets."""
        self._show(self._exchange.heard(data))
        self._progress()

    def _show(self, heard: Heard) -> None:
        """Learn from received pieces, and show them."""
        self.console.show([each for each in heard if self._isShown(*each)])

    def _isShown(self, origin: Origin, piece: bytes) -> bool:
        """Learn from a received piece, and say whether to show it."""
        self.members.heard(origin, piece)
        return True

    def inputEnded(self) -> None:
        """Send nothing more, and wait for the replies."""
        if self._inputEnded:
            return
        self._inputEnded = True
        if newline := self._exchange.inputEnded(self.farEnd.isTls):
            self.farEnd.transport.write(newline)
        self._progress()

    def inputFailed(self) -> None:
        """End, because reading the input failed."""
        self.finish(Outcome(NEAR_END_FAILED, "standard input cannot be read"))

    def outputBlocked(self, isBlocked: bool) -> None:
        """Stop the timers while the output is blocked, and start them again then."""
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
        self._patience.stop()
        self._isSettled = False
        if not self._inputEnded or self._outputBlocked or self.isOver:
            return
        # A far end that has sent nothing may still refuse us.  In TLS 1.3 a client's
        # handshake is complete before the server checks the client's certificate.
        isAnswered = not self.replies.unanswered
        if self.farEnd.isTls and self._exchange.hasHeard and isAnswered:
            self.finish(Outcome(DONE))
            return
        if not self.replies.unansweredLines:
            self._halfClose()
        self._isSettled = isAnswered
        self._patience.begin()

    def _quiet(self) -> bool:
        """
        Handle L{QUIET} seconds without a reply.

        @return: whether to wait for more.
        """
        if not self.replies.unanswered:
            self.finish(Outcome(DONE))
            return False
        self._halfClose()
        return True

    def _endUnanswered(self) -> None:
        """
        End, because no reply came within the timeout.

        On a terminal the user sees which lines were not answered: the status is 0.
        """
        self.finish(
            Outcome(
                DONE if self.console.isTerminal else FAR_END_FAILED,
                f"{self.name}: {self._exchange.owed} within {self._timeout:g} s",
            )
        )

    def _halfClose(self) -> None:
        """
        Send our FIN.  Over TLS the replies would be lost, so the connection is closed
        after they have been counted.
        """
        if not self._halfClosed and not self.farEnd.isTls:
            self._halfClosed = True
            self.farEnd.transport.unregisterProducer()
            self.farEnd.transport.loseWriteConnection()

    def farEndClosed(self, why: str, isClean: bool) -> None:
        """
        End, because the far end closed the connection.

        @param why: the reason, for the user.
        @param isClean: whether the connection was closed without an error.
        """
        self._showRest()
        if self._isLeft(isClean):
            self.finish(Outcome(DONE))
        else:
            self._lost(why)

    def _isLeft(self, isClean: bool) -> bool:
        """
        Say whether the far end closed the connection because the user was leaving: the
        input has ended, or C{/quit} was answered last; and nothing is unanswered.
        """
        exchange = self._exchange
        if self.replies.unanswered:
            return False
        if exchange.isQuitAnswered:
            return True
        return self._inputEnded and (isClean or exchange.hasHeard)

    def _lost(self, why: str) -> None:
        """
        End, because the connection was lost.

        @param why: the reason, for the user.
        """
        owed = f", {self._exchange.owed}" if self._exchange.unanswered else ""
        self.finish(Outcome(FAR_END_FAILED, f"{self.name}: {why}{owed}"))

    def finish(self, outcome: Outcome) -> None:
        """Write the replies that are left, and end."""
        if self.isOver:
            return
        self._showRest()
        # In an intercom, typed lines went away at Enter.
        isErased = self.console.isTerminal and self.members.isIntercom
        if ending := self._exchange.ending(isErased):
            self.console.show(ending)
        self._leave(outcome)
        self.console.finish()

    def _showRest(self) -> None:
        """Show a piece that was held back until more came."""
        if rest := self._exchange.rest():
            self._show(rest)

    def _leave(self, outcome: Outcome) -> None:
        """Disconnect from the far end."""
        self._stopWaiting()
        self._outcome = outcome
        if self.isConnected:
            self.farEnd.transport.unregisterProducer()
            self.farEnd.transport.loseConnection()

    def _stopWaiting(self) -> None:
        """Cancel the timers."""
        self._patience.stop()

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
        """Ignore both sides from now on: the process is about to end."""
        self._stopWaiting()
        self._outcome = outcome
