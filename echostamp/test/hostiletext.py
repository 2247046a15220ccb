"""
Text that a terminal must not get as it is.
"""

from __future__ import annotations

import unicodedata

#: What reorders text: embeddings, overrides, isolates and their ends, and marks.
REORDERS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


MARKS = {"ARABIC LETTER MARK", "LEFT-TO-RIGHT MARK", "RIGHT-TO-LEFT MARK"}


#: Pieces of streams that mean harm, some of them cut short.
HOSTILE = [
    b"\x1b[2J",
    b"\x1b]0;title\x07",
    b"\r",
    b"\x7f",
    b"\x9b31m",
    "\x85\x9b\x90".encode(),
    "\u061c\u200e\u200f\u2028\u2029".encode(),
    "\u202a\u202b\u202c\u202d\u202e".encode(),
    "\u2066\u2067\u2068\u2069".encode(),
    b"\xc2",
    b"\xe2\x80",
    b"\xed\xb2\x9b",
    b"\xc0\x9b",
    b"\xf4\x90\x80\x80",
]


def isSafe(character: str) -> bool:
    """
    Say by what Unicode knows of it whether a terminal only shows a character.
    """
    return character in "\t\n" or not (
        unicodedata.category(character) in {"Cc", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in REORDERS
        or unicodedata.name(character, "") in MARKS
    )
