"""
Checks the descriptions of endpoints that connect; pure.

Twisted parses these descriptions, but what it says about a wrong one is about its own
functions.
"""

from __future__ import annotations

import re

from echostamp.addresses import isIPv6, requireLink
from echostamp.endpointparts import checkNames, parseDescription, partsOf, portNumber

#: The parameters of Twisted's kinds.
_TCP = ("host", "port", "timeout", "bindAddress")
_UNIX = ("path", "lockfile", "timeout")

#: How the text of a number looks, and what it is called.
_NUMBERS = {
    "timeout": ("[0-9]{1,9}", "a number of seconds"),
    "lockfile": ("[01]", "0 or 1"),
}


def checkDescription(text: str) -> str:
    """
    Check a description.  Kinds other than C{tcp:} and C{unix:} are not checked.

    @return: the host that it names; empty where it names none.
    @raise ValueError: a part is missing, wrong or unknown; the text says which.
    """
    description = parseDescription(text)
    kind = description.kind.lower()
    if "=" in kind:
        # Twisted would take it for a part with a name, and then find no kind.
        raise ValueError(f"{description.kind!r} is no kind of endpoint")
    if kind == "tcp":
        isNamed = "host" in description.named
        # The first part without a name is the host, unless the host has its name.
        order = ("port", *_TCP) if isNamed else _TCP
        checkNames(description, _TCP, 1 if isNamed else 2)
        values = partsOf(description, order)
        portNumber(values.get("port", ""), 1)
    elif kind == "unix":
        checkNames(description, _UNIX)
        values = partsOf(description, _UNIX)
        if not values.get("path"):
            raise ValueError("its path is missing")
    else:
        return ""
    for name, (pattern, what) in _NUMBERS.items():
        if name in values and not re.fullmatch(pattern, values[name]):
            raise ValueError(f"{name}={values[name]!r} is not {what}")
    host = values.get("host", "")
    if kind == "tcp" and not host:
        raise ValueError("no host")
    if isIPv6(host):
        requireLink(host)
    return host
