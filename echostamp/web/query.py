"""
Reads the parameters of requests: strictly for programs, leniently for pages; pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from echostamp.monitor.mistakes import nearest
from echostamp.text import printable
from echostamp.times import SECOND
from echostamp.units import parseDuration

#: The end of the year 9999, in seconds since the UNIX epoch.
LAST_SECOND = 253_402_300_799

#: The greatest number of an event, and the last time of one.
MOST_NUMBER = 2**63 - 1

#: The most characters of a value that an error repeats.
_SHOWN = 64

_SECONDS = re.compile(r"([0-9]{1,12})(?:\.[0-9]{1,9})?")

#: A time by RFC 3339.  A plus sign in a query is a space where it is not encoded.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?"
    r"(?:[Zz]|([+ -])(\d\d):(\d\d))",
    re.ASCII,
)


class Parameter(NamedTuple):
    """
    A parameter that a page knows.

    @ivar name: its name.
    @ivar read: reads its value; raises C{ValueError} if that is wrong.
    @ivar default: its value where it is not given.
    @ivar isNeeded: whether it has to be given.
    """

    name: str
    read: Callable[[str], Any]
    default: Any = None
    isNeeded: bool = False


def readQuery(query: bytes, known: Sequence[Parameter]) -> dict[str, Any]:
    """
    Read the parameters of a request.

    @param query: what follows the question mark.
    @return: the values of all known parameters by name.
    @raise ValueError: one is unknown, is given twice, has a wrong value, or is missing;
        the text is one line.
    """
    given: dict[str, str] = {}
    names = [each.name for each in known]
    for part in query.split(b"&") if query else []:
        name, _, value = map(_unquoted, part.partition(b"="))
        if name not in names:
            hint = nearest(name, names)
            raise ValueError(f"there is no parameter {shown(name)}{hint}")
        if name in given:
            raise ValueError(f"the parameter {name} is given twice")
        given[name] = value
    return {each.name: _value(each, given.get(each.name)) for each in known}


def textGiven(query: Mapping[bytes, list[bytes]], name: bytes) -> str:
    """
    Give a parameter of a page; empty if it is not given.

    @param query: the parameters of the request.
    """
    return query.get(name, [b""])[-1].decode(errors="replace")


def wholeGiven(
    query: Mapping[bytes, list[bytes]], name: bytes, most: int
) -> int | None:
    """
    Give a parameter of a page that is a whole number; L{None} if it is not given, is no
    such number, or is too great.
    """
    given = query.get(name, [b""])[-1]
    isWhole = given.isdigit() and len(given) <= len(str(most)) and int(given) <= most
    return int(given) if isWhole else None


def _unquoted(text: bytes) -> str:
    """
    Read a name or a value.  What is no UTF-8 is no name, and is replaced in values.
    """
    return unquote_to_bytes(text.replace(b"+", b" ")).decode(errors="replace")


def _value(parameter: Parameter, given: str | None) -> Any:
    """
    Give the value of a parameter.

    @param given: as it is given; L{None} if it is not.
    @raise ValueError: it is wrong.
    """
    if given is None:
        if parameter.isNeeded:
            raise ValueError(f"the parameter {parameter.name} is missing")
        return parameter.default
    try:
        return parameter.read(given)
    except ValueError as error:
        raise ValueError(f"{parameter.name}: {error}") from None


def shown(text: str) -> str:
    """
    Write a text from elsewhere into a line.
    """
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return printable(repr(cut))


def wholeReader(least: int, most: int) -> Callable[[str], int]:
    """
    Make a reader of whole numbers.
    """

    def read(text: str) -> int:
        if not (text.isdecimal() and text.isascii() and len(text) <= len(str(most))):
            raise ValueError(f"{shown(text)} is no whole number from {least} to {most}")
        number = int(text)
        if not least <= number <= most:
            raise ValueError(f"{number} is not from {least} to {most}")
        return number

    return read


def choiceOf(*choices: str) -> Callable[[str], str]:
    """
    Make a reader of words.
    """

    def read(text: str) -> str:
        if text not in choices:
            known = "" if len(choices) > len("abcd") else " or ".join(choices)
            raise ValueError(
                f"{shown(text)} is not {known or 'known'}{nearest(text, choices)}"
            )
        return text

    return read


def readSeconds(text: str) -> int:
    """
    Read a duration in seconds, or with a unit as C{5m}.

    @return: whole seconds, rounded down.
    @raise ValueError: it is none, or less than a second.
    """
    if len(text) > _SHOWN or not text.isascii():
        raise ValueError(f"{shown(text)} is not a duration such as 60 or 5m")
    found = parseDuration(text) // SECOND
    if not found:
        raise ValueError(f"{text} is less than a second")
    return found


def readTime(text: str) -> int:
    """
    Read a time: seconds since the UNIX epoch, or as RFC 3339 writes it.

    @return: whole seconds since the UNIX epoch, rounded down.
    @raise ValueError: it is none.
    """
    if found := _SECONDS.fullmatch(text):
        return min(int(found[1]), LAST_SECOND)
    if not (written := _TIME.fullmatch(text)):
        raise ValueError(
            f"{shown(text)} is neither seconds since the epoch nor a time such as "
            "2026-01-31T12:00:00Z"
        )
    day, clock, sign, hours, minutes = written.groups()
    try:
        zone = UTC
        if sign is not None:
            ahead = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-ahead if sign == "-" else ahead)
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone)
        seconds = int(moment.timestamp())
    except ValueError:
        raise ValueError(f"{shown(text)} is no time") from None
    if seconds < 0:
        raise ValueError(f"{shown(text)} is before 1970")
    return seconds
