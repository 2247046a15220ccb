"""
UDP sockets, epolls and the kernel's messages, for tests.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any

from echostamp.test.fakes import osError

#: Of Linux: asm/socket.h, linux/in.h, linux/in6.h, linux/errqueue.h.
SO_TIMESTAMPNS, SO_TIMESTAMPING = 35, 37
IP_TOS, IP_TTL, IP_PKTINFO, IP_RECVERR, IP_RECVTTL, IP_RECVTOS = 1, 2, 8, 11, 12, 13
IPV6_RECVERR, IPV6_RECVPKTINFO, IPV6_PKTINFO, IPV6_HOPLIMIT = 25, 49, 50, 52
ORIGIN_LOCAL, ORIGIN_ICMP, ORIGIN_TIMESTAMPING = 1, 2, 4

PEER = ("192.0.2.9", 4711)
PEER6 = ("2001:db8::9", 4711, 0, 0)

#: linux/net_tstamp.h: TX_SOFTWARE, SOFTWARE, OPT_ID, OPT_TSONLY.
COUNTED = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 11
UNCOUNTED = COUNTED & ~(1 << 7)


def timestamp(seconds: int, nanoseconds: int) -> Any:
    """Make the kernel's time of arrival of a datagram."""
    octets = struct.pack("@qq", seconds, nanoseconds)
    return socket.SOL_SOCKET, SO_TIMESTAMPNS, octets


def info(own: str, to: str) -> Any:
    """
    Make the address that a datagram was sent to.

    @param own: our own address, from which a reply would come.
    @param to: the destination address in its header.
    """
    octets = struct.pack("@i4s4s", 1, socket.inet_aton(own), socket.inet_aton(to))
    return socket.IPPROTO_IP, IP_PKTINFO, octets


def info6(to: str) -> Any:
    """Make the same for IPv6."""
    octets = socket.inet_pton(socket.AF_INET6, to) + struct.pack("@i", 1)
    return socket.IPPROTO_IPV6, IPV6_PKTINFO, octets


def number(level: int, kind: int, value: int) -> Any:
    """Make an item of ancillary data that is a number."""
    return level, kind, struct.pack("@i", value)


def queued(error: int, origin: int, data: int, level: int = socket.IPPROTO_IP) -> Any:
    """Make a C{struct sock_extended_err} with an address behind it."""
    kind = IP_RECVERR if level == socket.IPPROTO_IP else IPV6_RECVERR
    octets = struct.pack("@IBBBxII", error, origin, 0, 0, 0, data)
    return level, kind, octets + bytes(16)


def departure(number: int, at: int) -> list[Any]:
    """Make an item of the error queue: a departure."""
    seconds, rest = divmod(at, 10**9)
    octets = struct.pack("@qqqqqq", seconds, rest, 0, 0, 0, 0)
    return [
        (socket.SOL_SOCKET, SO_TIMESTAMPING, octets),
        queued(errno.ENOMSG, ORIGIN_TIMESTAMPING, number),
    ]


class FakeSocket:
    """
    A UDP socket in memory.

    @ivar options: the options that were set, in order.
    @ivar refused: the options that the system lacks.
    @ivar inbox: what is to be received: octets, ancillary data, and the peer; or the
        error that is raised.
    @ivar errors: the error queue: ancillary data and the peer of each item.
    @ivar sent: octets, ancillary data, and the peer.
    @ivar failures: the errors that the next calls raise.
    """

    def __init__(self, family: int = socket.AF_INET, host: str = "192.0.2.1") -> None:
        self.family = family
        self.address: tuple[Any, ...] = (host, 862)
        if family == socket.AF_INET6:
            self.address += (0, 0)
        self.options: list[tuple[int, int, int]] = []
        self.refused: set[tuple[int, int]] = set()
        self.inbox: list[Any] = []
        self.errors: list[tuple[list[Any], Any]] = []
        self.sent: list[tuple[bytes, list[Any], Any]] = []
        self.failures: list[OSError] = []
        self.isClosed = False

    def __enter__(self) -> FakeSocket:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def getsockname(self) -> tuple[Any, ...]:
        """Give the address."""
        return self.address

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """Set an option, unless the system lacks it."""
        if (level, name) in self.refused:
            raise osError(errno.ENOPROTOOPT)
        self.options.append((level, name, value))

    def fileno(self) -> int:
        """Give a number that no descriptor has."""
        return -1 if self.isClosed else 10_000

    def close(self) -> None:
        """Close it."""
        self.isClosed = True

    def recvmsg(self, size: int, beside: int, flags: int = 0) -> Any:
        """Give the next datagram, or the next item of the error queue."""
        if flags:
            assert flags == socket.MSG_ERRQUEUE
            if not self.errors:
                raise BlockingIOError(errno.EAGAIN, "empty")
            found, peer = self.errors.pop(0)
            return b"", found, 0, peer
        if not self.inbox:
            raise BlockingIOError(errno.EAGAIN, "empty")
        octets = self.inbox.pop(0)
        if isinstance(octets, OSError):
            raise octets
        packet, found, peer = octets
        return packet[:size], found, 0, peer

    def sendto(self, packet: bytes, peer: Any) -> None:
        """Send, or fail."""
        self.sendmsg([packet], [], 0, peer)

    def sendmsg(
        self, packets: list[bytes], beside: list[Any], flags: int, peer: Any
    ) -> None:
        """Send, or fail."""
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((b"".join(packets), beside, peer))


class FakePoll:
    """
    An epoll of one socket.

    @ivar events: the events that it reports.
    @ivar turns: the events that it reports first, one for each call.
    """

    def __init__(self) -> None:
        self.registered: list[tuple[int, int]] = []
        self.events = 0
        self.turns: list[int] = []
        self.isClosed = False

    def register(self, descriptor: int, events: int) -> None:
        """Register a descriptor."""
        self.registered.append((descriptor, events))

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Give the events, without waiting."""
        assert timeout == 0
        events = self.turns.pop(0) if self.turns else self.events
        return [(10_000, events)] if events else []

    def fileno(self) -> int:
        """Give its own descriptor."""
        return 10_001

    def close(self) -> None:
        """Close it."""
        self.isClosed = True


class FakeReceiver:
    """
    Keeps what a port reports.
    """

    def __init__(self) -> None:
        self.got: list[tuple[Any, ...]] = []
        self.left: list[tuple[int, int]] = []
        self.refusals: list[tuple[int, Any]] = []
        self.failure: Exception | None = None

    def received(
        self, packet: bytes, peer: Any, at: int, ttl: int, tos: int, to: bytes | None
    ) -> None:
        """A datagram came."""
        self.got.append((packet, peer, at, ttl, tos, to))
        if self.failure is not None:
            raise self.failure

    def transmitted(self, number: int, at: int) -> None:
        """A datagram left."""
        self.left.append((number, at))

    def refused(self, error: int, peer: Any) -> None:
        """A datagram was refused."""
        self.refusals.append((error, peer))


class FakeSocketModule:
    """
    The socket module of a machine without a network.

    @ivar lacks: the name of a constant that this system does not have.
    """

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.refusal: OSError | None = None
        self.broadcast = "192.0.2.255"
        self.lacks = ""

    def __getattr__(self, name: str) -> Any:
        if name == self.lacks:
            raise AttributeError(name)
        return getattr(socket, name)

    def socket(self, family: int, kind: int) -> Any:
        """Make a UDP socket."""
        assert kind == socket.SOCK_DGRAM
        made: Any = FakeSocket(family)
        made.isBlocking = True

        def bind(address: Any) -> None:
            if self.refusal is not None:
                raise self.refusal
            made.address = address
            made.optionsWhenBound = list(made.options)

        def setblocking(isBlocking: bool) -> None:
            made.isBlocking = isBlocking

        def connect(address: Any) -> int:
            # The socket that asks about broadcast addresses is not kept.
            self.made.remove(made)
            return errno.EACCES if address[0] == self.broadcast else 0

        made.bind, made.setblocking, made.connect_ex = bind, setblocking, connect
        self.made.append(made)
        return made
