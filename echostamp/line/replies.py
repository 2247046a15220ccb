"""
Which messages have been answered.

For every client of the line protocol, ours or not: what was sent and what came
back go in, a count comes out.  The rule is that of C{docs/protocol.rst}: a message
that a newline ended is answered when one more newline has come back; an
unterminated last one when what came back since the last newline ends with it.
"""

from __future__ import annotations

from collections import deque

#: Octets at the end of an unterminated message that are compared with its reply.
#: In front of them only the number of octets is: memory stays bounded.
COMPARED = 65_536


class Replies:
    """
    The messages of one connection and their replies.

    @ivar sentLines: how many newlines were sent.
    @ivar receivedLines: how many newlines came back.
    """

    def __init__(self) -> None:
        self.sentLines = 0
        self.receivedLines = 0
        self._sentRest = _Rest()
        self._receivedRest = _Rest()

    def sent(self, data: bytes) -> None:
        """
        Take what is on its way to the far end.
        """
        self.sentLines += self._sentRest.add(data)

    def received(self, data: bytes) -> None:
        """
        Take what came back.
        """
        self.receivedLines += self._receivedRest.add(data)

    @property
    def isUnterminated(self) -> bool:
        """Whether what was sent does not end with a newline."""
        return self._sentRest.length > 0

    @property
    def unansweredLines(self) -> int:
        """How many of the messages that a newline ended have not been answered."""
        return max(0, self.sentLines - self.receivedLines)

    @property
    def unanswered(self) -> int:
        """How many messages have not been answered, an unterminated one included."""
        lines = self.unansweredLines
        if self.isUnterminated and (
            lines or not self._receivedRest.endsWith(self._sentRest)
        ):
            lines += 1
        return lines


class _Rest:
    """
    What has come since the last newline of a stream.

    @ivar length: its octets.
    @ivar tail: the last L{COMPARED} of them, or some more.
    """

    def __init__(self) -> None:
        self.length = 0
        self.tail = bytearray()

    def add(self, data: bytes) -> int:
        """
        Take more of the stream.

        @return: how many newlines it holds.
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
        Say whether this ends with the other, as far as is known.
        """
        return self.length >= other.length and self.tail.endswith(
            other.tail[-COMPARED:]
        )


class SendTimes:
    """
    When the messages were sent that have not been answered.  Those of one write
    share one time.
    """

    def __init__(self) -> None:
        self._outstanding: deque[tuple[int, int]] = deque()

    def sent(self, messages: int, ns: int) -> None:
        """
        Take messages that leave together.

        @param messages: how many.
        @param ns: when, in nanoseconds of the caller's clock.
        """
        if messages:
            self._outstanding.append((messages, ns))

    def answered(self) -> int | None:
        """
        Take one reply.

        @return: when the oldest outstanding message was sent, which is the one that
            it answers; L{None} where no message is outstanding.
        """
        if not self._outstanding:
            return None
        messages, ns = self._outstanding.popleft()
        if messages > 1:
            self._outstanding.appendleft((messages - 1, ns))
        return ns
