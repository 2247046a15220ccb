"""
Reads a TARGET, and makes the endpoint that connects to it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from twisted.internet.abstract import isIPAddress
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP6ClientEndpoint,
    clientFromString,
)
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
)
from twisted.plugin import getPlugins

from echostamp.addresses import (
    ECHO_PORT,
    STAMP_PORT,
    addressName,
    aLabels,
    checkLink,
    isIPv6,
    parseHostPort,
)
from echostamp.connect.descriptions import checkDescription
from echostamp.connect.tls import (
    OptionError,
    TlsClientEndpoint,
    TlsFiles,
    clientTls,
)
from echostamp.keyfiles import DISK, Files
from echostamp.tls.clientcontext import ClientTls

#: How a Twisted endpoint description begins, as opposed to a host and a port.
_DESCRIPTION = re.compile(r"(?:tcp|tls|ssl|unix):|\w+=")

_NO_TARGET = "neither HOST:PORT nor an endpoint that Twisted knows"


class Target(NamedTuple):
    """
    The far end that a TARGET names.

    @ivar name: its name in messages.
    @ivar endpoint: connects to it.
    @ivar host: its host name or address; L{None} for a Twisted endpoint description.
    @ivar port: the TCP port at the host.
    @ivar tls: how TLS is done; L{None} without TLS.
    """

    name: str
    endpoint: IStreamClientEndpoint
    host: str | None = None
    port: int = 0
    tls: ClientTls | None = None


def parseTarget(
    reactor: Any, text: str, timeout: float, files: TlsFiles | None = None
) -> Target:
    """
    Read a TARGET: C{HOST}, C{HOST:PORT}, C{[V6]:PORT}, the same behind C{tls:}, or a
    Twisted client endpoint description.

    @param reactor: the reactor that will connect.
    @param timeout: seconds after which a connection attempt to one address fails.
    @param files: the files for TLS, unless the system's CAs are enough.
    @raise OptionError: one of the files is missing, cannot be read, or is wrong.
    @raise ValueError: the text is not a target; the error's text says why.
    """
    if text.startswith("stamp:"):
        raise ValueError("stamp: goes with 'echostamp ping'")
    files = files or TlsFiles()
    hasFiles = files != TlsFiles()
    isTls = text.startswith("tls:")
    if files.key is not None and files.cert is None:
        raise OptionError("--key goes with --cert")
    if hasFiles and not isTls:
        raise ValueError("--ca and --cert go with tls:HOST:PORT")
    if address := parseLineTarget(text):
        host, port = address
        name = addressName(host, port)
        endpoint = hostEndpoint(reactor, host, port, timeout)
        if not isTls:
            return Target(name, endpoint, host, port)
        tls = hostTls(host, files)
        endpoint = TlsClientEndpoint(reactor, endpoint, tls)
        return Target(f"tls:{name}", endpoint, host, port, tls)
    try:
        return Target(text, clientFromString(reactor, text))
    except Exception as error:
        # The parser of each kind of endpoint raises errors of its own.
        if str(error).startswith("Unknown endpoint type"):
            raise ValueError(_NO_TARGET) from error
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{kind}{error}") from error


def hostEndpoint(
    reactor: Any, host: str, port: int, timeout: float
) -> IStreamClientEndpoint:
    """
    Make the endpoint that connects to a host, at the first of its addresses that
    answers.

    @param reactor: the reactor that will connect.
    @param host: a name or an address; a link-local one with its link.
    @param timeout: seconds after which a connection attempt to one address fails.
    @raise ValueError: the host's name cannot be looked up.
    """
    # Twisted's look-up of an address loses its link.
    connecting = TCP6ClientEndpoint if "%" in host else HostnameEndpoint
    return connecting(reactor, aLabels(host), port, timeout)


def hostTls(host: str, files: TlsFiles, reads: Files = DISK) -> ClientTls:
    """
    Prepare TLS with a host: see L{clientTls}.

    @param host: a name or an address, perhaps with its link, which no certificate
        names.
    """
    return clientTls(host.partition("%")[0], files, reads)


def parseLineTarget(text: str) -> tuple[str, int] | None:
    """
    Read a TARGET for the line protocol, without a reactor.

    @return: the host and the TCP port; L{None} for an endpoint description.
    @raise ValueError: the text is not a target; the error's text says why.
    """
    if text.startswith("ssl:"):
        raise ValueError("ssl: is Twisted's; use tls:HOST:PORT")
    found = _hostPort(text.removeprefix("tls:"), ECHO_PORT)
    if found is None and text.startswith("tls:"):
        raise ValueError("over TLS it has to be tls:HOST:PORT")
    if found is None and (host := checkDescription(text)):
        _checkName(host)
    return found


def parseStampTarget(text: str) -> tuple[str, int] | None:
    """
    Read a TARGET for STAMP: C{stamp:HOST[:PORT]}.

    @return: the host and the UDP port; L{None} for a TARGET of another kind.
    @raise ValueError: the text is not a target; the error's text says why.
    """
    if not text.startswith("stamp:"):
        return None
    found = _hostPort(text.removeprefix("stamp:"), STAMP_PORT)
    if found is None:
        raise ValueError("not stamp:HOST or stamp:HOST:PORT")
    return found


def checkHost(host: str) -> None:
    """
    Check that a host's name can be looked up, and that an address has a link if it
    needs one.

    @raise ValueError: it cannot, or has not; the error's text says why.
    """
    check = checkLink if isIPv6(host) else _checkName
    check(host)


def whyNoTarget(text: str, error: ValueError) -> str:
    """
    Explain to the user why a TARGET was refused.

    @param text: the TARGET.
    @param error: the error that L{parseTarget} raised.
    """
    return str(error) if isinstance(error, OptionError) else f"TARGET {text!r}: {error}"


def _hostPort(text: str, usual: int) -> tuple[str, int] | None:
    """
    Read a host and a port.

    @param usual: the port where the text names none.
    @return: L{None} for a Twisted endpoint description.
    @raise ValueError: the host, its link or the port is wrong.
    """
    if _DESCRIPTION.match(text):
        return None
    found = parseHostPort(text, usual)
    if found is not None:
        checkHost(found[0])
        return found
    kind, _, port = text.partition(":")
    if port and ":" not in port and not _isPlugins(kind):
        raise ValueError(f"port {port!r} is no number")
    return None


def _isPlugins(kind: str) -> bool:
    """
    Tell whether a plugin of Twisted has a kind of endpoint.
    """
    plugins = getPlugins(IStreamClientEndpointStringParserWithReactor)
    return any(each.prefix.lower() == kind.lower() for each in plugins)


def _checkName(host: str) -> None:
    """
    Check that a host's name can be looked up.

    @raise ValueError: it has an empty label, one of more than 63 octets, or a character
        that IDNA (RFC 5891) does not allow.
    """
    if isIPAddress(host):
        return
    try:
        # The look-up does this in a thread, and Twisted does not report that it has
        # failed there.
        aLabels(host).encode("idna")
    except UnicodeError:
        raise ValueError(f"{host!r} is not a host name") from None
