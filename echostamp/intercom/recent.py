"""
The last lines of a room, for its new members; pure.
"""

from __future__ import annotations

from collections import deque


class Recent:
    """
    Keep the last lines, as they were shown, within two limits.

    @ivar most: how many lines are kept.
    """

    def __init__(self, most: int, octets: int) -> None:
        """
        @param most: how many lines are kept.
        @param octets: how many octets they may have.
        """
        self.most = most
        self._octets = octets
        self._size = 0
        self._lines: deque[bytes] = deque()

    def add(self, lines: bytes) -> None:
        """
        Add lines.  A line that is too long by itself is left out.

        @param lines: lines with their newlines.
        """
        added: list[bytes] = []
        size, end = 0, len(lines)
        # From the last line on, because the first of many would be dropped again.
        while end and len(added) < self.most and size < self._octets:
            begin = lines.rfind(b"\n", 0, end - 1) + 1
            if end - begin <= self._octets:
                added.append(lines[begin:end])
                size += end - begin
            end = begin
        self._lines.extend(reversed(added))
        self._size += size
        while len(self._lines) > self.most or self._size > self._octets:
            self._size -= len(self._lines.popleft())

    def shown(self) -> list[bytes]:
        """
        Give the lines, the oldest first.
        """
        return list(self._lines)
