"""
Put stamps before the messages of a byte stream; pure.

Bytes and a stamp go in, the bytes of replies come out.  C{docs/protocol.rst} defines
what a message is.
"""

from __future__ import annotations

from collections.abc import Iterator

#: Octets that a message may have before it is stamped unfinished.
MAX_LENGTH = 65_536

#: The most octets of replies that one slice of a read may need.
SLICE_REPLY = 65_536

#: A read of at most so many octets is always one slice: even if it holds only newlines,
#: each with the longest stamp of 63 octets.
SHORT = 1024


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

    def feed(self, data: bytes, stamp: bytes) -> bytes:
        """
        Process the data of one read.

        @param data: at least one octet.
        @param stamp: the stamp of the time at which C{data} was read, for every
            message that ends in it.
        @return: the replies to send; empty if no message has ended.
        """
        end = data.find(b"\n") + 1
        if end == len(data) and not (self._held or self._passing):
            # The read is one whole line.
            self.newlineSeen = True
            self.messages += 1
            return stamp + data
        end = data.rfind(b"\n") + 1
        if not end:
            return self._grow(data, stamp)
        self.newlineSeen = True
        lines = data[:end]
        inner = lines.count(b"\n") - 1
        reply = lines.replace(b"\n", b"\n" + stamp, inner)
        self.messages += inner
        if self._passing:
            self._passing = False
        else:
            self.messages += 1
            reply = b"%s%s%s" % (stamp, self._held, reply)
            self._held = b""
        if end < len(data):
            reply += self._grow(data[end:], stamp)
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


def slices(data: bytes, stampLength: int) -> Iterator[bytes]:
    """
    Cut a read into parts whose replies are of bounded size.  A read of newlines alone
    needs much longer replies, which are then not all held at once.

    @param stampLength: octets of the stamp.
    @return: the parts of C{data}, in order.  With a stamp for each newline a part has
        at most L{SLICE_REPLY} octets; a part has at least one octet.
    """
    size = len(data)
    start = 0
    length = size
    while start < size:
        length = min(2 * length, SLICE_REPLY, size - start)
        while (
            length > 1
            and length + data.count(b"\n", start, start + length) * stampLength
            > SLICE_REPLY
        ):
            length //= 2
        yield data[start : start + length]
        start += length
