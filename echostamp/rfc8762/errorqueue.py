"""
The error queue of a UDP socket: when datagrams left, and which of them the network
returned.
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import Any, Protocol

from echostamp.rfc8762.ancillary import (
    IP_RECVERR,
    IPV6_RECVERR,
    SO_TIMESTAMPING,
    TIMESPEC,
)
from echostamp.times import SECOND

#: Items that are read in one turn of the reactor, so that others get their turn.
MOST_A_TURN = 64

#: Room for the ancillary data of an item.
_BESIDE = 512

#: C{SO_EE_ORIGIN_TIMESTAMPING} of C{linux/errqueue.h}: an item is a departure.
_OF_TIMESTAMPING = 4

#: Ancillary data that is a C{struct sock_extended_err}.
_ERRORS = IP_RECVERR, IPV6_RECVERR

#: A name of this module saves an attribute lookup for each item.
_SOL_SOCKET = socket.SOL_SOCKET

#: C{struct sock_extended_err} of C{linux/errqueue.h}.
_ERROR = Struct("@IBBBxII")


class ErrorQueueReader(Protocol):
    """
    What an error queue reports to.
    """

    def transmitted(self, number: int, at: int) -> None:
        """
        The kernel reports when a datagram left.

        @param number: its number among the datagrams of the socket, 32 bits.
        @param at: nanoseconds since the epoch.
        """

    def refused(self, error: int, peer: Any) -> None:
        """
        A datagram could not be sent, or the network returned it.

        @param error: an C{errno}.
        @param peer: the address that it was sent to, as the system has it.
        """


class ErrorQueue:
    """
    The error queue of a UDP socket.
    """

    def __init__(self, bound: socket.socket, reader: ErrorQueueReader) -> None:
        """
        @param bound: the socket, which does not block.
        @param reader: gets what is in the queue.
        """
        self._socket = bound
        self._reader = reader

    def read(self, most: int = MOST_A_TURN) -> bool:
        """
        Report what is in the queue, at most so many items.

        @return: whether there was anything.
        """
        for count in range(most):
            if not self._readOne():
                return count > 0
        return True

    def readAll(self) -> None:
        """
        Report all that is in the queue.
        """
        while self._readOne():
            pass

    def _readOne(self) -> bool:
        """
        Report one item.

        @return: whether there was one.
        """
        try:
            _, beside, _, peer = self._socket.recvmsg(0, _BESIDE, socket.MSG_ERRQUEUE)
        except OSError:
            return False
        at, what = 0, None
        for level, kind, octets in beside:
            if level == _SOL_SOCKET:
                if kind == SO_TIMESTAMPING:
                    seconds, rest = TIMESPEC.unpack_from(octets)
                    at = seconds * SECOND + rest
            elif kind in _ERRORS:
                what = _ERROR.unpack_from(octets)
        if what is None:
            return True
        error, origin, _, _, _, number = what
        if origin != _OF_TIMESTAMPING:
            self._reader.refused(error, peer)
        elif at:
            self._reader.transmitted(number, at)
        return True
