"""
From what a user writes to something to connect to.
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from twisted.internet.abstract import isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, clientFromString
from twisted.internet.error import ConnectError, ConnectionLost, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure

PORT = 8002

_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^]]*)\]|(?P<host>[^:]*))(?::(?P<port>\d+))?")
_DESCRIPTION = re.compile(r"(?:tcp|tls|ssl|unix):")


class Target(NamedTuple):
    """
    The far end.

    @ivar name: how to call it in messages.
    @ivar endpoint: how to connect to it.
    """

    name: str
    endpoint: IStreamClientEndpoint


def parseTarget(reactor: Any, text: str, timeout: float) -> Target:
    """
    Read a TARGET: C{HOST}, C{HOST:PORT}, C{[V6]:PORT}, or a client endpoint
    description of Twisted's.

    @param reactor: what will connect.
    @param timeout: seconds that one address may take to connect.
    @raise ValueError: it is none of them; the text says why.
    """
    if isIPv6Address(text):
        text = f"[{text}]"
    match = _HOST_AND_PORT.fullmatch(text)
    if match and not _DESCRIPTION.match(text):
        host, port = match["v6"] or match["host"], int(match["port"] or PORT)
        if not host:
            raise ValueError("no host")
        if match["v6"] and not isIPv6Address(host):
            raise ValueError(f"{host!r} is not an IPv6 address")
        if not 1 <= port <= 65535:
            raise ValueError(f"{port} is not a port from 1 to 65535")
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return Target(name, HostnameEndpoint(reactor, host, port, timeout))
    try:
        return Target(text, clientFromString(reactor, text))
    except Exception as error:
        # Each kind of endpoint has its own parser, which fails in its own way.
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{kind}{error}") from error


def whatFailed(failure: Failure) -> str:
    """
    Say in a few words why a connection was not made, or was lost.
    """
    error = failure.value
    if isinstance(error, DNSLookupError):
        return "the name does not resolve"
    if isinstance(error, ConnectError) and error.osError:
        return os.strerror(error.osError)
    if isinstance(error, ConnectionLost):
        return "the connection was lost"
    return str(error) or type(error).__name__
