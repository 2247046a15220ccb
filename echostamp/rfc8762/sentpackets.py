"""
What a session-sender remembers of the packets that it sent.  Pure: no Twisted, no
clock, no I/O.
"""

from __future__ import annotations

from echostamp.ring import Ring

#: Packets before the oldest in flight that stay known, so that a late or doubled reply
#: is still recognised.
KEPT = 96

#: Sequence numbers, and the numbers of departures, have 32 bits.
_NUMBERS = 1 << 32

#: No token is below it.
_LEAST_TOKEN = -1 << 63

#: What is known of a packet.
_ANSWERED, _DEPARTED = 1, 2


class SentPackets:
    """
    The packets from the oldest in flight on, and the last L{KEPT} before it.  A packet
    takes 25 octets.

    A packet is named by its number: they are counted from 0 and do not wrap.  Its
    sequence number on the wire is the last 32 bits of it.

    @ivar unanswered: how many packets were not answered.
    """

    __slots__ = ("_counted", "_oldest", "_ring", "_shift", "unanswered")

    def __init__(self, first: int = 0) -> None:
        """
        @param first: the number of the first packet.
        """
        # The timestamp on the wire, T1, the token, what is known.
        self._ring = Ring("Q", "q", "q", "B")
        self._ring.first = self._ring.end = first
        self.unanswered = 0
        # The oldest packet that may be in flight.
        self._oldest = first
        # What to add to the port's number of a departure to get the packet's, and the
        # first packet for which that is right.
        self._shift, self._counted = 0, first

    def __len__(self) -> int:
        """How many packets are remembered."""
        return len(self._ring)

    def __contains__(self, packet: int) -> bool:
        """Whether a packet is remembered."""
        return self._ring.first <= packet < self._ring.end

    @property
    def sequence(self) -> int:
        """The sequence number of the next packet."""
        return self._ring.end % _NUMBERS

    def add(self, token: int, t1: int, wire: int) -> int:
        """
        Remember the next packet.

        @param token: the owner's name for it.
        @param t1: when it was sent, in nanoseconds.
        @param wire: T1 as the packet carries it, 64 bits.
        @return: its number.
        """
        self.unanswered += 1
        return self._ring.append(wire, t1, token, 0)

    def settle(self, token: int) -> None:
        """
        Give up the packets before one: they are no longer in flight.

        @param token: that of the oldest packet that may still be in flight.
        """
        ring = self._ring
        _, _, tokens, marks = ring.columns
        while self._oldest < ring.end:
            place = self._oldest % ring.room
            if tokens[place] >= token and not marks[place] & _ANSWERED:
                break
            self._oldest += 1
        ring.drop(self._oldest - KEPT)

    def find(self, sequence: int) -> int | None:
        """
        Find the packet that a reply answers.

        @param sequence: the sequence number that the reply repeats.
        @return: L{None} where no packet that is remembered has it.
        """
        last = self._ring.end - 1
        packet = last - (last - sequence) % _NUMBERS
        return packet if self._ring.first <= packet <= last else None

    # --- One packet, which is remembered ----------------------------------------------

    def wire(self, packet: int) -> int:
        """
        Give the timestamp of a packet as it is on the wire, 64 bits.
        """
        return self._ring.columns[0][packet % self._ring.room]

    def look(self, packet: int) -> tuple[int, int, bool]:
        """
        Give what is known of a packet.

        @return: the owner's name for it; T1, as exactly as it is known; and whether it
            was answered.
        """
        place = packet % self._ring.room
        _, t1s, tokens, marks = self._ring.columns
        return tokens[place], t1s[place], bool(marks[place] & _ANSWERED)

    def sentBefore(self, sequence: int) -> int | None:
        """
        Give T1 of the packet before one of the last.

        @param sequence: the sequence number of that one.
        @return: L{None} where it is forgotten.
        """
        last = self._ring.end - 1
        before = last - (last - sequence) % _NUMBERS - 1
        if before not in self:
            return None
        return int(self._ring.columns[1][self._ring.place(before)])

    def answer(self, packet: int) -> None:
        """
        Take a packet for answered: it is no longer in flight.
        """
        self.unanswered -= 1
        self._ring.columns[3][packet % self._ring.room] |= _ANSWERED
        if packet == self._oldest:
            self.settle(_LEAST_TOKEN)

    # --- Departures -------------------------------------------------------------------

    def count(self, packet: int, number: int) -> None:
        """
        Take the port's number of a packet.  The port counts as the packets are counted,
        and starts again at 0 where it lost count.

        @param packet: the packet that was just sent.
        @param number: the port's number, 32 bits.
        """
        shift = (packet - number) % _NUMBERS
        if shift != self._shift:
            self._shift, self._counted = shift, packet

    def departing(self, number: int, at: int) -> int | None:
        """
        Find the packet whose departure the port reports.

        @param number: the port's number.
        @param at: when it left, in nanoseconds.
        @return: L{None} where there is none: the packet is forgotten, or the number is
            from before the port lost count.
        """
        last = self._ring.end - 1
        packet = last - (last - self._shift - number) % _NUMBERS
        if packet not in self or packet < self._counted:
            return None
        place = packet % self._ring.room
        _, t1s, _, marks = self._ring.columns
        isNew = not marks[place] & _DEPARTED and at >= t1s[place]
        return packet if isNew else None

    def depart(self, packet: int, at: int) -> None:
        """
        Take the time when a packet left.
        """
        place = packet % self._ring.room
        _, t1s, _, marks = self._ring.columns
        t1s[place] = at
        marks[place] |= _DEPARTED
