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
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.line.sending import ReplySender, replySender
from echostamp.line.stamper import MAX_LENGTH, Stamper, slices
from echostamp.stamps import CTIME, StampFormat

#: Seconds without input that end a message before a connection's first newline.
PAUSE = 0.1

log = Logger(namespace="echostamp")


@implementer(IHalfCloseableProtocol)
class TimestampEcho(Protocol):
    """
    Send each message back behind the stamp of the moment at which it was there.

    The rules are in C{docs/protocol.rst}; which octets make a message is
    L{Stamper}'s work, how replies leave is L{ReplySender}'s.  This holds the two
    together: it knows the clock, the pause and the end of the input.
    """

    factory: TimestampEchoFactory
    transport: Any

    _octets = 0
    _inputEnded = False
    _pauseTimer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Begin to listen."""
        self._stamper = Stamper(self.factory.maxLength)
        self._began = self.factory.reactor.seconds()
        self._peer = peerName(self.transport.getPeer())
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._sender: ReplySender = replySender(self.transport, self._repliesGone)
        log.info("{peer} connected", peer=self._peer)

    def dataReceived(self, data: bytes) -> None:
        """Stamp what came and send it back."""
        stamp = self.factory.stamp()
        self._octets += len(data)
        if self._pauseTimer is not None:
            self._stopPause()
        self._sender.send(self._replies(data, stamp))
        if self._sender.isBlocked:
            self.transport.pauseProducing()
        elif not self._stamper.newlineSeen:
            self._startPause()

    def _replies(self, data: bytes, stamp: bytes) -> Iterator[bytes]:
        """
        Make the replies to one read, piece by piece as they can leave.
        """
        for part in slices(data, len(stamp)):
            if reply := self._stamper.feed(part, stamp):
                yield reply
        if not self.factory.pause and not self._stamper.newlineSeen:
            yield from self._lastReply()

    def _lastReply(self) -> Iterator[bytes]:
        """
        End the message that is open.
        """
        if reply := self._stamper.endMessage():
            yield reply

    def _repliesGone(self) -> None:
        """
        The peer has taken the replies that it had not read: read from it again.
        """
        if self._inputEnded:
            self._close()
            return
        self.transport.resumeProducing()
        if not self._stamper.newlineSeen:
            self._startPause()

    def _startPause(self) -> None:
        """
        Count the seconds without input, if a message is open.
        """
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
        self._inputEnded = True
        self._sender.send(self._lastReply())
        if not self._sender.isBlocked:
            self._close()

    def _close(self) -> None:
        """
        Every reply is with the transport, which sends a FIN behind the last one.
        """
        self._sender.detach()
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Nothing to do: this end never closes its output alone."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say how the connection went."""
        self._stopPause()
        log.info(
            "{peer} disconnected: {messages} messages, {octets} bytes, {seconds:.3f} s",
            peer=self._peer,
            messages=self._stamper.messages,
            octets=self._octets,
            seconds=self.factory.reactor.seconds() - self._began,
        )


class TimestampEchoFactory(Factory):
    """
    What all echo connections of a daemon share.

    @ivar reactor: runs the pauses and times the connections.
    @ivar pause: seconds; see L{__init__}.
    @ivar maxLength: octets; see L{__init__}.
    """

    protocol = TimestampEcho  # type: ignore[assignment]  # it wants this factory
    noisy = False

    def __init__(
        self,
        reactor: IReactorTime,
        stampFormat: StampFormat = CTIME,
        pause: float = PAUSE,
        maxLength: int = MAX_LENGTH,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        @param reactor: runs the pauses and times the connections.
        @param stampFormat: how stamps look.
        @param pause: seconds without input that end a message before the first
            newline of a connection; 0 to make each read a message.
        @param maxLength: the octets that a message may have before it is stamped
            unfinished.
        @param clock: gives the time in nanoseconds since the epoch.
        """
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


def peerName(address: object) -> str:
    """
    Name the far end of a connection, for the log: C{192.0.2.1:4711},
    C{[2001:db8::1]:4711}, or C{local} for a UNIX socket and the like.

    An IPv4 peer of a dual-stack socket gets its own address, not the mapped one.

    @param address: what C{transport.getPeer} gave.
    """
    host = getattr(address, "host", None)
    port = getattr(address, "port", None)
    if not isinstance(host, str):
        return "local"
    if host.startswith("::ffff:") and "." in host:
        host = host.removeprefix("::ffff:")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
