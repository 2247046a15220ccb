"""
A connection whose making is timed: the look-up of the name, the connection itself, and
the TLS handshake.
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
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.failures import whatFailed
from echostamp.connect.target import Target
from echostamp.connect.tls import TlsEndpoint
from echostamp.times import SetUp

Address = IPv4Address | IPv6Address

_KINDS: dict[type, str] = {IPv4Address: "IPv4", IPv6Address: "IPv6"}


class NoAddress(Exception):
    """
    A host has no address of the kind that is asked for.
    """


@implementer(IStreamClientEndpoint)
class TimedEndpoint:
    """
    Connect to a target by the first of its addresses that answers, and time it.

    @ivar setUp: of the last connection.
    @ivar isLookingUp: whether a name is being looked up, which cannot be given up.
    @ivar whyNot: why the last attempt failed; empty since it was made empty.
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
        @param target: where to.
        @param timeout: seconds that each address may take.
        @param addressTypes: the kinds of addresses to try; for hosts.
        @param source: the address to connect from, if it matters; for hosts.
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
        self.whyNot = ""

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect.  The address that was found first is the one whose failure is told.

        @return: fails with L{DNSLookupError}, L{NoAddress}, or what the attempt at an
            address fails with.
        """

        def failed(failure: Failure) -> Failure:
            self.whyNot = whatFailed(failure)
            return failure

        connecting = Deferred.fromCoroutine(self._connect(protocolFactory))
        return connecting.addErrback(failed)

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        """
        Try one address after the other.
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
                protocol = await self._overTls(_Noted(endpoint, connected), factory)
            except Exception as error:
                errors.append(error)
                if setUp.connect is not None:
                    # It is there, but there is no TLS with it.
                    raise
            else:
                if self._target.tlsOptions is not None:
                    setUp.tls = self._clock() - began - (setUp.connect or 0)
                return protocol
        raise errors[0]

    def _overTls(
        self, endpoint: IStreamClientEndpoint, factory: IProtocolFactory
    ) -> Deferred[IProtocol]:
        """
        Connect, by way of TLS where the target says so.
        """
        options = self._target.tlsOptions
        if options is not None:
            assert self._target.host is not None
            endpoint = TlsEndpoint(self._reactor, self._target.host, endpoint, options)
        connecting: Deferred[IProtocol] = endpoint.connect(factory)
        if options is not None:
            # The limit of the connection is not the handshake's.
            connecting.addTimeout(self._timeout, self._reactor)
        return connecting

    async def _lookUp(self, host: str, port: int) -> list[IStreamClientEndpoint]:
        """
        Find the addresses of a host.

        @raise DNSLookupError: as L{lookUp} does, and L{NoAddress}.
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
            )(self._reactor, address.host, port, self._timeout, source)
            for address in addresses
        ]


@implementer(IStreamClientEndpoint)
class _Noted:
    """
    An endpoint that tells when it has connected.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, connected: Callable[[], None]
    ) -> None:
        self._endpoint = endpoint
        self._connected = connected

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and tell."""

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
    @param addressTypes: the kinds of addresses to look for.
    @param over: C{TCP} or C{UDP}.
    @raise DNSLookupError: it has none.
    @raise NoAddress: it may have some, but not of the kind that is asked for.
    """
    receiver = _Addresses()
    reactor.nameResolver.resolveHostName(receiver, host, port, list(addressTypes), over)
    addresses = await receiver.done
    if not addresses:
        if len(addressTypes) == len(_KINDS):
            raise DNSLookupError(host)
        [kind] = addressTypes
        raise NoAddress(f"there is no {_KINDS[kind]} address for it")
    return addresses


@implementer(IResolutionReceiver)
class _Addresses:
    """
    What a look-up finds.

    @ivar done: fires with the addresses, each once.
    """

    def __init__(self) -> None:
        self.done: Deferred[list[Address]] = Deferred()
        self._found: dict[str, Address] = {}

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """The look-up has begun."""

    def addressResolved(self, address: Address) -> None:  # type: ignore[override]
        """An address was found."""
        self._found.setdefault(address.host, address)

    def resolutionComplete(self) -> None:
        """There are no more."""
        self.done.callback(list(self._found.values()))
