"""
Who said what came back: the client's side of the intercom; pure.

What a client has said comes back to it as from any echo; between that stand lines of
others, C{[stamp] <NAME> message}, and notices, C{[stamp] * text}.  A line that looks
like one of those and is what the client has said itself is its own.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from enum import Enum

from echostamp.line.replies import Replies

#: Octets at the beginning of a message by which it is known again.
_KNOWN = 256

#: How many messages that look like others' are remembered, until they are answered.
_MOST = 1000

_STAMP = rb"\[[^\]\n]{1,60}\] "
_LOOK = rb"(?:\* |<[^<>\s]{1,80}> )"
_LOOKALIKE = re.compile(rb"\n(?=" + _LOOK + rb")")
_HEAD = re.compile(rb"\n" + _STAMP + rb"(?=" + _LOOK + rb")")

# What may become a head, from the beginning of a line to the end of what has come.
_BEGINNING = re.compile(
    rb"\[[^\]\n]{0,60}(?:\](?: (?P<message>\*|<[^<>\s]{0,80}>?)?)?)?\Z"
)


class Voice(Enum):
    """
    Who says something.
    """

    OWN = "own"
    OTHER = "other"
    NOTICE = "notice"


class Hearing:
    """
    Tell replies from what others say.

    @ivar replies: what was sent, and what of all that came back answers it.
    """

    def __init__(self) -> None:
        self.replies = Replies()
        self._open = b""
        self._lookalikes: deque[tuple[int, bytes]] = deque()
        self._lastForgotten = -1
        self._held = b""
        self._voice = Voice.OWN
        self._isLineStart = True

    def sent(self, data: bytes) -> None:
        """
        Take what is on its way to the far end.
        """
        # With a newline in front, each message is behind one.
        text = b"\n%s%s" % (self._open, data)
        number, counted = self.replies.sentLines, 1
        for match in _LOOKALIKE.finditer(text):
            begin = match.end()
            number += text.count(b"\n", counted, begin)
            counted = begin
            if self._lookalikes and self._lookalikes[-1][0] == number:
                # Its beginning was sent before.
                self._lookalikes.pop()
            if len(self._lookalikes) < _MOST:
                self._lookalikes.append((number, _beginning(text, begin)))
            else:
                self._lastForgotten = number
        self._open = text[text.rfind(b"\n") + 1 :][:_KNOWN]
        self.replies.sent(data)

    def heard(self, data: bytes) -> Iterator[tuple[Voice, bytes]]:
        """
        Take what has come.

        The beginning of a line that may be somebody else's is kept until more has come.

        @return: all of it in its order, in pieces of one voice.  C{replies} has counted
            a piece when it is given, and not those behind it.
        """
        data, self._held = self._held + data, b""
        if self._voice is not Voice.OWN:
            end = data.find(b"\n") + 1
            yield self._voice, data[: end or None]
            if not end:
                return
            self._voice, self._isLineStart = Voice.OWN, True
            data = data[end:]
        # With a newline in front, each line is behind one.
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
                voice = Voice.NOTICE if text[begin] == ord("*") else Voice.OTHER
                yield voice, text[start : end or None]
                if not end:
                    self._voice = voice
                    return
                position = end
                self._isLineStart = True
        yield from self._lastOwn(text[position:])

    def _lastOwn(self, text: bytes) -> Iterator[tuple[Voice, bytes]]:
        """
        Give what came last, without what may become somebody else's line.
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
            # Whose newline this is depends on what comes behind it.
            text, self._held = text[:-1], b"\n" + self._held
        yield from self._own(text)

    def _own(
        self, text: bytes, isBeforeHead: bool = False
    ) -> Iterator[tuple[Voice, bytes]]:
        """
        Give what is this client's own.

        @param isBeforeHead: whether somebody else's line may come behind it.
        """
        if text:
            self._isLineStart = text.endswith(b"\n")
            isEndedByOther = isBeforeHead and self._endsOpen(text)
            self.replies.received(text[:-1] if isEndedByOther else text)
            while self._lookalikes and self._lookalikes[0][0] < self._answered:
                self._lookalikes.popleft()
            yield Voice.OWN, text

    def _endsOpen(self, text: bytes) -> bool:
        """
        Say whether the newline at the end of a reply answers none: it stands there
        because somebody else's line comes behind a message without one.
        """
        return (
            text.endswith(b"\n")
            and self.replies.isUnterminated
            and text.count(b"\n") > self.replies.unansweredLines
        )

    @property
    def _answered(self) -> int:
        """How many lines of ours have been answered."""
        return self.replies.sentLines - self.replies.unansweredLines

    def _isOwn(self, message: bytes) -> bool | None:
        """
        Say whether a message that looks like somebody else's is this client's next.

        @param message: its beginning, as far as it has come.
        @return: L{None} if more has to come.
        """
        if self._lookalikes and self._lookalikes[0][0] == self._answered:
            own = self._lookalikes[0][1]
            if message == own and (len(own) == _KNOWN or own[-1:] == b"\n"):
                return True
            if not own.startswith(message):
                return False
            return True if own == message == self._open else None
        return self._answered <= self._lastForgotten

    def rest(self) -> bytes:
        """
        Give what was kept: there will be no more.
        """
        held, self._held = self._held, b""
        self.replies.received(held)
        return held


def _beginning(text: bytes, begin: int) -> bytes:
    """
    Give that of a message by which it is known again.
    """
    known = text[begin : begin + _KNOWN]
    return known[: known.find(b"\n") + 1 or None]
