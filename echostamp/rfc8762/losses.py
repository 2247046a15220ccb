"""
In which direction packets were lost, by the numbers of a stateful reflector; pure.
"""

from __future__ import annotations

#: How far packets can overtake one another, in numbers: more than anybody remembers of
#: them.
REMEMBERED = 10_000

#: Numbers have 32 bits.
_NUMBERS = 1 << 32


class Losses:
    """
    What a reflector's numbers say.

    A stateful reflector numbers the packets that it gets (RFC 8762, section 4.3.1).
    Between two replies that have come, a packet of ours that it has not numbered was
    lost on the way there, and a number that has not come on the way back.  Of packets
    before the first reply, behind the last one, and around a restart nothing is known.

    @ivar isStateful: whether it has its own numbers, as far as they have shown; L{None}
        while they have been ours.
    @ivar restarts: how often it began anew.
    """

    def __init__(self) -> None:
        self.isStateful: bool | None = None
        self.restarts = 0
        self._stretches: list[_Stretch] = []

    def saw(
        self,
        sequence: int,
        number: int,
        t3: int,
        isRepeat: bool = False,
        isTaken: bool = False,
    ) -> bool:
        """
        Take a reply; not the same one twice.

        @param sequence: our number of the packet.
        @param number: the reflector's of the reply.
        @param t3: when it left, by the reflector's clock.
        @param isRepeat: whether the packet has had another reply already: there were
            two of it on the way there.
        @param isTaken: whether another packet has had a reply with that number.
        @return: whether the reflector has begun anew.
        """
        isItsOwn = number != sequence
        if isItsOwn:
            self.isStateful = True
        last = self._stretches[-1] if self._stretches else None
        if last is None:
            self._stretches.append(_Stretch(sequence, number, t3))
            return False
        sequence = _unwrapped(sequence, last.mostSequence)
        number = _unwrapped(number, last.mostNumber)
        isLater = t3 > last.t3
        if number > last.mostNumber:
            # If not later, from before a restart, and overtaken.
            isRestart, isKnown = False, isLater
        else:
            # Who counts our numbers may be asked in another order.  The clock of one
            # that begins anew may begin anew, too.
            isRestart = isItsOwn and (
                isLater or isTaken or number + REMEMBERED <= last.mostNumber
            )
            isKnown = True
        if isRestart:
            self.restarts += 1
            self._stretches.append(_Stretch(sequence, number, t3))
        elif isKnown:
            last.add(sequence, number, t3, isRepeat)
        return isRestart

    @property
    def forward(self) -> int:
        """How many packets were lost on the way there."""
        return sum(each.forward for each in self._stretches)

    @property
    def backward(self) -> int:
        """How many were lost on the way back."""
        return sum(each.backward for each in self._stretches)


class _Stretch:
    """
    Replies of a reflector that has not begun anew.

    @ivar mostSequence: the highest number of ours that it has answered.
    @ivar mostNumber: its highest number.
    @ivar t3: when the reply with that number left.
    """

    __slots__ = (
        "_leastNumber",
        "_leastSequence",
        "_repeats",
        "_replies",
        "mostNumber",
        "mostSequence",
        "t3",
    )

    def __init__(self, sequence: int, number: int, t3: int) -> None:
        self._leastSequence = self.mostSequence = sequence
        self._leastNumber = self.mostNumber = number
        self.t3 = t3
        self._replies, self._repeats = 1, 0

    def add(self, sequence: int, number: int, t3: int, isRepeat: bool) -> None:
        """
        Take one more.
        """
        self._leastSequence = min(self._leastSequence, sequence)
        self.mostSequence = max(self.mostSequence, sequence)
        self._leastNumber = min(self._leastNumber, number)
        if number > self.mostNumber:
            self.mostNumber, self.t3 = number, t3
        self._replies += 1
        self._repeats += isRepeat

    @property
    def forward(self) -> int:
        """Packets that were sent less those that were numbered, each once."""
        sent = self.mostSequence - self._leastSequence
        return max(0, sent - (self.mostNumber - self._leastNumber) + self._repeats)

    @property
    def backward(self) -> int:
        """Numbers less replies."""
        return max(0, self.mostNumber - self._leastNumber + 1 - self._replies)


def _unwrapped(number: int, near: int) -> int:
    """
    Give a number of 32 bits as it was before it was cut to them, where it is not far
    from another one.
    """
    ahead = (number - near + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2
    return near + ahead if abs(ahead) < REMEMBERED else number
