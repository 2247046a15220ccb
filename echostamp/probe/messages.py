"""
Probes over the line protocol: messages that can be told from one another when they
come back; pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from echostamp.stamps import Reading, readStamp

if TYPE_CHECKING:
    from echostamp.times import Times

#: Octets of a message, its newline included: the fewest, the most, and what is usual.
SMALLEST, LARGEST, USUAL = 32, 65_536, 32

_LETTERS = b"abcdefghijklmnopqrstuvwxyz"

#: What fills a message up, from a letter on that its number says: with one digit
#: altered, it is no other number's.
_PADDING = _LETTERS * (LARGEST // 26 + 2)


class Reply(NamedTuple):
    """
    A line that has come back.

    @ivar seq: the number of the probe that it answers; L{None} where it names none.
    @ivar reading: what its stamp says; L{None} where there is none that can be read.
    @ivar isAltered: whether it is not what was sent behind a stamp.
    @ivar times: all four, where the reply tells them.
    """

    seq: int | None
    reading: Reading | None
    isAltered: bool
    times: Times | None = None


class Probes:
    """
    The messages of one run.
    """

    def __init__(self, tag: bytes, size: int = USUAL) -> None:
        """
        @param tag: at most eight letters and digits that no other run has.
        @param size: octets of a message, its newline included.
        """
        self._tag = tag
        self._size = size
        self._number = re.compile(rb"\b%s (\d{1,19}) " % re.escape(tag))

    def message(self, seq: int) -> bytes:
        """
        Give a message.

        @param seq: its number, below 10^19.
        """
        head = b"%s %d " % (self._tag, seq)
        start = seq % len(_LETTERS)
        return head + _PADDING[start : start + self._size - len(head) - 1] + b"\n"

    def read(self, line: bytes) -> Reply:
        """
        Read a line that has come back.

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
