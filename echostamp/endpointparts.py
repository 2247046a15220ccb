"""
Splits the descriptions of endpoints into their parts; a leaf.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

#: One part of a description: a colon, and the text up to the next colon.  A colon or
#: backslash in the text itself has a backslash before it.
_PART = re.compile(r":((?:\\.|[^:\\])*)", re.DOTALL)

#: A part with a name: the text up to the first equals sign that has no backslash before
#: it, and the value.
_NAMED = re.compile(r"((?:\\.|[^=\\])*)=(.*)", re.DOTALL)


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

    @raise ValueError: a name is given twice, or a backslash has nothing behind it.
    """
    kind, *parts = _PART.findall(f":{text}")
    if len(":".join([kind, *parts])) < len(text):
        raise ValueError("nothing follows its last backslash")
    found = Description(kind, [], {})
    for part in parts:
        match = _NAMED.fullmatch(part)
        if not match:
            found.words.append(_unescaped(part))
            continue
        name, value = map(_unescaped, match.groups())
        if name in found.named:
            raise ValueError(f"{name}= is given twice")
        found.named[name] = value
    return found


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


def portNumber(text: str, least: int = 0) -> int:
    """
    Read a TCP port.

    @param least: the smallest port.
    @raise ValueError: it is none.
    """
    # The length first: Python does not convert a number of thousands of digits.
    if not (re.fullmatch("[0-9]{1,5}", text) and least <= int(text) <= 65535):
        raise ValueError(f"{text!r} is not a port from {least} to 65535")
    return int(text)


def partsOf(description: Description, order: Sequence[str]) -> dict[str, str]:
    """
    Give the parts of a description by their names.

    @param order: the names that parts may have.  Parts without a name have these in
        turn.
    @raise ValueError: a part has another name, or is given twice.
    """
    checkNames(description, order, len(order))
    values = dict(description.named)
    for name, word in zip(order, description.words, strict=False):
        if name in values:
            raise ValueError(f"{name}= is given twice")
        values[name] = word
    return values
