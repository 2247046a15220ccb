"""
Makes and reads the messages of probes over the line protocol; pure.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from echostamp.stamps import Reading, readStamp
from echostamp.times import Times

#: Octets of a message, its newline included: the fewest, the most, and the default.
SMALLEST, LARGEST, USUAL = 32, 65_536, 32

_LETTERS = b"abcdefghijklmnopqrstuvwxyz"

#: The longest message that is kept until its reply has come, in octets.
_SHORT = 128

#: The padding of a message begins at a letter that depends on its number, so that a
#: message with one altered digit is not that of another probe.
_PADDING = _LETTERS * (LARGEST // 26 + 2)


class Reply(NamedTuple):
    """
    A reply to a probe.

    @ivar seq: the number of the probe that it answers; L{None} where it names none.
    @ivar reading: its stamp; L{None} where no stamp can be read.
    @ivar isAltered: whether it differs from a stamp and the message that was sent.
    @ivar times: all four times, where the reply has them.
    """

    seq: int | None
    reading: Reading | None
    isAltered: bool
    times: Times | None = None


#: The same as L{Reply} with all its items, of a tuple, in half the time.
replyOf = partial(tuple.__new__, Reply)


class Messages:
    """
    Makes the messages of one run, and reads them when they come back.

    @ivar size: octets of each, its newline included.
    """

    def __init__(self, tag: bytes, size: int = USUAL) -> None:
        """
        @param tag: at most eight letters and digits, different for each run.
        @param size: octets of a message, its newline included.
        """
        self._tag = tag
        self.size = size
        self._last = -1, b""
        self._number = re.compile(rb"\b%s (\d{1,19}) " % re.escape(tag))

    def message(self, seq: int) -> bytes:
        """
        Make a message.

        @param seq: its number, below 10^19.
        """
        head = b"%s %d " % (self._tag, seq)
        start = seq % len(_LETTERS)
        message = head + _PADDING[start : start + self.size - len(head) - 1] + b"\n"
        if self.size <= _SHORT:
            self._last = seq, message
        return message

    def replyTo(self, seq: int, line: bytes) -> Reply | None:
        """
        Read a line that is most probably the reply to a probe.  This takes less time
        than L{read}.

        @param seq: the probe's number.
        @param line: from the far end, with its newline.
        @return: L{None} where it is not exactly a stamp, or none, and the message.
        """
        last, message = self._last
        if last != seq:
            message = self.message(seq)
        if not line.endswith(message):
            return None
        reading = readStamp(line)
        start = 0 if reading is None else reading.length
        if len(line) != start + len(message):
            return None
        return replyOf((seq, reading, False, None))

    def read(self, line: bytes) -> Reply:
        """
        Read a line from the far end.

        @param line: with its newline.
        """
        reading = readStamp(line)
        found = self._number.search(line)
        if found is None:
            return Reply(None, reading, True)
        seq = int(found[1])
        message = self.message(seq)
        isWhole = line.endswith(message)
        if isWhole and reading is not None:
            isWhole = len(line) == reading.length + len(message)
        return Reply(seq, reading, not isWhole)
