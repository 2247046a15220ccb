"""
What the kernel knows of a TCP connection; a leaf.
"""

from __future__ import annotations

import socket
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple


class TcpInfo(NamedTuple):
    """
    The kernel's own figures of a TCP connection.

    @ivar smoothedRtt: its estimate of the RTT (RFC 6298), in nanoseconds.
    @ivar retransmissions: the number of segments that it has sent again.
    """

    smoothedRtt: int
    retransmissions: int


#: C{tcpi_rtt}, in microseconds, and C{tcpi_total_retrans} of C{struct tcp_info} in
#: C{linux/tcp.h}.
_TCP_INFO = Struct("=68xI28xI")


def tcpInfo(connection: Any) -> TcpInfo | None:
    """
    Ask the kernel about a TCP connection.

    @param connection: a socket.
    @return: L{None} where the socket is not TCP, or the system does not report it.
    """
    if getattr(connection, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        answer = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        microseconds, retransmissions = _TCP_INFO.unpack(answer)
    except (AttributeError, OSError, StructError):
        return None
    return TcpInfo(microseconds * 1000, retransmissions)
