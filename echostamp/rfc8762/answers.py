"""
What a session-sender remembers of the last replies.  Pure: no Twisted, no clock, no
I/O.
"""

from __future__ import annotations

from array import array

from echostamp.rfc8762.losses import REMEMBERED, numbersAhead
from echostamp.times import Times, timesOf

#: Replies whose times are kept.  A corrected time comes soon after the reply: a
#: follow-up comes with the next one, the kernel's T1 within milliseconds.
KEPT = 24

_WINDOW = (1 << REMEMBERED) - 1


class Answers:
    """
    The times of the last L{KEPT} answered packets, by the number of the first reply;
    and which of the last L{REMEMBERED} numbers of the reflector have come.
    """

    __slots__ = (
        "_count",
        "_most",
        "_numbers",
        "_packets",
        "_seen",
        "_t2",
        "_t3",
        "_t4",
    )

    def __init__(self) -> None:
        self._count = 0
        self._numbers = array("q", [-1]) * KEPT
        self._packets = array("q", [-1]) * KEPT
        self._t2, self._t3, self._t4 = (array("q", [0]) * KEPT for _ in range(3))
        # The highest number that has come; and a bit for each number: the last one for
        # the highest, the one before it for the number below, and so on.
        self._most, self._seen = 0, 0

    def add(self, number: int, packet: int, times: Times) -> None:
        """
        Keep the first reply to a packet.

        @param number: the reflector's number of the reply.
        @param packet: our number of the packet.
        """
        place = self._count % KEPT
        self._count += 1
        self._numbers[place], self._packets[place] = number, packet
        _, self._t2[place], self._t3[place], self._t4[place] = times

    def see(self, number: int, packet: int) -> None:
        """
        Note that a number of the reflector's has come.

        @param packet: our number of the packet that the reply answers.
        """
        ahead = number - self._most
        if not -REMEMBERED < ahead < REMEMBERED:
            ahead = numbersAhead(number, self._most)
        if not self._seen or ahead >= REMEMBERED:
            self._most, self._seen = number, 1
        elif ahead > 0:
            self._most, self._seen = number, (self._seen << ahead | 1) & _WINDOW
        else:
            if ahead > -REMEMBERED:
                self._seen |= 1 << -ahead
            if self.packet(number) not in (None, packet):
                # From now on it names this packet's reply.
                self._numbers[self._numbers.index(number)] = -1

    def hasSeen(self, number: int) -> bool:
        """
        Tell whether a number has come.
        """
        ahead = number - self._most
        if not -REMEMBERED < ahead < REMEMBERED:
            ahead = numbersAhead(number, self._most)
        return -REMEMBERED < ahead <= 0 and bool(self._seen >> -ahead & 1)

    def packet(self, number: int) -> int | None:
        """
        Find the packet whose first reply has a number.
        """
        try:
            return self._packets[self._numbers.index(number)]
        except ValueError:
            return None

    def times(self, packet: int, t1: int) -> Times | None:
        """
        Give the times of a packet and its first reply.

        @param t1: T1, which is not kept here.
        @return: L{None} where they are no longer known.
        """
        try:
            place = self._packets.index(packet)
        except ValueError:
            return None
        return timesOf((t1, self._t2[place], self._t3[place], self._t4[place]))

    def correct(self, packet: int, t3: int) -> None:
        """
        Take a corrected T3.

        @param packet: one whose times are known.
        """
        self._t3[self._packets.index(packet)] = t3

    def restart(self) -> None:
        """
        Forget the numbers: the reflector counts from the beginning, and its follow-ups
        name other replies.
        """
        self._numbers = array("q", [-1]) * KEPT
        self._seen = 0
