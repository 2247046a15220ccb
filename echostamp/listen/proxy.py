"""
The receiving side of HAProxy's PROXY protocol, versions 1 and 2: whose connection it
is that a proxy hands on.

The source is the specification, "The PROXY protocol, Versions 1 & 2", HAProxy's
C{doc/proxy-protocol.txt}; sections are named where they apply.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.addresses import peerName, unmapped
from echostamp.listen.proxyheader import Header, HeaderParser

#: Seconds that a peer has for its whole header.  Section 2: "at least 3 seconds to
#: cover a TCP retransmit".
TIMEOUT = 5.0

log = Logger(namespace="echostamp")


class ProxyReceiver(Protocol):
    """
    Read a connection's header, then hand the connection over and be gone.

    The protocol behind it gets the very transport, whose C{getPeer} tells the client
    from then on: what is special about a bare socket (its half-close, sending
    directly) is there as if nobody had stood in between.  So the transport has to be
    one that gives what it reads to its own C{protocol}: a TCP or UNIX socket's.
    """

    factory: ProxyFactory
    transport: Any

    _hasBegun = False
    _timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Begin to wait for the header of a peer that is trusted."""
        if not self.factory.trusts(self.transport.getPeer()):
            # No octet of its header is waited for: section 2 has none believed.
            self._refuse("PROXY headers are not taken from there (see --proxy-from)")
            return
        self._parser = HeaderParser()
        self._timer = self.factory.reactor.callLater(
            self.factory.timeout, self._tooLate
        )

    def dataReceived(self, data: bytes) -> None:
        """Read on in the header."""
        if self._timer is None:
            # Who was refused may have sent more.
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
        The header has not come in time.
        """
        self._timer = None
        self._refuse(f"no whole PROXY header within {self.factory.timeout:g} s")

    def _stopTimer(self) -> None:
        """
        Wait no longer.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, reason: str) -> None:
        """
        Cut the connection and say why.

        @param reason: a text of our own: it holds nothing that the peer has sent.
        """
        self._stopTimer()
        self.transport.abortConnection()
        self.factory.refused(peerName(self.transport.getPeer()), reason)

    def _handOver(self, header: Header, rest: bytes) -> None:
        """
        Connect the protocol that the header is in front of.  Who made none has said
        why, if it was to be said.

        @param rest: what has come behind the header.
        """
        transport = self.transport
        address = transport.getPeer()
        if header.host is not None:
            kind = IPv6Address if ":" in header.host else IPv4Address
            address = kind("TCP", header.host, header.port)
        inner = self.factory.inner.buildProtocol(address)
        if inner is None:
            transport.abortConnection()
            return
        self._followEnd(inner)
        transport.getPeer = lambda: address
        transport.isProxysOwn = header.host is None
        transport.protocol = inner
        inner.makeConnection(transport)
        # A socket that is being closed reads no more.
        if rest and not transport.disconnecting:
            inner.dataReceived(rest)

    def _followEnd(self, inner: Any) -> None:
        """
        Have the end of the connection told here too, when the protocol behind has
        been told: somebody may have put a method of his own in the place of this
        one's C{connectionLost}, to count connections.
        """
        connectionLost = inner.connectionLost

        def lost(reason: Failure = connectionDone) -> None:
            try:
                connectionLost(reason)
            finally:
                self.connectionLost(reason)

        inner.connectionLost = lost

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Stop waiting.  A peer that has sent nothing, as a port's health check, is not
        worth a line.
        """
        if self._timer is not None and self._hasBegun:
            self._refuse("the connection ended within its PROXY header")
        self._stopTimer()


def _logRefusal(peer: str, reason: str) -> None:
    """
    Write a line about a connection that was refused.
    """
    log.info("{peer} refused: {reason}", peer=peer, reason=reason)


class ProxyFactory(Factory):
    """
    Stand between a port that a proxy connects to and the factory of what it offers.

    Under TLS it stands outside of it: the header comes before the handshake.

    @ivar reactor: see L{__init__}.
    @ivar inner: the factory behind.
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
        timeout: float = TIMEOUT,
        refused: Callable[[str, str], None] = _logRefusal,
    ) -> None:
        """
        @param reactor: runs the time limits.
        @param factory: makes the protocols behind the headers; it is given the
            client's address.
        @param trusted: the networks of the proxies; those of IPv4 also where a
            dual-stack socket shows their addresses mapped to IPv6.
        @param timeout: seconds that a peer has for its whole header.
        @param refused: called with the name of a peer that is refused, and why.
        """
        self.reactor = reactor
        self.inner = factory
        self.timeout = timeout
        self.refused = refused
        self._trusted = list(trusted)

    def doStart(self) -> None:
        """A port listens."""
        self.inner.doStart()

    def doStop(self) -> None:
        """A port listens no more."""
        self.inner.doStop()

    def trusts(self, peer: object) -> bool:
        """
        Say whether a header is to be believed.

        A UNIX socket's peer is trusted: who may connect to it is decided by its
        file's mode, and it has no address that a network could name.

        @param peer: the address of who sends it.
        """
        if isinstance(peer, UNIXAddress):
            return True
        try:
            address = unmapped(ipaddress.ip_address(getattr(peer, "host", "")))
        except ValueError:
            return False
        return any(address in network for network in self._trusted)
