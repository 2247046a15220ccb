"""
Makes UDP ports for probes over STAMP (RFC 8762).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectBindError, ConnectError, TimeoutError
from twisted.python.failure import Failure

from echostamp.addresses import scoped
from echostamp.connect.timed import lookUp
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.retries import Retries
from echostamp.probe.route import Route
from echostamp.probe.udplink import StampLink, UdpPath
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.sharedports import MakePort, PortKind, senderPort
from echostamp.rfc8762.sockets import boundUdpSocket
from echostamp.times import Moment, SetUp, moment


class StampDialer:
    """
    Makes UDP ports to one reflector, one at a time, at the first of its addresses.
    When a port is given up, the name is looked up again.

    @ivar takePort: gives a port that is shared with other senders, as
        L{SharedPorts.take}; set by the code that makes it, if at all.
    """

    takePort: Callable[[PortKind, Any], MakePort] | None = None
    _owner: LinkOwner

    def __init__(
        self,
        reactor: Any,
        place: tuple[str, int],
        session: SenderSession,
        route: Route,
        clocks: Callable[[], Moment] = moment,
        waits: bool = False,
    ) -> None:
        """
        @param reactor: looks up the name, and reads.
        @param place: the reflector's host and UDP port.
        @param session: the fields of the packets.
        @param route: which addresses to use.
        @param clocks: reads our clocks.
        @param waits: whether the first link is only made when the reflector answers.
        """
        self._reactor = reactor
        self._waits = waits
        self._place = place
        self._session = session
        self._route = route
        self._clocks = clocks
        self._retries = Retries(reactor)
        self._link: StampLink | None = None
        self.isLookingUp = False

    def start(self, owner: LinkOwner) -> None:
        """
        Look up the name and open a socket; retry until that succeeds.
        """
        self._owner = owner
        self._try()

    def _try(self) -> None:
        """
        Try to make a link.
        """
        Deferred.fromCoroutine(self._dial()).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        """
        Try again later.
        """
        self._owner.dialFailed(failure)
        # As in L{LineDialer <echostamp.probe.linedialer.LineDialer>}.
        failure.cleanFailure()
        self._retries.retry(self._try)

    async def _dial(self) -> None:
        """
        Look up the name, and open a socket.

        @raise ConnectError: there is no way to the reflector, or for
            L{ConnectBindError} our address cannot be had; and as L{lookUp} does.
        @raise OSError: the socket cannot be read.
        """
        setUp = SetUp()
        peer = await self._lookUp(setUp)
        if self._retries.isStopped:
            return
        path = self._path(peer)
        if self._link is not None:
            # The owner closes it when the new one takes its place.
            self._link.lost = _nothing
        self._link = StampLink(
            self._reactor, path, self._session, setUp, self._owner, self._clocks
        )
        self._link.lost = self._lost
        if self._waits:
            self._link.unanswered = self._unanswered
        else:
            self._retries.succeeded()
        try:
            self._link.start()
        except OSError:
            # There is no descriptor to read it with.  Others may share its port.
            self._link.abort("")
            raise

    def _lost(self) -> None:
        """
        Replace a link that was given up.
        """
        self._waits = False
        self._retries.retry(self._try)

    def _unanswered(self, link: StampLink) -> None:
        """
        Try again later: the reflector is not there yet.
        """
        refusals = link.sender.findings().refusals
        link.abort("")
        error = ConnectError(refusals[0][0]) if refusals else TimeoutError()
        self._failed(Failure(error))

    async def _lookUp(self, setUp: SetUp) -> tuple[Any, ...]:
        """
        Look up the name.

        @param setUp: gets how long that took.
        @return: the reflector's address and port, as the system has them.
        """
        host, port = self._place
        began = self._clocks().after
        self.isLookingUp = True
        try:
            address, *_ = await lookUp(
                self._reactor, host, port, self._route.addressTypes(), "UDP"
            )
        finally:
            self.isLookingUp = False
        if address.host != host:
            setUp.resolve = self._clocks().after - began
        if isinstance(address, IPv6Address):
            # A link-local address is only valid with its scope.
            return address.host, port, address.flowInfo, address.scopeID
        return address.host, port

    def _path(self, peer: tuple[Any, ...]) -> UdpPath:
        """
        Open a socket.

        @raise ConnectError: there is no way to the reflector, or for
            L{ConnectBindError} our address cannot be had.
        """
        is6 = ":" in peer[0]
        source = self._route.source
        here = source or ("::" if is6 else "0.0.0.0")
        try:
            own = _sourceTo(peer, is6) if source is None else source
        except OSError as error:
            raise ConnectError(error.errno) from None
        session, port = self._session, self._route.sourcePort
        makePort: MakePort
        try:
            if self.takePort is None:
                bound = boundUdpSocket(here, port)
                makePort = partial(senderPort, self._reactor, bound, session.ttl)
            else:
                kind = PortKind(here, session.ttl, session.dscp)
                makePort = self.takePort(kind, peer)
        except OSError as error:
            raise ConnectBindError(error.errno) from None
        return UdpPath(makePort, peer, own)

    def redial(self) -> None:
        """Look the name up, and open another socket."""
        self._try()

    def stop(self) -> None:
        """
        Stop dialing, and close the link, which may still wait for its first reply.
        """
        self._retries.stop()
        if self._link is not None:
            self._link.abort("")
            self._link = None


def _nothing() -> None:
    """
    Do nothing: the link that is lost has been replaced.
    """


def _sourceTo(peer: Any, is6: bool) -> str:
    """
    Find our address from which packets to a peer are sent.

    @raise OSError: there is no route to it.
    """
    family = socket.AF_INET6 if is6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(peer)
        host, _, *rest = probe.getsockname()
        return scoped(host, rest[1] if rest else 0)
