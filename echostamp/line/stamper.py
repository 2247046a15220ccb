"""
Put stamps before the messages of a byte stream.

Nothing here knows a clock, a transport or a reactor: bytes and a stamp come in,
the bytes of replies go out.  What a message is, is said in C{docs/protocol.rst}.
"""

from __future__ import annotations

from collections.abc import Iterator

#: Octets that a message may have before it is stamped unfinished.
MAX_LENGTH = 65_536

#: Octets of replies that one slice of a read may become.
SLICE_REPLY = 65_536

#: Octets of a read whose replies make one slice whatever it holds: newlines alone, each
#: with the longest stamp of 63 octets.
SHORT = 1024


class Stamper:
    """
    The messages of one connection, and what of them waits for its end.

    @ivar messages: how many messages have been stamped.
    @ivar newlineSeen: whether a newline has come: from then on only a newline or
        the end of the input ends a message.
    """

    # There is one for each connection.
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
            unfinished; what follows of it is then passed on as it comes.
        """
        self.messages = 0
        self.newlineSeen = False
        self._maxLength = maxLength
        self._held: bytes | bytearray = b""
        self._heldStamp = b""
        self._passing = False

    @property
    def isOpen(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._passing or bool(self._held)

    @property
    def isPassing(self) -> bool:
        """Whether a message that has been stamped already goes on."""
        return self._passing

    def feed(self, data: bytes, stamp: bytes) -> bytes:
        """
        Take what was read.

        @param data: at least one octet.
        @param stamp: the stamp of the moment at which C{data} was read, for every
            message that ends in it.
        @return: the replies to send, perhaps none.
        """
        end = data.find(b"\n") + 1
        if end == len(data) and not (self._held or self._passing):
            # A line, and nothing else.
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
        End the message that is open, if there is one: the peer has paused, or its
        input has ended.

        @return: the reply to send, with the stamp of the last read that brought
            octets of it; nothing where nothing was held.
        """
        self._passing = False
        return self._release()

    def _grow(self, data: bytes, stamp: bytes) -> bytes:
        """
        Add octets to the message that is open, or open one.
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
        Stamp what is held.
        """
        if not self._held:
            return b""
        self.messages += 1
        reply = self._heldStamp + self._held
        self._held = b""
        return reply


def slices(data: bytes, stampLength: int) -> Iterator[bytes]:
    """
    Cut a read into parts whose replies are of bounded size each, so that not all
    replies to a read of bare newlines need to be held at once.

    @param stampLength: octets of the stamp.
    @return: the parts of C{data} in order, each so short that with a stamp for
        each newline it has at most L{SLICE_REPLY} octets, but at least one octet.
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
