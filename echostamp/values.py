"""
Reads values that users give, on a command line or in a file; a leaf.

Each reader raises a C{ValueError} whose text says in one line what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from ipaddress import ip_address

from echostamp.addresses import checkLink, parseHostPort
from echostamp.units import asTyped, parseDuration

#: The names of DSCPs.
DSCPS = {
    **{f"CS{precedence}": 8 * precedence for precedence in range(8)},
    **{f"AF{a}{drop}": 8 * a + 2 * drop for a in range(1, 5) for drop in range(1, 4)},
    "DF": 0,
    "LE": 1,
    "VOICE-ADMIT": 44,
    "EF": 46,
}


def readSeconds(text: str) -> float:
    """
    Read a number of seconds above zero.

    @raise ValueError: the text is something else.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 86_400:
        raise ValueError(f"{text!r} is not a number of seconds above 0, at most 86400")
    return number


def durationReader(least: int, most: int, orNone: bool = False) -> Callable[[str], int]:
    """
    Make a reader of durations.

    @param least: the shortest duration in nanoseconds.
    @param most: the longest duration in nanoseconds.
    @param orNone: whether 0 is accepted, too.
    @return: turns text into nanoseconds, and raises C{ValueError}.
    """

    def read(text: str) -> int:
        ns = parseDuration(text)
        if not (least <= ns <= most or (orNone and not ns)):
            bounds = f"from {asTyped(least)} to {asTyped(most)}"
            also = ", or 0" if orNone else ""
            raise ValueError(f"{text!r} is not {bounds}{also}")
        return ns

    return read


def numberReader(least: int, most: int) -> Callable[[str], int]:
    """
    Make a reader of whole numbers.

    @return: turns text into a number, and raises C{ValueError}.
    """

    def read(text: str) -> int:
        isNumber = text.isdecimal() and len(text) <= 19
        if not (isNumber and least <= int(text) <= most):
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def readDscp(text: str) -> int:
    """
    Read a DSCP: a number, or a name of its per-hop behaviour (RFC 4594, section 2.3;
    RFC 5865; RFC 8622).

    @raise ValueError: the text is something else.
    """
    name = text.upper()
    if name in DSCPS:
        return DSCPS[name]
    if text.isdecimal() and len(text) <= 2 and int(text) < 64:
        return int(text)
    raise ValueError(
        f"{text!r} is not a DSCP: 0 to 63, or a name such as EF, AF41 or CS6"
    )


def readPercentage(text: str) -> float:
    """
    Read a percentage, with or without a percent sign.

    @raise ValueError: the text is something else.
    """
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= 100:
        raise ValueError(f"{text!r} is not a percentage")
    return percent


def readSource(text: str) -> tuple[str, int]:
    """
    Read an IP address of this machine, with or without a port.

    @return: the address, and the port; 0 for no port.
    @raise ValueError: the text is something else, or this machine does not have the
        link that it names.
    """
    try:
        host, port = parseHostPort(text, usual=0, least=0) or ("", 0)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    try:
        ip_address(host)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None
    try:
        if ":" in host:
            checkLink(host)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    return host, port
