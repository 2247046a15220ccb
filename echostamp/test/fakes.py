"""
Transports in memory.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorPluggableNameResolver,
)
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer


class FakeNameResolver:
    """
    A resolver that knows no names but the addresses themselves.
    """

    def resolveHostName(
        self, receiver: Any, hostName: str, portNumber: int = 0, *args: Any
    ) -> None:
        """Take an address for what it is; any other name is C{192.0.2.1}'s."""
        receiver.resolutionBegan(None)
        if isIPv6Address(hostName):
            address: object = IPv6Address("TCP", hostName, portNumber)
        else:
            address = IPv4Address("TCP", "192.0.2.1", portNumber)
        receiver.addressResolved(address)
        receiver.resolutionComplete()


@implementer(IReactorPluggableNameResolver)
class FakeReactor(MemoryReactorClock):
    """
    A reactor whose turns are those of a real one: what a timer puts off for no time
    at all waits for the next turn.
    """

    def __init__(self) -> None:
        super().__init__()
        # In older releases of Twisted its fake has none.
        self.nameResolver: Any = FakeNameResolver()

    def installNameResolver(self, resolver: Any) -> Any:
        """Put another resolver in."""
        before, self.nameResolver = self.nameResolver, resolver
        return before

    def callFromThread(self, call: Any, *args: Any) -> None:
        """Call something in the next turn."""
        self.callLater(0, call, *args)

    def advance(self, amount: float) -> None:
        """Let time pass, and run the timers that are due."""
        self.rightNow += amount
        for call in list(self.calls):
            if call.active() and call.getTime() <= self.seconds():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class FakeKernelSocket:
    """
    The socket of a L{FakeSocketConnection}.
    """

    def __init__(self, connection: FakeSocketConnection) -> None:
        """
        @param connection: knows how much room there is.
        """
        self._connection = connection

    def send(self, data: bytes | memoryview) -> int:
        """Take what there is room for."""
        connection = self._connection
        if connection.room < 0:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        if data and not connection.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        taken = bytes(data[: connection.room])
        connection.sent += taken
        connection.room -= len(taken)
        return len(taken)


class FakeSocketConnection(Connection):
    """
    A bare socket's transport whose kernel takes as much as a test lets it.

    All of Twisted's own buffering is at work; only the socket is not one.

    @ivar room: octets that the kernel still takes, or C{-1} when the peer has gone.
    @ivar sent: what it has taken.
    """

    protocol: Any

    def __init__(self, reactor: FakeReactor, room: int = 1 << 30) -> None:
        self.sent = bytearray()
        self.room = room
        self.isClosed = False
        self.isHalfClosed = False
        self.isAborted = False
        self.noDelay = False
        self._memory = reactor
        # Connection's own constructor wants a socket.
        super(Connection, self).__init__(reactor)
        self.socket: Any = FakeKernelSocket(self)
        self.connected = True
        self.startReading()

    def getPeer(self) -> object:
        """Nobody in particular."""
        return None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Note the option."""
        self.noDelay = enabled

    def _closeWriteConnection(self) -> None:
        """Note the FIN."""
        self.isHalfClosed = True
        self.protocol.writeConnectionLost()

    def abortConnection(self) -> None:
        """Note the reset."""
        self.isAborted = True
        lost(self)

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


class FakeFarTransport(FakeTransport):
    """
    A client's connection to its far end.

    @ivar isHalfClosed: whether the output was closed alone.
    @ivar noDelay: whether small messages leave at once.
    """

    isHalfClosed = False
    noDelay = False

    def unregisterProducer(self) -> None:
        """Have no producer: as with Twisted's own, one that is gone may go again."""
        self.producer = self.streaming = None

    def loseWriteConnection(self) -> None:
        """Note the FIN."""
        self.isHalfClosed = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Note the option."""
        self.noDelay = enabled


class FakeStandardIO(FakeTransport):
    """
    Standard input and output; where they are a terminal, what it shows can be read.
    """

    def unregisterProducer(self) -> None:
        """Have no producer: as with Twisted's own, one that is gone may go again."""
        self.producer = self.streaming = None

    def loseConnection(self) -> None:
        """Close as soon as all has been written: see L{flush}."""
        super().loseConnection()
        self.disconnecting = True

    def type(self, text: str) -> None:
        """
        Type at a terminal, which shows what it is given.  The lines reach the
        program when they have ended.
        """
        data = text.encode()
        self.write(data)
        self.protocol.dataReceived(data)

    def flush(self) -> None:
        """Write what was to be written, and close if that was wanted."""
        if self.isClosed:
            self.protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def screen(self) -> str:
        """What the terminal shows."""
        return self.sent.decode()


class FakeSocket:
    """
    A socket that is not there.

    @ivar options: what was set, by level and name.
    @ivar address: where it is bound.
    @ivar backlog: of a socket that listens.
    """

    def __init__(self, sockets: FakeSockets, family: int, number: int) -> None:
        self.family = family
        self.options: dict[tuple[int, int], int] = {}
        self.address: tuple[Any, ...] | None = None
        self.backlog: int | None = None
        self.isBlocking = True
        self.isClosed = False
        self._sockets = sockets
        self._number = number

    def __enter__(self) -> FakeSocket:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def setblocking(self, isBlocking: bool) -> None:
        """Note the mode."""
        self.isBlocking = isBlocking

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """Note an option."""
        self.options[level, name] = value

    def bind(self, address: tuple[Any, ...]) -> None:
        """Note the address, or refuse it as the kernel and Python would."""
        if not 0 <= address[1] <= 65535:
            raise OverflowError("bind(): port must be 0-65535.")
        if address[0] in self._sockets.refusals:
            raise self._sockets.refusals[address[0]]
        self.address = address

    def getsockname(self) -> tuple[Any, ...]:
        """Give the address."""
        assert self.address is not None
        return self.address

    def listen(self, backlog: int) -> None:
        """Note the backlog."""
        assert self.address is not None
        self.backlog = backlog

    def fileno(self) -> int:
        """Give a number that no real descriptor has."""
        return -1 if self.isClosed else self._number

    def close(self) -> None:
        """Note the end."""
        self.isClosed = True


class FakeSockets:
    """
    The socket module of a machine without a network.

    @ivar made: the sockets, in order.
    @ivar refusals: what goes wrong, by the address family that the machine has not
        or the host that cannot be bound.
    @ivar links: the index of each network interface.
    """

    def __init__(self) -> None:
        self.made: list[FakeSocket] = []
        self.refusals: dict[object, Exception] = {}
        self.links: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)

    def socket(
        self,
        family: int = -1,
        kind: int = socket.SOCK_STREAM,
        fileno: int | None = None,
    ) -> Any:
        """Make a stream socket; a UNIX one, or one that is there, is real."""
        if family == socket.AF_UNIX or fileno is not None:
            return socket.socket(family, kind, fileno=fileno)
        assert kind == socket.SOCK_STREAM
        if family in self.refusals:
            raise self.refusals[family]
        made = FakeSocket(self, family, 10_000 + len(self.made))
        self.made.append(made)
        return made

    def if_nametoindex(self, link: str) -> int:
        """Give a network interface's index."""
        if link not in self.links:
            raise OSError("no interface with this name")
        return self.links[link]

    @property
    def listening(self) -> list[FakeSocket]:
        """The sockets that listen, or did."""
        return [made for made in self.made if made.backlog is not None]


def osError(number: int) -> OSError:
    """
    Make an error of the operating system's.

    @param number: such as L{errno.EACCES}.
    """
    assert number in errno.errorcode
    return OSError(number, os.strerror(number))


@implementer(IListeningPort)
class FakePort:
    """
    A port that listens until it is stopped.
    """

    def __init__(self, address: Any) -> None:
        """
        @param address: where it says that it listens.
        """
        self._address = address
        self.isListening = False

    def startListening(self) -> None:
        """Listen."""
        self.isListening = True

    def stopListening(self) -> None:
        """Listen no more."""
        self.isListening = False

    def getHost(self) -> Any:
        """Say where it listens."""
        return self._address


class FakeTcp(FakeFarTransport):
    """
    A server's TCP connection.

    @ivar isAborted: whether it was cut.
    """

    isAborted = False
    bufferSize = 1 << 16

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def abortConnection(self) -> None:
        """Note it."""
        self.isAborted = True

    def take(self) -> bytes:
        """Give what was sent since it was last asked."""
        sent = self.sent[self.taken :]
        self.taken += len(sent)
        return sent


class Resolver:
    """
    Looks up names when the test says so.
    """

    def __init__(self) -> None:
        self.questions: list[tuple[Any, ...]] = []

    def resolveHostName(self, receiver: Any, host: str, *args: Any) -> None:
        """Note who asks."""
        self.questions.append((host, *args))
        self.receiver = receiver

    def answer(self, *addresses: object) -> None:
        """Tell what was found."""
        self.receiver.resolutionBegan(None)
        for address in addresses:
            self.receiver.addressResolved(address)
        self.receiver.resolutionComplete()


class FakeTcpSocket:
    """
    A TCP socket of which the kernel tells.
    """

    family = socket.AF_INET

    def __init__(self, told: bytes = bytes(104)) -> None:
        self.told = told

    def getsockopt(self, *what: int) -> bytes:
        """Tell, unless there is nothing to be told."""
        if not self.told:
            raise osError(errno.EINVAL)
        return self.told
