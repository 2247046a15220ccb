"""
An epoll for all connections of the daemon, which saves CPU for each read.

Twisted's reactors do some work around each event, most of it for the log
(C{twisted.python.log.callWithLogger}).  L{Readers} puts the connections in an epoll of
its own, which the reactor sees as one descriptor.  So this work is done once for all
connections that can be read, not for each.
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
    The reactor for the connections of a port: it reads from them, and passes everything
    else on to the real reactor.

    As long as there is one connection, the real reactor reads from it: the epoll would
    only be one more system call.
    """

    def __init__(
        self, reactor: Any, makePoll: Callable[[], Any] = lambda: select.epoll()
    ) -> None:
        """
        @param reactor: the real reactor, which reads from this: an L{IReactorFDSet
            <twisted.internet.interfaces.IReactorFDSet>}.
        @param makePoll: makes a L{select.epoll}.
        """
        self._reactor = reactor
        self._makePoll = makePoll
        self._poll: Any = None
        self._readers: dict[int, Any] = {}
        # The only connection, which the real reactor reads from.
        self._alone: Any = None

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
        if self._poll is None:
            self._poll = self._makePoll()
            self._reactor.addReader(self)

    def addReader(self, reader: Any) -> None:
        """Read from a connection when it has data."""
        if reader is self._alone:
            return
        if self._alone is None and not self._readers:
            self._alone = reader
            self._reactor.addReader(reader)
            return
        self.open()
        if self._alone is not None:
            alone, self._alone = self._alone, None
            self._reactor.removeReader(alone)
            self._add(alone)
        self._add(reader)

    def _add(self, reader: Any) -> None:
        """
        Add a connection to the epoll, if it is not there.
        """
        number = reader.fileno()
        if number not in self._readers:
            self._poll.register(number, select.EPOLLIN)
            self._readers[number] = reader

    def removeReader(self, reader: Any) -> None:
        """Stop reading from a connection."""
        number = reader.fileno()
        if reader is self._alone:
            self._alone = None
            self._reactor.removeReader(reader)
        elif self._readers.get(number) is reader:
            del self._readers[number]
            self._poll.unregister(number)
        else:
            # A port: it listened before its reactor was replaced by this one.
            self._reactor.removeReader(reader)

    def doRead(self) -> None:
        """Read from every connection that has data."""
        # An attribute of this class costs more than others: see __getattr__.
        readers = self._readers
        for number, _ in self._poll.poll(0, len(readers) or 1):
            reader = readers.get(number)
            if reader is None:
                # A connection that was read before has ended this one.
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
        readers, self._readers = self._readers, {}
        self._poll.close()
        self._poll = None
        for reader in readers.values():
            self._end(reader, ConnectionLost())
