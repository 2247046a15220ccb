"""
Connects to web servers that need not be trusted: limits what an answer may be, before
Twisted parses it.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

#: The most octets of an answer with its head, and of the head alone.
MOST, MOST_OF_HEAD = 1_000_000, 16384

#: The most octets that are read at once, and the most lines of these.  They are parsed
#: in one turn of the event loop.  A chunk has two lines, and a header has one.
READ, MOST_LINES = 16384, 1000

#: How an answer begins, and its first line.  Twisted logs each answer of 1xx and waits
#: for the next one.
_BEGINNING = b"HTTP/1."
_STATUS = re.compile(rb"HTTP/1\.[0-9] [2-9][0-9][0-9][ \r\n]")

#: Where the head of an answer ends.
_END = re.compile(rb"\n\r?\n")

NO_HTTP = "its answer is not HTTP"
TOO_LONG = "its answer is too long"
TOO_MANY_LINES = "its answer has too many lines"


class FetchError(ValueError):
    """
    A page could not be fetched.  The text says why in a few words.
    """


@implementer(IStreamClientEndpoint, IAgentEndpointFactory)
class GuardedEndpoint:
    """
    Makes one connection, and guards what is read from it.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        """
        @param endpoint: connects.
        """
        self._endpoint = endpoint
        self._guard: _Guard | None = None

    def endpointForURI(self, uri: object) -> IStreamClientEndpoint:
        """Connect here, whatever Twisted has read from the URL."""
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and guard the protocol."""

        def connected(guard: Any) -> IProtocol:
            self._guard = guard
            inner: IProtocol = guard.inner
            return inner

        connecting: Deferred[Any] = self._endpoint.connect(_Guards(protocolFactory))
        return connecting.addCallback(connected)

    def check(self) -> None:
        """
        Check that the answer was not refused.

        @raise FetchError: it was.
        """
        if self._guard is not None and self._guard.why:
            raise FetchError(self._guard.why)

    def abort(self) -> None:
        """End the connection at once, if there is one."""
        if self._guard is not None:
            self._guard.abort()


class _Guards(Factory):
    """
    Makes guarded protocols.
    """

    noisy = False

    def __init__(self, inner: IProtocolFactory) -> None:
        """
        @param inner: makes the protocols.
        """
        self._inner = inner

    def buildProtocol(self, addr: Any) -> _Guard | None:
        """Make the protocol of a connection."""
        inner = self._inner.buildProtocol(addr)
        return None if inner is None else _Guard(inner)


class _Guard(Protocol):
    """
    Passes an answer on if it begins as HTTP does, and until it is too long.

    The head is passed on when it is complete: a part of it takes no time to parse.

    @ivar inner: the protocol.
    @ivar why: why the answer was refused; empty if it was not.
    """

    transport: Any
    why = ""

    def __init__(self, inner: IProtocol) -> None:
        """
        @param inner: gets the answer.
        """
        self.inner = inner
        self._received = 0
        self._head: bytes | None = b""

    def makeConnection(self, transport: Any) -> None:
        """Connect the protocol: it writes and closes without this guard."""
        self.transport = transport
        transport.bufferSize = READ
        self.inner.makeConnection(transport)

    def dataReceived(self, data: bytes) -> None:
        """Check a part of the answer, and pass it on."""
        if self.why:
            return
        self._received += len(data)
        if self._head is not None:
            data = self._headReceived(data)
        if self._received > MOST:
            self._refuse(TOO_LONG)
        elif data.count(b"\n") > MOST_LINES:
            self._refuse(TOO_MANY_LINES)
        elif data:
            self.inner.dataReceived(data)

    def _headReceived(self, data: bytes) -> bytes:
        """
        Collect the head.

        @return: what is to be passed on.
        """
        assert self._head is not None
        head = self._head = self._head + data
        if head[: len(_BEGINNING)] != _BEGINNING[: len(head)]:
            self._refuse(NO_HTTP)
        elif found := _END.search(head):
            if found.end() > MOST_OF_HEAD:
                self._refuse(TOO_LONG)
            elif not _STATUS.match(head):
                self._refuse(NO_HTTP)
            else:
                self._head = None
                return head
        elif len(head) > MOST_OF_HEAD:
            self._refuse(TOO_LONG)
        return b""

    def _refuse(self, why: str) -> None:
        """
        Read nothing more.
        """
        if not self.why:
            self.why = why
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass on the end."""
        self.inner.connectionLost(reason)
