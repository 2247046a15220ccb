"""
Connections that are read in one go.

Twisted's reactors do some work around each event, most of it to name in the log who
caused it (C{twisted.python.log.callWithLogger}).  L{Readers} puts the connections in an
epoll of its own, which is one descriptor to the reactor, so that this is done once in a
turn and not for each of them.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

log = Logger(namespace="echostamp")


@implementer(IReadDescriptor)
class Readers:
    """
    A reactor as the connections of a port see it: they are read from here, and all else
    is the real reactor's.
    """

    def __init__(
        self, reactor: Any, makePoll: Callable[[], Any] = lambda: select.epoll()
    ) -> None:
        """
        @param reactor: reads from this, and does the rest: an L{IReactorFDSet
            <twisted.internet.interfaces.IReactorFDSet>}.
        @param makePoll: makes a L{select.epoll}.  It is called when there is somebody
            to read from: before, a daemon may still fork.
        """
        self._reactor = reactor
        self._makePoll = makePoll
        self._poll: Any = None
        self._readers: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def logPrefix(self) -> str:
        """Name this for the log."""
        return "connections"

    def fileno(self) -> int:
        """Give what the reactor waits for."""
        number: int = -1 if self._poll is None else self._poll.fileno()
        return number

    def addReader(self, reader: Any) -> None:
        """Read from a connection when it has something."""
        if self._poll is None:
            self._poll = self._makePoll()
            self._reactor.addReader(self)
        number = reader.fileno()
        if number not in self._readers:
            self._poll.register(number, select.EPOLLIN)
            self._readers[number] = reader

    def removeReader(self, reader: Any) -> None:
        """Read from it no more."""
        number = reader.fileno()
        if self._readers.get(number) is reader:
            del self._readers[number]
            self._poll.unregister(number)
        else:
            # A port, whose connections these are.
            self._reactor.removeReader(reader)

    def doRead(self) -> None:
        """Read from every connection that has something."""
        for number, _ in self._poll.poll(0, len(self._readers) or 1):
            # One of those before it may have ended it.
            reader = self._readers.get(number)
            if reader is not None:
                self._read(reader)

    def _read(self, reader: Any) -> None:
        """
        Read from a connection.  Whatever goes wrong with it is its own affair.
        """
        try:
            # Where the peer is gone, this finds out.
            why = reader.doRead()
        except BaseException as error:
            log.failure("while reading from {reader}", reader=reader.logPrefix())
            why = error
        if why is not None:
            self.removeReader(reader)
            self._end(reader, why)

    def _end(self, reader: Any, why: BaseException) -> None:
        """
        Tell a connection that it has come to its end, or its input has.
        """
        isDone = isinstance(why, ConnectionDone)
        try:
            if isDone and IHalfCloseableDescriptor.providedBy(reader):
                reader.readConnectionLost(Failure(why))
                return
            self._reactor.removeWriter(reader)
            reader.connectionLost(Failure(why))
        except BaseException:
            log.failure("at the end of {reader}", reader=reader.logPrefix())

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped: so do the connections that are left."""
        readers, self._readers = self._readers, {}
        self._poll.close()
        self._poll = None
        for reader in readers.values():
            self._end(reader, ConnectionLost())
