"""
In which direction packets were lost, by the numbers of a stateful reflector.  Pure: no
Twisted, no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from echostamp.times import SECOND

#: How far numbers can be from the highest one without being from another count.
REMEMBERED = 10_000

#: How far packets overtake one another on the way to the reflector, at most: sent less
#: than this many packets apart, and less than this many nanoseconds.
OVERTAKEN, OVERTAKEN_WITHIN = 64, SECOND // 2

#: Numbers have 32 bits.
_NUMBERS = 1 << 32


class Directions(NamedTuple):
    """
    In which direction packets were lost between the first and the last reply.

    @ivar lost: packets that were lost.
    @ivar hidden: how many of them may have been lost on the way back; all others were
        lost on the way there.
    @ivar isUnlessDoubled: whether the C{hidden} ones were lost on the way back unless
        a packet was doubled on the way there, and no doubled one has been seen.
    """

    lost: int = 0
    hidden: int = 0
    isUnlessDoubled: bool = True


class NumberedLosses:
    """
    Counts the packets that were lost in each direction.

    A stateful reflector numbers the packets that it gets (RFC 8762, section 4.3.1).
    Each unanswered packet either got no number, because it was lost on the way there,
    or it got one of the numbers that did not come.  A packet that is doubled on the way
    there gets two numbers.  If one of them does not come, it looks like that of an
    unanswered packet, so there is an exact count only where every number came.

    An unanswered packet that was sent near the end may have got a number above the
    highest one that came, and one near the beginning a number below the lowest one.
    Nothing is known of packets before the first reply, after the last one, and around a
    restart of the numbers.

    @ivar isStateful: whether the reflector has its own numbers; L{None} while they have
        been the same as ours, and nothing else has shown it.
    @ivar restarts: how often its numbers began again.
    """

    __slots__ = (
        "_before",
        "_hasDoubles",
        "_sentBefore",
        "_stretch",
        "isStateful",
        "restarts",
    )

    def __init__(self, sentBefore: Callable[[int], int | None]) -> None:
        """
        @param sentBefore: gives T1 of the packet before the one with a number of ours,
            in nanoseconds; L{None} where it is not known.
        """
        self._sentBefore = sentBefore
        self.isStateful: bool | None = None
        self.restarts = 0
        self._hasDoubles = False
        self._stretch: _Stretch | None = None
        # Before the last restart.
        self._before = Directions()

    def saw(
        self,
        sequence: int,
        number: int,
        t1: int,
        t3: int,
        isRepeat: bool = False,
        isTaken: bool = False,
    ) -> bool:
        """
        Take a reply; not the same one twice.

        @param sequence: our number of the packet.
        @param number: the reflector's number of the reply.
        @param t1: when the packet was sent, in nanoseconds.
        @param t3: when the reply left, by the reflector's clock.
        @param isRepeat: whether the packet was already answered by another reply: it
            was doubled on the way there.
        @param isTaken: whether a reply to another packet had the same number.
        @return: whether the reflector's numbers began again.
        """
        isItsOwn = number != sequence
        if isItsOwn:
            self.isStateful = True
        if isRepeat:
            self._hasDoubles = True
        last = self._stretch
        isRestart = False
        if last is None:
            last = self._stretch = _Stretch(
                number, sequence, t3, self._sentBefore, isFirst=True
            )
        else:
            if not -REMEMBERED < sequence - last.mostSequence < REMEMBERED:
                sequence = unwrapped(sequence, last.mostSequence)
            if not -REMEMBERED < number - last.mostNumber < REMEMBERED:
                number = unwrapped(number, last.mostNumber)
            if number > last.mostNumber:
                if t3 < last.t3:
                    # It is from before a restart, and was overtaken.
                    return False
            else:
                # Our numbers may arrive there in another order.  A reflector's clock
                # may restart with its numbers.
                isRestart = isItsOwn and (
                    t3 > last.t3 or isTaken or number + REMEMBERED <= last.mostNumber
                )
        if isRestart:
            self.restarts += 1
            self._before = self.directions
            last = self._stretch = _Stretch(
                number, sequence, t3, self._sentBefore, isFirst=False
            )
        last.add(sequence, number, t1, t3, isRepeat)
        return isRestart

    @property
    def directions(self) -> Directions:
        """In which direction packets were lost."""
        stretch, before = self._stretch, self._before
        if stretch is None:
            return before
        lost, near = stretch.unanswered, stretch.nearEdges
        hidden = min(lost, max(0, stretch.missing) + near)
        return Directions(
            before.lost + lost,
            before.hidden + hidden,
            before.isUnlessDoubled and not self._hasDoubles and not (near and lost),
        )


class _Stretch:
    """
    The replies between two restarts of a reflector's numbers.

    Unanswered packets near the edges are counted in constant memory.  Packets after
    C{_start} were sent too late to arrive before the first one, and packets up to
    C{_settled} too early to arrive after the last one.  C{_mark} will be the next
    C{_settled}.

    @ivar mostSequence: the highest number of ours that it answered.
    @ivar mostNumber: its highest number.
    @ivar t3: when the reply with that number left.
    @ivar unanswered: how many packets of ours between its first and its last were not
        answered.
    @ivar missing: how many numbers between its lowest and its highest did not come.
    """

    __slots__ = (
        "_afterMark",
        "_afterSettled",
        "_isFirst",
        "_leastNumber",
        "_leastSequence",
        "_mark",
        "_markedAt",
        "_sentBefore",
        "_settled",
        "_start",
        "_upToStart",
        "missing",
        "mostNumber",
        "mostSequence",
        "t3",
        "unanswered",
    )

    def __init__(
        self,
        number: int,
        sequence: int,
        t3: int,
        sentBefore: Callable[[int], int | None],
        isFirst: bool,
    ) -> None:
        """
        @param sentBefore: see L{NumberedLosses}.
        @param isFirst: whether the reflector may have counted from 0 up to this number.
        """
        self._leastNumber, self.mostNumber = number, number - 1
        self._leastSequence = self.mostSequence = sequence
        self.t3 = t3
        self._sentBefore = sentBefore
        self._isFirst = isFirst
        self.missing = self.unanswered = 0
        self._mark: int | None = None
        self._start: int | None = None
        self._markedAt = self._settled = 0
        # How many of the unanswered packets are there.
        self._afterMark = self._afterSettled = self._upToStart = 0

    def add(self, sequence: int, number: int, t1: int, t3: int, isRepeat: bool) -> None:
        """
        Take a reply.
        """
        isInOrder = number > self.mostNumber
        if isInOrder:
            self.missing += number - self.mostNumber - 1
            self.mostNumber, self.t3 = number, t3
        elif number < self._leastNumber:
            self.missing += self._leastNumber - number - 1
            self._leastNumber = number
        else:
            self.missing -= 1
        # The first reply to a doubled packet may be from before the restart.
        if isRepeat:
            return
        if self._mark is None:
            self._leastSequence = self.mostSequence = self._mark = sequence
            self._markedAt = t1
        elif sequence > self.mostSequence:
            skipped = sequence - self.mostSequence - 1
            self.mostSequence = sequence
            self.unanswered += skipped
            self._afterMark += skipped
            self._afterSettled += skipped
            if isInOrder and (
                sequence - self._mark >= OVERTAKEN
                or t1 - self._markedAt >= OVERTAKEN_WITHIN
            ):
                self._setMark(self._mark, sequence, t1)
        elif sequence < self._leastSequence:
            skipped = self._leastSequence - sequence - 1
            self._leastSequence = sequence
            self.unanswered += skipped
            self._upToStart += skipped
        else:
            self.unanswered -= 1
            self._afterMark -= sequence > self._mark
            self._afterSettled -= sequence > self._settled
            self._upToStart -= self._start is not None and sequence < self._start

    def _setMark(self, old: int, new: int, t1: int) -> None:
        """
        Take a packet for the new mark.
        """
        if self._start is None:
            self._start, self._upToStart = new, self.unanswered
        self._settled, self._afterSettled = old, self._afterMark
        before = self._sentBefore(new)
        if before is not None and t1 - before >= OVERTAKEN_WITHIN:
            # Even the packet before this one was sent early enough.
            self._settled, self._afterSettled = new - 1, 0
        self._mark, self._markedAt, self._afterMark = new, t1, 0

    @property
    def nearEdges(self) -> int:
        """How many packets were not answered and may have got numbers outside."""
        early = late = self.unanswered
        if self._start is not None:
            early, late = self._upToStart, self._afterSettled
        if self._isFirst:
            early = min(early, self._leastNumber % _NUMBERS)
        return early + late


def numbersAhead(number: int, other: int) -> int:
    """
    Give how far a number of 32 bits is ahead of another one, at most 2^31 either way.
    """
    return (number - other + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2


def unwrapped(number: int, near: int) -> int:
    """
    Give a number as it was before it was cut to 32 bits, where it is not far from
    another one.
    """
    ahead = numbersAhead(number, near)
    return near + ahead if abs(ahead) < REMEMBERED else number
