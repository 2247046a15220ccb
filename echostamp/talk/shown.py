"""
What the console shows of our own replies; pure.

Replies to lines that nobody typed are left out.  C{--time} adds round-trip times.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable

from echostamp.line.replies import Replies, SendTimes


class ShownReplies:
    """
    Turns replies, as they come, into the octets that the console shows.
    """

    def __init__(
        self,
        replies: Replies,
        showTimes: bool,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param replies: counts sent messages and received replies.
        @param showTimes: whether to put the round-trip time after each reply.
        @param clock: gives nanoseconds.
        """
        self._replies = replies
        self._clock = clock
        self._sendTimes = SendTimes() if showTimes else None
        self._lastSent = 0
        self._lastReceived = 0
        self._heldReturn = b""
        self._addedLine = 0
        self._hidden: deque[int] = deque()

    def sent(self, messages: int) -> None:
        """
        Note the time at which messages are sent.

        @param messages: how many messages end in this write.
        """
        if self._sendTimes is not None:
            self._lastSent = self._clock()
            self._sendTimes.sent(messages, self._lastSent)

    def inputEnded(self) -> None:
        """
        Count the last message, which has no newline and was sent by the last write.
        """
        if self._sendTimes is not None:
            self._sendTimes.sent(1, self._lastSent)

    def hideNext(self) -> None:
        """
        Show nothing of the reply to the next message.
        """
        self._hidden.append(self._replies.sentLines)

    @property
    def hidden(self) -> int:
        """How many unanswered messages have a reply that will not be shown."""
        return len(self._hidden)

    def hideNewline(self) -> None:
        """
        Show the reply to the line that was sent last without its newline.
        """
        self._addedLine = self._replies.sentLines

    def shown(self, data: bytes, before: int) -> bytes:
        """
        Give what to show of replies.

        @param data: octets of replies, which the counts already include.
        @param before: the number of lines that were received before these octets.
        """
        if before < self._addedLine <= self._replies.receivedLines:
            lines = data.split(b"\n")
            ours = self._addedLine - before
            data = b"\n".join(lines[:ours]) + b"\n".join(lines[ours:])
        if self._sendTimes is not None:
            self._lastReceived = self._clock()
            data = self._timed(data)
        return self._withoutHidden(data, before) if self._hidden else data

    def _withoutHidden(self, data: bytes, number: int) -> bytes:
        """
        Leave out the replies that are hidden.

        @param data: octets of replies.
        @param number: the number of the message that the first of them answer.
        """
        shown = []
        for line in re.findall(rb"[^\n]*\n|[^\n]+", data):
            isHidden = bool(self._hidden) and self._hidden[0] == number
            if not isHidden:
                shown.append(line)
            if line.endswith(b"\n"):
                number += 1
                if isHidden:
                    self._hidden.popleft()
        return b"".join(shown)

    def rest(self, isAnswered: bool) -> bytes:
        """
        Give what is left to show when no more replies can come.

        @param isAnswered: whether the last message has no newline and was answered.
        """
        if self._sendTimes is None:
            return b""
        return (self._roundTrip() if isAnswered else b"") + self._heldReturn

    def _timed(self, data: bytes) -> bytes:
        """
        Put the round-trip time after each reply that ends here, before its CR LF or LF.
        """
        *lines, rest = (self._heldReturn + data).split(b"\n")
        text = rest.removesuffix(b"\r")
        # A CR at the end may belong to a CR LF whose LF is still to come.
        self._heldReturn = rest[len(text) :]
        timed = []
        for line in lines:
            reply = line.removesuffix(b"\r")
            timed += [reply, self._roundTrip(), line[len(reply) :], b"\n"]
        return b"".join([*timed, text])

    def _roundTrip(self) -> bytes:
        """
        Write the round-trip time of the oldest unanswered message.

        @return: empty where no message is unanswered.
        """
        assert self._sendTimes is not None
        sent = self._sendTimes.answered()
        if sent is None:
            return b""
        return b"  (%.3f ms)" % ((self._lastReceived - sent) / 1e6)
