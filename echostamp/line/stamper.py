"""
Put stamps before the messages of a byte stream; pure.

Bytes and a stamp go in, the bytes of replies come out.  C{docs/protocol.rst} defines
what a message is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import overload

#: Octets that a message may have before it is stamped unfinished.
MAX_LENGTH = 65_536

#: The most octets that stamps may add to one slice of a read.
SLICE = 65_536


class Stamper:
    """
    Put a stamp before each message of one connection.  Hold an unfinished message
    until it ends.

    @ivar messages: how many messages have been stamped.
    @ivar newlineSeen: whether a newline has been read.  From then on only a newline or
        the end of the input ends a message.
    """

    # There is one per connection: slots save memory.
    __slots__ = (
        "_held",
        "_heldStamp",
        "_maxLength",
        "_passing",
        "messages",
        "newlineSeen",
    )

    def __init__(self, maxLength: int = MAX_LENGTH) -> None:
        """
        @param maxLength: the octets that a message may have before it is stamped
            unfinished; the rest of it is then passed on as it is read.
        """
        self.messages = 0
        self.newlineSeen = False
        self._maxLength = maxLength
        self._held: bytes | bytearray = b""
        self._heldStamp = b""
        self._passing = False

    @property
    def isOpen(self) -> bool:
        """Whether a message has begun and has not ended."""
        return self._passing or bool(self._held)

    @property
    def isPassing(self) -> bool:
        """Whether a message is being passed on after its stamp, until it ends."""
        return self._passing

    def replies(self, data: bytes, stamp: bytes, growth: int = 0) -> Iterator[bytes]:
        """
        Process the data of one read in slices: a read of newlines alone needs much
        longer replies, which are then not all held at once.

        @param data: as for L{feed}.
        @param stamp: as for L{feed}.
        @param growth: the most octets that are added to a message's reply later.
        @return: the replies to each slice, some of them empty.  Stamps and growth add
            at most L{SLICE} octets to one.
        """
        limit = SLICE // (len(stamp) + growth)
        start, length = 0, len(data)
        while start < len(data):
            end = start + length
            reply = self.feed(data[start:end], stamp, limit)
            if reply is None:
                length //= 2
                continue
            # No variable keeps the reply: while the peer does not read, this waits.
            made = [reply]
            del reply
            yield made.pop()
            start = end
            length *= 2

    @overload
    def feed(self, data: bytes, stamp: bytes) -> bytes: ...

    @overload
    def feed(self, data: bytes, stamp: bytes, limit: int) -> bytes | None: ...

    def feed(self, data: bytes, stamp: bytes, limit: int = -1) -> bytes | None:
        """
        Process the data of one read.

        @param data: at least one octet.
        @param stamp: the stamp of the time at which C{data} was read, for every
            message that ends in it.
        @param limit: messages that may end in C{data} before its last newline; -1 for
            any number.
        @return: the replies to send; empty if no message has ended.  L{None} if
            C{limit} is reached: nothing has been processed.
        """
        end = data.find(b"\n") + 1
        if end == len(data) and not (self._held or self._passing):
            # The read is one whole line.
            self.newlineSeen = True
            self.messages += 1
            return stamp + data
        end = data.rfind(b"\n")
        if end < 0:
            return self._grow(data, stamp)
        lines = data[:end]
        reply = lines.replace(b"\n", b"\n" + stamp, limit)
        # To count them in C{data} would take as long as to replace them.
        inner = (len(reply) - end) // len(stamp)
        if inner == limit:
            return None
        self.newlineSeen = True
        self.messages += inner
        if self._passing:
            self._passing = False
            reply += b"\n"
        else:
            self.messages += 1
            reply = b"%s%s%s\n" % (stamp, self._held, reply)
            self._held = b""
        if end + 1 < len(data):
            reply += self._grow(data[end + 1 :], stamp)
        return reply

    def endMessage(self) -> bytes:
        """
        End the open message, if there is one: the peer has paused, or its input has
        ended.

        @return: the reply to send, with the stamp of the last read that brought octets
            of the message; empty if nothing was held.
        """
        self._passing = False
        return self._release()

    def _grow(self, data: bytes, stamp: bytes) -> bytes:
        """
        Add octets to the open message, or open one.

        @return: the octets to send; empty while the message is held.
        """
        if self._passing:
            return data
        if self._held:
            self._held += data
        else:
            self._held = bytearray(data)
        self._heldStamp = stamp
        if len(self._held) <= self._maxLength:
            return b""
        self._passing = True
        return self._release()

    def _release(self) -> bytes:
        """
        Give the held octets behind their stamp.
        """
        if not self._held:
            return b""
        self.messages += 1
        reply = self._heldStamp + self._held
        self._held = b""
        return reply
