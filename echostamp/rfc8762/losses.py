"""
In which direction packets were lost, by the numbers of a stateful reflector.  Pure: no
Twisted, no clock, no I/O.
"""

from __future__ import annotations

#: How far packets can overtake one another, in numbers.
REMEMBERED = 10_000

#: Numbers have 32 bits.
_NUMBERS = 1 << 32


class NumberedLosses:
    """
    Counts the packets that were lost in each direction.

    A stateful reflector numbers the packets that it gets (RFC 8762, section 4.3.1).
    Take two replies that came.  Of the packets sent between them, those that the
    reflector did not number were lost on the way there.  A number between theirs that
    did not come was lost on the way back.  Nothing is known of packets before the first
    reply, after the last one, and around a restart of the reflector.

    @ivar isStateful: whether the reflector has its own numbers; L{None} while they have
        been the same as ours.
    @ivar restarts: how often it restarted its numbers.
    """

    __slots__ = ("_backward", "_forward", "_stretch", "isStateful", "restarts")

    def __init__(self) -> None:
        self.isStateful: bool | None = None
        self.restarts = 0
        self._stretch: _Stretch | None = None
        # Before the last restart.
        self._forward = self._backward = 0

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
        @param number: the reflector's number of the reply.
        @param t3: when it left, by the reflector's clock.
        @param isRepeat: whether the packet was already answered by another reply: it
            was doubled on the way there.
        @param isTaken: whether a reply to another packet had the same number.
        @return: whether the reflector restarted its numbers.
        """
        isItsOwn = number != sequence
        if isItsOwn:
            self.isStateful = True
        last = self._stretch
        if last is None:
            self._stretch = _Stretch(sequence, number, t3)
            return False
        sequence = _unwrapped(sequence, last.mostSequence)
        number = _unwrapped(number, last.mostNumber)
        isLater = t3 > last.t3
        if number > last.mostNumber:
            # If it is not later, it is from before a restart, and was overtaken.
            isRestart, isKnown = False, isLater
        else:
            # Our numbers may arrive there in another order.  A reflector's clock may
            # restart with its numbers.
            isRestart = isItsOwn and (
                isLater or isTaken or number + REMEMBERED <= last.mostNumber
            )
            isKnown = True
        if isRestart:
            self.restarts += 1
            self._forward, self._backward = self.forward, self.backward
            self._stretch = _Stretch(sequence, number, t3)
        elif isKnown:
            last.add(sequence, number, t3, isRepeat)
        return isRestart

    @property
    def forward(self) -> int:
        """How many packets were lost on the way there."""
        now = 0 if self._stretch is None else self._stretch.forward
        return self._forward + now

    @property
    def backward(self) -> int:
        """How many packets were lost on the way back."""
        now = 0 if self._stretch is None else self._stretch.backward
        return self._backward + now


class _Stretch:
    """
    The replies between two restarts of a reflector.

    @ivar mostSequence: the highest number of ours that it answered.
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
        Take one more reply.
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
        """The packets sent, less those that got a number; each once."""
        sent = self.mostSequence - self._leastSequence
        return max(0, sent - (self.mostNumber - self._leastNumber) + self._repeats)

    @property
    def backward(self) -> int:
        """The numbers, less the replies."""
        return max(0, self.mostNumber - self._leastNumber + 1 - self._replies)


def numbersAhead(number: int, other: int) -> int:
    """
    Give how far a number of 32 bits is ahead of another one, at most 2^31 either way.
    """
    return (number - other + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2


def _unwrapped(number: int, near: int) -> int:
    """
    Give a number as it was before it was cut to 32 bits, where it is not far from
    another one.
    """
    ahead = numbersAhead(number, near)
    return near + ahead if abs(ahead) < REMEMBERED else number
