"""
Values of options: numbers and addresses.
"""

from __future__ import annotations

import math
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from twisted.python import usage

from echostamp.addresses import unmapped


def number(
    options: usage.Options, name: str, kind: type, least: float, most: float
) -> Any:
    """
    Convert the text of an option to a number.

    @param options: has the text.
    @param name: the option's name.
    @param kind: L{int} or L{float}.
    @raise usage.UsageError: the text is not a number, or it is outside the bounds.
    """
    try:
        value = kind(options[name])
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        whole = "whole " if kind is int else ""
        raise usage.UsageError(
            f"--{name} {options[name]!r}: not a {whole}number "
            f"from {least:.12g} to {most:.12g}"
        )
    return value


def optionalNumber(
    options: usage.Options, name: str, kind: type, least: float, most: float
) -> Any:
    """
    Convert the text of an option that may be missing.

    @return: L{None} where it is missing.
    @raise usage.UsageError: see L{number}.
    """
    return None if options[name] is None else number(options, name, kind, least, most)


def checkMapped(address: IPv4Address | IPv6Address) -> None:
    """
    Refuse an IPv4-mapped IPv6 address: no packet and no peer has one.

    @raise ValueError: the address is mapped.
    """
    plain = unmapped(address)
    if plain is not address:
        raise ValueError(f"an IPv4 address is written as {plain}")
