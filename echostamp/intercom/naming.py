"""
The names of members: which are valid, which are free, and how one is requested; pure.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

#: The most octets of a name that a member requests.
LONGEST_NAME = 32

#: The rule for a requested name, as a message says it.
NAMES = f"1 to {LONGEST_NAME} ASCII letters, digits and .:_-[], and no address"

#: The beginning of a message that requests a name.
_REQUEST = b"/name "

_NAME = re.compile(rb"[A-Za-z0-9.:_\[\]-]{1,%d}" % LONGEST_NAME)

#: What separates the words of a name.
_MARKS = re.compile(rb"[.:_\[\]-]+")

#: A part of an IPv4 address, or a port, as C{inet_aton(3)} reads numbers.
_NUMBER = re.compile(rb"[0-9]+|0x[0-9a-f]+")

_HEXADECIMAL = re.compile(rb"[0-9a-f]+")

#: Two numbers with a dot between them at the beginning, whatever follows.
_DOTTED = re.compile(rb"[:\[]*(0x[0-9a-f]+|[0-9]+)\.(0x[0-9a-f]|[0-9])")

#: The least number that C{inet_aton(3)} takes for the address of a host: 1.0.0.0.
_LEAST_HOST = 1 << 24

#: Up to the first of these numbers, and from the second on, each number is tried behind
#: a name that is taken.  Great numbers would get too long if they were doubled.
_EACH_NUMBER, _GREAT_NUMBER = 16, 1 << 20

#: No address, number or C{local} has this letter.
_UNLIKE = b"z"


class FirstMessage(NamedTuple):
    """
    The first message of a member, and what follows it.

    @ivar stamp: its stamp.
    @ivar requestedName: the name that it requests, valid or not; L{None} if it is any
        other message.
    @ivar following: the replies behind this one.
    """

    stamp: bytes
    requestedName: bytes | None
    following: bytes


def readFirstMessage(replies: bytes) -> FirstMessage:
    """
    Read the first message of a member.

    @param replies: the replies to a member's first messages, each behind its stamp.
    """
    first, _, following = replies.partition(b"\n")
    stamp, bracket, message = first.partition(b"] ")
    return FirstMessage(stamp + bracket, requestedName(message), following)


def requestedName(message: bytes) -> bytes | None:
    """
    Read a message that may be C{/name NAME}.

    @return: the text in the place of the name; L{None} if it is any other message.
    """
    if not message.startswith(_REQUEST):
        return None
    return message[len(_REQUEST) :].strip()


def isName(name: bytes) -> bool:
    """
    Say whether a member may have a name that it requests: 1 to L{LONGEST_NAME} ASCII
    letters, digits and C{.:_-[]}.  Names that look like those that the daemon gives
    itself are excluded.  Those are an address and a port, or C{local}, and either with
    a number behind it.
    """
    return bool(_NAME.fullmatch(name)) and not _looksGiven(name.lower())


def _looksGiven(name: bytes) -> bool:
    """
    Say whether a name looks like one that the daemon gives.

    An address has many spellings, so these look like one, too: numbers with a dot or a
    colon, whatever follows numbers with a dot (a port may be a name), one great number,
    hexadecimal numbers with two colons, and anything with two colons side by side.

    @param name: in lower case.
    """
    if b"::" in name or _DOTTED.match(name):
        return True
    words = [word for word in _MARKS.split(name) if word]
    others = [word for word in words if not _NUMBER.fullmatch(word)]
    if others == [b"local"]:
        return True
    if not others and words:
        return b"." in name or b":" in name or _isHost(words)
    return name.count(b":") > 1 and all(map(_HEXADECIMAL.fullmatch, others))


def _isHost(numbers: list[bytes]) -> bool:
    """
    Say whether these are one number, which is the address of a host.
    """
    first, *more = numbers
    base = 16 if first.startswith(b"0x") else 10
    return not more and int(first, base) >= _LEAST_HOST


def freeName(name: bytes, taken: Container[bytes]) -> bytes:
    """
    Find a name that is not taken: this one, or this one with a number behind it.  If
    this is a name that a member may request, the result is one, too.

    Thousands of members may ask for one name, as those of a UNIX socket do.  So only
    the first numbers are tried one by one; of the others, a lesser one may be free.

    @param taken: the names of all members.
    """
    if name not in taken:
        return name
    isRequestable = isName(name)
    last, number = 1, 2
    while _numbered(name, number, isRequestable) in taken:
        step = number if _EACH_NUMBER <= number < _GREAT_NUMBER else 1
        last, number = number, number + step
    # From here on, the last number is taken and the other one is free.
    while number - last > 1:
        middle = (last + number) // 2
        if _numbered(name, middle, isRequestable) in taken:
            last = middle
        else:
            number = middle
    return _numbered(name, number, isRequestable)


def _numbered(name: bytes, number: int, isRequestable: bool) -> bytes:
    """
    Put a number behind a name, which is shortened if it gets too long.

    @param isRequestable: whether the name is one that a member may request.
    """
    suffix = b"-%d" % number
    begin = name[: max(LONGEST_NAME, len(name)) - len(suffix)]
    if isRequestable and not isName(begin + suffix):
        # The letter that told the name from an address was cut off.
        begin = begin[:-1] + _UNLIKE
    return begin + suffix


def refusal(requested: bytes, given: bytes) -> bytes:
    """
    Tell a member why it has not got the name that it requested.

    @param given: the name that it has.
    @return: the text of a notice; empty if it has the requested name.
    """
    if given == requested:
        return b""
    if isName(requested):
        return b"you are %s: %s is taken" % (given, requested)
    return b"you are %s: a name has %s" % (given, NAMES.encode())
