"""
The lines that were sent and are not answered; pure.
"""

from __future__ import annotations

from collections import deque

from echostamp.text import counted

#: The most lines that are kept, and their octets with their newlines.
MOST_LINES, MOST_OCTETS = 100, 16_384


class UnansweredLines:
    """
    Keeps the user's lines until they are answered, as many as there is room for.
    """

    def __init__(self) -> None:
        self._lines: deque[tuple[int, bytes]] = deque()
        self._octets = 0

    def sent(self, number: int, line: bytes) -> None:
        """
        Keep a line.

        @param number: how many messages were sent before it.
        @param line: ends with its newline.
        """
        fits = self._octets + len(line) <= MOST_OCTETS
        if fits and len(self._lines) < MOST_LINES:
            self._lines.append((number, line))
            self._octets += len(line)

    def answered(self, replies: int) -> None:
        """
        Forget what is answered.

        @param replies: how many messages were answered.
        """
        while self._lines and self._lines[0][0] < replies:
            self._octets -= len(self._lines.popleft()[1])

    def report(self, unanswered: int) -> bytes:
        """
        Show the lines, and how many are left out.

        @param unanswered: how many lines of the user are not answered.
        """
        shown = [b"(not answered) %s" % line for _, line in self._lines]
        if leftOut := unanswered - len(shown):
            text = f"(not answered) {counted(leftOut, 'line')} not shown\n"
            shown.append(text.encode())
        return b"".join(shown)
