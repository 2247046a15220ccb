"""
An epoll for all connections of the daemon, which saves CPU for each event.

Twisted's reactors do some work around each event, most of it for the log
(C{twisted.python.log.callWithLogger}).  L{Readers} puts the connections, their ports
and the sockets of the session-reflector in an epoll of its own, and waits there in
place of the reactor.  A read then costs none of this work.  The reactor's own epoll is
in the other one, as one descriptor: when anything else has happened, the reactor does
what it always does.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadDescriptor
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

log = Logger(namespace="echostamp")


@implementer(IReadDescriptor)
class Readers:
    """
    The reactor for a port and its connections: it reads from them, and passes
    everything else on to the real reactor.

    A real reactor without an epoll reads from this as from one descriptor.
    """

    def __init__(
        self, reactor: Any, makePoll: Callable[[], Any] = lambda: select.epoll()
    ) -> None:
        """
        @param reactor: the real reactor: an L{IReactorFDSet
            <twisted.internet.interfaces.IReactorFDSet>}.
        @param makePoll: makes a L{select.epoll}.
        """
        self._reactor = reactor
        self._makePoll = makePoll
        self._poll: Any = None
        self._readers: dict[int, Any] = {}
        # The real reactor's epoll, and what waits there.
        self._rest = -1
        self._doRest: Callable[[float | None], object] = lambda delay: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def logPrefix(self) -> str:
        """Name this for the log."""
        return "connections"

    def fileno(self) -> int:
        """Give the epoll's descriptor, or -1 where there is none yet."""
        number: int = -1 if self._poll is None else self._poll.fileno()
        return number

    def open(self) -> None:
        """
        Make the epoll, unless there is one.  The first port does it, after the daemon
        has forked: at the first connection there might be no descriptor left.
        """
        if self._poll is not None:
            return
        self._poll = self._makePoll()
        # No public name leads to the epoll of Twisted's reactor.  Other reactors have
        # none, or have another thing of this name.
        poller: Any = getattr(self._reactor, "_poller", None)
        if not hasattr(poller, "fileno"):
            self._reactor.addReader(self)
            return
        self._rest = poller.fileno()
        self._poll.register(self._rest, select.EPOLLIN)
        self._doRest = self._reactor.doIteration
        self._reactor.doIteration = self.doIteration
        self._reactor.addSystemEventTrigger("during", "shutdown", self._close)

    def addReader(self, reader: Any) -> None:
        """Read from a connection when it has data."""
        self.open()
        number = reader.fileno()
        if number not in self._readers:
            self._poll.register(number, select.EPOLLIN)
            self._readers[number] = reader

    def removeReader(self, reader: Any) -> None:
        """Stop reading from a connection."""
        number = reader.fileno()
        if self._readers.get(number) is reader:
            del self._readers[number]
            self._poll.unregister(number)

    def doIteration(self, delay: float | None) -> None:
        """
        Wait until a connection has data or the reactor has something else to do, and
        do that.

        @param delay: the most seconds to wait; L{None} for any time.
        """
        # An attribute of this class costs more than others: see __getattr__.
        readers = self._readers
        for number, _ in self._poll.poll(delay, len(readers) + 1):
            reader = readers.get(number)
            if reader is None:
                if number == self._rest:
                    self._doRest(0)
                # Otherwise a connection that was read before has ended this one.
                continue
            try:
                # It returns the reason when the peer has closed or vanished.
                why = reader.doRead()
            except BaseException as error:
                # It ends this connection, and no other.
                log.failure("while reading from {reader}", reader=reader.logPrefix())
                why = error
            if why is not None:
                self.removeReader(reader)
                self._end(reader, why)

    def doRead(self) -> None:
        """Read from every connection that has data."""
        self.doIteration(0)

    def _end(self, reader: Any, why: BaseException) -> None:
        """
        Report to a connection that it, or its input, has ended.
        """
        isDone = isinstance(why, ConnectionDone)
        reason = connectionDone if isDone else Failure(why)
        try:
            if isDone and IHalfCloseableDescriptor.providedBy(reader):
                reader.readConnectionLost(reason)
                return
            self._reactor.removeWriter(reader)
            reader.connectionLost(reason)
        except BaseException:
            log.failure("at the end of {reader}", reader=reader.logPrefix())

    def connectionLost(self, reason: Failure) -> None:
        """End the connections that are left: the reactor has stopped."""
        self._close()

    def _close(self) -> None:
        """
        End the connections that are left, and leave all waiting to the reactor.
        """
        readers, self._readers = self._readers, {}
        self._poll.close()
        self._poll = None
        if self._rest >= 0:
            self._reactor.doIteration = self._doRest
            self._rest = -1
        for reader in readers.values():
            self._end(reader, ConnectionLost())
