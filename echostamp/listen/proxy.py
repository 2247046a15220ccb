"""
The receiving side of HAProxy's PROXY protocol, versions 1 and 2: it takes the client's
address from the header that a proxy sends first.

The source is the specification, "The PROXY protocol, Versions 1 & 2", HAProxy's
C{doc/proxy-protocol.txt}; comments name its sections.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from echostamp.addresses import peerName, unmapped
from echostamp.listen.proxyheader import HeaderParser
from echostamp.listen.proxyline import Header
from echostamp.listen.watchedprotocol import HalfCloseable, WatchedProtocol

#: Seconds that a peer has for its whole header.  Section 2: "at least 3 seconds to
#: cover a TCP retransmit".
TIMEOUT = 5.0


class ProxyReceiver(Protocol):
    """
    Reads a connection's header, then hands the connection over to another protocol.

    That protocol gets the transport itself, whose C{getPeer} gives the client's address
    from then on.  So it can use what a bare socket offers: half-close, and sending
    directly.  The transport has to be one that gives what it reads to its C{protocol}:
    that of a TCP or UNIX socket.
    """

    factory: ProxyFactory
    transport: Any

    _hasBegun = False
    _timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Start the time limit of the header, or refuse a peer that is not trusted."""
        if not self.factory.trusts(self.transport.getPeer()):
            # Section 2: a header of a peer that is not trusted must not be used.
            self._refuse("PROXY headers are not taken from there (see --proxy-from)")
            return
        self._parser = HeaderParser()
        self._timer = self.factory.reactor.callLater(
            self.factory.timeout, self._tooLate
        )

    def dataReceived(self, data: bytes) -> None:
        """Read more of the header."""
        if self._timer is None:
            # A refused peer may have sent more.
            return
        self._hasBegun = True
        try:
            header, rest = self._parser.feed(data)
        except ValueError as error:
            self._refuse(str(error))
            return
        if header is not None:
            self._stopTimer()
            self._handOver(header, rest)

    def _tooLate(self) -> None:
        """
        Refuse a peer in the next turn, unless its header is complete then.  It may have
        come while this process was stopped, and a reactor runs its timers before the
        reads of the same turn.
        """
        self._timer = self.factory.reactor.callLater(0, self._refuseLate)

    def _refuseLate(self) -> None:
        """
        Refuse a peer whose header was not complete in time.
        """
        self._timer = None
        self._refuse(f"no whole PROXY header within {self.factory.timeout:g} s")

    def _stopTimer(self) -> None:
        """
        Stop the time limit.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, reason: str) -> None:
        """
        Close the connection and report why.

        @param reason: a text that contains nothing of what the peer has sent.
        """
        self._stopTimer()
        # Nothing is queued, so this waits for nobody.
        self.transport.loseConnection()
        self.factory.refused(peerName(self.transport.getPeer()), reason)

    def _handOver(self, header: Header, rest: bytes) -> None:
        """
        Connect the protocol behind the header.  Where the factory makes none, the
        connection is closed; the factory has reported why.

        @param rest: what was received after the header.
        """
        transport = self.transport
        address = transport.getPeer()
        if header.host is not None:
            kind = IPv6Address if ":" in header.host else IPv4Address
            address = kind("TCP", header.host, header.port)
        elif header.isUnix:
            address = UNIXAddress(None)
        inner = self.factory.inner.buildProtocol(address)
        if inner is None:
            transport.loseConnection()
            return
        transport.getPeer = lambda: address
        transport.isProxysOwn = header.host is None and not header.isUnix
        isHalfCloseable = IHalfCloseableProtocol.providedBy(inner)
        standIn = _HalfCloseableHandedOver if isHalfCloseable else _HandedOver
        transport.protocol = standIn(inner, transport.protocol)
        inner.makeConnection(transport)
        # A socket that is being closed reads no more.
        if rest and not transport.disconnecting:
            inner.dataReceived(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Stop the time limit, and report a header that was not complete.  A peer that has
        sent nothing, such as a health check of the port, is not reported.
        """
        if self._timer is not None and self._hasBegun:
            self._refuse("the connection ended within its PROXY header")
        self._stopTimer()


class _HandedOver(WatchedProtocol):
    """
    Reports the end of a connection also to the protocol that the transport had before:
    a L{ProxyReceiver}, or a stand-in that counts the connection.
    """

    __slots__ = ("_before",)

    def __init__(self, protocol: IProtocol, before: IProtocol) -> None:
        """
        @param protocol: the protocol behind the header.
        @param before: the transport's protocol until now.
        """
        super().__init__(protocol)
        self._before = before

    def ended(self, reason: Failure) -> None:
        """Report the end."""
        self._before.connectionLost(reason)


class _HalfCloseableHandedOver(HalfCloseable, _HandedOver):
    """
    The same for a protocol that supports half-close.
    """

    __slots__ = ()


class ProxyFactory(Factory):
    """
    Stands between a port that a proxy connects to and the factory of its protocols.

    It is outside TLS: the header comes before the handshake.

    @ivar reactor: see L{__init__}.
    @ivar inner: the factory of the protocols.
    @ivar timeout: seconds; see L{__init__}.
    @ivar refused: see L{__init__}.
    """

    protocol = ProxyReceiver  # type: ignore[assignment]  # it wants this factory
    noisy = False

    def __init__(
        self,
        reactor: IReactorTime,
        factory: IProtocolFactory,
        trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network],
        refused: Callable[[str, str], object],
        timeout: float = TIMEOUT,
    ) -> None:
        """
        @param reactor: runs the time limits.
        @param factory: makes the protocols of the connections; it gets the client's
            address.
        @param trusted: the networks of the proxies; an IPv4 network also applies where
            a dual-stack socket shows addresses mapped to IPv6.
        @param refused: called with the peer's name and the reason when a connection is
            refused.
        @param timeout: seconds that a peer has for its whole header.
        """
        self.reactor = reactor
        self.inner = factory
        self.timeout = timeout
        self.refused = refused
        self._trusted = list(trusted)

    def doStart(self) -> None:
        """Pass on that a port listens."""
        self.inner.doStart()

    def doStop(self) -> None:
        """Pass on that a port has stopped listening."""
        self.inner.doStop()

    def trusts(self, peer: object) -> bool:
        """
        Check whether a peer's headers are used.

        The peer of a UNIX socket is trusted: the mode of the socket's file decides who
        may connect, and no network contains its address.

        @param peer: the peer's address.
        """
        if isinstance(peer, UNIXAddress):
            return True
        try:
            address = unmapped(ipaddress.ip_address(getattr(peer, "host", "")))
        except ValueError:
            return False
        return any(address in network for network in self._trusted)
