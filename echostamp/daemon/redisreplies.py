"""
What Redis answers: ids of entries, entries, and errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from echostamp.intercom.entries import Fields
from echostamp.intercom.relay import orderOf
from echostamp.text import printable

#: The largest of the two numbers of an id.
_LARGEST = (1 << 64) - 1

#: The most characters of Redis' own words in a message.
_LONGEST_WORDS = 200

#: What Redis says about an XADD with the id 0-0.  It comes behind all checks of
#: permissions, memory and roles, so that it shows that an XADD would succeed.
WOULD_ADD = "The ID specified in XADD must be greater than 0-0"

#: How an error of Redis begins, and what it means.
_MEANINGS: dict[str, str] = {
    "WRONGPASS": "the user or the password is wrong",
    "NOAUTH": "it wants a password; see --relay-password-file",
    "NOPERM": "no permission for {command}: {words}",
    "WRONGTYPE": "the key {key!r} holds another type than {command} needs",
    "unknown command": "it has no {command}: Redis 5 or newer is needed",
    "AUTH <password> called without any password": (
        "it has no password; leave --relay-password-file out"
    ),
}

#: The same where the key is the stream.
_NO_STREAM = "the key {key!r} is no stream"


def isPossible(id: bytes) -> bool:
    """
    Say whether Redis may have an entry with an id; it refuses others as an error.
    """
    try:
        return max(orderOf(id)) <= _LARGEST
    except ValueError:
        return False


def idAfter(id: bytes) -> bytes:
    """
    Give the next id that is possible.
    """
    first, second = orderOf(id)
    return b"%d-%d" % ((first, second + 1) if second < _LARGEST else (first + 1, 0))


def idBefore(id: bytes) -> bytes:
    """
    Give the last id that is possible before another one, which is not C{0-0}.
    """
    first, second = orderOf(id)
    return b"%d-%d" % ((first, second - 1) if second else (first - 1, _LARGEST))


def entriesOf(reply: Sequence[Any] | None) -> list[tuple[bytes, Fields]]:
    """
    Read the entries that XRANGE, XREVRANGE or a stream of XREAD gives.
    """
    found: list[tuple[bytes, Fields]] = []
    for id, flat in reply or ():
        # The server has no fields of an entry that was deleted.
        words = flat or []
        found.append((id, list(zip(words[::2], words[1::2], strict=True))))
    return found


def whyRefused(words: Sequence[bytes], error: str) -> str:
    """
    Explain in one line why Redis has refused a command.

    @param words: the command, its key, and what follows.
    @param error: Redis' error.
    """
    command = words[0].decode("ascii")
    error = error.removeprefix("ERR ")
    for beginning, meaning in _MEANINGS.items():
        if error.lower().startswith(beginning.lower()):
            if beginning == "WRONGTYPE" and command.startswith("X"):
                meaning = _NO_STREAM
            said = error[len(beginning) :].strip()
            key = _keyOf(words).decode("ascii", "replace")
            text = meaning.format(command=command, key=key, words=said)
            break
    else:
        text = f"{command}: {error}"
    return printable(text)[:_LONGEST_WORDS]


def _keyOf(words: Sequence[bytes]) -> bytes:
    """
    Give the key of a command; of XREAD it is the word before the last.
    """
    return words[-2] if words[0] == b"XREAD" else words[1]
