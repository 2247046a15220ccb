"""
A UDP port that reports when each datagram came and left, by the kernel's clock where
the system has such timestamps, and how it came.

Twisted's own UDP port asks for none of this, closes itself at the first transmit
timestamp, and under a flood blocks the reactor.  So this class reads the socket itself,
when the reactor calls it.
"""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.rfc8762.ancillary import (
    IP_PKTINFO,
    LAST_OCTET,
    MULTICAST6,
    PKTINFO,
    PKTINFO6,
    SO_TIMESTAMPNS,
    TIMESPEC,
    Sending,
    SocketOptions,
)
from echostamp.rfc8762.errorqueue import MOST_A_TURN, ErrorQueue, ErrorQueueReader
from echostamp.times import SECOND

log = Logger(namespace="echostamp")

#: The largest datagram.
_LARGEST = 65_535

#: Room for the ancillary data of a datagram.
_BESIDE = 512

#: Names of this module save an attribute lookup for each datagram.
_SOL_SOCKET = socket.SOL_SOCKET
_IPPROTO_IP = socket.IPPROTO_IP
_EPOLLERR = getattr(select, "EPOLLERR", 0)
_IP_TTL = socket.IP_TTL
_IP_TOS = socket.IP_TOS


class Receiver(ErrorQueueReader, Protocol):
    """
    What a port reports to.
    """

    def received(
        self,
        packet: bytes,
        peer: Any,
        at: int,
        ttl: int,
        tos: int,
        to: bytes | None,
    ) -> None:
        """
        A datagram came.

        @param peer: where it came from, as L{Port.send} takes it.
        @param at: when the kernel received it, in nanoseconds since the epoch; 0 where
            that is not known.
        @param ttl: its TTL or hop limit on arrival; 0 where that is not known.
        @param tos: its traffic class on arrival: DSCP and ECN.
        @param to: the address that it was sent to, packed; empty for a broadcast or
            multicast address; L{None} where the socket has only one address.
        """


@implementer(IReadDescriptor)
class Port:
    """
    A UDP socket, read by the reactor, with timestamps.

    @ivar address: the socket's address and port.
    @ivar stampsArrivals: whether the kernel reports when a datagram came.
    @ivar stampsDepartures: whether the kernel reports when a datagram left.
    @ivar isWildcard: whether it receives for several addresses.
    @ivar tellsHow: whether it knows the traffic class of a datagram.
    """

    def __init__(
        self,
        reactor: Any,
        bound: socket.socket,
        receiver: Receiver,
        departures: bool = False,
        ttl: int = 255,
        makePoll: Callable[[], Any] = lambda: select.epoll(),
    ) -> None:
        """
        @param reactor: reads from it: an L{IReactorFDSet
            <twisted.internet.interfaces.IReactorFDSet>}.
        @param bound: a UDP socket with an address, which does not block.
        @param receiver: gets what comes.
        @param departures: whether to ask when each datagram left, and which of them the
            network returned.
        @param ttl: the TTL or hop limit of what is sent.
        @param makePoll: makes a L{select.epoll}, where C{departures} are asked for.
        """
        self._reactor = reactor
        self._socket = bound
        self._receiver = receiver
        self._makePoll = makePoll
        self._poll: Any = None
        self._wantsDepartures = departures and hasattr(select, "epoll")
        self._hasFailed = False
        self._number = 0
        self.address = bound.getsockname()
        self.isWildcard = self.address[0] in ("0.0.0.0", "::")
        self._options = SocketOptions(bound)
        self._options.setTtl(ttl)
        self.tellsHow = self._options.describeArrivals(self.isWildcard)
        if self._wantsDepartures:
            self.tellsHow &= self._options.queueErrors()
        self.stampsArrivals = self._options.stampArrivals()
        self.stampsDepartures = (
            self._wantsDepartures and self._options.countDepartures()
        )
        self._errors = ErrorQueue(bound, receiver)
        self._sending = Sending(bound.family == socket.AF_INET6)

    # --- The reactor's side -----------------------------------------------------------

    def startReading(self) -> None:
        """
        Begin to receive.
        """
        if self._wantsDepartures:
            # The reactor takes anything in the error queue for an error of the socket.
            # It waits for an epoll of ours instead.
            self._poll = self._makePoll()
            self._poll.register(self._socket.fileno(), select.EPOLLIN)
        self._reactor.addReader(self)

    def close(self) -> None:
        """
        Stop receiving, and close the socket.
        """
        self._reactor.removeReader(self)
        if self._poll is not None:
            self._poll.close()
            self._poll = None
        self._socket.close()

    def fileno(self) -> int:
        """Give the descriptor that the reactor waits for."""
        waited = self._socket if self._poll is None else self._poll
        number: int = waited.fileno()
        return number

    def logPrefix(self) -> str:
        """Name this for the log."""
        return "UDP"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stopped."""
        self.close()

    def doRead(self) -> None:
        """Receive what is there, at most about L{MOST_A_TURN} datagrams."""
        if self._poll is None:
            self._receive(MOST_A_TURN)
            return
        # To find nothing takes longer than to ask the epoll.  So few are read at first,
        # and then twice as many each time.
        most = 1
        while most <= MOST_A_TURN:
            found = self._poll.poll(0)
            if not found:
                return
            _, events = found[0]
            # All departures first: a reply is to be evaluated with its packet's T1.  If
            # the error queue had no room for an error, receiving takes it away.
            isDone = not (events & _EPOLLERR and self._errors.read(most))
            isDone = isDone and not self._receive(most)
            if isDone or self._poll is None:
                # There is no more, or the receiver has closed this port.
                return
            most *= 2

    def _receive(self, most: int) -> bool:
        """
        Receive datagrams, at most so many.

        @return: whether there may be more.
        """
        receive = self._socket.recvmsg
        received = self._receiver.received
        unpack, second = TIMESPEC.unpack, SECOND
        for _ in range(most):
            try:
                packet, beside, _, peer = receive(_LARGEST, _BESIDE)
            except BlockingIOError:
                return False
            except OSError:
                # An error of an earlier datagram, which is in the error queue.
                continue
            at = ttl = tos = 0
            to = None
            # Here and not in a function, because a call for each datagram is slower.
            for level, kind, octets in beside:
                if level == _SOL_SOCKET:
                    if kind == SO_TIMESTAMPNS:
                        seconds, rest = unpack(octets)
                        at = seconds * second + rest
                elif level == _IPPROTO_IP:
                    if kind == _IP_TTL:
                        ttl = octets[LAST_OCTET]
                    elif kind == _IP_TOS:
                        tos = octets[0]
                    elif kind == IP_PKTINFO:
                        _, own, to = PKTINFO.unpack(octets)
                        if to != own:
                            to = b""
                elif kind == socket.IPV6_HOPLIMIT:
                    ttl = octets[LAST_OCTET]
                elif kind == socket.IPV6_TCLASS:
                    tos = octets[LAST_OCTET]
                elif kind == socket.IPV6_PKTINFO:
                    to, _ = PKTINFO6.unpack(octets)
                    if to[0] == MULTICAST6:
                        to = b""
            try:
                received(packet, peer, at, ttl, tos, to)
            except Exception:
                # Only the first: packets must not be able to fill the disk.
                if not self._hasFailed:
                    log.failure(
                        "while answering a datagram; later failures are not logged"
                    )
                self._hasFailed = True
        return True

    def readDepartures(self, most: int = MOST_A_TURN) -> bool:
        """
        Report the datagrams that have left by now, as far as the kernel knows.

        @param most: how many items of the error queue to read.
        @return: whether the error queue had anything.
        """
        return self.stampsDepartures and self._errors.read(most)

    # --- Sending ----------------------------------------------------------------------

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """
        Send a datagram.  If the system refuses it, it is lost, and the receiver gets
        the reason.

        @param peer: the address and port, as the system has them.
        @param to: the own address that it comes from, packed; L{None} for the usual
            one.
        @param tos: its traffic class: DSCP and ECN.
        @return: the number under which its departure is reported; L{None} if it was not
            sent.  Numbers have 32 bits, follow each other, and start again at 0 where
            the count was lost.
        """
        # An ICMP error makes the next call fail once, whichever peer it is about.
        for isLast in False, True:
            try:
                if to is None and not tos:
                    self._socket.sendto(packet, peer)
                else:
                    beside = self._sending.beside(to, tos)
                    self._socket.sendmsg([packet], beside, 0, peer)
                break
            except OSError as error:
                self._recount()
                if isLast:
                    self._receiver.refused(error.errno or errno.EIO, peer)
                    return None
        number = self._number
        self._number = (number + 1) & 0xFFFF_FFFF
        return number

    def _recount(self) -> None:
        """
        Count from 0 again, as a datagram was not sent: the system may have counted it
        or not.
        """
        if self.stampsDepartures:
            self._errors.readAll()
            self._number = 0
            self._options.countDepartures()
