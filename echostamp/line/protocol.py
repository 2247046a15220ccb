"""
The echo: a protocol that stamps what it hears, and its factory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.addresses import peerName
from echostamp.line.connectionlog import Visitors
from echostamp.line.sending import Sender, isBareSocket, replySender
from echostamp.line.stamper import MAX_LENGTH, SHORT, Stamper, slices
from echostamp.stamps import CTIME, StampFormat

#: Seconds without input that end a message before a connection's first newline.
PAUSE = 0.1

#: Octets of a message that has no end which count as activity.
ACTIVE = 65_536

#: Seconds without input after which a connection that is being drained is taken to
#: have sent all that it had on the way.
DRAINED = 0.25


@implementer(IHalfCloseableProtocol)
class TimestampEcho(Protocol):
    """
    Send each message back behind the stamp of the moment at which it was there.

    The rules are in C{docs/protocol.rst}; which octets make a message is
    L{Stamper}'s work, how replies leave is its L{Sender}'s.  This holds the two
    together: it knows the clock, the pause and the end of the input.

    @ivar octets: how many have come.
    @ivar lastActive: when the last message had come, or L{ACTIVE} octets of one, or
        the transport had room for replies again, in the reactor's seconds; kept where
        L{Visitors.watchesActivity}.
    """

    factory: TimestampEchoFactory
    transport: Any

    octets = 0
    _messagesSeen = 0
    _inputEnded = False
    _outputEnded = False
    _isDraining = False
    _pauseTimer: IDelayedCall | None = None
    _drainTimer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Begin to listen."""
        self._stamper = Stamper(self.factory.maxLength)
        self._began = self.lastActive = self.factory.reactor.seconds()
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._sender = self.factory.sender(self.transport, self)
        self.factory.connections.add(self)
        self.factory.visitors.arrived(self)

    @property
    def peer(self) -> str:
        """The far end's name."""
        return peerName(self.transport.getPeer())

    @property
    def messages(self) -> int:
        """How many messages have been stamped."""
        return self._stamper.messages

    @property
    def isPassing(self) -> bool:
        """Whether a message that has been stamped already goes on."""
        return self._stamper.isPassing

    @property
    def age(self) -> float:
        """For how many seconds the connection has stood."""
        return self.factory.reactor.seconds() - self._began

    @property
    def isFull(self) -> bool:
        """Whether replies wait for the peer to read."""
        return self._sender.isFull

    @property
    def isBlocked(self) -> bool:
        """Whether the peer cannot be answered now, be it that others do not read."""
        return self._sender.isBlocked

    def dataReceived(self, data: bytes) -> None:
        """Stamp what came and send it back."""
        factory, stamper, sender = self.factory, self._stamper, self._sender
        stamp = factory.stamp()
        before = self.octets
        self.octets += len(data)
        if factory.watchesActivity and before // ACTIVE != self.octets // ACTIVE:
            self.lastActive = factory.reactor.seconds()
        if self._outputEnded:
            return
        if self._pauseTimer is not None:
            self._stopPause()
        if len(data) > SHORT or sender.isBlocked or not stamper.newlineSeen:
            sender.send(self._replies(data, stamp))
        else:
            # What most reads are: their replies need not be made piece by piece.
            reply = stamper.feed(data, stamp)
            if reply:
                sender.put(reply)
                if factory.watchesActivity:
                    self._stamped()
        if sender.isBlocked:
            self.transport.pauseProducing()
        elif not stamper.newlineSeen:
            self._startPause()
        if self._isDraining:
            self._awaitDrained()

    def _replies(self, data: bytes, stamp: bytes) -> Iterator[bytes]:
        """
        Make the replies to one read, piece by piece as they can leave.
        """
        for part in slices(data, len(stamp) + self._sender.growth):
            # Not by way of a variable: while the peer does not read, this frame waits
            # and would keep a reply that is on its way.
            yield self._stamper.feed(part, stamp)
            self._stamped()
        if not self.factory.pause and not self._stamper.newlineSeen:
            yield from self._lastReply()

    def _lastReply(self) -> Iterator[bytes]:
        """
        End the message that is open.
        """
        yield self._stamper.endMessage()
        self._stamped()

    def _stamped(self) -> None:
        """
        See whether there are more messages than there were: that is activity.
        """
        if self.factory.watchesActivity and self.messages > self._messagesSeen:
            self._messagesSeen = self.messages
            self.lastActive = self.factory.reactor.seconds()

    def repliesGone(self) -> None:
        """
        The peer has taken the replies that it had not read: read from it again.
        """
        self.lastActive = self.factory.reactor.seconds()
        if self._inputEnded:
            self._close()
            return
        self.transport.resumeProducing()
        if not self._stamper.newlineSeen:
            self._startPause()
        if self._isDraining:
            self._awaitDrained()

    def _startPause(self) -> None:
        """
        Count the seconds without input, if a message is open.
        """
        self._stopPause()
        if self._stamper.isOpen:
            self._pauseTimer = self.factory.reactor.callLater(
                self.factory.pause, self._pauseElapsed
            )

    def _stopPause(self) -> None:
        """
        Stop counting: something came.
        """
        if self._pauseTimer is not None:
            self._pauseTimer.cancel()
            self._pauseTimer = None

    def _pauseElapsed(self) -> None:
        """
        End the message, unless the kernel has more of it: a reactor runs its timers
        before the reads that are due in the same turn, so one more read has to find
        nothing.
        """
        self._pauseTimer = self.factory.reactor.callLater(0, self._endPausedMessage)

    def _endPausedMessage(self) -> None:
        """
        The pause is over.
        """
        self._pauseTimer = None
        self._sender.send(self._lastReply())
        if self._sender.isBlocked:
            self.transport.pauseProducing()

    def readConnectionLost(self) -> None:
        """The input has ended: answer what is left of it, then close."""
        self._stopPause()
        self._stopDrain()
        self._inputEnded = True
        if self._answerRest():
            self._close()

    def _answerRest(self) -> bool:
        """
        Answer the message that is open, if there is one.

        @return: whether no reply waits.
        """
        if self._stamper.isOpen or self._sender.isHolding:
            self._sender.send(self._lastReply())
        return not self._sender.isHolding

    def _close(self) -> None:
        """
        Every reply is with the transport, which sends a FIN behind the last one.
        """
        self._sender.detach()
        self.transport.loseConnection()

    def drain(self) -> None:
        """
        Answer what has arrived, then close: when the replies are written and nothing
        has come for L{DRAINED} seconds.  A peer that sends on, or does not read, is
        served on; who cannot wait for it calls L{abort}.
        """
        if not (self._isDraining or self._inputEnded):
            self._isDraining = True
            self._awaitDrained()

    def _awaitDrained(self) -> None:
        """
        Count the seconds without input, unless replies wait.
        """
        self._stopDrain()
        if not self._sender.isHolding:
            self._drainTimer = self.factory.reactor.callLater(DRAINED, self._drained)

    def _drained(self) -> None:
        """
        Nothing has come.  A close with unread input in the kernel would reset the
        connection and destroy the replies on their way: so FIN goes first, what
        still comes is thrown away, and the close follows when nothing does.
        """
        self._drainTimer = None
        self._stopPause()
        if not self._outputEnded:
            if not self._answerRest():
                self.transport.pauseProducing()
                return
            if isBareSocket(self.transport):
                self._outputEnded = True
                self._sender.detach()
                self.transport.loseWriteConnection()
                self._awaitDrained()
                return
        self._close()

    def _stopDrain(self) -> None:
        """
        Stop counting.
        """
        if self._drainTimer is not None:
            self._drainTimer.cancel()
            self._drainTimer = None

    def end(self) -> None:
        """
        Close a connection on which nothing happens; a peer that leaves replies
        unread would keep it, and is cut.
        """
        if self._sender.isFull:
            self.abort()
        else:
            self._close()

    def abort(self) -> None:
        """
        Cut the connection, whatever is on its way.
        """
        self._stopPause()
        self.transport.abortConnection()

    def writeConnectionLost(self) -> None:
        """The FIN of L{_drained} is out."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say how the connection went."""
        self._stopPause()
        self._stopDrain()
        self._sender.stopProducing()
        self.factory.connections.discard(self)
        self.factory.visitors.left(self)


class TimestampEchoFactory(Factory):
    """
    What all echo connections of a daemon share.

    @ivar connections: those that stand.
    @ivar isStopping: whether all of them are being drained.
    @ivar reactor: runs the pauses and times the connections.
    @ivar pause: seconds; see L{__init__}.
    @ivar maxLength: octets; see L{__init__}.
    @ivar sender: see L{__init__}.
    """

    protocol = TimestampEcho  # type: ignore[assignment]  # it wants this factory
    noisy = False
    isStopping = False

    def __init__(
        self,
        reactor: IReactorTime,
        stampFormat: StampFormat = CTIME,
        pause: float = PAUSE,
        maxLength: int = MAX_LENGTH,
        clock: Callable[[], int] = time.time_ns,
        visitors: Visitors | None = None,
        sender: Callable[[Any, TimestampEcho], Sender] = replySender,
    ) -> None:
        """
        @param reactor: runs the pauses and times the connections.
        @param stampFormat: how stamps look.
        @param pause: seconds without input that end a message before the first
            newline of a connection; 0 to make each read a message.
        @param maxLength: the octets that a message may have before it is stamped
            unfinished.
        @param clock: gives the time in nanoseconds since the epoch.
        @param visitors: who is told of connections as they come and go.
        @param sender: makes what the replies of a connection leave by, of its transport
            and its protocol.
        """
        self.sender = sender
        self.connections: set[TimestampEcho] = set()
        self.visitors = visitors or Visitors()
        self.watchesActivity = self.visitors.watchesActivity
        self.reactor = reactor
        self.pause = pause
        self.maxLength = maxLength
        self._format = stampFormat
        self._clock = clock
        self._stamp = b""
        self._stampPeriod = -1

    def stamp(self) -> bytes:
        """
        Give the stamp of this moment.  Its text is made again only when it changes.
        """
        now = self._clock()
        period = now // self._format.resolution
        if period != self._stampPeriod:
            self._stamp = self._format.stamp(now)
            self._stampPeriod = period
        return self._stamp
