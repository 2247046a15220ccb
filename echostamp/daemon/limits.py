"""
Who may connect, how many, and for how long.

L{Gate} stands at the door: it decides before a protocol is made.  L{LimitedVisitors}
looks after those that are in.  L{BoundedLog} keeps both from filling a disk.
"""

from __future__ import annotations

import fcntl
import os
import resource
import socket
import termios
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import Any, cast

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from echostamp.addresses import peerName
from echostamp.line.connectionlog import ConnectionLog, LoggedConnection

#: Descriptors that are kept for the log, for looking up names and the like.
SPARE_DESCRIPTORS = 12

#: Seconds after which a peer that acknowledges nothing has vanished.
PEER_TIMEOUT = 60

#: Lines of one kind that the log takes in a second.
LINES_A_SECOND = 50

_INT = Struct("=i")

#: More octets than any connection holds.
_VERY_MUCH = 1 << 40

#: Octets acknowledged, 120 octets behind the beginning of the kernel's answer.
_BYTES_ACKED = Struct("=120xQ")

log = Logger(namespace="echostamp")


def mostConnections(ports: int) -> int:
    """
    Give the number of connections that the limit of descriptors leaves, beside those
    that are open now, those of the ports, and some to spare.

    @param ports: how many ports there will be.
    @return: perhaps none, or less.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        inUse = len(os.listdir("/proc/self/fd"))
    except OSError:
        inUse = 16
    return limit - inUse - ports - SPARE_DESCRIPTORS


def hostKey(address: object) -> str | None:
    """
    Name what counts as one host: an IPv4 address, also where a dual-stack socket shows
    it mapped, or the /64 network of an IPv6 address.

    @param address: the far end's; L{None} is given for one that is no IP address,
        such as a UNIX socket's.
    """
    try:
        ip = ip_address(getattr(address, "host", "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None:
            return str(IPv6Address(int(ip) >> 64 << 64)) + "/64"
        ip = ip.ipv4_mapped
    assert isinstance(ip, IPv4Address)
    return str(ip)


def isProxysOwn(transport: object) -> bool:
    """
    Say whether a proxy has made a connection for itself, as health checks are (LOCAL),
    or cannot tell whose it is (UNKNOWN): L{ProxyReceiver
    <echostamp.listen.proxy.ProxyReceiver>} notes it.

    @param transport: a protocol's, of any kind.
    """
    return getattr(transport, "isProxysOwn", False) is True


def watchPeer(connection: socket.socket, seconds: int) -> None:
    """
    Have the kernel end connections whose peer has vanished, whether they are idle or
    have data that nobody acknowledges.  A peer that is there and reads nothing is
    taken for one that has vanished: its closed window acknowledges nothing.

    @param connection: a TCP socket; one that listens hands the options on to those it
        accepts.
    @param seconds: how long a peer may be silent when it should acknowledge; RFC 1122,
        section 4.2.3.6, and RFC 5482.
    """
    idle = max(1, seconds // 2)
    rest = max(1, seconds - idle)
    probes = min(4, rest)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in [
        ("TCP_KEEPIDLE", idle),
        ("TCP_KEEPINTVL", rest // probes),
        ("TCP_KEEPCNT", probes),
        ("TCP_USER_TIMEOUT", seconds * 1000),
    ]:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def acknowledged(transport: Any) -> int:
    """
    Give a number that grows with each octet which the peer of a connection takes, as
    long as nothing is written: of a TCP connection how many it has acknowledged, of a
    UNIX socket how much less than very much it has not read; 0 where the kernel does
    not tell.

    @param transport: a protocol's.  C{tcpi_bytes_acked} of C{struct tcp_info} in
        C{linux/tcp.h}, since Linux 4.1; C{TIOCOUTQ}, see C{tty_ioctl(4)}.
    """
    connection: Any = getattr(transport, "socket", None)
    family = getattr(connection, "family", None)
    try:
        if family == socket.AF_UNIX:
            unread = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(_INT.size))
            return _VERY_MUCH - int(_INT.unpack(unread)[0])
        if family not in (socket.AF_INET, socket.AF_INET6):
            return 0
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)
    except (AttributeError, OSError, ValueError):
        return 0
    return int(_BYTES_ACKED.unpack_from(told)[0]) if len(told) == 128 else 0


class BoundedLog:
    """
    A log that takes so many lines of a kind in a second, and counts the others.
    """

    def __init__(
        self, reactor: Any, mostASecond: int = LINES_A_SECOND, logger: Logger = log
    ) -> None:
        """
        @param reactor: tells the time: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param mostASecond: lines of one kind.
        @param logger: where the lines go.
        """
        self._reactor = reactor
        self._most = mostASecond
        self._logger = logger
        self._lines: Counter[str] = Counter()
        self._second: Any = None

    def info(self, kind: str, format: str, **fields: object) -> None:
        """
        Write a line, unless there have been too many.

        @param kind: what the line is about; each kind is counted by itself.
        @param format: as L{Logger.info} takes it, with C{fields}.
        """
        if self._second is None:
            self._second = self._reactor.callLater(1, self._sum)
        self._lines[kind] += 1
        if self._lines[kind] <= self._most:
            self._logger.info(format, **fields)

    def finish(self) -> None:
        """
        Say what was left out so far.
        """
        if self._second is not None:
            self._second.cancel()
            self._sum()

    def _sum(self) -> None:
        """
        A second is over: say what was left out.
        """
        lines, self._lines = self._lines, Counter()
        self._second = None
        for kind, count in lines.items():
            if count > self._most:
                self._logger.info(
                    "{count} more lines left out: {kind}",
                    count=count - self._most,
                    kind=kind,
                )


class Gate(Factory):
    """
    Let connections in as long as there are not too many.

    It makes no protocol for the others, so that their sockets are closed at once: it
    has to stand in front of TLS, which would keep them.
    """

    noisy = False

    def __init__(
        self,
        factory: IProtocolFactory,
        refused: Callable[[str, str], None],
        most: int | None = None,
        mostPerHost: int | None = None,
        counts: Counter[str] | None = None,
    ) -> None:
        """
        @param factory: makes the protocols of who is let in.
        @param refused: called with the name of who is not, and why.
        @param most: how many connections there may be; L{None} for any number.
        @param mostPerHost: how many of one host; L{None} for any number.
        @param counts: how many there are, by L{hostKey} and in all (C{""}): to be
            shared by gates that count together.
        """
        self._factory = factory
        self._refused = refused
        self._most = most
        self._mostPerHost = mostPerHost
        self._counts = Counter() if counts is None else counts

    def doStart(self) -> None:
        """A port listens."""
        self._factory.doStart()

    def doStop(self) -> None:
        """A port listens no more."""
        self._factory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:  # type: ignore[override]
        """Make a protocol for who may come in."""
        keys = self._keys(addr)
        for key, most, what in keys:
            if self._counts[key] >= most:
                self._refused(peerName(addr), f"more than {most} connections{what}")
                return None
        protocol = self._factory.buildProtocol(cast(IAddress, addr))
        if protocol is not None:
            counted: Any = protocol
            counted.connectionLost = _Counted(
                counted, self._counts, tuple(key for key, _, _ in keys)
            )
        return protocol

    def _keys(self, addr: IAddress | None) -> list[tuple[str, int, str]]:
        """
        Give what a connection counts as, and the limit of each.
        """
        keys = []
        if self._most is not None:
            keys.append(("", self._most, ""))
        if self._mostPerHost is not None:
            host = hostKey(addr)
            if host is not None:
                keys.append((host, self._mostPerHost, f" of {host}"))
        return keys


class _Counted:
    """
    What stands in the place of a protocol's C{connectionLost}: the connection is
    counted until it is called.  There is one for each connection, and so it is small.
    """

    __slots__ = ("_counts", "_keys", "_protocol")

    def __init__(self, protocol: Any, counts: Counter[str], keys: tuple[str, ...]):
        self._protocol = protocol
        self._counts = counts
        self._keys = keys
        for key in keys:
            counts[key] += 1

    def __call__(self, *args: object) -> None:
        # What has come to nothing is forgotten: memory is bounded by who is here.
        for key in self._keys:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
        # The protocol's own is there again, and nothing holds itself.
        del self._protocol.connectionLost
        self._protocol.connectionLost(*args)


class LimitedVisitors(ConnectionLog):
    """
    Who is in is timed, and the log is bounded.
    """

    def __init__(
        self,
        reactor: Any,
        idleTimeout: float | None = None,
        maxAge: float | None = None,
        grace: float = 1.0,
        acknowledged: Callable[[Any], int] = acknowledged,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param idleTimeout: seconds that a connection may be without a whole message,
            and without taking a reply; L{None} for any time.
        @param maxAge: seconds that a connection may stand; L{None} for any time.
        @param grace: seconds that a connection whose time is over may take to end.
        @param acknowledged: see the function of that name.
        """
        self._reactor = reactor
        self._idleTimeout = idleTimeout
        self._maxAge = maxAge
        self._grace = grace
        self._log = BoundedLog(reactor)
        self._acknowledged = acknowledged
        self._timers: dict[LoggedConnection, list[Any]] = {}
        self._taken: dict[LoggedConnection, int] = {}
        self.watchesActivity = idleTimeout is not None

    def write(self, kind: str, format: str, **fields: object) -> None:
        """Write a line, unless there are too many of the kind."""
        self._log.info(kind, format, **fields)

    def refused(self, peer: str, reason: str) -> None:
        """
        Somebody was not let in.

        @param peer: who.
        @param reason: why.
        """
        self.write("refusals", "{peer} refused: {reason}", peer=peer, reason=reason)

    def admitted(self, peer: str, subject: str) -> None:
        """
        Somebody has shown a certificate.

        @param peer: who.
        @param subject: whose it is.
        """
        self.write("certificates", "{peer} is {subject}", peer=peer, subject=subject)

    def connected(self, echo: LoggedConnection) -> None:
        """
        A connection has been made: it has so much time.  A proxy's health check, one
        or two in a second, is worth no line.
        """
        if not isProxysOwn(echo.transport):
            super().connected(echo)
        if self._idleTimeout is not None:
            self._after(self._idleTimeout, echo, self._lookIdle)
        if self._maxAge is not None:
            self._after(self._maxAge, echo, self._tooOld)

    def finish(self) -> None:
        """Nobody is left: the log is complete."""
        self._log.finish()

    def disconnected(self, echo: LoggedConnection) -> None:
        """A connection is gone."""
        self._taken.pop(echo, None)
        for timer in self._timers.pop(echo, ()):
            if timer.active():
                timer.cancel()
        if echo.octets or not isProxysOwn(echo.transport):
            super().disconnected(echo)

    def _after(
        self,
        seconds: float,
        echo: LoggedConnection,
        call: Callable[[LoggedConnection], None],
    ) -> None:
        """
        Call something later, unless the connection is gone by then.
        """
        timers = [each for each in self._timers.get(echo, ()) if each.active()]
        timers.append(self._reactor.callLater(seconds, call, echo))
        self._timers[echo] = timers

    def _lookIdle(self, echo: LoggedConnection) -> None:
        """
        See whether a connection has been idle for its time.
        """
        assert self._idleTimeout is not None
        left = echo.lastActive + self._idleTimeout - self._reactor.seconds()
        if echo.isFull:
            # The transport has room only when the peer has taken much of what the
            # kernel holds; the kernel knows of each octet.
            taken = self._acknowledged(echo.transport)
            before, self._taken[echo] = self._taken.get(echo, 0), taken
            if taken > before:
                left = self._idleTimeout
        elif echo.isBlocked:
            # Whoever has something to say has to wait for others who hear it.
            left = self._idleTimeout
        if left > 0:
            self._after(left, echo, self._lookIdle)
            return
        self.write("idle connections", "{peer} was idle too long", peer=echo.peer)
        echo.end()

    def _tooOld(self, echo: LoggedConnection) -> None:
        """
        A connection has had its time: it may be drained.
        """
        self.write("old connections", "{peer} was connected too long", peer=echo.peer)
        echo.drain()
        self._after(self._grace, echo, lambda each: each.abort())
