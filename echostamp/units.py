"""
Reads and writes durations and time zones as text; a leaf.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from echostamp.times import MICROSECOND, MILLISECOND, SECOND

_MINUTE = 60 * SECOND
_HOUR, _DAY = 60 * _MINUTE, 24 * 60 * _MINUTE
_UNITS = {
    "d": _DAY,
    "h": _HOUR,
    "m": _MINUTE,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": MICROSECOND,
    "ns": 1,
}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})(d|h|m|s|ms|us|ns)?")

#: Each unit as its power of ten in nanoseconds and its name, the greatest first.
_NAMES = ((9, "s"), (6, "ms"), (3, "µs"), (0, "ns"))


def parseDuration(text: str) -> int:
    """
    Read a duration: a number, and C{d}, C{h}, C{m}, C{s}, C{ms}, C{us} or C{ns};
    without a unit, seconds.

    @return: whole nanoseconds, rounded down.
    @raise ValueError: the text is not a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 0.5, 200ms, 1s or 2h")
    number, unit = match.groups()
    return int(Decimal(number) * _UNITS[unit or "s"])


def asTyped(ns: int) -> str:
    """
    Write a limit as a user may type it, and whole days and hours in words.
    """
    for unit, name in (_DAY, "day"), (_HOUR, "hour"):
        if ns and not ns % unit:
            count = ns // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    short = next(each for each in ("s", "ms", "us", "ns") if not ns % _UNITS[each])
    return f"{ns // _UNITS[short]}{short}"


def readable(
    ns: float,
    bound: float | None = None,
    signed: bool = False,
    rounding: str = ROUND_HALF_EVEN,
) -> str:
    """
    Write a duration in the greatest unit that leaves a digit before the point.

    @param ns: nanoseconds.
    @param bound: the greatest error of the duration, in nanoseconds.  No digit is
        written that the error makes meaningless.  Without a bound, three decimals are
        written.
    @param signed: whether to write a plus sign for durations above zero.
    @param rounding: one of C{decimal}'s rounding modes.
    """
    size = max(abs(ns), bound or 0)
    start = next((at for at, (power, _) in enumerate(_NAMES) if size >= 10**power), 3)
    for power, name in _NAMES[start::-1]:
        digits = min(power, 3)
        if bound is not None:
            digits = 0
            # Add digits until the last one is worth no more than the bound.
            while 10 ** (power - digits) > bound and digits < power:
                digits += 1
        places = Decimal(1).scaleb(-digits)
        value = Decimal(ns).scaleb(-power).quantize(places, rounding)
        # Write no minus sign for zero.
        value = value or abs(value)
        text = f"{value:{'+' if signed else ''}f} {name}"
        if abs(value) < 1000:
            break
    return text


def parseZone(text: str) -> int:
    """
    Read a time zone: C{UTC}, an offset such as C{+01:00}, or a name such as
    C{Europe/Berlin}, which gives that zone's present offset.

    @return: the offset from UTC in nanoseconds, above zero east of Greenwich.
    @raise ValueError: the text is not a time zone.
    """
    if text.upper() in ("UTC", "Z"):
        return 0
    if match := re.fullmatch(r"([+-])([01]\d|2[0-3]):?([0-5]\d)", text):
        sign, hours, minutes = match.groups()
        ahead = (int(hours) * 60 + int(minutes)) * _MINUTE
        return -ahead if sign == "-" else ahead
    offset = _namedOffset(text)
    if offset is not None:
        return int(offset.total_seconds()) * SECOND
    if text[:1].isalpha() and _namedOffset("Europe/Berlin") is None:
        raise ValueError(
            f"{text!r} cannot be looked up, because this machine has no zone data: "
            "install tzdata, or use UTC or an offset such as +01:00"
        )
    raise ValueError(f"{text!r} is not a zone such as UTC, +01:00 or Europe/Berlin")


def _namedOffset(name: str) -> timedelta | None:
    """
    Look up the present offset of a zone by its name.

    @return: L{None} where the name or all zone data is missing.
    """
    # Few commands name a zone; the others start faster.
    from zoneinfo import ZoneInfo

    try:
        return datetime.now(ZoneInfo(name)).utcoffset()
    except (KeyError, ValueError, OSError):
        return None


def zoneName(ns: int) -> str:
    """
    Write a time zone's offset from UTC as RFC 3339 does: C{+01:00}.

    @param ns: the offset in nanoseconds.
    """
    minutes = abs(ns) // _MINUTE
    return f"{'-' if ns < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
