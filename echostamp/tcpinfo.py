"""
What the kernel knows about a connection: RTT, retransmissions, acknowledged octets.
"""

from __future__ import annotations

import fcntl
import socket
import termios
from struct import Struct
from typing import Any, NamedTuple


class TcpInfo(NamedTuple):
    """
    What the kernel knows about a TCP connection.

    @ivar smoothedRtt: its own estimate of the RTT (RFC 6298), in nanoseconds.
    @ivar retransmissions: segments that it has sent again.
    """

    smoothedRtt: int
    retransmissions: int


#: C{tcpi_rtt}, in microseconds, and C{tcpi_total_retrans} of C{struct tcp_info} in
#: C{linux/tcp.h}.
_TCP_INFO = Struct("=68xI28xI")

#: C{tcpi_bytes_acked} of the same structure, since Linux 4.1.
_BYTES_ACKED = Struct("=120xQ")

_INT = Struct("=i")

#: More octets than any connection holds.
_MORE_THAN_ANY = 1 << 40


def tcpInfo(connection: Any) -> TcpInfo | None:
    """
    Ask the kernel about a TCP connection.

    @param connection: a socket.
    @return: L{None} where it is not a TCP socket, or the system does not report it.
    """
    info = _readTcpInfo(connection, _TCP_INFO.size)
    if not info:
        return None
    microseconds, retransmissions = _TCP_INFO.unpack(info)
    return TcpInfo(microseconds * 1000, retransmissions)


def acknowledged(transport: Any) -> int:
    """
    Give a number that grows with each octet that the peer of a connection takes, as
    long as nothing is written.  For a TCP connection it is the number of octets that
    the peer has acknowledged.  For a UNIX socket it is a large constant less the octets
    that the peer has not read.  It is 0 where the kernel does not report this.

    @param transport: a protocol's.  For C{TIOCOUTQ} see C{tty_ioctl(4)}.
    """
    connection: Any = getattr(transport, "socket", None)
    if getattr(connection, "family", None) == socket.AF_UNIX:
        try:
            unread = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(_INT.size))
        except (OSError, ValueError):
            return 0
        return _MORE_THAN_ANY - int(_INT.unpack(unread)[0])
    info = _readTcpInfo(connection, _BYTES_ACKED.size)
    return int(_BYTES_ACKED.unpack(info)[0]) if info else 0


def _readTcpInfo(connection: Any, size: int) -> bytes:
    """
    Read the beginning of C{struct tcp_info}.

    @param connection: a socket.
    @param size: how many octets.
    @return: that many octets, or none where it is not a TCP socket, or the system does
        not report so many.
    """
    if getattr(connection, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return b""
    try:
        info: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
    except (AttributeError, OSError):
        # A closed socket, or a system without TCP_INFO.
        return b""
    return info if len(info) == size else b""
