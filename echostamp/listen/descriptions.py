"""
Splits the descriptions of endpoints into their parts, and checks them; pure.

Twisted parses most descriptions, but what it says about a wrong one is about its own
functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

#: One part of a description: a colon, and the text up to the next colon.  A colon or
#: backslash in the text itself has a backslash before it.
_PART = re.compile(r":((?:\\.|[^:\\])*)", re.DOTALL)

#: The name of a part, and its value: they are on the two sides of the first equals sign
#: that has no backslash before it.
_NAMED = re.compile(r"((?:\\.|[^=\\])*)=(.*)", re.DOTALL)

#: The parameters of Twisted's kinds, in the order in which their names may be left out.
_PARAMETERS = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "ssl": (
        *("port", "privateKey", "certKey", "sslmethod", "interface", "backlog"),
        *("extraCertChain", "dhParameters"),
    ),
    "unix": ("address", "mode", "backlog", "lockfile"),
}

#: How the text of a number looks, and what it is called.
_NUMBERS = {
    "backlog": ("[0-9]{1,9}", "a number from 0 to 65535"),
    "mode": ("[0-7]{1,9}", "an octal number from 0 to 777"),
    "lockfile": ("[01]", "0 or 1"),
}


class Description(NamedTuple):
    """
    A description of an endpoint.

    @ivar kind: what stands before the first colon.
    @ivar words: the parts without a name.
    @ivar named: the parts with a name.
    """

    kind: str
    words: list[str]
    named: dict[str, str]


def parseDescription(text: str) -> Description:
    """
    Split a description into its parts.

    @raise ValueError: a name is given twice, or the last character is a backslash that
        escapes nothing.
    """
    kind, *parts = found = _PART.findall(f":{text}")
    if sum(len(part) + 1 for part in found) <= len(text):
        raise ValueError("a backslash is its last character")
    words: list[str] = []
    named: dict[str, str] = {}
    for part in parts:
        match = _NAMED.fullmatch(part)
        if not match:
            words.append(_unescaped(part))
            continue
        name, value = _unescaped(match[1]), _unescaped(match[2])
        if name in named:
            raise ValueError(f"{name}= is given twice")
        named[name] = value
    return Description(kind, words, named)


def _unescaped(part: str) -> str:
    """
    Remove the backslashes that escape characters of a part.
    """
    return re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL)


def checkNames(
    description: Description, names: Sequence[str], mostWords: int = 1
) -> None:
    """
    Check that a description has no other parts than those that its kind has.

    @param names: the names that parts may have.
    @param mostWords: how many parts may have no name.
    @raise ValueError: it has another part.
    """
    for name in description.named:
        if name not in names:
            raise ValueError(f"unknown parameter {name!r}")
    for word in description.words[mostWords:]:
        raise ValueError(f"one part too many: {word!r}")


def portNumber(text: str) -> int:
    """
    Read a TCP port.

    @raise ValueError: it is none.
    """
    # The length first: Python does not convert a number of thousands of digits.
    if not (re.fullmatch("[0-9]{1,5}", text) and int(text) <= 65535):
        raise ValueError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def checkDescription(description: Description) -> None:
    """
    Check a description that Twisted will parse.  Kinds that are not Twisted's own are
    not checked.

    @raise ValueError: a part is missing, wrong or unknown.
    """
    isWrapped = description.kind == "haproxy"
    if "=" in description.kind or (isWrapped and not description.words):
        raise ValueError("it does not begin with a kind of endpoint, such as tcp:")
    if isWrapped:
        kind, *words = description.words
        checkDescription(Description(kind, words, description.named))
    order = _PARAMETERS.get(description.kind)
    if order is None:
        return
    checkNames(description, order, len(order))
    values = dict(description.named)
    for name, word in zip(order, description.words, strict=False):
        if name in values:
            raise ValueError(f"{name}= is given twice")
        values[name] = word
    if order[0] == "port":
        portNumber(values.get("port", ""))
    elif "address" not in values:
        raise ValueError("its path is missing")
    for name, (pattern, what) in _NUMBERS.items():
        if name in values and not re.fullmatch(pattern, values[name]):
            raise ValueError(f"{name}={values[name]!r} is not {what}")
