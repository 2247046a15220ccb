"""
Text from elsewhere, safe to show; a leaf.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """
    Make one line of a text that may hold anything: what is not printable, newlines
    included, stands there as Python would write it.
    """
    return "".join([each if each.isprintable() else escaped(each) for each in text])


def escaped(character: str) -> str:
    """
    Write a character as Python would in a string.
    """
    return character.encode("unicode_escape").decode("ascii")


def sslText(error: Exception) -> str:
    """
    Give OpenSSL's own words for what went wrong, without where in OpenSSL it did.
    """
    # A list of what happened, each with where in OpenSSL, or a number and a text.
    queue = error.args[0] if error.args else ()
    if isinstance(queue, int):
        queue = [error.args]
    return ", ".join(dict.fromkeys(str(each[-1]) for each in queue))
