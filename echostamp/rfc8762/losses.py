"""
In which direction packets were lost, by the numbers of a stateful reflector; pure.
"""

from __future__ import annotations


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

    def saw(self, sequence: int, number: int, t3: int, isRepeat: bool = False) -> bool:
        """
        Take a reply; not the same one twice.

        @param sequence: our number of the packet.
        @param number: the reflector's of the reply.
        @param t3: when it left, by the reflector's clock.
        @param isRepeat: whether the packet has had another reply already: there were
            two of it on the way there.
        @return: whether the reflector has begun anew.
        """
        if number != sequence:
            self.isStateful = True
        last = self._stretches[-1] if self._stretches else None
        isLater = last is not None and t3 > last.t3
        if last is not None and number > last.mostNumber and not isLater:
            # From before a restart, and overtaken.
            return False
        isRestart = last is not None and number <= last.mostNumber and isLater
        if last is None or isRestart:
            self.restarts += isRestart
            self._stretches.append(_Stretch(sequence, number, t3))
        else:
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

    @ivar mostNumber: its highest number.
    @ivar t3: when the reply with that number left.
    """

    __slots__ = (
        "_leastNumber",
        "_leastSequence",
        "_mostSequence",
        "_repeats",
        "_replies",
        "mostNumber",
        "t3",
    )

    def __init__(self, sequence: int, number: int, t3: int) -> None:
        self._leastSequence = self._mostSequence = sequence
        self._leastNumber = self.mostNumber = number
        self.t3 = t3
        self._replies, self._repeats = 1, 0

    def add(self, sequence: int, number: int, t3: int, isRepeat: bool) -> None:
        """
        Take one more.
        """
        self._leastSequence = min(self._leastSequence, sequence)
        self._mostSequence = max(self._mostSequence, sequence)
        self._leastNumber = min(self._leastNumber, number)
        if number > self.mostNumber:
            self.mostNumber, self.t3 = number, t3
        self._replies += 1
        self._repeats += isRepeat

    @property
    def forward(self) -> int:
        """Packets that were sent less those that were numbered, each once."""
        sent = self._mostSequence - self._leastSequence
        return max(0, sent - (self.mostNumber - self._leastNumber) + self._repeats)

    @property
    def backward(self) -> int:
        """Numbers less replies."""
        return max(0, self.mostNumber - self._leastNumber + 1 - self._replies)
