"""
Addresses and ports, as people write them.
"""

from __future__ import annotations

import ipaddress

#: The default TCP port of the line protocol.
ECHO_PORT = 8002

#: The UDP port of STAMP: RFC 8762, section 4.1.
STAMP_PORT = 862


def peerName(address: object) -> str:
    """
    Name the far end of a connection, for the log: C{192.0.2.1:4711},
    C{[2001:db8::1]:4711}, or C{local} for a UNIX socket and the like.

    An IPv4 peer of a dual-stack socket gets its own address, not the mapped one.

    @param address: the result of C{transport.getPeer}.
    """
    host = getattr(address, "host", None)
    port = getattr(address, "port", None)
    if not isinstance(host, str):
        return "local"
    return addressName(unmappedText(host), port)


def addressName(host: str, port: int | None) -> str:
    """
    Name an address and a port: C{192.0.2.1:4711}, C{[2001:db8::1]:4711}.
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unmappedText(host: str) -> str:
    """
    Take the IPv4 address out of an IPv4-mapped IPv6 address (RFC 4291, section
    2.5.5.2), in text: C{::ffff:192.0.2.1} is C{192.0.2.1}.  Other text is returned as
    it is.
    """
    isMapped = host.startswith("::ffff:") and "." in host
    return host.removeprefix("::ffff:") if isMapped else host


def unmapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """
    Take the IPv4 address out of an IPv4-mapped IPv6 address (RFC 4291, section
    2.5.5.2).  Other addresses are returned as they are.
    """
    return getattr(address, "ipv4_mapped", None) or address
