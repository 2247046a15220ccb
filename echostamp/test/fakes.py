"""
Reactors, transports, sockets and resolvers in memory.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IListeningPort,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.probe.agenda import Agenda
from echostamp.probe.alarms import ReactorAlarm


class FakeNameResolver:
    """
    A resolver that resolves addresses to themselves, and any name to C{192.0.2.1}.
    """

    def resolveHostName(
        self, receiver: Any, hostName: str, portNumber: int = 0, *args: Any
    ) -> None:
        """Resolve a name at once."""
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
    A reactor with turns like a real one: a timer of zero seconds waits for the next
    turn.
    """

    def __init__(self) -> None:
        super().__init__()
        # In older releases of Twisted it has run and stopped before it begins, and it
        # has no resolver.
        self.hasRun = self.hasStopped = False
        self.nameResolver: Any = FakeNameResolver()

    def installNameResolver(self, resolver: Any) -> Any:
        """Replace the resolver."""
        before, self.nameResolver = self.nameResolver, resolver
        return before

    def run(self, installSignalHandlers: bool = True) -> None:
        """Run the hooks, and return."""
        super().run()

    def adoptStreamPort(self, fileno: int, addressFamily: Any, factory: Any) -> Any:
        """Make a port, which has a socket."""
        return self._listening(super().adoptStreamPort(fileno, addressFamily, factory))

    def listenUNIX(self, *args: Any, **kwargs: Any) -> Any:
        """Make a port, which has a socket."""
        return self._listening(super().listenUNIX(*args, **kwargs))

    def _listening(self, port: Any) -> Any:
        """Give a port a socket, and record in C{readBy} which reactors read from it."""
        port.socket = None
        port.reactor = self
        port.readBy = [self]
        port.startReading = lambda: port.readBy.append(port.reactor)
        port.stopReading = lambda: port.readBy.remove(port.reactor)
        return port

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

    def fromTimerToTimer(self, seconds: float) -> None:
        """Let time pass, and stop at the time of each timer on the way."""
        end = self.rightNow + seconds
        while True:
            times = [call.getTime() for call in self.calls if call.active()]
            if min(times, default=end + 1) > end:
                break
            self.rightNow = max(min(times), self.rightNow)
            self.advance(0)
        self.rightNow = end


class FakeKernelSocket:
    """
    The socket of a L{FakeSocketConnection}.
    """

    def __init__(self, connection: FakeSocketConnection) -> None:
        """
        @param connection: has the room that is left.
        """
        self._connection = connection

    def send(self, data: bytes | memoryview) -> int:
        """Take as many octets as there is room for."""
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
    A socket's transport whose kernel takes as many octets as a test allows.

    Twisted's own buffering is used; only the socket is fake.

    @ivar room: the octets that the kernel still takes, or C{-1} when the peer has
        disconnected.
    @ivar sent: the octets that it has taken.
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
        # Connection's own constructor needs a socket.
        super(Connection, self).__init__(reactor)
        self.socket: Any = FakeKernelSocket(self)
        self.connected = True
        self.startReading()

    def getPeer(self) -> object:
        """Give no address."""
        return None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Keep the option."""
        self.noDelay = enabled

    def _closeWriteConnection(self) -> None:
        """Note the FIN."""
        self.isHalfClosed = True
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.writeConnectionLost()

    def abortConnection(self) -> None:
        """Note the reset."""
        self.isAborted = True
        lost(self)

    def connectionLost(self, reason: Failure) -> None:
        """Note the end, and report it to the protocol."""
        self.isClosed = True
        super(Connection, self).connectionLost(reason)
        self.protocol.connectionLost(reason)

    @property
    def isRead(self) -> bool:
        """Whether the reactor would read from it."""
        return self in self._memory.readers

    @property
    def held(self) -> int:
        """The octets in the transport's own buffers."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def turn(self, room: int = 0) -> None:
        """
        Give the kernel room, and let the reactor write until it is used.
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
    A transport that is not a socket: it can only C{write}.

    @ivar isClosed: whether C{loseConnection} was called.
    """

    protocol: Any
    isClosed = False

    def loseConnection(self) -> None:
        """Close at once: nothing is buffered."""
        self.isClosed = True

    @property
    def sent(self) -> bytes:
        """The octets that were written."""
        return bytes(self.value())

    @property
    def isRead(self) -> bool:
        """Whether it would be read from."""
        return bool(self.producerState == "producing")

    def fill(self) -> None:
        """Pause the producer, as if the peer did not read."""
        assert self.producer is not None
        self.producer.pauseProducing()

    def drain(self) -> None:
        """Resume the producer."""
        assert self.producer is not None
        self.producer.resumeProducing()


def lost(transport: FakeSocketConnection) -> None:
    """
    Reset a connection.
    """
    transport.connectionLost(Failure(ConnectionLost()))


class FakeFarTransport(FakeTransport):
    """
    A client's connection to its far end.

    @ivar isHalfClosed: whether only the output was closed.
    @ivar isAborted: whether it was reset.
    @ivar noDelay: whether TCP_NODELAY is set.
    """

    isHalfClosed = False
    isAborted = False
    noDelay = False

    def unregisterProducer(self) -> None:
        """Have no producer.  As with Twisted's own transports, this may be called
        twice."""
        self.producer = self.streaming = None

    def loseWriteConnection(self) -> None:
        """Note the FIN."""
        self.isHalfClosed = True

    def abortConnection(self) -> None:
        """Note the reset."""
        self.isAborted = self.isClosed = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Keep the option."""
        self.noDelay = enabled


class FakeStandardIO(FakeTransport):
    """
    Standard input and output, or a terminal with a screen.
    """

    def unregisterProducer(self) -> None:
        """Have no producer.  As with Twisted's own transports, this may be called
        twice."""
        self.producer = self.streaming = None

    def loseConnection(self) -> None:
        """Close after everything has been written: see L{flush}."""
        super().loseConnection()
        self.disconnecting = True

    def type(self, text: str) -> None:
        """
        Type at a terminal, which shows the text.  Whole lines reach the program.
        """
        data = text.encode()
        self.write(data)
        self.protocol.dataReceived(data)

    def flush(self) -> None:
        """Write everything, and then close if that was asked for."""
        if self.isClosed:
            self.protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def screen(self) -> str:
        """The text on the terminal."""
        return self.sent.decode()


class FakeSocket:
    """
    A socket without a kernel.

    @ivar options: the options that were set, by level and name.
    @ivar address: the address to which it is bound.
    @ivar backlog: the backlog of a listening socket.
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
        """Keep the mode."""
        self.isBlocking = isBlocking

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """Keep the option."""
        self.options[level, name] = value

    def bind(self, address: tuple[Any, ...]) -> None:
        """Keep the address, or refuse it as the kernel and Python would."""
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
        """Keep the backlog."""
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
    @ivar refusals: the error for each address family that the machine lacks, and for
        each host that cannot be bound.
    """

    def __init__(self) -> None:
        self.made: list[FakeSocket] = []
        self.refusals: dict[object, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)

    def socket(
        self,
        family: int = -1,
        kind: int = socket.SOCK_STREAM,
        fileno: int | None = None,
    ) -> Any:
        """Make a stream socket.  A UNIX socket, and one from a descriptor, is real."""
        if family == socket.AF_UNIX or fileno is not None:
            return socket.socket(family, kind, fileno=fileno)
        assert kind == socket.SOCK_STREAM
        if family in self.refusals:
            raise self.refusals[family]
        made = FakeSocket(self, family, 10_000 + len(self.made))
        self.made.append(made)
        return made

    @property
    def listening(self) -> list[FakeSocket]:
        """The sockets that have listened."""
        return [made for made in self.made if made.backlog is not None]


def osError(number: int) -> OSError:
    """
    Make an error of the operating system.

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
        @param address: the address to report.
        """
        self._address = address
        self.isListening = False

    def startListening(self) -> None:
        """Start listening."""
        self.isListening = True

    def stopListening(self) -> None:
        """Stop listening."""
        self.isListening = False

    def getHost(self) -> Any:
        """Give the address."""
        return self._address


class FakeTcp(FakeFarTransport):
    """
    A server's TCP connection.

    @ivar isAborted: whether it was aborted.
    """

    isAborted = False
    bufferSize = 1 << 16

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def abortConnection(self) -> None:
        """Note the abort."""
        self.isAborted = True

    def take(self) -> bytes:
        """Give what was sent since the last call."""
        sent = self.sent[self.taken :]
        self.taken += len(sent)
        return sent


class Resolver:
    """
    A resolver that answers when a test asks it to.
    """

    def __init__(self) -> None:
        self.questions: list[tuple[Any, ...]] = []

    def resolveHostName(
        self, receiver: Any, host: str, *args: Any, **named: Any
    ) -> None:
        """Keep the question."""
        self.questions.append((host, *args, *named.values()))
        self.receiver = receiver

    def answer(self, *addresses: object) -> None:
        """Answer the last question."""
        self.receiver.resolutionBegan(None)
        for address in addresses:
            self.receiver.addressResolved(address)
        self.receiver.resolutionComplete()


@implementer(IResolutionReceiver)
class Addresses:
    """
    Keeps the addresses of a name.

    @ivar found: the addresses.
    @ivar isComplete: whether all have come.
    """

    def __init__(self) -> None:
        self.found: list[object] = []
        self.isComplete = False

    def resolutionBegan(self, resolutionInProgress: object) -> None:
        """Ignore it."""

    def addressResolved(self, address: object) -> None:
        """Keep it."""
        self.found.append(address)

    def resolutionComplete(self) -> None:
        """Note it."""
        self.isComplete = True


class FakeTcpSocket:
    """
    A TCP socket with a fixed answer about its connection.
    """

    family = socket.AF_INET

    def __init__(self, answer: bytes = bytes(104)) -> None:
        self.answer = answer

    def getsockopt(self, *what: int) -> bytes:
        """Give the answer; an empty one is an error."""
        if not self.answer:
            raise osError(errno.EINVAL)
        return self.answer


def reactorAgenda(reactor: Any, now: Callable[[], int]) -> Agenda:
    """
    Make an agenda that goes by the timers of a reactor.

    @param now: gives nanoseconds by the reactor's clock.
    """
    return Agenda(now, lambda call: ReactorAlarm(reactor, now, call))
