"""
A UDP socket that tells when each datagram came and left, by the kernel's clock where
the system has such timestamps, and how it came.

Twisted's own UDP port asks for none of this, closes itself at the first transmit
timestamp, and under a flood keeps the reactor from all else; so this is a reader of the
reactor's in its own right.
"""

from __future__ import annotations

import errno
import select
import socket
import sys
from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

log = Logger(namespace="echostamp")

#: Datagrams that are read in one turn of the reactor: others have their turn, too.
MOST_A_TURN = 64

#: The largest datagram.
_LARGEST = 65_535

#: Room for what comes beside a datagram.
_BESIDE = 512

#: Of C{asm/socket.h} and C{linux/in.h}, where Python has no names for them.
_SO_TIMESTAMPNS = 35
_SO_TIMESTAMPING = 37
_IP_RECVTTL = 12
_IP_TTL = socket.IP_TTL
_IP_TOS = socket.IP_TOS
_IP_RECVTOS = 13
_IP_PKTINFO = 8
_IP_RECVERR = 11
_IPV6_RECVERR = 25

#: Of C{linux/net_tstamp.h}: transmit timestamps of the kernel's clock, each with the
#: number of its datagram, and without the datagram.
_TX_SOFTWARE, _SOFTWARE, _OPT_ID, _OPT_TSONLY = 1 << 1, 1 << 4, 1 << 7, 1 << 11

#: Of C{linux/errqueue.h}: who put something into the error queue.
_OF_TIMESTAMPING = 4

#: For each datagram a look into the module less.
_SOL_SOCKET = socket.SOL_SOCKET
_IPPROTO_IP = socket.IPPROTO_IP

_TIMESPEC = Struct("@ll")
_INT = Struct("@i")

#: Where an int of the machine's has its last eight bits: there is less to do to take
#: that octet than to read all of it.
_LAST = 0 if sys.byteorder == "little" else -1
_ERROR = Struct("@IBBBxII")
_PKTINFO = Struct("@i4s4s")
_PKTINFO6 = Struct("@16si")

#: The first octet of an IPv6 multicast address.
_MULTICAST6 = 0xFF

#: Addresses of ours that are remembered in the form in which the system takes them.
_MOST_SOURCES = 1024

#: What goes beside a datagram, or comes with it: level, kind, octets.
Ancillary = tuple[int, int, bytes]


class Receiver(Protocol):
    """
    Who is told of datagrams.
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
        A datagram has come.

        @param peer: whence, as L{Port.send} takes it.
        @param at: when the kernel had it, in nanoseconds since the epoch; 0 where it
            does not say.
        @param ttl: the time to live or hop limit with which it came; 0 where the system
            does not say.
        @param tos: the traffic class with which it came: DSCP and ECN.
        @param to: the address that it was sent to, packed; empty where that is one of
            several machines; L{None} where the socket has but one.
        """

    def transmitted(self, number: int, at: int) -> None:
        """
        It is known when a datagram left.

        @param number: as L{Port.send} gave it.
        @param at: nanoseconds since the epoch.
        """

    def refused(self, error: int, peer: Any) -> None:
        """
        A datagram could not be sent, or the network returned it.

        @param error: an C{errno}.
        @param peer: whither it was sent, as the system says it.
        """


def boundSocket(host: str, port: int) -> socket.socket:
    """
    Make a UDP socket at an address.

    @param host: an IPv4 or IPv6 address; C{0.0.0.0} or C{::} for all of its kind.
    @raise OSError: the address cannot be had, or is a network's broadcast address.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, None, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
    )[0]
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        bound.bind((address[0], port, *address[2:]))
        if family == socket.AF_INET and _isBroadcast(host):
            raise OSError(errno.EADDRNOTAVAIL, "Not the address of one machine")
    except BaseException:
        bound.close()
        raise
    return bound


def _isBroadcast(host: str) -> bool:
    """
    Tell the IPv4 address of all machines of a network: what has not asked to may not
    send to it.  Nothing is sent.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return asking.connect_ex((host, 1)) == errno.EACCES


@implementer(IReadDescriptor)
class Port:
    """
    A socket for datagrams with timestamps.

    @ivar stampsArrivals: whether the kernel says when a datagram came.
    @ivar stampsDepartures: whether it says when one left.
    @ivar isWildcard: whether it receives for several addresses.
    @ivar tellsHow: whether it knows the traffic class with which a datagram came.
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
        @param receiver: is told what comes.
        @param departures: whether to ask when each datagram left, and which of them the
            network returned.
        @param ttl: the time to live or hop limit of what is sent.
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
        self._sources: dict[bytes, list[Ancillary]] = {}
        self._is6 = bound.family == socket.AF_INET6
        self.address = bound.getsockname()
        self.isWildcard = self.address[0] in ("0.0.0.0", "::")
        self._setOptions(ttl)
        self.stampsArrivals = self._try(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.stampsDepartures = self._wantsDepartures and self._countDepartures()

    def _try(self, level: int, option: int, value: int) -> bool:
        """
        Set an option, if the system has it.
        """
        try:
            self._socket.setsockopt(level, option, value)
        except OSError:
            return False
        return True

    def _setOptions(self, ttl: int) -> None:
        """
        Ask to be told how each datagram came.
        """
        if self._is6:
            level = socket.IPPROTO_IPV6
            wanted = [socket.IPV6_RECVHOPLIMIT, socket.IPV6_RECVTCLASS]
            source, errors, hops = (
                socket.IPV6_RECVPKTINFO,
                _IPV6_RECVERR,
                socket.IPV6_UNICAST_HOPS,
            )
        else:
            level = socket.IPPROTO_IP
            wanted = [_IP_RECVTTL, _IP_RECVTOS]
            source, errors, hops = _IP_PKTINFO, _IP_RECVERR, _IP_TTL
        if self.isWildcard:
            wanted.append(source)
        if self._wantsDepartures:
            wanted.append(errors)
        told = [self._try(level, option, 1) for option in wanted]
        self.tellsHow = all(told)
        self._try(level, hops, ttl)

    def _countDepartures(self) -> bool:
        """
        Have departures told, and counted from 0.

        @return: whether the system can.
        """
        self._number = 0
        flags = _TX_SOFTWARE | _SOFTWARE | _OPT_TSONLY
        # It counts from 0 when it begins to count.
        self._try(socket.SOL_SOCKET, _SO_TIMESTAMPING, flags)
        return self._try(socket.SOL_SOCKET, _SO_TIMESTAMPING, flags | _OPT_ID)

    # --- The reactor's side -----------------------------------------------------------

    def startReading(self) -> None:
        """
        Begin to receive.
        """
        if self._wantsDepartures:
            # A timestamp in the error queue would be an error to the reactor, which
            # cannot be told otherwise: it gets an epoll of ours to wait for.
            self._poll = self._makePoll()
            self._poll.register(self._socket.fileno(), select.EPOLLIN)
        self._reactor.addReader(self)

    def close(self) -> None:
        """
        Receive no more.
        """
        self._reactor.removeReader(self)
        if self._poll is not None:
            self._poll.close()
            self._poll = None
        self._socket.close()

    def fileno(self) -> int:
        """Give what the reactor waits for."""
        waited = self._socket if self._poll is None else self._poll
        number: int = waited.fileno()
        return number

    def logPrefix(self) -> str:
        """Name this for the log."""
        return "UDP"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped."""
        self.close()

    def doRead(self) -> None:
        """Receive what has come."""
        if self._poll is not None and not self._readErrors():
            return
        receive = self._socket.recvmsg
        received = self._receiver.received
        unpack = _TIMESPEC.unpack
        for _ in range(MOST_A_TURN):
            try:
                packet, beside, _, peer = receive(_LARGEST, _BESIDE)
            except BlockingIOError:
                return
            except OSError:
                # An error of an earlier datagram, of which the error queue tells.
                continue
            at = ttl = tos = 0
            to = None
            for level, kind, octets in beside:
                if level == _SOL_SOCKET:
                    if kind == _SO_TIMESTAMPNS:
                        seconds, rest = unpack(octets)
                        at = seconds * 1_000_000_000 + rest
                elif level == _IPPROTO_IP:
                    if kind == _IP_TTL:
                        ttl = octets[_LAST]
                    elif kind == _IP_TOS:
                        tos = octets[0]
                    elif kind == _IP_PKTINFO:
                        _, own, to = _PKTINFO.unpack(octets)
                        if to != own:
                            to = b""
                elif kind == socket.IPV6_HOPLIMIT:
                    ttl = octets[_LAST]
                elif kind == socket.IPV6_TCLASS:
                    tos = octets[_LAST]
                elif kind == socket.IPV6_PKTINFO:
                    to, _ = _PKTINFO6.unpack(octets)
                    if to[0] == _MULTICAST6:
                        to = b""
            try:
                received(packet, peer, at, ttl, tos, to)
            except Exception:
                # Whoever sends them could fill a disk.
                if not self._hasFailed:
                    log.failure("while answering a datagram; said once")
                self._hasFailed = True

    def _readErrors(self) -> bool:
        """
        Take what is in the error queue.

        @return: whether there is something to receive, too.
        """
        events = dict(self._poll.poll(0)).get(self._socket.fileno(), 0)
        if events & select.EPOLLERR and not self.readDepartures():
            # An error that the queue had no room for: to receive takes it away.
            return True
        return bool(events & select.EPOLLIN)

    def readDepartures(self) -> bool:
        """
        Tell the receiver which datagrams have left, as far as it is known by now.

        @return: whether the error queue had anything.
        """
        found = False
        for _ in range(MOST_A_TURN):
            if not self._readError():
                break
            found = True
        return found

    def _readError(self) -> bool:
        """
        Take one from the error queue: a departure, or what came back.

        @return: whether there was one.
        """
        try:
            _, beside, _, peer = self._socket.recvmsg(0, _BESIDE, socket.MSG_ERRQUEUE)
        except OSError:
            return False
        at, what = 0, None
        for level, kind, octets in beside:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPING):
                seconds, rest = _TIMESPEC.unpack_from(octets)
                at = seconds * 1_000_000_000 + rest
            elif level != socket.SOL_SOCKET and kind in (_IP_RECVERR, _IPV6_RECVERR):
                what = _ERROR.unpack_from(octets)
        if what is None:
            return True
        error, origin, _, _, _, number = what
        if origin != _OF_TIMESTAMPING:
            self._receiver.refused(error, peer)
        elif at:
            self._receiver.transmitted(number, at)
        return True

    # --- Sending ----------------------------------------------------------------------

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """
        Send a datagram.  What the system does not take is lost, as it may be on the
        way; the receiver is told why.

        @param peer: the address and port, as the system has it.
        @param to: the address of ours that it comes from, packed; L{None} for the usual
            one.
        @param tos: its traffic class: DSCP and ECN.
        @return: its number among those whose departure is told; L{None} if it did not
            leave.
        """
        # An error of ICMP, about whichever peer, makes the next call fail once.
        for isLast in False, True:
            try:
                if to is None and not tos:
                    self._socket.sendto(packet, peer)
                else:
                    self._socket.sendmsg([packet], self._beside(to, tos), 0, peer)
                break
            except OSError as error:
                self._recount()
                if isLast:
                    self._receiver.refused(error.errno or errno.EIO, peer)
                    return None
        number = self._number
        # The system's count has 32 bits.
        self._number = (number + 1) & 0xFFFF_FFFF
        return number

    def _recount(self) -> None:
        """
        A datagram did not leave.  The system may have counted it or not: count anew.
        """
        if self.stampsDepartures:
            while self._readError():
                pass
            self._countDepartures()

    def _beside(self, to: bytes | None, tos: int) -> list[Ancillary]:
        """
        Say whence a datagram comes, and of what class it is.
        """
        beside = [] if to is None else self._source(to)
        if not tos:
            return beside
        if self._is6:
            kind = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
        else:
            kind = (socket.IPPROTO_IP, _IP_TOS)
        return [*beside, (*kind, _INT.pack(tos))]

    def _source(self, to: bytes) -> list[Ancillary]:
        """
        Say whence a datagram comes.
        """
        if to not in self._sources:
            if len(self._sources) >= _MOST_SOURCES:
                self._sources.clear()
            if self._is6:
                kind = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
                octets = _PKTINFO6.pack(to, 0)
            else:
                kind = (socket.IPPROTO_IP, _IP_PKTINFO)
                octets = _PKTINFO.pack(0, to, bytes(4))
            self._sources[to] = [(*kind, octets)]
        return self._sources[to]
