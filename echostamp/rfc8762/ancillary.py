"""
Socket options and ancillary data of Linux: how each datagram came, and how one is sent.
"""

from __future__ import annotations

import socket
import sys
from struct import Struct

# From C{asm/socket.h} and C{linux/in.h}, where Python has no names for them.
SO_TIMESTAMPNS = 35
SO_TIMESTAMPING = 37
IP_PKTINFO = 8
IP_RECVERR = 11
IP_RECVTTL = 12
IP_RECVTOS = 13
IPV6_RECVERR = 25

# From C{linux/net_tstamp.h}: transmit timestamps by the kernel's clock, each with the
# number of its datagram, and without the datagram.
_TX_SOFTWARE, _SOFTWARE, _OPT_ID, _OPT_TSONLY = 1 << 1, 1 << 4, 1 << 7, 1 << 11
UNCOUNTED = _TX_SOFTWARE | _SOFTWARE | _OPT_TSONLY
COUNTED = UNCOUNTED | _OPT_ID

#: The first octet of an IPv6 multicast address.
MULTICAST6 = 0xFF

#: The index of the last eight bits in an int of this machine: to read that octet is
#: faster than to unpack the int.
LAST_OCTET = 0 if sys.byteorder == "little" else -1

TIMESPEC = Struct("@ll")
PKTINFO = Struct("@i4s4s")
PKTINFO6 = Struct("@16si")
_INT = Struct("@i")

#: Own addresses for which the ancillary data are kept.
_MOST_SOURCES = 1024

#: An item of ancillary data: level, kind, octets.
Ancillary = tuple[int, int, bytes]


class SocketOptions:
    """
    Sets a UDP socket's options, as far as the system has them.
    """

    def __init__(self, bound: socket.socket) -> None:
        """
        @param bound: the socket.
        """
        self._socket = bound
        self._is6 = bound.family == socket.AF_INET6

    def stampArrivals(self) -> bool:
        """
        Ask for the time when each datagram arrives.

        @return: whether the system has that.
        """
        return self._try(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def countDepartures(self) -> bool:
        """
        Ask for the time when each datagram leaves, counted from 0.

        @return: whether the system has that.
        """
        # The kernel starts at 0 when the count is switched on.
        self._try(socket.SOL_SOCKET, SO_TIMESTAMPING, UNCOUNTED)
        return self._try(socket.SOL_SOCKET, SO_TIMESTAMPING, COUNTED)

    def describeArrivals(self, isWildcard: bool) -> bool:
        """
        Ask for the TTL and the traffic class of each datagram.

        @param isWildcard: ask for the address that it was sent to, too.
        @return: whether the system has all of that.
        """
        if self._is6:
            wanted = [socket.IPV6_RECVHOPLIMIT, socket.IPV6_RECVTCLASS]
            to = socket.IPV6_RECVPKTINFO
        else:
            wanted, to = [IP_RECVTTL, IP_RECVTOS], IP_PKTINFO
        if isWildcard:
            wanted.append(to)
        # Each of them is asked for, even where the system does not have another.
        got = [self._try(self._level, option, 1) for option in wanted]
        return all(got)

    def queueErrors(self) -> bool:
        """
        Ask for an error queue, with what the network returns.

        @return: whether the system has that.
        """
        return self._try(self._level, IPV6_RECVERR if self._is6 else IP_RECVERR, 1)

    def setTtl(self, ttl: int) -> None:
        """
        Set the TTL or hop limit of what is sent.
        """
        hops = socket.IPV6_UNICAST_HOPS if self._is6 else socket.IP_TTL
        self._try(self._level, hops, ttl)

    @property
    def _level(self) -> int:
        """The level of the socket's family."""
        return socket.IPPROTO_IPV6 if self._is6 else socket.IPPROTO_IP

    def _try(self, level: int, option: int, value: int) -> bool:
        """
        Set an option.

        @return: whether the system has it.
        """
        try:
            self._socket.setsockopt(level, option, value)
        except OSError:
            return False
        return True


class Sending:
    """
    Makes the ancillary data of datagrams that are sent.
    """

    def __init__(self, is6: bool) -> None:
        """
        @param is6: whether the socket is of IPv6.
        """
        self._is6 = is6
        self._sources: dict[bytes, list[Ancillary]] = {}

    def beside(self, to: bytes | None, tos: int) -> list[Ancillary]:
        """
        Give the ancillary data of a datagram.

        @param to: the own address that it comes from, packed; L{None} for the usual
            one.
        @param tos: its traffic class: DSCP and ECN.
        """
        beside = [] if to is None else self._source(to)
        if not tos:
            return beside
        if self._is6:
            kind = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
        else:
            kind = (socket.IPPROTO_IP, socket.IP_TOS)
        return [*beside, (*kind, _INT.pack(tos))]

    def _source(self, to: bytes) -> list[Ancillary]:
        """
        Give the ancillary data that set an own address.
        """
        found = self._sources.get(to)
        if found is None:
            if len(self._sources) >= _MOST_SOURCES:
                self._sources.clear()
            if self._is6:
                kind = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
                octets = PKTINFO6.pack(to, 0)
            else:
                kind = (socket.IPPROTO_IP, IP_PKTINFO)
                octets = PKTINFO.pack(0, to, bytes(4))
            found = self._sources[to] = [(*kind, octets)]
        return found
