"""
From what a user writes to something to connect to.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from twisted.internet.abstract import isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, clientFromString
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
)

from echostamp.addresses import ECHO_PORT, STAMP_PORT, addressName
from echostamp.connect.tls import (
    OptionError,
    TlsEndpoint,
    TlsFiles,
    clientOptions,
    requireTls,
)

_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^]]*)\]|(?P<host>[^:]*))(?::(?P<port>\d+))?")
_DESCRIPTION = re.compile(r"(?:tcp|tls|ssl|unix):|\w+=")


class Target(NamedTuple):
    """
    The far end.

    @ivar name: how to call it in messages.
    @ivar endpoint: how to connect to it.
    @ivar host: its name or address; L{None} where the description is Twisted's.
    @ivar port: the TCP port at the host.
    @ivar tlsOptions: whom to trust under TLS; L{None} without, or in Twisted's hands.
    """

    name: str
    endpoint: IStreamClientEndpoint
    host: str | None = None
    port: int = 0
    tlsOptions: Any = None


def parseTarget(
    reactor: Any, text: str, timeout: float, files: TlsFiles | None = None
) -> Target:
    """
    Read a TARGET: C{HOST}, C{HOST:PORT}, C{[V6]:PORT}, the same behind C{tls:}, or a
    client endpoint description of Twisted's.

    @param reactor: what will connect.
    @param timeout: seconds that one address may take to connect.
    @param files: what TLS needs, unless the system's CAs are enough.
    @raise OptionError: one of the files is missing, or cannot be read, or is wrong.
    @raise ValueError: the text is no target; the error's says why.
    """
    if text.startswith("stamp:"):
        raise ValueError("stamp: goes with 'echostamp ping'")
    files = files or TlsFiles()
    hasFiles = files != TlsFiles()
    isTls = text.startswith("tls:")
    if isTls or text.startswith("ssl:"):
        requireTls()
    if files.key is not None and files.cert is None:
        raise OptionError("--key goes with --cert")
    if hasFiles and not isTls:
        raise ValueError("--ca and --cert go with tls:HOST:PORT")
    if address := _address(text.removeprefix("tls:")):
        host, port = address
        name = addressName(host, port)
        endpoint: IStreamClientEndpoint
        endpoint = HostnameEndpoint(reactor, host, port, timeout)
        if not isTls:
            return Target(name, endpoint, host, port)
        # The link of a link-local address is nobody's name.
        options = clientOptions(host.partition("%")[0], files)
        endpoint = TlsEndpoint(reactor, host, endpoint, options)
        return Target(f"tls:{name}", endpoint, host, port, options)
    if hasFiles:
        raise ValueError("with --ca and --cert it has to be tls:HOST:PORT")
    try:
        return Target(text, clientFromString(reactor, text))
    except Exception as error:
        # Each kind of endpoint has its own parser, which fails in its own way.
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{kind}{error}") from error


def parseStampTarget(text: str) -> tuple[str, int] | None:
    """
    Read a TARGET of STAMP: C{stamp:HOST[:PORT]}.

    @return: the host and the UDP port; L{None} for a TARGET of another kind.
    @raise ValueError: the text is no target; the error's says why.
    """
    if not text.startswith("stamp:"):
        return None
    found = _address(text.removeprefix("stamp:"), STAMP_PORT)
    if found is None:
        raise ValueError("not stamp:HOST or stamp:HOST:PORT")
    return found


def whyNoTarget(text: str, error: ValueError) -> str:
    """
    Say why there is no target, for the user.

    @param text: what was to be one.
    @param error: what L{parseTarget} has raised.
    """
    return str(error) if isinstance(error, OptionError) else f"TARGET {text!r}: {error}"


def _address(text: str, usual: int = ECHO_PORT) -> tuple[str, int] | None:
    """
    Read a host and a port.

    @param usual: the port where there is none.
    @return: L{None} for what looks like something else.
    @raise ValueError: one of them is wrong.
    """
    if isIPv6Address(text):
        text = f"[{text}]"
    match = _HOST_AND_PORT.fullmatch(text)
    if re.fullmatch(r"[^:]+:", text) and not _DESCRIPTION.match(text):
        raise ValueError("no port behind the colon")
    if not match or _DESCRIPTION.match(text):
        return None
    host, port = match["v6"] or match["host"], int(match["port"] or usual)
    if not host:
        raise ValueError("no host")
    if match["v6"] and not isIPv6Address(host):
        raise ValueError(f"{host!r} is not an IPv6 address")
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a port from 1 to 65535")
    return host, port
