"""
Find a client's own replies in what an intercom sends to it; pure.

A client's own messages come back to it as from any echo.  Between these replies are the
lines of other members, C{[stamp] <NAME> message}, and notices, C{[stamp] * text}.  A
client may send a message that looks like one of those.  Its reply is still its own: the
parser knows which messages were sent.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from enum import Enum

from echostamp.line.replies import Replies

#: Octets at the beginning of a message by which its reply is recognised, if the message
#: looks like another member's.
_KNOWN = 256

#: The most unanswered messages that are remembered because they look like another
#: member's.
_MOST = 10_000

_STAMP = rb"\[[^\]\n]{1,60}\] "
_LOOK = rb"(?:\* |<[^<>\s]{1,80}> )"
_LOOKALIKE = re.compile(rb"\n(?=" + _LOOK + rb")")
_HEAD = re.compile(rb"\n" + _STAMP + rb"(?=" + _LOOK + rb")")

# An incomplete head: from the beginning of a line to the end of the data.
_BEGINNING = re.compile(
    rb"\[[^\]\n]{0,60}(?:\](?: (?P<message>\*|<[^<>\s]{0,80}>?)?)?)?\Z"
)


class Origin(Enum):
    """
    Where a piece of the stream comes from: this client's own message, another member,
    or the daemon, which sends notices.
    """

    OWN = "own"
    OTHER = "other"
    NOTICE = "notice"


class IntercomParser:
    """
    Split the stream from an intercom into own replies, lines of other members, and
    notices.

    @ivar replies: counts the messages and the replies to them.
    """

    def __init__(self) -> None:
        self.replies = Replies()
        self._open = b""
        self._lookalikes: deque[tuple[int, bytes]] = deque()
        self._firstForgotten = self._lastForgotten = -1
        self._held = b""
        self._origin = Origin.OWN
        self._isLineStart = True

    def sent(self, data: bytes) -> None:
        """
        Process data that this client sends.
        """
        # With this newline in front, a newline precedes every message, also the first.
        text = b"\n%s%s" % (self._open, data)
        number, counted = self.replies.sentLines, 1
        for match in _LOOKALIKE.finditer(text):
            begin = match.end()
            number += text.count(b"\n", counted, begin)
            counted = begin
            if self._lookalikes and self._lookalikes[-1][0] == number:
                # The beginning of this message was sent earlier.
                self._lookalikes.pop()
            if len(self._lookalikes) < _MOST:
                self._lookalikes.append((number, _beginning(text, begin)))
            else:
                if self._lastForgotten < self._answered:
                    self._firstForgotten = number
                self._lastForgotten = number
        self._open = text[text.rfind(b"\n") + 1 :][:_KNOWN]
        self.replies.sent(data)

    def feed(self, data: bytes) -> Iterator[tuple[Origin, bytes]]:
        """
        Parse received data.

        The beginning of a line that may be another member's is held until more data
        arrives.

        @return: the data in order, in pieces that have one origin each.  C{replies}
            counts an own piece just before the iterator gives it, and not earlier.
        """
        data, self._held = self._held + data, b""
        if self._origin is not Origin.OWN:
            end = data.find(b"\n") + 1
            yield self._origin, data[: end or None]
            if not end:
                return
            self._origin, self._isLineStart = Origin.OWN, True
            data = data[end:]
        # With this newline in front, a newline precedes every line, also the first.
        text = b"\n" + data if self._isLineStart else data
        position = int(self._isLineStart)
        for head in _HEAD.finditer(text):
            start, begin = head.start() + 1, head.end()
            yield from self._own(text[position:start], isBeforeHead=True)
            position = start
            end = text.find(b"\n", begin) + 1
            isOwn = self._isOwn(_beginning(text, begin))
            if isOwn is None:
                self._held = text[start:]
                return
            if not isOwn:
                origin = Origin.NOTICE if text[begin] == ord("*") else Origin.OTHER
                yield origin, text[start : end or None]
                if not end:
                    self._origin = origin
                    return
                position = end
                self._isLineStart = True
        yield from self._lastOwn(text[position:])

    def _lastOwn(self, text: bytes) -> Iterator[tuple[Origin, bytes]]:
        """
        Give the last of our own pieces.  Hold back its end if that may be the beginning
        of another member's line.
        """
        line = text.rfind(b"\n") + 1
        if line or self._isLineStart:
            beginning = _BEGINNING.match(text, line)
            if beginning and not (
                self._open and self._open in (beginning[0], beginning["message"])
            ):
                self._held = text[line:]
                text = text[:line]
        if self._endsOpen(text):
            # The next octets decide whether this newline is part of a reply.
            text, self._held = text[:-1], b"\n" + self._held
        yield from self._own(text)

    def _own(
        self, text: bytes, isBeforeHead: bool = False
    ) -> Iterator[tuple[Origin, bytes]]:
        """
        Give a piece of this client's own replies, and count it.

        @param isBeforeHead: whether another member's line may follow.
        """
        if text:
            self._isLineStart = text.endswith(b"\n")
            isEndedByOther = isBeforeHead and self._endsOpen(text)
            self.replies.received(text[:-1] if isEndedByOther else text)
            while self._lookalikes and self._lookalikes[0][0] < self._answered:
                self._lookalikes.popleft()
            yield Origin.OWN, text

    def _endsOpen(self, text: bytes) -> bool:
        """
        Say whether a piece ends with a newline that is not part of a reply.  The daemon
        adds one to a reply that has none, before another member's line.
        """
        return (
            text.endswith(b"\n")
            and self.replies.isUnterminated
            and text.count(b"\n") > self.replies.unansweredLines
        )

    @property
    def _answered(self) -> int:
        """How many lines of this client have been answered."""
        return self.replies.sentLines - self.replies.unansweredLines

    def _isOwn(self, message: bytes) -> bool | None:
        """
        Say whether a message that looks like another member's is the reply that this
        client waits for.

        @param message: its beginning, as far as it was received.
        @return: L{None} if more data is needed to decide.
        """
        if self._lookalikes and self._lookalikes[0][0] == self._answered:
            own = self._lookalikes[0][1]
            if message == own and (len(own) == _KNOWN or own[-1:] == b"\n"):
                return True
            if not own.startswith(message):
                return False
            return True if own == message == self._open else None
        # It is taken for the reply if the message that is due may be a forgotten one.
        return self._firstForgotten <= self._answered <= self._lastForgotten

    def rest(self) -> bytes:
        """
        End the stream, and give the held data.
        """
        held, self._held = self._held, b""
        self.replies.received(held)
        return held


def _beginning(text: bytes, begin: int) -> bytes:
    """
    Give the part of a message by which it is recognised.
    """
    known = text[begin : begin + _KNOWN]
    return known[: known.find(b"\n") + 1 or None]
