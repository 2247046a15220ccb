"""
Connects to a target, and times the name look-up, the connection and the TLS handshake.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from echostamp.addresses import aLabels, requireLink, scoped
from echostamp.connect.target import Target
from echostamp.connect.tls import TlsClientEndpoint
from echostamp.times import SetUp

Address = IPv4Address | IPv6Address

#: How many of a name's addresses are tried: whoever serves the name chooses how many.
MOST_ADDRESSES = 64

_KINDS: dict[type, str] = {IPv4Address: "IPv4", IPv6Address: "IPv6"}


class NoAddress(Exception):
    """
    A host has no address of the IP version that was asked for, or none that can be
    reached.
    """


@implementer(IStreamClientEndpoint)
class TimedEndpoint:
    """
    Connects to the first of a target's addresses that answers, and times each step.
    Each L{connect} looks the name up again.

    @ivar setUp: the durations of the last connection's steps.
    @ivar isLookingUp: whether a name is being looked up; a look-up cannot be cancelled.
    """

    def __init__(
        self,
        reactor: Any,
        target: Target,
        timeout: float,
        addressTypes: Sequence[type] = (IPv4Address, IPv6Address),
        source: str | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param reactor: looks up names and connects.
        @param target: the target to connect to.
        @param timeout: seconds after which the attempt at one address fails.
        @param addressTypes: the types of addresses to try.  This and C{source} need a
            target with a host.
        @param source: the local address to connect from; L{None} for any.
        @param clock: gives nanoseconds.
        """
        self._reactor = reactor
        self._target = target
        self._timeout = timeout
        self._addressTypes = addressTypes
        self._source = source
        self._clock = clock
        self.setUp = SetUp()
        self.isLookingUp = False

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect.

        @return: fails with L{DNSLookupError} or L{NoAddress}.  Where no address
            answers, it fails with the error of the first one.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        """
        Try one address after another.
        """
        setUp = self.setUp = SetUp()
        began = self._clock()
        endpoints = [self._target.endpoint]
        if self._target.host is not None:
            host = self._target.host
            endpoints = await self._lookUp(host, self._target.port)
            if not (isIPAddress(host) or isIPv6Address(host)):
                setUp.resolve = self._clock() - began
            began = self._clock()

        def connected() -> None:
            setUp.connect = self._clock() - began

        errors = []
        for endpoint in endpoints:
            try:
                protocol = await self._overTls(
                    _NotedEndpoint(endpoint, connected), factory
                )
            except Exception as error:
                errors.append(error)
                if setUp.connect is not None:
                    # This address answered, and only its TLS handshake failed.
                    raise
            else:
                if self._target.tls is not None:
                    setUp.tls = self._clock() - began - (setUp.connect or 0)
                return protocol
        try:
            raise errors[0]
        finally:
            # They have this frame.  Without the cycle all are freed at once.
            errors.clear()

    def _overTls(
        self, endpoint: IStreamClientEndpoint, factory: IProtocolFactory
    ) -> Deferred[IProtocol]:
        """
        Connect, over TLS where the target asks for it.
        """
        tls = self._target.tls
        if tls is not None:
            endpoint = TlsClientEndpoint(self._reactor, endpoint, tls)
        connecting: Deferred[IProtocol] = endpoint.connect(factory)
        if tls is not None:
            # The timeout of the TCP connection does not cover the handshake.
            connecting.addTimeout(self._timeout, self._reactor)
        return connecting

    async def _lookUp(self, host: str, port: int) -> list[IStreamClientEndpoint]:
        """
        Find the addresses of a host.

        @raise DNSLookupError: see L{lookUp}.
        @raise NoAddress: see L{lookUp}.
        """
        self.isLookingUp = True
        try:
            addresses = await lookUp(self._reactor, host, port, self._addressTypes)
        finally:
            self.isLookingUp = False
        source = None if self._source is None else (self._source, 0)
        return [
            (
                TCP6ClientEndpoint
                if isinstance(address, IPv6Address)
                else TCP4ClientEndpoint
            )(self._reactor, _host(address), port, self._timeout, source)
            for address in addresses
        ]


def _host(address: Address) -> str:
    """
    Write an address's host, with the link that a link-local one needs.
    """
    scope = address.scopeID if isinstance(address, IPv6Address) else 0
    return scoped(address.host, int(scope))


@implementer(IStreamClientEndpoint)
class _NotedEndpoint:
    """
    Calls a function as soon as another endpoint has connected.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, connected: Callable[[], None]
    ) -> None:
        self._endpoint = endpoint
        self._connected = connected

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and call the function."""

        def connected(protocol: IProtocol) -> IProtocol:
            self._connected()
            return protocol

        connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        return connecting.addCallback(connected)


async def lookUp(
    reactor: Any, host: str, port: int, addressTypes: Sequence[type], over: str = "TCP"
) -> list[Address]:
    """
    Find the addresses of a host.

    @param reactor: looks up names.
    @param addressTypes: the types of addresses to look for.
    @param over: C{TCP} or C{UDP}.
    @return: each address once, in the resolver's order.
    @raise DNSLookupError: it has no address.
    @raise NoAddress: it has no address of the only type that was asked for, or only
        link-local ones, without their link.
    """
    if isIPAddress(host) and IPv4Address in addressTypes:
        # The resolver would ask a thread.
        return [IPv4Address(over, host, port)]  # type: ignore[arg-type]
    receiver = _Addresses()
    reactor.nameResolver.resolveHostName(
        receiver, aLabels(host), port, list(addressTypes), over
    )
    addresses = await receiver.done
    if not addresses:
        if len(addressTypes) == len(_KINDS):
            raise DNSLookupError(host)
        [kind] = addressTypes
        raise NoAddress(f"there is no {_KINDS[kind]} address for it")
    return _reachable(addresses)


def _reachable(addresses: Sequence[Address]) -> list[Address]:
    """
    Leave out link-local addresses without their link, which a name may have.

    @param addresses: at least one.
    @raise NoAddress: none is left.
    """
    reachable, why = [], ""
    for each in addresses:
        try:
            requireLink(_host(each))
        except ValueError as error:
            why = why or f"its address is {each.host}: {error}"
        else:
            reachable.append(each)
    if not reachable:
        raise NoAddress(why)
    return reachable


@implementer(IResolutionReceiver)
class _Addresses:
    """
    Collects the first L{MOST_ADDRESSES} addresses that a look-up finds.

    @ivar done: fires with the addresses, each once, when the look-up is complete.
    """

    def __init__(self) -> None:
        self.done: Deferred[list[Address]] = Deferred()
        self._found: dict[str, Address] = {}

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """Ignore the beginning of the look-up."""

    def addressResolved(self, address: Address) -> None:  # type: ignore[override]
        """Keep an address."""
        if len(self._found) < MOST_ADDRESSES:
            self._found.setdefault(address.host, address)

    def resolutionComplete(self) -> None:
        """Hand over the addresses."""
        self.done.callback(list(self._found.values()))
