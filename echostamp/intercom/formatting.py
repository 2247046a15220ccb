"""
Format a member's messages for the other members, and format notices; pure.

Each message becomes one line, whatever octets it has.  Nothing in it can end the line,
move the cursor, or look like another member's name, a notice or a stamp.
"""

from __future__ import annotations

import re

from echostamp.text import UNSAFE_BEYOND_ASCII

# The C0 controls except tab and newline, and DEL.
_CONTROLS = bytes(
    ord("?") if (octet < 32 and octet not in b"\t\n") or octet == 127 else octet
    for octet in range(256)
)

# Characters that may be invisible: Default_Ignorable_Code_Point of Unicode's
# DerivedCoreProperties.txt.  Left out are U+200C and U+200D, which many languages and
# emojis need, and the variation selectors: U+180B to U+180D, U+180F, U+FE00 to U+FE0F,
# U+E0100 to U+E01EF.
_INVISIBLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)

# A carriage return.
_RETURN = ord("\r")

# With surrogateescape, a single octet from 0x80 to 0x9f is a character of this range.
_UNSAFE = re.compile(f"[\udc80-\udc9f{UNSAFE_BEYOND_ASCII}{_INVISIBLE}]")


def linesForOthers(replies: bytes, prefix: bytes, maxLength: int) -> bytes:
    """
    Turn the replies to one member into the lines that the others get.

    @param replies: at least one message, each behind the same stamp.  The last one may
        lack its newline.
    @param prefix: goes between the stamp and the message.
    @param maxLength: octets of a message; the rest of it is left out.
    @return: one line for each message.
    """
    text = _safe(replies)
    stamp = text[: text.index(b"] ") + 2]
    text = _shortened(text.removesuffix(b"\n"), len(stamp), maxLength)
    # No message holds a newline, so there is a stamp behind each newline.
    begin = b"\n" + stamp
    text = text[len(stamp) :].replace(begin, begin + prefix)
    return b"%s%s%s\n" % (stamp, prefix, text)


def linesOf(stamp: bytes, prefix: bytes, text: bytes, maxLength: int) -> bytes:
    """
    Turn the messages of a member of another daemon into the lines that the others get.

    @param stamp: the stamp of all these messages.
    @param prefix: goes between the stamp and the message.
    @param text: the messages, each with its newline and without its stamp.
    @param maxLength: octets of a message; the rest of it is left out.
    @return: one line for each message.
    """
    text = _shortened(_safe(text).removesuffix(b"\n"), 0, maxLength)
    begin = stamp + prefix
    return b"%s%s\n" % (begin, text.replace(b"\n", b"\n" + begin))


def _safe(text: bytes) -> bytes:
    """
    Show what a terminal would obey, and what is invisible, as question marks.
    """
    if _RETURN in text:
        # Most messages have none, and the search for a number costs next to nothing.
        text = text.replace(b"\r\n", b"\n")
    text = text.translate(_CONTROLS)
    if not text.isascii():
        characters = text.decode("utf-8", "surrogateescape")
        text = _UNSAFE.sub("?", characters).encode("utf-8", "surrogateescape")
    return text


def _shortened(text: bytes, begin: int, maxLength: int) -> bytes:
    """
    Truncate each message that is too long.

    @param begin: where the message begins in its line.
    """
    if len(text) <= maxLength:
        return text
    return b"\n".join(
        [_truncated(line, begin, maxLength) for line in text.split(b"\n")]
    )


def _truncated(line: bytes, begin: int, maxLength: int) -> bytes:
    """
    Truncate a message between two characters of UTF-8.

    @param begin: where the message begins in its line.
    """
    if len(line) - begin <= maxLength:
        return line
    end = begin + maxLength
    least = max(begin, end - 3)
    while end > least and line[end] & 0xC0 == 0x80:
        end -= 1
    return line[:end]


def notice(stamp: bytes, text: bytes) -> bytes:
    """
    Make the line of a notice.
    """
    return b"%s* %s\n" % (stamp, text)
