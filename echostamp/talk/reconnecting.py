"""
A conversation on a terminal that connects again when the connection is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from echostamp.connect.failures import whatFailed
from echostamp.exitstatus import FAR_END_FAILED, Outcome
from echostamp.intercom.parsing import Origin
from echostamp.talk.conversation import Conversation
from echostamp.talk.exchange import QUIT
from echostamp.talk.regaining import Regaining
from echostamp.talk.sides import FarSide

#: Seconds before the first attempt to connect again, and the most.  They double from
#: one attempt to the next.
FIRST_DELAY, MOST_DELAY = 1.0, 30.0

#: Seconds between requests for a name that the lost connection still has.
ASKING = 10.0


class ReconnectingConversation(Conversation):
    """
    A conversation that outlasts its connections, but for the first attempt to connect.

    Lines that were not answered are shown, and not sent again: they may have arrived.
    On each connection each line that the console sends is whole.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        timeout: float,
        connect: Callable[[], Deferred[Any]],
        showTimes: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        See L{Conversation}.

        @param connect: connects to the far end, which then calls L{connected}.
        """
        super().__init__(reactor, name, timeout, showTimes, clock)
        self._connect = connect
        self._regaining = Regaining(self.members)
        self._delay = FIRST_DELAY
        self._why = ""
        self._retrying: IDelayedCall | None = None
        self._asking: IDelayedCall | None = None

    def connected(self, farEnd: FarSide) -> None:
        """Begin to talk, or go on."""
        isAgain = hasattr(self, "farEnd")
        super().connected(farEnd)
        if isAgain and not self.isOver:
            self._goOn()

    def _goOn(self) -> None:
        """
        Talk on a new connection.
        """
        self.console.connectionChanged()
        self._say(f"({self.name}: connected again)")
        if self.members.isIntercom and self._regaining.wanted:
            self._regaining.beginAgain()
            self._ask(self._regaining.wanted)

    def _wants(self, name: str) -> None:
        """Note that the user asks for a name, which is not the former one."""
        super()._wants(name)
        self._regaining.want()

    def send(self, data: bytes) -> None:
        """Send a line that was typed, or show it if there is no connection."""
        if self.isConnected:
            super().send(data)
        elif data.strip() == QUIT:
            self.inputEnded()
        else:
            self._show([(Origin.OWN, b"(no connection, not sent) %s" % data)])

    def received(self, data: bytes) -> None:
        """Show received octets."""
        self._delay = FIRST_DELAY
        super().received(data)
        if self._regaining.isMissed and self._asking is None:
            self._asking = self.reactor.callLater(ASKING, self._askAgain)

    def _isShown(self, origin: Origin, piece: bytes) -> bool:
        """Hide that the name is still taken, each time that it was asked for again."""
        before = self.members.own
        isTold = self.members.heard(origin, piece)
        return not isTold or self._regaining.told(before)

    def _say(self, line: str, more: bytes = b"") -> None:
        """
        Show lines of our own on rows of their own.

        @param more: further lines, each with its newline.
        """
        self._show([(Origin.OWN, b"%s\n%s" % (line.encode(), more))])

    def _askAgain(self) -> None:
        """
        Ask for the name again, unless the last request was answered by no notice: such
        a daemon gives names to first lines only.
        """
        self._asking = None
        regaining = self._regaining
        if not regaining.isMissed:
            return
        if self._exchange.isHiding or regaining.hasAnswer:
            self._asking = self.reactor.callLater(ASKING, self._askAgain)
            if not self._exchange.isHiding:
                regaining.askAgain()
                self._ask(regaining.wanted)
        else:
            regaining.giveUp()

    def _lost(self, why: str) -> None:
        """
        Connect again, unless the user is leaving, or the first connection brought no
        reply to the request for a name.
        """
        exchange = self._exchange
        isFirst = not (self._why or exchange.hasHeard) and bool(self._regaining.wanted)
        if self.isOver or self._inputEnded or exchange.hasQuit or isFirst:
            super()._lost(why)
            return
        self._stopWaiting()
        self.isConnected = False
        if ending := exchange.ending():
            self._show(ending)
        lines = exchange.unansweredLines()
        self._exchange = self._newExchange()
        self._outputBlocked = False
        begin = "\n" * exchange.isAmid
        self._say(f"{begin}({self.name}: {why}; trying again)", lines)
        self.console.connectionChanged()
        self.farEnd.part()
        self._retryLater(why)

    def _retryLater(self, why: str) -> None:
        """
        Connect again after a while.

        @param why: why there is no connection, for the user.
        """
        self._why = why
        self._retrying = self.reactor.callLater(self._delay, self._retry)
        self._delay = min(MOST_DELAY, 2 * self._delay)

    def _retry(self) -> None:
        """Connect again."""
        self._connect().addErrback(self._notConnected)

    def _notConnected(self, failure: Failure) -> None:
        """
        Wait for longer before the next attempt.
        """
        if not self.isOver:
            self._retryLater(whatFailed(failure))

    def inputEnded(self) -> None:
        """Wait for the replies, or end at once if there is no connection."""
        if self.isConnected:
            super().inputEnded()
        else:
            self.finish(Outcome(FAR_END_FAILED, f"{self.name}: {self._why}"))

    def _stopWaiting(self) -> None:
        """
        Cancel the timers.
        """
        super()._stopWaiting()
        for timer in self._retrying, self._asking:
            if timer is not None and timer.active():
                timer.cancel()
        self._retrying = self._asking = None
