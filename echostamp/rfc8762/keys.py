"""
The keys of authenticated mode, and the key file.

Each line of the file is an SSID and a key in hexadecimal digits.  The SSID may be C{*},
for all that have no line of their own; C{#} begins a comment.  Two keys of one SSID are
valid at a time, so that the ends can change them one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from echostamp.keyfiles import DISK, Files

#: Octets that a key file may have at most.
_LONGEST_FILE = 1_000_000

#: Keys that one SSID may have at a time.
MOST = 2

#: Octets of a key.  RFC 2104, section 3, recommends at least the hash's length, 32; a
#: key below half of it might be guessed.
SHORTEST, LONGEST = 16, 1024

#: The keys of each SSID; L{None} is any SSID that is not named.
Keys = Mapping[int | None, Sequence[bytes]]


def readKeys(path: str, files: Files = DISK) -> Keys:
    """
    Read a key file.

    @param files: reads it.
    @raise ValueError: it cannot be read, is wrong, or others may read it.  The error
        gives the reason, but nothing of the keys.
    """
    try:
        text = files.read(path, _LONGEST_FILE + 1, isSecret=True).decode("ascii")
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    if len(text) > _LONGEST_FILE:
        raise ValueError("it is too long")
    return parseKeys(text)


def parseKeys(text: str) -> Keys:
    """
    Read the text of a key file.

    @raise ValueError: it is wrong.  The error names the line, but gives nothing of its
        text.
    """
    keys: dict[int | None, list[bytes]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        try:
            ssid, key = _parseLine(fields)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        found = keys.setdefault(ssid, [])
        found.append(key)
        if len(found) > MOST:
            raise ValueError(f"line {number}: a third key for one SSID")
    if not keys:
        raise ValueError("there is no key in it")
    return keys


def _parseLine(fields: list[str]) -> tuple[int | None, bytes]:
    """
    Read the words of a line.

    @raise ValueError: they are not an SSID and a valid key.
    """
    if len(fields) != 2:
        raise ValueError("not an SSID, or *, and a key")
    ssid, digits = fields
    if ssid != "*" and not (
        ssid.isascii() and ssid.isdecimal() and len(ssid) < 6 and int(ssid) < 65536
    ):
        raise ValueError("the SSID is neither * nor a number from 0 to 65535")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        raise ValueError("the key is not in hexadecimal digits") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"the key does not have {SHORTEST} to {LONGEST} octets")
    return None if ssid == "*" else int(ssid), key


def keysOf(keys: Keys, ssid: int) -> Sequence[bytes]:
    """
    Give the keys that are valid for a session.
    """
    return keys.get(ssid) or keys.get(None, ())
