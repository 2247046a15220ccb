"""
Fits text into columns of a terminal; a leaf.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, east_asian_width

#: Columns from one tab stop of a terminal to the next.
TAB = 8

#: What stands for the characters that were cut out.
_CUT = "…"

_ASCII = re.compile(r"[ -~]*")

#: Format characters that terminals show: the soft hyphen, and Arabic, Syriac and Kaithi
#: signs in front of numbers.
_SHOWN = frozenset("\xad\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd") | {
    chr(code) for code in range(0x600, 0x606)
}

#: Characters that newer versions of Unicode, or some terminals, call wide: regional
#: indicators, hexagrams and the like, circled numbers on black squares.
_WIDE = re.compile(
    "[\U0001f1e6-\U0001f1ff\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\u3248-\u324f"
    "\U0001d300-\U0001d356\U0001d360-\U0001d376]"
)

#: Makes some characters before it an emoji, which is wide.
_EMOJI = "\ufe0f"


def columnsOf(text: str) -> int:
    """
    Count the columns that a printable text takes on a terminal.

    Terminals differ about emojis and flags of several characters: this is the most that
    they take.
    """
    return len(text) if _ASCII.fullmatch(text) else sum(map(_width, text))


@lru_cache(maxsize=10_000)
def _width(character: str) -> int:
    """
    Give the columns of a character: two for wide ones, none for combining marks.
    """
    if character == _EMOJI or character in _SHOWN:
        return 1
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    isWide = east_asian_width(character) in "WF" or _WIDE.match(character)
    return 2 if isWide else 1


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
