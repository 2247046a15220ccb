"""
The echo: a protocol that sends each message back with a stamp, and its factory.
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
from echostamp.baresocket import closeAtOnce
from echostamp.line.connectionlog import ConnectionLog
from echostamp.line.draining import Draining
from echostamp.line.sending import ReplyOutput, replySender
from echostamp.line.settings import EchoSettings
from echostamp.line.stampclock import StampClock
from echostamp.line.stamper import SLICE, Stamper

#: Octets of an unfinished message that count as activity.
ACTIVE = 65_536

#: Seconds that a peer has to close its side behind L{TimestampEcho.quit}: as long as
#: Linux keeps a connection that no process has any more.
QUIT_GRACE = 60.0


@implementer(IHalfCloseableProtocol)
class TimestampEcho(Protocol):
    """
    Send each message back behind the stamp of the time at which it was read.

    The rules are in C{docs/protocol.rst}.  L{Stamper} finds the messages, and a
    L{ReplyOutput} sends the replies.  This class connects the two: it knows the clock,
    the pause and the end of the input.

    @ivar octets: how many octets have been read.
    @ivar lastActive: when the connection was last active, in the reactor's seconds: a
        message was complete, L{ACTIVE} octets of one were read, or the transport had
        room for replies again.  Only kept where L{ConnectionLog.watchesActivity}.
    """

    factory: TimestampEchoFactory
    transport: Any

    _messagesSeen = 0
    _inputEnded = False

    def connectionMade(self) -> None:
        """Set up the connection, and log it."""
        # These are not the class's: every read looks at them, and it would take longer.
        self.octets = 0
        self._outputEnded = False
        self._timer: IDelayedCall | None = None
        self._draining: Draining | None = None
        self._stamper = Stamper(self.factory.maxLength)
        self._began = self.lastActive = self.factory.reactor.seconds()
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._sender = self.factory.sender(self.transport, self)
        self.factory.connections.add(self)
        self.factory.connectionLog.connected(self)

    @property
    def peer(self) -> str:
        """The far end's address, as text."""
        return peerName(self.transport.getPeer())

    @property
    def messages(self) -> int:
        """How many messages have been stamped."""
        return self._stamper.messages

    @property
    def isPassing(self) -> bool:
        """Whether a message is being passed on after its stamp, until it ends."""
        return self._stamper.isPassing

    @property
    def age(self) -> float:
        """Seconds since the connection was made."""
        return self.factory.reactor.seconds() - self._began

    @property
    def isFull(self) -> bool:
        """Whether replies wait for the peer to read."""
        return self._sender.isFull

    @property
    def isBlocked(self) -> bool:
        """Whether a reply would have to wait: for the peer, or for other peers."""
        return self._sender.isBlocked

    @property
    def isHolding(self) -> bool:
        """Whether replies wait, and L{repliesGone} will be called."""
        return self._sender.isHolding

    @property
    def isEnding(self) -> bool:
        """Whether the connection ends when all replies are sent."""
        return self._inputEnded or self._outputEnded or self._draining is not None

    def dataReceived(self, data: bytes) -> None:
        """Stamp the data of one read, and send the replies."""
        factory, stamper, sender = self.factory, self._stamper, self._sender
        stamp = factory.stamp()
        before = self.octets
        self.octets += len(data)
        if factory.watchesActivity and before // ACTIVE != self.octets // ACTIVE:
            self.lastActive = factory.reactor.seconds()
        if self._outputEnded:
            return
        if self._timer is not None:
            self._stopTimer()
        reply = None
        if not sender.isBlocked and (stamper.newlineSeen or b"\n" in data):
            # Almost every read needs one slice only.
            reply = stamper.feed(data, stamp, SLICE // (len(stamp) + sender.growth))
        if reply is None:
            sender.send(self._replies(data, stamp))
        elif reply:
            sender.put(reply)
            if factory.watchesActivity:
                self._stamped()
        if sender.isBlocked:
            self.transport.pauseProducing()
        elif not stamper.newlineSeen:
            self._startPause()
        if self._draining is not None:
            self._draining.wait()

    def _replies(self, data: bytes, stamp: bytes) -> Iterator[bytes]:
        """
        Make the replies to one read, in slices: each is made when it can be sent.
        """
        replies = self._stamper.replies(data, stamp, self._sender.growth)
        yield from map(self._noted, replies)
        if not self.factory.pause and not self._stamper.newlineSeen:
            yield from self._lastReply()

    def _lastReply(self) -> Iterator[bytes]:
        """
        End the open message, and give its reply.
        """
        yield self._noted(self._stamper.endMessage())

    def _noted(self, reply: bytes) -> bytes:
        """
        Give a reply back, and note activity.
        """
        self._stamped()
        return reply

    def _stamped(self) -> None:
        """
        Note activity, if a message has been stamped since the last call.
        """
        if self.factory.watchesActivity and self.messages > self._messagesSeen:
            self._messagesSeen = self.messages
            self.lastActive = self.factory.reactor.seconds()

    def repliesGone(self) -> None:
        """
        Read from the peer again: all replies that waited have been sent.
        """
        self.lastActive = self.factory.reactor.seconds()
        if self._inputEnded:
            self.close()
            return
        if self._outputEnded:
            # Behind L{quit}, also where this is called twice.
            self.halfClose()
            self._stopTimer()
            self._timer = self.factory.reactor.callLater(QUIT_GRACE, self._quitElapsed)
        self.transport.resumeProducing()
        if not self._stamper.newlineSeen:
            self._startPause()
        if self._draining is not None:
            self._draining.wait()

    def _startPause(self) -> None:
        """
        Start the pause timer again, if a message is open.
        """
        self._stopTimer()
        if self._stamper.isOpen:
            self._timer = self.factory.reactor.callLater(
                self.factory.pause, self._pauseElapsed
            )

    def _stopTimer(self) -> None:
        """
        Stop the timer: of the pause, or behind L{quit}.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pauseElapsed(self) -> None:
        """
        End the message in the next turn, unless the kernel has more of it.  A reactor
        runs its timers before the reads of the same turn, so one more turn of reads
        must find nothing.
        """
        self._timer = self.factory.reactor.callLater(0, self._endPausedMessage)

    def _endPausedMessage(self) -> None:
        """
        End the message: the pause is over, and no more input was found.
        """
        self._timer = None
        self._sender.send(self._lastReply())
        if self._sender.isBlocked:
            self.transport.pauseProducing()

    def readConnectionLost(self) -> None:
        """Answer the rest of the input, then close: the peer has half-closed."""
        if self._draining is not None:
            self._draining.stop()
        self._inputEnded = True
        if not self.answerRest():
            return
        if self._sender.isFull:
            self.close()
            return
        self._outputEnded = True
        self._sender.detach()
        closeAtOnce(self.transport)

    def answerRest(self) -> bool:
        """
        End the open message, if there is one, and answer it.

        @return: whether all replies are sent.
        """
        self._stopTimer()
        isOwed = self._stamper.isOpen or self._sender.isHolding
        if isOwed and not self._outputEnded:
            self._sender.send(self._lastReply())
        return not self._sender.isHolding

    def close(self) -> None:
        """
        Close the connection: the transport has every reply, and sends FIN behind them.
        """
        # TLS may deliver data even after this; its replies could not be sent.
        self._outputEnded = True
        self._sender.detach()
        self.transport.loseConnection()

    def halfClose(self) -> None:
        """
        Send FIN behind the replies, and ignore all further input.
        """
        self._outputEnded = True
        self._sender.detach()
        transport = self.transport
        getattr(transport, "loseWriteConnection", transport.loseConnection)()

    def quit(self) -> None:
        """
        End the input here: discard the rest, and send FIN behind the replies so far.
        The connection ends when its peer closes, or L{QUIT_GRACE} seconds later.
        """
        self._outputEnded = True
        if not self._sender.isFull:
            self.repliesGone()

    def _quitElapsed(self) -> None:
        """
        Close: the peer has quit, and has not closed its side.
        """
        self._timer = None
        self.close()

    def drain(self) -> None:
        """
        Answer what has arrived, then close.  A peer that keeps sending, or does not
        read, keeps its connection; L{abort} ends it.
        """
        if self._draining is None and not self._inputEnded:
            self._draining = Draining(self.factory.reactor, self)
            self._draining.wait()

    def end(self) -> None:
        """
        Close an idle connection.  Where replies are unread, a close would wait for the
        peer, so the connection is aborted.
        """
        if self._sender.isFull:
            self.abort()
        else:
            self.close()

    def abort(self) -> None:
        """
        Abort the connection; replies in flight may be lost.
        """
        self._stopTimer()
        self.transport.abortConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: L{halfClose} has sent FIN, and the input is still open."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Clean up, and log the end of the connection."""
        self._stopTimer()
        if self._draining is not None:
            self._draining.stop()
        self._sender.stopProducing()
        self.factory.connections.discard(self)
        self.factory.connectionLog.disconnected(self)


class TimestampEchoFactory(Factory):
    """
    What all echo connections of a daemon share.

    @ivar connections: the open connections.
    @ivar isStopping: whether the daemon is stopping, and drains all connections.
    @ivar reactor: see L{__init__}.
    @ivar connectionLog: see L{__init__}.
    @ivar watchesActivity: see L{ConnectionLog.watchesActivity}.
    @ivar pause: see L{EchoSettings}.
    @ivar maxLength: see L{EchoSettings}.
    @ivar sender: see L{__init__}.
    @ivar stampClock: makes the stamps.
    @ivar stamp: gives the stamp of the current time.
    """

    protocol = TimestampEcho  # type: ignore[assignment]  # it wants this factory
    noisy = False
    isStopping = False

    def __init__(
        self,
        reactor: IReactorTime,
        settings: EchoSettings | None = None,
        clock: Callable[[], int] = time.time_ns,
        connectionLog: ConnectionLog | None = None,
        sender: Callable[[Any, TimestampEcho], ReplyOutput] = replySender,
    ) -> None:
        """
        @param reactor: runs the pauses and times the connections.
        @param settings: how messages end and how stamps look.
        @param clock: gives the time in nanoseconds since the epoch.
        @param connectionLog: told when a connection is made and when it has ended.
        @param sender: makes the output for a connection's replies, from its transport
            and its protocol.
        """
        settings = settings or EchoSettings()
        self.sender = sender
        self.connections: set[TimestampEcho] = set()
        self.connectionLog = connectionLog or ConnectionLog()
        self.watchesActivity = self.connectionLog.watchesActivity
        self.reactor = reactor
        # Each copy saves an attribute lookup per read.
        self.pause = settings.pause
        self.maxLength = settings.maxLength
        self.stampClock = StampClock(settings.stampFormat, clock)
        self.stamp = self.stampClock.stamp
