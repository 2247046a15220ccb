"""
Own replies and the lines of others for one peer, in one order.
"""

from __future__ import annotations

from typing import Any

from echostamp.intercom.delivery import Delivery
from echostamp.intercom.pace import Pace
from echostamp.line.protocol import TimestampEcho


class OrderedDelivery(Delivery):
    """
    Send a peer its own replies and the lines of others in the order in which they are
    given, also while it does not read.  Only within a long message of its own do the
    lines of others wait: for its end.
    """

    __slots__ = ("_endsMidLine", "_later")

    def __init__(self, pace: Pace, transport: Any, echo: TimestampEcho) -> None:
        """
        @param pace: as for L{Delivery}.
        @param transport: as for L{Delivery}.
        @param echo: as for L{Delivery}.
        """
        super().__init__(pace, transport, echo)
        # Lines of others that wait for the end of a message, and whether what was given
        # last lacks a newline.
        self._later: list[bytes] = []
        self._endsMidLine = False

    def deliver(self, lines: bytes) -> None:
        """Send lines of other members to the peer, or queue them."""
        if not self.isPassing:
            if self._endsMidLine:
                self._endsMidLine = False
                lines = b"\n" + lines
            self._give(lines)
        elif not self.isCut:
            self._later.append(lines)
            self.queued += len(lines)
            self._pace.fellBehind(self)

    def reply(self, octets: bytes, isPassing: bool) -> None:
        """
        Send the peer a reply of its own, or queue it.

        @param octets: the reply, or a part of one; may be empty.
        @param isPassing: whether the message goes on behind it.
        """
        if octets:
            self._endsMidLine = not octets.endswith(b"\n")
            self._give(octets)
        self.isPassing = isPassing
        if self._later and not isPassing:
            later, self._later = self._later, []
            self.queued -= sum(map(len, later))
            for lines in later:
                self.deliver(lines)
            self._flush()

    def _give(self, octets: bytes) -> None:
        """
        Send octets to the peer, or queue them behind others.
        """
        if self._queue or self._out.isBlocked:
            if self.isCut:
                return
            self._queue.append(octets)
            self.queued += len(octets)
            self._flush()
        else:
            self._out.put(octets)
        if self._queue or self._out.isBlocked:
            self._pace.fellBehind(self)

    def _flush(self) -> None:
        """Send what is queued, if that is possible now."""
        if self._queue and not self._out.isBlocked:
            self._out.send(self._dequeue())
        if not (self._queue or self._later or self._out.isBlocked):
            self._pace.caughtUp(self)
