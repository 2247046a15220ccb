"""
Reads the headers of requests; pure.
"""

from __future__ import annotations

import ipaddress
import re

#: A host and a port, as the header Host has them.
_HOST = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([^\[\]:]{1,255}))(?::[0-9]{0,5})?")

#: The ports that browsers leave out, by the scheme of an origin.
_PORTS = {"http": ":80", "https": ":443"}

_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def isOwnHost(host: str) -> bool:
    """
    Tell whether the header Host names this machine without DNS: by an address, or by
    C{localhost}.

    A page of another site can have its own name lead to 127.0.0.1.  Then the browser
    lets it read what this daemon answers.  But Host has the site's name.

    @param host: the header's value.
    """
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return False
    v6, other = found.groups()
    try:
        if v6 is not None:
            ipaddress.IPv6Address(v6)
        elif other != "localhost":
            ipaddress.IPv4Address(other)
    except ValueError:
        return False
    return True


def isSameOrigin(origin: str, host: str) -> bool:
    """
    Tell whether a page of this site has sent a request: the header Origin (RFC 6454)
    names the host and the port that the header Host has.

    A browser lets the pages of every site open a WebSocket to every other, with the
    password that its user has given for that one.

    @param origin: the header's value.
    @param host: likewise.
    """
    scheme, found, place = origin.lower().partition("://")
    if not found or scheme not in _PORTS:
        return False
    port = _PORTS[scheme]
    return place.removesuffix(port) == host.lower().removesuffix(port)


def acceptsGzip(encodings: str) -> bool:
    """
    Tell whether a client asks for gzip by the header Accept-Encoding (RFC 9110,
    section 12.5.3).

    @param encodings: the header's value; empty without one.
    """
    isAccepted = False
    for part in encodings.lower().split(","):
        coding, *rest = (each.strip() for each in part.split(";"))
        if coding not in ("gzip", "x-gzip", "*"):
            continue
        name, _, quality = rest[0].partition("=") if rest else ("q", "", "1")
        isWanted = (
            name.strip() == "q"
            and _QUALITY.fullmatch(quality.strip()) is not None
            and float(quality) > 0
        )
        if coding != "*":
            return isWanted
        isAccepted = isWanted
    return isAccepted
