"""
Limits what a connection may send, and for how long.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from echostamp.web.request import LONGEST_BODY, WebRequest

#: The most octets of a request's first line and headers together.
LONGEST_HEAD = 8192

#: The most headers of a request.
MOST_HEADERS = 100

#: An answer to a request that is not read to its end.
_REFUSAL = (
    b"HTTP/1.1 %b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b"
)


class ConnectionTimes(NamedTuple):
    """
    How long a connection may take, in seconds.

    @ivar request: from a request's first octet, or the connection's beginning, to the
        request's end.
    @ivar answer: until the answer has been passed to the kernel.
    @ivar idle: between two requests.  It is longer than the usual intervals of
        Prometheus, which keeps its connections.
    @ivar closing: for the last octets and the client's FIN.
    """

    request: float = 10
    answer: float = 60
    idle: float = 150
    closing: float = 5


@implementer(IHalfCloseableProtocol)
class LimitedChannel(HTTPChannel):
    """
    A connection.

    Twisted's own timeout begins again with each octet.  A client that sends one now and
    then would stay.  So it is not used.

    A client may close its side behind its last request, as C{nc -N} does.  If it has
    gone altogether, that shows when something is sent to it.
    """

    requestFactory = WebRequest
    MAX_LENGTH = LONGEST_HEAD
    totalHeadersSize = LONGEST_HEAD
    maxHeaders = MOST_HEADERS

    factory: Any
    transport: Any
    _isIdle = _isAnswering = _inputEnded = _isHead = _hasFirstLine = False
    _isHeld = _isLost = False
    _timer: Any = None
    # The protocol that has the connection now.
    _next: Any = None

    def connectionMade(self) -> None:
        """Begin the time of the first request."""
        super().connectionMade()
        self._limit(self.factory.times.request, self._close)

    def dataReceived(self, data: bytes) -> None:
        """Read a part of a request, now or soon.  What follows it waits in the
        kernel."""
        if self._next is not None:
            self._next.dataReceived(data)
        elif not self.factory.turns.do(partial(self._read, data)):
            self._isHeld = True
            self._networkProducer.pauseProducing()

    def _read(self, data: bytes) -> None:
        """
        Read a part of a request.  Its time begins with the first octet.
        """
        if self._isLost:
            return
        if self._isHeld:
            self._isHeld = False
            self._networkProducer.resumeProducing()
        if self._isIdle:
            self._isIdle = False
            self._limit(self.factory.times.request, self._close)
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """Note whether a request is one of HEAD: its answer has no body."""
        if line and not self._hasFirstLine:
            self._hasFirstLine, self._isHead = True, line.startswith(b"HEAD ")
        super().lineReceived(line)

    def headerReceived(self, line: bytes) -> bool:
        """Refuse a header whose number has thousands of digits: Python does not convert
        it, and Twisted does not expect that."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:
            self._refuse(b"400 Bad Request", b"a header is wrong\n")
            return False

    def allHeadersReceived(self) -> None:
        """Refuse a request whose body is too long."""
        if self.length is not None and self.length > LONGEST_BODY:
            self._refuse(b"413 Request Entity Too Large", b"the body is too long\n")
            return
        super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:
        """Pass on octets that follow the head of a request, if that has handed over the
        connection."""
        if self._next is not None:
            self._next.dataReceived(data)
        else:
            super().rawDataReceived(data)

    def handOver(self, protocol: Any, answer: bytes) -> None:
        """
        Hand the connection over to another protocol, by the request that is answered
        now.  The limits of requests end.

        @param protocol: the protocol, which supports half-close.
        @param answer: what is sent before it is connected.
        """
        self._stop()
        self._next = protocol
        self.transport.unregisterProducer()
        self.transport.write(answer)
        protocol.makeConnection(self.transport)

    def allContentReceived(self) -> None:
        """Begin the time of the answer."""
        self._isAnswering, self._hasFirstLine = True, False
        self._limit(self.factory.times.answer, self._abort)
        super().allContentReceived()

    def requestDone(self, request: object) -> None:
        """Begin the time until the next request, or until the end."""
        self._isIdle, self._isAnswering = True, False
        times = self.factory.times
        self._limit(times.idle if self.persistent else times.answer, self._close)
        super().requestDone(request)
        self._closeIfDone()

    def readConnectionLost(self) -> None:
        """End the connection behind the answers to the client's requests."""
        if self._next is not None:
            self._next.readConnectionLost()
        else:
            self.factory.turns.do(self._endInput)

    def _endInput(self) -> None:
        """
        Note that the client sends nothing more.
        """
        if self._isLost:
            return
        self._inputEnded = True
        self._closeIfDone()

    def writeConnectionLost(self) -> None:
        """Do nothing: only the whole connection is closed at this end."""

    def _closeIfDone(self) -> None:
        """
        Close the connection if the client sends nothing more, and has its answers.  The
        end of the input is passed on where another protocol has the connection.
        """
        if not self._inputEnded:
            return
        if self._next is not None:
            # A request calls this within the end of the one before it.
            self._inputEnded = False
            self._next.readConnectionLost()
        elif not self._isAnswering:
            self._close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop the timer, or pass on the end of the connection."""
        self._isLost = True
        self._stop()
        super().connectionLost(reason)
        if self._next is not None:
            self._next.connectionLost(reason)

    def _refuse(self, status: bytes, text: bytes) -> None:
        """
        Answer a request that is not read to its end.
        """
        body = b"" if self._isHead else text
        self.write(_REFUSAL % (status, len(text), body))
        self.loseConnection()

    def _limit(self, seconds: float, call: Callable[[], None]) -> None:
        """
        Do something later, unless this is called again before.
        """
        self._stop()
        self._timer = self.factory.reactor.callLater(seconds, call)

    def _stop(self) -> None:
        """
        Stop the timer.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _close(self) -> None:
        """
        Close the connection behind what was written.
        """
        self._limit(self.factory.times.closing, self._abort)
        self.loseConnection()

    def _abort(self) -> None:
        """
        End the connection at once.
        """
        self.transport.abortConnection()
