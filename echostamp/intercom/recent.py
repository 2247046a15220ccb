"""
The last lines of a room, for its new members; pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable


class Recent:
    """
    Keep the last lines, as they were shown, within two limits.
    """

    def __init__(self, most: int, octets: int) -> None:
        """
        @param most: how many lines are kept.
        @param octets: how many octets they may have.
        """
        self._most = most
        self._octets = octets
        self._size = 0
        # Each line, and who has said it.
        self._lines: deque[tuple[bytes, Hashable]] = deque()

    def add(self, lines: bytes, sender: Hashable) -> None:
        """
        Add lines.  A line that is too long by itself is left out.

        @param lines: lines with their newlines.
        @param sender: who has said them.
        """
        added: list[tuple[bytes, Hashable]] = []
        size, end = 0, len(lines)
        # From the last line on, because the first of many would be dropped again.
        while end and len(added) < self._most and size < self._octets:
            begin = lines.rfind(b"\n", 0, end - 1) + 1
            if end - begin <= self._octets:
                added.append((lines[begin:end], sender))
                size += end - begin
            end = begin
        self._lines.extend(reversed(added))
        self._size += size
        while len(self._lines) > self._most or self._size > self._octets:
            self._size -= len(self._lines.popleft()[0])

    def shown(self, member: Hashable = None) -> list[bytes]:
        """
        Give the lines, the oldest first.

        @param member: who gets them: what it has said itself is left out.
        """
        return [
            line for line, sender in self._lines if member is None or sender != member
        ]
