"""
Checks the descriptions of endpoints that listen; pure.

Twisted parses most descriptions, but what it says about a wrong one is about its own
functions.
"""

from __future__ import annotations

import re

from echostamp.endpointparts import Description, partsOf, portNumber

#: The parameters of Twisted's kinds, in the order in which their names may be left out.
_PARAMETERS = {
    "tcp": ("port", "interface", "backlog"),
    "unix": ("address", "mode", "backlog", "lockfile"),
    "tcp6": ("port", "backlog", "interface"),
}

#: How the text of a number looks, and what it is called.
_NUMBERS = {
    "backlog": ("[0-9]{1,9}", "a number from 0 to 65535"),
    "mode": ("[0-7]{1,9}", "an octal number from 0 to 777"),
    "lockfile": ("[01]", "0 or 1"),
}


def checkDescription(description: Description) -> None:
    """
    Check a description that Twisted will parse.  Kinds that are not Twisted's own are
    not checked.

    @raise ValueError: the kind or a part is missing, wrong or unknown.
    """
    if "=" in description.kind:
        # Twisted would take it for a part with a name, and then find no kind.
        raise ValueError(f"{description.kind!r} is no kind of endpoint")
    order = _PARAMETERS.get(description.kind)
    if order is None:
        return
    values = partsOf(description, order)
    if order[0] == "port":
        portNumber(values.get("port", ""))
    elif "address" not in values:
        raise ValueError("its path is missing")
    for name, (pattern, what) in _NUMBERS.items():
        if name in values and not re.fullmatch(pattern, values[name]):
            raise ValueError(f"{name}={values[name]!r} is not {what}")
