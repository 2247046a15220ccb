"""
Text that a terminal would obey.
"""

from __future__ import annotations

import unicodedata

#: Bidirectional classes that reorder text: embeddings, overrides and isolates.
REORDERS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

#: The names of the marks, which have no such class.
MARKS = {"ARABIC LETTER MARK", "LEFT-TO-RIGHT MARK", "RIGHT-TO-LEFT MARK"}


#: Pieces of hostile streams, some of them incomplete.
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
    Check by a character's Unicode properties whether a terminal only prints it.
    """
    return character in "\t\n" or not (
        unicodedata.category(character) in {"Cc", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in REORDERS
        or unicodedata.name(character, "") in MARKS
    )
