"""
UDP ports by which several session-senders send, each to a reflector of its own.

A daemon that watches many reflectors needs few descriptors then.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from echostamp.rfc8762.port import Port, Receiver
from echostamp.rfc8762.sockets import boundUdpSocket

#: The most packets in a second that are sent by one port, and the longest.  Where this
#: process does not read for a while, their replies and the timestamps of both have to
#: find room in the socket's buffer, which usually has 208 KiB.
MOST_RATE, MOST_SIZE = 64, 1400

#: The most packets of a port whose departures are waited for.
_MOST_DEPARTING = 256


class SenderPort(Protocol):
    """
    What a session-sender sends by.
    """

    @property
    def address(self) -> Any:
        """Our address and port."""

    @property
    def stampsArrivals(self) -> bool:
        """Whether the kernel reports when a datagram came."""

    def startReading(self) -> None:
        """Begin to receive."""

    def close(self) -> None:
        """Stop receiving."""

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send a datagram, as L{Port.send} does."""

    def readDepartures(self, most: int) -> bool:
        """Report departures, as L{Port.readDepartures} does."""


#: Makes what a session-sender sends by; its argument gets what comes.
MakePort = Callable[[Receiver], SenderPort]


class PortKind(NamedTuple):
    """
    What the senders that share a port have in common.

    @ivar host: the address that the port is bound to.
    @ivar ttl: the TTL or hop limit of the packets.
    @ivar dscp: their DSCP.
    """

    host: str
    ttl: int
    dscp: int


class SharedPort:
    """
    A port that several senders share.  What comes is told apart by where it comes from.

    @ivar port: the port.
    @ivar rate: how many packets the senders send in a second.
    """

    def __init__(
        self,
        makePort: Callable[[Receiver], Port],
        closed: Callable[[SharedPort], object],
    ) -> None:
        """
        @param makePort: makes the port.
        @param closed: called with this object when the last sender has left.
        """
        self.rate = 0.0
        self._closed = closed
        self._members: dict[Any, PortShare] = {}
        # The packets whose departure may be reported yet, by the port's number: who
        # sent it, and under which number.
        self._departing: dict[int, tuple[PortShare, int]] = {}
        self._isReading = False
        self.port = makePort(self)

    # --- Senders ----------------------------------------------------------------------

    def hasRoom(self, peer: Any, rate: float) -> bool:
        """
        Tell whether another sender may use the port.

        @param peer: the address and port of its reflector: no two senders have the same
            one.
        @param rate: how many packets it sends in a second.
        """
        return peer[:2] not in self._members and self.rate + rate <= MOST_RATE

    def join(self, member: PortShare) -> None:
        """Let a sender use the port."""
        self._members[member.peer] = member
        self.rate += member.rate

    def leave(self, member: PortShare) -> None:
        """Let a sender use the port no more.  The last one closes it."""
        if self._members.pop(member.peer, None) is None:
            return
        self.rate -= member.rate
        departing = self._departing.items()
        for number in [each for each, (sender, _) in departing if sender is member]:
            del self._departing[number]
        if not self._members:
            self.port.close()
            self._closed(self)
            # It has this object.  Without the cycle both are freed at once.
            del self.port

    def startReading(self) -> None:
        """Begin to receive, unless that has begun."""
        if not self._isReading:
            self.port.startReading()
            self._isReading = True

    def send(self, member: PortShare, packet: bytes, peer: Any, tos: int) -> bool:
        """
        Send a datagram of a sender.

        @return: whether it was sent.
        """
        number = self.port.send(packet, peer, None, tos)
        if number is None:
            return False
        departing = self._departing
        if not number:
            # The port counts from 0 again.
            departing.clear()
        departing[number] = member, member.sent
        if len(departing) > _MOST_DEPARTING:
            del departing[next(iter(departing))]
        return True

    # --- What the port reports --------------------------------------------------------

    def received(
        self, packet: bytes, peer: Any, at: int, ttl: int, tos: int, to: bytes | None
    ) -> None:
        """Give a datagram to the sender that it is for."""
        member = self._members.get(peer[:2]) or self._nearest(peer)
        if member is not None:
            member.receiver.received(packet, peer, at, ttl, tos, to)

    def _nearest(self, peer: Any) -> PortShare | None:
        """
        Find the sender that is to refuse a datagram: one to the host that it comes
        from, or the only one there is.
        """
        members = list(self._members.values())
        near = [each for each in members if each.peer[0] == peer[0]]
        if near or len(members) == 1:
            return (near or members)[0]
        return None

    def transmitted(self, number: int, at: int) -> None:
        """Report a departure to the sender."""
        member, own = self._departing.pop(number, (None, 0))
        if member is not None:
            member.receiver.transmitted(own, at)

    def refused(self, error: int, peer: Any) -> None:
        """Report what was not sent or was returned to the sender."""
        member = self._members.get(peer[:2])
        if member is not None:
            member.receiver.refused(error, peer)


class PortShare:
    """
    One sender's part of a shared port.

    @ivar peer: the address and port of its reflector.
    @ivar rate: how many packets it sends in a second.
    @ivar receiver: gets what comes.
    @ivar sent: how many packets it has sent: 32 bits.
    """

    def __init__(
        self, shared: SharedPort, peer: Any, rate: float, receiver: Receiver
    ) -> None:
        """
        @param peer: the reflector's address and port, as the system has them.
        """
        self.peer = peer[:2]
        self.rate = rate
        self.receiver = receiver
        self.sent = 0
        self._shared = shared
        self.address = shared.port.address
        self.stampsArrivals = shared.port.stampsArrivals
        self.readDepartures = shared.port.readDepartures
        self.startReading = shared.startReading
        shared.join(self)

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send a datagram, and give its number among those of this sender."""
        number = self.sent
        if not self._shared.send(self, packet, peer, tos):
            return None
        self.sent = (number + 1) & 0xFFFF_FFFF
        return number

    def close(self) -> None:
        """Leave the port."""
        self._shared.leave(self)


class SharedPorts:
    """
    The ports of a process that are shared.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: reads from them.
        """
        self._reactor = reactor
        self._ports: dict[PortKind, list[SharedPort]] = {}

    def take(self, rate: float, kind: PortKind, peer: Any) -> MakePort:
        """
        Give a port for one more sender; it may be a new one.

        @param rate: how many packets it sends in a second.
        @param kind: what the port is to be.
        @param peer: the reflector's address and port, as the system has them.
        @raise OSError: there is none, and none can be opened.
        """
        ports = self._ports.setdefault(kind, [])
        found = next((each for each in ports if each.hasRoom(peer, rate)), None)
        return partial(PortShare, found or self._open(kind, ports), peer, rate)

    def _open(self, kind: PortKind, ports: list[SharedPort]) -> SharedPort:
        """
        Open a port.

        @param ports: those of its kind.
        """
        bound = boundUdpSocket(kind.host, 0)
        makePort = partial(senderPort, self._reactor, bound, kind.ttl)
        shared = SharedPort(makePort, ports.remove)
        ports.append(shared)
        return shared


def senderPort(
    reactor: Any, bound: socket.socket, ttl: int, receiver: Receiver
) -> Port:
    """
    Make a port to send by.

    @param bound: a UDP socket with an address, which does not block.
    @param ttl: the TTL or hop limit of what is sent.
    @param receiver: gets what comes.
    """
    return Port(reactor, bound, receiver, departures=True, ttl=ttl)
