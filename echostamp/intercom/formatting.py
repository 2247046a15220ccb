"""
What the others read of a message in the intercom; pure.

A message is one line to them, whatever octets it has: nothing in it can end the line,
move the cursor, or look like another's name, a notice or a stamp.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from echostamp.text import UNSAFE_BEYOND_ASCII

#: Octets that a name may have that somebody asks for.
LONGEST_NAME = 32

#: What a name may be.
NAMES = f"1 to {LONGEST_NAME} letters, digits and .:_-[], and no address"

#: How a client's first message asks for a name.
_ASKS = b"/name "

_NAME = re.compile(rb"[A-Za-z0-9.:_\[\]-]{1,%d}" % LONGEST_NAME)

# C0 without tab and newline, and DEL.
_CONTROLS = bytes(
    ord("?") if (octet < 32 and octet not in b"\t\n") or octet == 127 else octet
    for octet in range(256)
)

# With surrogateescape, a lone octet from 0x80 to 0x9f is a character of this range.
_UNSAFE = re.compile(f"[\udc80-\udc9f{UNSAFE_BEYOND_ASCII}]")


def retold(reply: bytes, prefix: bytes, most: int) -> bytes:
    """
    Turn replies to one client into what the others read.

    @param reply: at least one message, each behind the same stamp; the last one may
        have no newline.
    @param prefix: what stands between a stamp and the message.
    @param most: octets of a message; what it has more is left out.
    @return: as many lines as there are messages.
    """
    if b"\r" in reply:
        # To look for one octet costs next to nothing.
        reply = reply.replace(b"\r\n", b"\n")
    text = reply.translate(_CONTROLS)
    if not text.isascii():
        characters = text.decode("utf-8", "surrogateescape")
        text = _UNSAFE.sub("?", characters).encode("utf-8", "surrogateescape")
    stamp = text[: text.index(b"] ") + 2]
    text = text.removesuffix(b"\n")
    if len(text) > most:
        lines = [_cut(line, len(stamp), most) for line in text.split(b"\n")]
        text = b"\n".join(lines)
    # No message holds a newline, so that behind one there is always a stamp.
    begin = b"\n" + stamp
    text = text[len(stamp) :].replace(begin, begin + prefix)
    return b"%s%s%s\n" % (stamp, prefix, text)


def _cut(line: bytes, begin: int, most: int) -> bytes:
    """
    Cut a message, but no character of UTF-8 in two.

    @param begin: where it begins in its line.
    """
    if len(line) - begin <= most:
        return line
    end = begin + most
    least = max(begin, end - 3)
    while end > least and line[end] & 0xC0 == 0x80:
        end -= 1
    return line[:end]


def askedName(message: bytes) -> bytes | None:
    """
    Read what a client's first message may be: C{/name NAME}.

    @return: what stands in the place of the name; L{None} if it is another message.
    """
    if not message.startswith(_ASKS):
        return None
    return message[len(_ASKS) :].strip()


def isName(name: bytes) -> bool:
    """
    Say whether somebody may have a name that was asked for: 1 to L{LONGEST_NAME}
    letters, digits and C{.:_-[]}, and not what somebody is called who asks for none: an
    address and a port, or C{local}, perhaps with a number behind it.
    """
    if not _NAME.fullmatch(name):
        return False
    given = re.sub("-[0-9]+$", "", name.decode())
    if given == "local":
        return False
    host, colon, port = given.rpartition(":")
    if not (colon and port.isdecimal()):
        return True
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return True
    return False
