"""
Check the values of which the entries and the states of a room consist; pure.

Anybody may have written them who can write to the relay.
"""

from __future__ import annotations

import re

from echostamp.stamps import LONGEST_TEXT as LONGEST_STAMP_TEXT

#: The most octets of a text, with its newlines.
LONGEST_TEXT = 262_144

#: The most octets of a name that an address gives, and of an address.
_LONGEST_NAME, _LONGEST_ADDRESS = 64, 128

#: The greatest number of a line or of a member.
MOST = 1 << 53

_ID = re.compile(rb"[0-9a-f]{32}")
_NUMERAL = re.compile(rb"0|[1-9][0-9]{0,15}")
# Printable ASCII without spaces.  A name stands between angle brackets, so it has none.
_NAME = re.compile(rb"[!-;=?-~]{1,%d}" % _LONGEST_NAME)


def readDaemon(value: bytes) -> bytes:
    """
    Check the id of a daemon.

    @raise ValueError: it is none, as from all these functions.
    """
    if not _ID.fullmatch(value):
        raise ValueError("the id of a daemon is not 32 hexadecimal digits")
    return value


def readNumber(value: bytes, least: int = 0) -> int:
    """
    Read a number of at most L{MOST}.
    """
    if not _NUMERAL.fullmatch(value) or not least <= int(value) <= MOST:
        raise ValueError(f"a number is not from {least} to 2^53")
    return int(value)


def readName(value: bytes) -> bytes:
    """
    Check a name: one that a member may request, or one that an address gives.
    """
    if not _NAME.fullmatch(value):
        raise ValueError("a name is not printable ASCII, or too long")
    return value


def readAddress(value: bytes) -> str:
    """
    Read the address of a member.
    """
    return _printable(value, _LONGEST_ADDRESS, "an address")


def readStamp(value: bytes) -> bytes:
    """
    Check a stamp.
    """
    if not (value.startswith(b"[") and value.endswith(b"] ")):
        raise ValueError("a stamp is not in brackets")
    if b"]" in _printable(value[1:-2], LONGEST_STAMP_TEXT, "a stamp").encode():
        raise ValueError("a stamp has a ]")
    return value


def readText(value: bytes) -> bytes:
    """
    Check a text.  Its octets may be any: L{echostamp.intercom.formatting} makes them
    safe.
    """
    if not value.endswith(b"\n"):
        raise ValueError("a text does not end with a newline")
    if len(value) > LONGEST_TEXT:
        raise ValueError("a text is too long")
    return value


def _printable(value: bytes, most: int, what: str) -> str:
    """
    Read printable text, which is not empty.

    @param most: octets that it may have.
    @param what: what it is, for the error.
    """
    if not 0 < len(value) <= most:
        raise ValueError(f"{what} is empty or too long")
    # What is no UTF-8 becomes surrogates, which are not printable.
    text = value.decode("utf-8", "surrogateescape")
    if not text.isprintable():
        raise ValueError(f"{what} is not printable")
    return text
