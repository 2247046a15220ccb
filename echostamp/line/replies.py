"""
Count the messages that have been answered; pure.

This is for clients of the line protocol.  The octets that were sent and received go
in, a count comes out.  C{docs/protocol.rst} has the rule.  A message that a newline
ended is answered when one more newline has been received.  An unterminated last message
is answered when the octets received since the last newline end with it.
"""

from __future__ import annotations

from collections import deque

#: How many octets at the end of an unterminated message are compared with its reply.
#: Of the octets before them only the number is compared: memory stays bounded.
COMPARED = 65_536

#: How many writes whose messages are unanswered have a time.
MOST_TIMED = 10_000


class Replies:
    """
    Count the messages of one connection, and their replies.

    @ivar sentLines: how many newlines were sent.
    @ivar receivedLines: how many newlines were received.
    """

    def __init__(self) -> None:
        self.sentLines = 0
        self.receivedLines = 0
        self._sentRest = _Rest()
        self._receivedRest = _Rest()

    def sent(self, data: bytes) -> None:
        """
        Count data that is sent to the far end.
        """
        self.sentLines += self._sentRest.add(data)

    def received(self, data: bytes) -> None:
        """
        Count data that was received.
        """
        self.receivedLines += self._receivedRest.add(data)

    @property
    def isUnterminated(self) -> bool:
        """Whether the sent data does not end with a newline."""
        return self._sentRest.length > 0

    @property
    def unansweredLines(self) -> int:
        """How many messages with a newline have not been answered."""
        return max(0, self.sentLines - self.receivedLines)

    @property
    def unanswered(self) -> int:
        """How many messages have not been answered, with an unterminated one."""
        lines = self.unansweredLines
        if self.isUnterminated and (
            lines or not self._receivedRest.endsWith(self._sentRest)
        ):
            lines += 1
        return lines


class _Rest:
    """
    The octets of a stream since its last newline.

    @ivar length: how many octets.
    @ivar tail: at least the last L{COMPARED} of them.
    """

    def __init__(self) -> None:
        self.length = 0
        self.tail = bytearray()

    def add(self, data: bytes) -> int:
        """
        Add data to the stream.

        @return: how many newlines the data holds.
        """
        end = data.rfind(b"\n") + 1
        if end:
            self.length = 0
            self.tail.clear()
        self.length += len(data) - end
        self.tail += data[end:]
        if len(self.tail) > 2 * COMPARED:
            del self.tail[:-COMPARED]
        return data.count(b"\n") if end else 0

    def endsWith(self, other: _Rest) -> bool:
        """
        Say whether this ends with the other, as far as both are kept.
        """
        return self.length >= other.length and self.tail.endswith(
            other.tail[-COMPARED:]
        )


class SendTimes:
    """
    When each unanswered message was sent.  The messages of one write share one time.
    Of more than L{MOST_TIMED} unanswered writes only the first ones have a time: a far
    end that never answers must not make them more and more.
    """

    def __init__(self) -> None:
        self._outstanding: deque[tuple[int, int | None]] = deque()

    def sent(self, messages: int, ns: int) -> None:
        """
        Add messages that are sent together.

        @param messages: how many.
        @param ns: when they are sent, in nanoseconds of the caller's clock.
        """
        writes = self._outstanding
        if not messages:
            return
        if len(writes) < MOST_TIMED:
            writes.append((messages, ns))
        else:
            # The write over the limit stands for all that follow.
            others = writes.pop()[0] if len(writes) > MOST_TIMED else 0
            writes.append((others + messages, None))

    def answered(self) -> int | None:
        """
        Remove the oldest unanswered message: a reply to it was received.

        @return: when the message was sent, in nanoseconds; L{None} if that is not known
            or there is no unanswered message.
        """
        if not self._outstanding:
            return None
        messages, ns = self._outstanding.popleft()
        if messages > 1:
            self._outstanding.appendleft((messages - 1, ns))
        return ns
