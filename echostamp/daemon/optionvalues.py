"""
Options that are numbers.
"""

from __future__ import annotations

import math
from typing import Any

from twisted.python import usage


def number(
    options: usage.Options, name: str, kind: type, least: float, most: float
) -> Any:
    """
    Read a number.

    @param options: has its text.
    @param name: the option's.
    @param kind: L{int} or L{float}.
    @raise usage.UsageError: it is none, or out of its bounds.
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
    Read a number that need not be there.

    @return: L{None} where it is not.
    @raise usage.UsageError: as L{number} does.
    """
    return None if options[name] is None else number(options, name, kind, least, most)
