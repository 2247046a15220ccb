"""
Reads and writes addresses and ports as text; a leaf.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Sequence
from typing import Any

#: The default TCP port of the line protocol.
ECHO_PORT = 8002

#: The UDP port of STAMP: RFC 8762, section 4.1.
STAMP_PORT = 862

_HOST_AND_PORT = re.compile(
    r"(?:\[(?P<v6>[^]]*)\]|(?P<host>[^:]*))(?::(?P<port>\d{1,1000}))?", re.ASCII
)

#: An address and what is no port.  Behind a name, it may be an endpoint description.
_WRONG_PORT = re.compile(r"(?:\[[^]]*\]|[\d.]+):([^:]*)", re.ASCII)


def parseHostPort(text: str, usual: int, least: int = 1) -> tuple[str, int] | None:
    """
    Read C{HOST}, C{HOST:PORT}, C{V6}, C{[V6]} or C{[V6]:PORT}.

    @param usual: the port where the text names none.
    @param least: the smallest port.
    @return: the host, without brackets, and the port.  L{None} for text of another
        form, which may be a Twisted endpoint description.
    @raise ValueError: the text has the form of a host and a port, but one of them is
        wrong.
    """
    if isIPv6(text):
        return text, usual
    if re.fullmatch(r"(?:\[[^]]*\]|[^:]+):", text):
        raise ValueError("no port behind the colon")
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None:
        if wrong := _WRONG_PORT.fullmatch(text):
            raise ValueError(f"port {wrong[1]!r} is no number")
        return None
    host = match["v6"] or match["host"]
    if not host:
        raise ValueError("no host")
    if match["v6"] and not isIPv6(host):
        raise ValueError(f"{host!r} is not an IPv6 address")
    port = usual if match["port"] is None else int(match["port"])
    if not least <= port <= 65535:
        raise ValueError(f"{port} is not a port from {least} to 65535")
    return host, port


def isIPv6(text: str) -> bool:
    """
    Check whether text is an IPv6 address, with or without a link: C{fe80::1%eth0}.
    """
    try:
        ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def isAddress(host: str) -> bool:
    """
    Check whether a host is an IPv4 or IPv6 address, and not a name.
    """
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def requireLink(host: str) -> None:
    """
    Check that an address names its link, if it is valid on one link only: RFC 4007,
    section 6.

    @param host: an IPv4 or IPv6 address.
    @raise ValueError: it names none.
    """
    address, _, link = host.partition("%")
    if not link and _isOfOneLink(ipaddress.ip_address(address)):
        raise ValueError(f"a link-local address needs its link, as {address}%eth0")


def _isOfOneLink(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """
    Tell whether an address is link-local, or multicast on a link or an interface (RFC
    4291, section 2.7).  Those of IPv4 name no link.
    """
    if address.version == 4:
        return False
    octets = address.packed
    return address.is_link_local or (octets[0] == 0xFF and octets[1] & 15 in (1, 2))


def checkOwn(host: str) -> None:
    """
    Check an address to listen on.

    @param host: an IPv4 or IPv6 address.
    @raise ValueError: it is not the address of one machine, or names no link where it
        needs one.
    """
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_multicast or host == "255.255.255.255":
        raise ValueError(f"{host} is not the address of one machine")
    requireLink(host)


def checkLink(host: str) -> None:
    """
    Check the link of an IPv6 address: C{eth0} in C{fe80::1%eth0}.

    @param host: an IPv6 address.
    @raise ValueError: it is link-local and names no link, or there is no such link.
    """
    requireLink(host)
    _, separator, link = host.partition("%")
    try:
        if link.isdecimal():
            socket.if_indextoname(int(link[:9]))
        elif separator:
            socket.if_nametoindex(link)
    except OSError:
        raise ValueError(f"there is no link {link!r}") from None


def aLabels(host: str) -> str:
    """
    Write a host name as DNS and certificates have it: by IDNA 2008 (RFC 5891), as
    Twisted's resolver does.

    @param host: a name or an address; what is ASCII stays as it is.
    @raise ValueError: it is not a host name.
    """
    if host.isascii():
        return host
    # It takes long to import, and few hosts need it.  It comes with Twisted.
    import idna

    try:
        return idna.encode(unicodedata.normalize("NFC", host).lower()).decode("ascii")
    except UnicodeError:
        raise ValueError(f"{host!r} is not a host name") from None


def scoped(host: str, scope: int) -> str:
    """
    Add the link to an address that is valid on it only: C{fe80::1%eth0}.

    @param scope: the link's number; 0 for an address that needs none.
    """
    if not scope or "%" in host:
        return host
    try:
        return f"{host}%{socket.if_indextoname(scope)}"
    except OSError:
        # The link has gone.
        return f"{host}%{scope}"


def scopeOf(host: str) -> tuple[str, int]:
    """
    Take an IPv6 address and its link apart, or its link's number: C{fe80::1%eth0}.

    @return: the address alone, and the link's number; 0 where it names none.
    @raise OSError: there is no such link.
    """
    host, _, link = host.partition("%")
    if not link or link.isdecimal():
        return host, int(link or 0)
    return host, socket.if_nametoindex(link)


def socketName(address: Sequence[Any]) -> str:
    """
    Write a socket's address, as the system has it, and its port.

    @param address: of IPv4 or IPv6; the latter has its link's number at the end.
    """
    host, port, *rest = address
    return addressName(scoped(host, rest[1] if rest else 0), port)


def peerName(address: object) -> str:
    """
    Name the far end of a connection, for the log: C{192.0.2.1:4711},
    C{[2001:db8::1]:4711}, or C{local} for a UNIX socket and the like.

    An IPv4 peer of a dual-stack socket is named by its IPv4 address, not by the mapped
    one.

    @param address: the result of C{transport.getPeer}.
    """
    host = getattr(address, "host", None)
    port = getattr(address, "port", None)
    if not isinstance(host, str):
        return "local"
    scope = getattr(address, "scopeID", 0)
    return addressName(scoped(unmappedText(host), scope), port)


def addressName(host: str, port: int | None) -> str:
    """
    Write an address and a port: C{192.0.2.1:4711}, C{[2001:db8::1]:4711}.
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unmappedText(host: str) -> str:
    """
    Take the IPv4 address out of an IPv4-mapped IPv6 address (RFC 4291, section
    2.5.5.2), in text: C{::ffff:192.0.2.1} gives C{192.0.2.1}.  Other text is returned
    unchanged.
    """
    isMapped = host.startswith("::ffff:") and "." in host
    return host.removeprefix("::ffff:") if isMapped else host


def unmapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """
    Take the IPv4 address out of an IPv4-mapped IPv6 address (RFC 4291, section
    2.5.5.2).  Other addresses are returned unchanged.
    """
    return getattr(address, "ipv4_mapped", None) or address


#: The first octets of an IPv4-mapped IPv6 address, and those of its /64.
_MAPPED = bytes(10) + b"\xff\xff"
_MAPPED_NETWORK = _MAPPED[:8]


def hostKey(host: str) -> str | bytes:
    """
    Give the key of what counts as one host: an IPv4 address, also where a dual-stack
    socket shows it mapped, or the /64 network of an IPv6 address.

    @param host: the address; an IPv6 address may name its link, C{fe80::1%eth0}.
    @return: the IPv4 address as text, or the first 8 octets of the IPv6 address.
    """
    if ":" not in host:
        return host
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    network = packed[:8]
    if network == _MAPPED_NETWORK and packed[:12] == _MAPPED:
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return network


def hostKeyName(key: str | bytes) -> str:
    """
    Name what L{hostKey} gives a key to: C{192.0.2.1} or C{2001:db8:1:2::/64}.
    """
    if isinstance(key, str):
        return key
    return socket.inet_ntop(socket.AF_INET6, key + bytes(8)) + "/64"
