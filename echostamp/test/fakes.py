"""
Transports in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure


class FakeReactor(MemoryReactorClock):
    """
    A reactor whose turns are those of a real one: what a timer puts off for no time
    at all waits for the next turn.
    """

    def advance(self, amount: float) -> None:
        """Let time pass, and run the timers that are due."""
        self.rightNow += amount
        for call in list(self.calls):
            if call.active() and call.getTime() <= self.seconds():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class FakeSocketConnection(Connection):
    """
    A bare socket's transport whose kernel takes as much as a test lets it.

    All of Twisted's own buffering is at work; only C{send} is not.

    @ivar room: octets that the kernel still takes, or C{-1} when the peer has gone.
    @ivar sent: what it has taken.
    """

    protocol: Any

    def __init__(self, reactor: FakeReactor, room: int = 1 << 30) -> None:
        self.sent = bytearray()
        self.room = room
        self.isClosed = False
        self.noDelay = False
        self._memory = reactor
        # Connection's own constructor wants a socket.
        super(Connection, self).__init__(reactor)
        self.connected = True
        self.startReading()

    def getPeer(self) -> object:
        """Nobody in particular."""
        return None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Note the option."""
        self.noDelay = enabled

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:
        """Take what there is room for."""
        if self.room < 0:
            return ConnectionLost()
        taken = bytes(data[: min(self.room, self.SEND_LIMIT)])
        self.sent += taken
        self.room -= len(taken)
        return len(taken)

    def connectionLost(self, reason: Failure) -> None:
        """Note the end, and pass it on."""
        self.isClosed = True
        super(Connection, self).connectionLost(reason)
        self.protocol.connectionLost(reason)

    @property
    def isRead(self) -> bool:
        """Whether the reactor would read from it."""
        return self in self._memory.readers

    @property
    def held(self) -> int:
        """Octets in the transport's own buffers."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def turn(self, room: int = 0) -> None:
        """
        Give the kernel room, and let the reactor write until it is used up.
        """
        self.room += room
        while self in self._memory.writers:
            before = len(self.sent)
            result = self.doWrite()
            if result is not None:
                self._memory.removeWriter(self)
                self.connectionLost(Failure(result))
            elif len(self.sent) == before:
                break


class FakeTransport(StringTransport):
    """
    A transport of any other kind: it can only C{write}.

    @ivar isClosed: whether C{loseConnection} was called.
    """

    protocol: Any
    isClosed = False

    def loseConnection(self) -> None:
        """Close at once, as there is nothing to wait for."""
        self.isClosed = True

    @property
    def sent(self) -> bytes:
        """What was written."""
        return bytes(self.value())

    @property
    def isRead(self) -> bool:
        """Whether it would be read from."""
        return bool(self.producerState == "producing")

    def fill(self) -> None:
        """Hold enough: the peer does not read."""
        assert self.producer is not None
        self.producer.pauseProducing()

    def drain(self) -> None:
        """Hold nothing any more."""
        assert self.producer is not None
        self.producer.resumeProducing()


def lost(transport: FakeSocketConnection) -> None:
    """
    Let a connection be lost, as when its peer resets it.
    """
    transport.connectionLost(Failure(ConnectionLost()))
