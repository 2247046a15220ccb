"""
Durations and zones as people write and read them.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

_UNITS = {"": 1_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})(s|ms|us|ns)?")

#: From the decimal digits of a unit of durations to its name, the greatest first.
_NAMES = ((9, "s"), (6, "ms"), (3, "µs"), (0, "ns"))


def parseDuration(text: str) -> int:
    """
    Read a duration: a number, and C{s}, C{ms}, C{us} or C{ns}; without a unit, seconds.

    @return: nanoseconds; what is below one is cut off.
    @raise ValueError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration such as 1, 0.5, 200ms or 50us")
    number, unit = match.groups()
    return int(Decimal(number) * _UNITS[unit or ""])


def readable(
    ns: float,
    bound: float | None = None,
    signed: bool = False,
    rounding: str = ROUND_HALF_EVEN,
) -> str:
    """
    Write a duration in the unit in which it is short.

    @param ns: nanoseconds.
    @param bound: by how much it may be wrong, in nanoseconds: there are so many digits
        as mean something.  Without it there are three behind the point.
    @param signed: whether to write a plus, too.
    @param rounding: one of L{decimal}'s.
    """
    size = max(abs(ns), bound or 0)
    start = next((at for at, (power, _) in enumerate(_NAMES) if size >= 10**power), 3)
    for power, name in _NAMES[start::-1]:
        digits = min(power, 3)
        if bound is not None:
            digits = 0
            # The last digit is worth no more than the bound.
            while 10 ** (power - digits) > bound and digits < power:
                digits += 1
        places = Decimal(1).scaleb(-digits)
        value = Decimal(ns).scaleb(-power).quantize(places, rounding)
        # There is no zero below zero.
        value = value or abs(value)
        text = f"{value:{'+' if signed else ''}f} {name}"
        if abs(value) < 1000:
            break
    return text


def parseZone(text: str) -> int:
    """
    Read a zone: C{UTC}, an offset such as C{+01:00}, or a name such as
    C{Europe/Berlin}, whose offset is the present one.

    @return: nanoseconds by which it is ahead of UTC.
    @raise ValueError: it is none.
    """
    if text.upper() in ("UTC", "Z"):
        return 0
    if match := re.fullmatch(r"([+-])([01]\d|2[0-3]):?([0-5]\d)", text):
        sign, hours, minutes = match.groups()
        ahead = (int(hours) * 60 + int(minutes)) * 60 * _UNITS["s"]
        return -ahead if sign == "-" else ahead
    try:
        offset = datetime.now(ZoneInfo(text)).utcoffset()
    except (KeyError, ValueError, OSError):
        offset = None
    if offset is None:
        raise ValueError(f"{text!r} is no zone such as UTC, +01:00 or Europe/Berlin")
    return int(offset.total_seconds()) * _UNITS["s"]


def zoneName(ns: int) -> str:
    """
    Write by how much a zone is ahead of UTC, as RFC 3339 does: C{+01:00}.

    @param ns: nanoseconds.
    """
    minutes = abs(ns) // (60 * _UNITS["s"])
    return f"{'-' if ns < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
