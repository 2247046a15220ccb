"""
Makes text from elsewhere safe to print; a leaf.
"""

from __future__ import annotations

import re

#: What a terminal would obey, beyond ASCII, inside the brackets of a regular
#: expression: C1 controls, line and paragraph separators, and characters that reorder
#: text (marks, embeddings, overrides and isolates).
UNSAFE_BEYOND_ASCII = "\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"

#: What a terminal would obey: C0 controls without tab and newline, DEL, and the above.
UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f{UNSAFE_BEYOND_ASCII}]")


def printable(text: str) -> str:
    """
    Make one printable line of any text.

    Characters that are not printable, newlines included, are escaped as in a Python
    string.
    """
    return "".join([each if each.isprintable() else escaped(each) for each in text])


def counted(count: int, one: str, more: str = "") -> str:
    """
    Write how many things there are.

    @param one: the word for one of them.
    @param more: the word for several, if it is not C{one} with an C{s}.
    """
    return f"{count} {one if count == 1 else more or one + 's'}"


def escaped(character: str) -> str:
    """
    Write a character as Python would in a string.
    """
    return character.encode("unicode_escape").decode("ascii")


def sslText(error: Exception) -> str:
    """
    Give OpenSSL's own words for an error, without the place in OpenSSL's source.

    @param error: an L{OpenSSL.SSL.Error}.
    """
    # Its argument is a list of errors, each with its text last, or a number and a text.
    queue = error.args[0] if error.args else ()
    if isinstance(queue, int):
        queue = [error.args]
    return ", ".join(dict.fromkeys(str(each[-1]) for each in queue))
