"""
Reads the fields of JSON from another machine: each has its type and its bounds; pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

#: The most characters of a text.
LONGEST_TEXT = 1000

#: Durations, times and counts of more than this are wrong: 30,000 years in nanoseconds.
MOST = 10**21

Value = TypeVar("Value")


def parsedJson(text: bytes) -> Any:
    """
    Parse JSON.

    @raise ValueError: it is none, or has numbers that JSON does not have.
    """
    try:
        return json.loads(text.decode(), parse_constant=_noNumber)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None


def _noNumber(text: str) -> None:
    """
    Refuse C{NaN} and C{Infinity}, which Python would read.
    """
    raise ValueError(f"{text} is no number")


class Fields:
    """
    The fields of an object.

    @ivar where: where the object is.
    """

    def __init__(self, found: Any, where: str = "") -> None:
        """
        @param found: what should be an object.
        @raise ValueError: it is none.
        """
        if not isinstance(found, dict):
            raise ValueError(f"{where or 'it'} is no object")
        self.where = where
        self._found = found

    def get(self, name: str, read: Callable[[Any], Value]) -> Value:
        """
        Read a field.

        @raise ValueError: it is missing, or wrong.
        """
        where = f"{self.where}.{name}" if self.where else name
        if name not in self._found:
            raise ValueError(f"{where} is missing")
        try:
            return read(self._found[name])
        except ValueError as error:
            raise ValueError(f"{where} {error}") from None

    def inner(self, name: str) -> Fields:
        """
        Give the fields of an object in a field.

        @raise ValueError: it is missing, or no object.
        """
        found = self.get(name, lambda value: value)
        return Fields(found, f"{self.where}.{name}" if self.where else name)

    def group(self, name: str, **reads: Callable[[Any], Any]) -> dict[str, Any]:
        """
        Read values that are known together, or not at all.

        @param name: of the field; its value is an object or null.
        @param reads: reads each field of the object.
        @return: the values by name; each is L{None} where the object is null.
        @raise ValueError: something is missing, or wrong.
        """
        if self.get(name, lambda value: value) is None:
            return dict.fromkeys(reads)
        inner = self.inner(name)
        return {key: inner.get(key, read) for key, read in reads.items()}


def aCount(value: Any) -> int:
    """Read a number of things, a time, or a duration that is not negative."""
    found = aSpan(value)
    if found < 0:
        raise ValueError("is negative")
    return found


def aSpan(value: Any) -> int:
    """Read a duration or a difference of clocks."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("is no whole number")
    if not -MOST <= value <= MOST:
        raise ValueError("is out of range")
    return value


def aPercentage(value: Any) -> float:
    """Read a number of percent."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("is no number")
    if not (isfinite(value) and 0 <= value <= 100):
        raise ValueError("is not from 0 to 100")
    return float(value)


def aText(value: Any) -> str:
    """Read a text: one printable line."""
    if not isinstance(value, str):
        raise ValueError("is no text")
    if len(value) > LONGEST_TEXT:
        raise ValueError(f"has more than {LONGEST_TEXT:,} characters")
    if not value.isprintable():
        raise ValueError("is not printable")
    return value


def aList(value: Any) -> list[Any]:
    """Read a list."""
    if not isinstance(value, list):
        raise ValueError("is no list")
    return value


def oneOf(*choices: str) -> Callable[[Any], str]:
    """Make a reader of words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError("is no word that is known")
        return value

    return read


def orNull(read: Callable[[Any], Value]) -> Callable[[Any], Value | None]:
    """Make a reader of values that may be null."""
    return lambda value: None if value is None else read(value)
