"""
In which direction packets were lost, once they are no longer in flight.  Pure: no
Twisted, no clock, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

from echostamp.rfc8762.losses import unwrapped


@dataclass(slots=True)
class _Gap:
    """
    Packets between two answered ones, none of which was answered before those.

    @ivar first: the first of them.
    @ivar last: the last of them.
    @ivar low: the reflector's number of the reply before the gap.
    @ivar high: that of the reply behind it; not above C{low} where nothing is known.
    @ivar answered: how many of the packets were answered.
    @ivar came: how many of the numbers between came with replies to other packets.
    """

    first: int
    last: int
    low: int
    high: int
    answered: int = 0
    came: int = 0


class SettledLosses:
    """
    Counts the packets that were not answered in time, by the direction in which they
    were lost.

    A stateful reflector numbers the packets that it gets (RFC 8762, section 4.3.1).  Of
    the packets between two answered ones, as many reached it as there are numbers
    between those of the two replies.  The others were lost on the way there.  They are
    counted when none of them is in flight any more.

    A packet that was doubled on the way there gets two numbers.  If the second one does
    not come, it is taken for that of a lost packet.

    Each packet is counted once.  Those after the last reply are not counted yet.

    @ivar forward: packets that were lost on the way there.
    @ivar backward: packets that were lost on the way back.
    @ivar isStateful: whether the numbers are known to be the reflector's own.
    @ivar unknown: packets of which that is not known: those before the first reply,
        around a restart of the reflector's numbers, and while the numbers are not known
        to be the reflector's own.  Packets that were answered late are also counted
        here: they were lost nowhere.
    """

    __slots__ = (
        "_gaps",
        "_number",
        "_oldest",
        "_packet",
        "backward",
        "forward",
        "isStateful",
        "unknown",
    )

    def __init__(self, first: int = 0, number: int | None = None) -> None:
        """
        @param first: the number of the first packet; they are counted without gaps.
        @param number: the reflector's number of the reply to the packet before it;
            L{None} if there was none.
        """
        self.forward = self.backward = self.unknown = 0
        self.isStateful = number not in (None, (first - 1) % (1 << 32))
        # The highest packet that was answered, and the reflector's highest number.
        self._packet = first - 1
        self._number = number
        # The oldest packet that may be in flight.
        self._oldest = first
        self._gaps: list[_Gap] = []

    def answered(self, packet: int, number: int) -> None:
        """
        The first reply to a packet came.

        @param packet: the packet.
        @param number: the reflector's number of the reply, 32 bits.
        """
        if self._number is None:
            # Nothing is known of the packets before this one.
            self._number = unwrapped(number, packet)
            number = self._number
        else:
            number = unwrapped(number, self._number)
        self.isStateful |= number != packet
        isLate = packet < self._oldest
        if packet > self._packet:
            self.unknown += isLate
            if packet > self._packet + 1:
                gap = _Gap(self._packet + 1, packet - 1, self._number, number)
                self._gaps.append(gap)
            self._packet, self._number = packet, number
            self._count()
            return
        self._came(number)
        for gap in self._gaps:
            if gap.first <= packet <= gap.last:
                gap.answered += 1
                self.unknown += isLate

    def repeated(self, number: int) -> None:
        """
        Another reply to a packet came, with a number of its own.
        """
        if self._number is not None:
            self._came(unwrapped(number, self._number))

    def _came(self, number: int) -> None:
        """
        Note that a number is not that of a lost packet.
        """
        assert self._number is not None
        if number > self._number:
            self._number = number
        for gap in self._gaps:
            if gap.low < number < gap.high:
                gap.came += 1

    def settle(self, oldest: int) -> None:
        """
        Count the packets before one: they are no longer in flight.

        @param oldest: the oldest packet that may be in flight.
        """
        self._oldest = max(oldest, self._oldest)
        self._count()

    def _count(self) -> None:
        """
        Count the packets of each gap of which none is in flight any more.
        """
        while self._gaps and self._gaps[0].last < self._oldest:
            gap = self._gaps.pop(0)
            lost = gap.last + 1 - gap.first - gap.answered
            if not self.isStateful or gap.high <= gap.low:
                self.unknown += lost
                continue
            reached = gap.high - gap.low - 1 - gap.came
            backward = min(lost, max(0, reached))
            self.backward += backward
            self.forward += lost - backward


class TokenLosses:
    """
    Counts the packets of a sender whose tokens are 0 or more, as L{SettledLosses} does.
    """

    __slots__ = ("_counts", "_isStateful", "_number", "_shift")

    def __init__(self) -> None:
        self._counts: SettledLosses | None = None
        self._number: int | None = None
        self._isStateful = False
        # The number of a packet is its token and this.
        self._shift = 0

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many were lost on the way there, on the way back, and unknown."""
        counts = self._counts
        if counts is None:
            return 0, 0, 0
        return counts.forward, counts.backward, counts.unknown

    def sent(self, token: int, packet: int) -> None:
        """
        A packet was sent.

        @param token: the owner's name for it.
        @param packet: its number.
        """
        if self._counts is None and token >= 0:
            self._counts = SettledLosses(packet, self._number)
            self._counts.isStateful |= self._isStateful
            self._shift = packet - token

    def replied(self, token: int, packet: int, number: int, isFirst: bool) -> None:
        """
        A reply to a packet came, and not the same one again.

        @param number: the reflector's number of the reply.
        @param isFirst: whether it is the first reply to this packet.
        """
        if self._counts is None:
            self._number = number
        elif isFirst and token >= 0:
            self._counts.answered(packet, number)
        else:
            self._counts.repeated(number)

    def numbersAreTheirs(self) -> None:
        """
        The numbers are known to be the reflector's own.
        """
        self._isStateful = True
        if self._counts is not None:
            self._counts.isStateful = True

    def settle(self, token: int) -> None:
        """
        Count the packets before one: they are no longer in flight.

        @param token: that of the oldest packet that may be in flight.
        """
        if self._counts is not None:
            self._counts.settle(token + self._shift)
