"""
Find the commands among a member's messages, and format their answers; pure.

A command is a whole message: C{/who}, C{/help}, C{/quit} or C{/name NAME}, with its
newline.  Any other message that begins with a slash is a message like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echostamp.intercom.formatting import notice

#: The most octets of a command, with its newline.
LONGEST_COMMAND = 256

#: The most octets of one answer.
LONGEST_ANSWER = 65_536

#: Replies without this octet have no command.  To look for it takes a tenth of the time
#: that it takes to look for L{MARK}.
SLASH = ord("/")

#: Replies without this have no command, because there is a stamp before each message.
MARK = b"] /"

#: Seconds from one change of a member's name to the next.
RENAME_INTERVAL = 5

# A command, or one word that is none.
_COMMAND = re.compile(rb"(?P<command>/who|/help|/quit|/name .*)|/[A-Za-z]+", re.DOTALL)

# With a stamp of 27 octets each of these notices has 79 columns at most.
_HELP = (
    b"/who: who is here, since when, from where",
    b"/name NAME: change your name",
    b"/quit: leave",
    b"/help: this list; a space first sends it to all",
)


class Piece(NamedTuple):
    """
    Replies up to a command, or the last ones of a read.

    @ivar replies: the replies; the one to the command is the last.
    @ivar command: the command without the end of its line, or a word that is none;
        empty if there is neither.
    @ivar hidden: octets at the end of the replies that the others do not get: the reply
        to the command.
    """

    replies: bytes
    command: bytes = b""
    hidden: int = 0


def cut(
    reply: bytes, isPassing: bool, hasCommands: bool, longest: int
) -> Iterator[Piece]:
    """
    Split replies behind each command.

    @param reply: the replies.
    @param isPassing: whether they begin with the rest of a long message.
    @param hasCommands: whether any message may be a command.
    @param longest: as for L{pieces}.
    """
    begin = 0
    if not (hasCommands and MARK in reply):
        begin = len(reply)
    elif isPassing:
        begin = reply.find(b"\n") + 1 or len(reply)
    return pieces(reply, begin, longest)


def pieces(replies: bytes, begin: int, longest: int) -> Iterator[Piece]:
    """
    Split replies behind each command.

    @param replies: the rest of a long message, then messages behind the same stamp.
        The last one may lack its newline.
    @param begin: where the first command may be.
    @param longest: the most octets of a command, if less than L{LONGEST_COMMAND}.
    @return: at least one piece.
    """
    stamp = replies[begin : replies.find(b"] ", begin) + 2]
    slash = stamp + b"/"
    longest = len(stamp) + min(longest, LONGEST_COMMAND)
    start, position = 0, begin
    isWhole = True
    while position < len(replies):
        if not replies.startswith(slash, position):
            newline = replies.find(b"\n" + slash, position)
            position = newline + 1 if newline >= 0 else len(replies)
        end = replies.find(b"\n", position) + 1
        if not end:
            break
        found = None
        if end - position <= longest:
            message = replies[position + len(stamp) : end - 1].removesuffix(b"\r")
            found = _COMMAND.fullmatch(message)
        if found is None:
            position = end
            continue
        isWhole = False
        hidden = end - position if found["command"] else 0
        # No variable keeps the piece: while the peer does not read, this waits.
        made = [Piece(replies[start:end], message, hidden)]
        start = position = end
        if end > len(replies) // 2:
            replies, start, position = replies[end:], 0, 0
        yield made.pop()
    if isWhole or start < len(replies):
        made = [Piece(replies[start:])]
        del replies
        yield made.pop()


def helpNotices(stamp: bytes) -> bytes:
    """
    Answer C{/help}.
    """
    return b"".join(notice(stamp, text) for text in _HELP)


def whoNotices(
    stamp: bytes, people: Iterable[tuple[bytes, bytes, str]], count: int
) -> bytes:
    """
    Answer C{/who}: a notice for each member, in at most L{LONGEST_ANSWER} octets.

    @param people: of each member: its name, the stamp of its joining, its address.
    @param count: how many members there are.
    """
    # The last notice counts the members that are left out.
    most = LONGEST_ANSWER - len(notice(stamp, b"and %d more" % count))
    lines: list[bytes] = []
    size = 0
    for name, since, address in people:
        text = b"%s since %s from %s" % (name, since[1:-2], address.encode())
        line = notice(stamp, text)
        size += len(line)
        if size > most:
            lines.append(notice(stamp, b"and %d more" % (count - len(lines))))
            break
        lines.append(line)
    return b"".join(lines)


def unknownNotice(stamp: bytes, word: bytes) -> bytes:
    """
    Tell a member that a word behind a slash is no command.
    """
    return notice(stamp, b"no command %s: see /help" % word)


def waitNotice(stamp: bytes, name: bytes, seconds: int) -> bytes:
    """
    Tell a member that it has to wait before it may change its name again.
    """
    return notice(
        stamp, b"you are %s: the next name is possible in %d s" % (name, seconds)
    )
