"""
Fits text into columns of a terminal; pure.
"""

from __future__ import annotations

import re
from unicodedata import category, east_asian_width

#: What stands for the characters that were cut out.
_CUT = "…"

_ASCII = re.compile(r"[ -~]*")


def columnsOf(text: str) -> int:
    """
    Count the columns that a printable text takes on a terminal.
    """
    return len(text) if _ASCII.fullmatch(text) else sum(map(_width, text))


def _width(character: str) -> int:
    """
    Give the columns of a character: two for wide ones, none for combining marks.
    """
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def beginning(text: str, columns: int) -> str:
    """
    Give as much of the beginning of a text as fits.
    """
    if columnsOf(text) <= columns:
        return text
    used, kept = 0, []
    for each in text:
        used += _width(each)
        if used > columns:
            break
        kept.append(each)
    return "".join(kept)


def _ending(text: str, columns: int) -> str:
    """
    Give as much of the end of a text as fits.
    """
    used, at = 0, len(text)
    while at and (wide := _width(text[at - 1])) + used <= columns:
        used, at = used + wide, at - 1
    rest = text[at:]
    while rest and not _width(rest[0]):
        # The mark's own character is gone.
        rest = rest[1:]
    return rest


def fitted(text: str, columns: int) -> str:
    """
    Make a text as wide as a column.  Characters in the middle of a longer one are cut
    out: names of hosts differ in the first ones, addresses and ports in the last ones.

    @param columns: how wide it is; at least 1.
    """
    if columnsOf(text) > columns:
        room = columns - 1
        first = beginning(text, room - room // 2)
        text = first + _CUT + _ending(text, room - columnsOf(first))
    return text + " " * (columns - columnsOf(text))
