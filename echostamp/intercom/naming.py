"""
The names of members: which are valid, which are free, and how one is requested; pure.
"""

from __future__ import annotations

import re
from collections.abc import Container
from ipaddress import ip_address
from typing import NamedTuple

#: The most octets of a name that a member requests.
LONGEST_NAME = 32

#: The rule for a requested name, as a message says it.
NAMES = f"1 to {LONGEST_NAME} ASCII letters, digits and .:_-[], and no address"

#: The beginning of a message that requests a name.
_REQUEST = b"/name "

_NAME = re.compile(rb"[A-Za-z0-9.:_\[\]-]{1,%d}" % LONGEST_NAME)


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
    letters, digits and C{.:_-[]}.  Names that the daemon gives itself are excluded: an
    address and a port, or C{local}, and either with a number behind it.
    """
    if not _NAME.fullmatch(name):
        return False
    base = re.sub("-[0-9]+$", "", name.decode())
    if base == "local":
        return False
    host, colon, port = base.rpartition(":")
    if not (colon and port.isdecimal()):
        return True
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return True
    return False


def freeName(name: bytes, taken: Container[bytes]) -> bytes:
    """
    Find a name that is not taken: this one, or this one with a number behind it.  If
    this is a name that a member may request, the result is one, too.

    @param taken: the names of all members.
    """
    most = max(LONGEST_NAME, len(name))
    isRequestable = isName(name)
    free, number = name, 1
    while free in taken or (isRequestable and not isName(free)):
        number += 1
        suffix = b"-%d" % number
        free = name[: most - len(suffix)] + suffix
    return free


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
