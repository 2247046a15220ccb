"""
Reads the values of a peer's keys; pure, but for looking for this machine's links and
zones.

A value is what TOML or JSON gives.  In JSON every value is text; so text is read, too,
where TOML has numbers, booleans and lists.  Each reader raises a C{ValueError} whose
text says in one line what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

from echostamp.monitor.mistakes import nearest
from echostamp.values import durationReader

_Value = TypeVar("_Value")

#: The most octets of a peer's name.
LONGEST_NAME = 64

#: Numbers of more digits are no value of any key.
_LARGEST = 10**18

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

#: Labels that Prometheus sets.
_PROMETHEUS_LABELS = ("instance", "job")

#: Labels that series of the monitor have.
_OWN_LABELS = (
    *("peer", "reason", "direction", "kind", "flow", "le", "quantile", "verdict"),
    *("target", "address", "transport", "rtt_is", "version", "python", "twisted"),
    *("name", "outcome", "file"),
)


def shown(value: object) -> str:
    """
    Write a value as a message shows it.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and abs(value) > _LARGEST:
        # Python refuses to write very long numbers.
        return "a number of many digits"
    if value is None:
        return "null"
    # Dates and times of TOML are the rest.
    return repr(value) if isinstance(value, (str, int, float)) else str(value)


def plain(value: object) -> str:
    """
    Give a text or a number as text.

    @raise ValueError: the value is neither.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        # Without an exponent; the shortest duration is a nanosecond.
        return f"{Decimal(repr(round(value, 9))):f}" if _isUsual(value) else repr(value)
    if isinstance(value, int) and not isinstance(value, bool) and _isUsual(value):
        return str(value)
    raise ValueError(f"{shown(value)} is neither text nor a number")


def _isUsual(number: float) -> bool:
    """
    Tell whether a number is finite and has few digits.
    """
    return abs(number) <= _LARGEST


def plainReader(read: Callable[[str], _Value]) -> Callable[[object], _Value]:
    """
    Make a reader of texts and numbers.

    @param read: reads a text.
    """
    return lambda value: read(plain(value))


def timeReader(least: int, most: int, orNone: bool = False) -> Callable[[object], int]:
    """
    Make a reader of durations: text as on the command line, or numbers of seconds; see
    L{durationReader}.
    """
    return plainReader(durationReader(least, most, orNone))


def choiceReader(*choices: str) -> Callable[[object], str]:
    """
    Make a reader of words.
    """

    def read(value: object) -> str:
        text = plain(value)
        if text not in choices:
            known = ", ".join(map(repr, choices))
            raise ValueError(f"{shown(value)} is none of {known}")
        return text

    return read


def readFlag(value: object) -> bool:
    """
    Read C{true} or C{false}.

    @raise ValueError: the value is neither.
    """
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError(f"{shown(value)} is neither true nor false")


def readText(value: object) -> str:
    """
    Read a text that is not empty.

    @raise ValueError: the value is something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not text")
    if not value:
        raise ValueError("the text is empty")
    return value


def readPath(value: object) -> str:
    """
    Read the path of a file.

    @raise ValueError: the value is none.
    """
    text = readText(value)
    if "\0" in text or not _isUtf8(text):
        raise ValueError(f"{text!r} is no path")
    return text


def readList(value: object) -> tuple[str, ...]:
    """
    Read a list of texts.  One text is a list with commas.

    @raise ValueError: the value is something else.
    """
    if isinstance(value, str):
        value = [each.strip() for each in value.split(",")]
    if not isinstance(value, list):
        raise ValueError(f"{shown(value)} is not a list of texts")
    return tuple(map(readText, value))


def readTlvs(known: Iterable[str]) -> Callable[[object], tuple[str, ...]]:
    """
    Make a reader of lists of known words, each of which counts once.
    """
    one = choiceReader(*known)
    return lambda value: tuple(dict.fromkeys(map(one, readList(value))))


def readName(value: object) -> str:
    """
    Read the name of a peer.

    @raise ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not text")
    if value in (".", ".."):
        # Browsers and proxies take these out of the path of a page.
        raise ValueError(f"{value!r} is no name that a page can have")
    isName = value.isprintable() and value.strip() == value and "/" not in value
    if not (isName and 0 < len(value.encode()) <= LONGEST_NAME):
        raise ValueError(
            f"a name is 1 to {LONGEST_NAME} printable octets without / and without "
            "a space at either end"
        )
    return value


def readLabels(value: object) -> dict[str, str]:
    """
    Read a table of labels.

    @raise ValueError: it is none, or some are wrong.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{shown(value)} is not a table of names and texts")
    wrong = [why for each in value.items() if (why := _wrongLabel(*each))]
    if wrong:
        raise ValueError("; ".join(wrong))
    return dict(value)


def _wrongLabel(name: str, value: object) -> str:
    """
    Say what is wrong with a label; empty if nothing is.
    """
    if not _LABEL.fullmatch(name):
        return f"{name!r} is no name of a label: ASCII letters, digits and _"
    if name.startswith("__") or name in _PROMETHEUS_LABELS:
        return f"{name!r} is a label of Prometheus' own"
    if name in _OWN_LABELS:
        return f"{name!r} is a label that our series have already"
    if not (isinstance(value, str) and _isUtf8(value)):
        return f"{name!r}: {shown(value)} is not text"
    return ""


def _isUtf8(text: str) -> bool:
    """
    Tell whether text can be written as UTF-8: JSON may hold half a character.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def readUrl(value: object) -> str:
    """
    Read where a status page is.

    @raise ValueError: the value is no URL of a host's page.
    """
    text = readText(value)
    try:
        parts = urlsplit(text)
        isUrl = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        isUrl = False
    if not isUrl or not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError(f"{text!r} is not http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{text!r} has more than a host, a port and a path")
    return text


def readSeenFrom(value: object) -> dict[str, str]:
    """
    Read the targets by which other hosts see a peer.

    @return: each host's name, and its target.
    @raise ValueError: the value is something else.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{shown(value)} is not a table of hosts")
    return {name: _seenAs(name, table) for name, table in value.items()}


def _seenAs(name: str, table: Any) -> str:
    """
    Read the target by which one host sees a peer.

    @raise ValueError: the table has not exactly a target.
    """
    if not isinstance(table, Mapping):
        raise ValueError(f"{name}: {shown(table)} is not a table with a target")
    for key in table:
        if key != "target":
            why = nearest(key, ["target"])
            raise ValueError(f"{name}: unknown key {key!r}{why}")
    try:
        return readText(table.get("target", ""))
    except ValueError as error:
        raise ValueError(f"{name}: target: {error}") from None
