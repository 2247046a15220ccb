"""
Reads where the daemon's web pages are to be found: the value of C{--web}; pure.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from echostamp.addresses import checkOwn, isAddress, isIPv6, parseHostPort, unmapped
from echostamp.endpointparts import Description, parseDescription, partsOf, portNumber

#: The loopback addresses.  A port alone is a port of these.
LOOPBACK = "127.0.0.1", "::1"

#: The parts of descriptions that have an address, in the order in which their names may
#: be left out.
_TCP = "port", "interface", "backlog"
_TCP6 = "port", "backlog", "interface"


class WebEndpoints(NamedTuple):
    """
    Where to listen for requests, and who can connect there.

    @ivar descriptions: the descriptions of the endpoints.
    @ivar isOneEnough: whether it is no error if an address of one of them does not
        exist: a machine may have no IPv6.
    @ivar isLocal: whether only programs on this machine can connect: a loopback address
        or a UNIX socket.
    @ivar isTls: whether connections are encrypted.
    @ivar checksHost: whether requests need an address or C{localhost} in the header
        Host: where a browser on this machine connects.
    """

    descriptions: tuple[str, ...]
    isOneEnough: bool = False
    isLocal: bool = False
    isTls: bool = False
    checksHost: bool = False

    @property
    def isExposed(self) -> bool:
        """Whether the network can read along."""
        return not (self.isLocal or self.isTls)


def webEndpoints(text: str) -> WebEndpoints:
    """
    Read C{PORT}, C{ADDR:PORT}, C{[V6]:PORT} or the description of an endpoint.  A
    C{PORT} alone and C{localhost:PORT} are ports of the loopback addresses.

    @raise ValueError: the text is wrong; the error says how.  What follows the kind of
        an endpoint is not checked here but where it is prepared.
    """
    if text.isdecimal():
        return _loopback(portNumber(text))
    found = parseHostPort(text, 0, 0)
    if found is not None:
        host, port = found
        if isAddress(text) or text.endswith("]"):
            example = f"[{host}]:9862" if isIPv6(host) else f"{host}:9862"
            raise ValueError(f"no port: an address and a port are written as {example}")
        if host == "localhost":
            return _loopback(port)
        if isAddress(host):
            checkOwn(host)
            isLocal = _isLoopback(host)
            endpoints = (_tcp(host, port),)
            return WebEndpoints(endpoints, isLocal=isLocal, checksHost=isLocal)
    return _described(text)


def _loopback(port: int) -> WebEndpoints:
    """
    Give a port of the loopback addresses.
    """
    endpoints = tuple(_tcp(host, port) for host in LOOPBACK)
    return WebEndpoints(endpoints, isOneEnough=True, isLocal=True, checksHost=True)


def _tcp(host: str, port: int) -> str:
    """
    Describe the endpoint of an address.
    """
    quoted = host.replace(":", r"\:")
    return f"tcp:{port}:interface={quoted}"


def _isLoopback(host: str) -> bool:
    """
    Tell whether nobody but this machine reaches an address.
    """
    if not isAddress(host):
        return False
    return unmapped(ipaddress.ip_address(host.partition("%")[0])).is_loopback


def _described(text: str) -> WebEndpoints:
    """
    Say who can connect to an endpoint.
    """
    inner = text
    for prefix in "proxy:", "haproxy:":
        inner = inner.removeprefix(prefix)
    description = parseDescription(inner)
    isLoopback = _isLoopback(_interface(description))
    isTls = description.kind == "tls"
    return WebEndpoints(
        (text,),
        isLocal=isLoopback or description.kind == "unix",
        isTls=isTls,
        # The clients of a proxy name the proxy.
        checksHost=isLoopback and not isTls and inner == text,
    )


def _interface(description: Description) -> str:
    """
    Give the address of an endpoint; empty for all addresses, and where there is none.

    @raise ValueError: a part is unknown, or given twice.
    """
    if description.kind in ("tcp", "tcp6"):
        order = _TCP if description.kind == "tcp" else _TCP6
        return partsOf(description, order).get("interface", "")
    return description.named.get("interface", "")
