"""
The probes in flight, and the time of a run; pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from echostamp.ring import Ring
from echostamp.times import Moment

#: The numbers of extra probes, which are in no statistics, are from this one on.
EXTRAS_FROM = 10**18

#: Of so many probes the newest in flight is looked for again each time.
_NEAR = 16


class Flight(NamedTuple):
    """
    A probe in flight.  Times are nanoseconds.

    @ivar seq: its number.
    @ivar due: when it was due, since the UNIX epoch.
    @ivar t1: when it was sent, since the UNIX epoch.
    @ivar sent: when it was sent, by the monotonic clock.
    @ivar steps: how often our own clock had been set by then.
    """

    seq: int
    due: int
    t1: int
    sent: int
    steps: int


class Span(NamedTuple):
    """
    The time of a run so far.

    @ivar began: when it began; L{None} before.
    @ivar now: the present moment, or when it ended.
    @ivar flights: the probes in flight.
    """

    began: Moment | None
    now: Moment
    flights: tuple[Flight, ...]


#: The same as L{Flight}, in half the time.
flightOf = partial(tuple.__new__, Flight)


class Flights:
    """
    The probes in flight, in the order in which they were sent.  Their numbers follow
    one another.  Each takes 29 octets, and so does each answered one that was sent
    after the oldest in flight.

    @ivar count: how many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        # A probe is not in the ring while no other one is in flight.
        self._only: Flight | None = None
        self._ring = Ring("q", "q", "q", "I", "b")
        # No probe between these two is in flight: L{newest} need not look there again.
        self._low = self._high = 0

    def sent(self, due: int, at: Moment, steps: int) -> None:
        """
        Add a probe that was sent.

        @param due: when it was due, since the UNIX epoch.
        @param at: when it was sent.
        @param steps: how often our own clock has been set.
        """
        ring = self._ring
        self.count += 1
        if self.count == 1:
            self._only = flightOf((ring.end, due, at.realtime, at.after, steps))
            return
        if self._only is not None:
            ring.append(*self._only[1:], True)
            self._only = None
        ring.append(due, at.realtime, at.after, steps, True)

    def get(self, seq: int) -> Flight | None:
        """
        Give a probe; L{None} if it is not in flight.
        """
        only, ring = self._only, self._ring
        if only is not None:
            return only if seq == only.seq else None
        if not ring.first <= seq < ring.end:
            return None
        place = seq % ring.room
        due, t1, sent, steps, isInFlight = ring.columns
        if not isInFlight[place]:
            return None
        return flightOf((seq, due[place], t1[place], sent[place], steps[place]))

    def pop(self, seq: int) -> Flight | None:
        """
        Remove a probe that is no longer in flight.

        @return: the probe; L{None} if it was not in flight.
        """
        if self._only is not None:
            only = self._only
            if seq != only.seq:
                return None
            self._only = None
            self.count = 0
            self._ring.skip()
            return only
        found = self.get(seq)
        if found is not None:
            ring = self._ring
            isInFlight = ring.columns[4]
            isInFlight[seq % ring.room] = False
            self.count -= 1
            first = end = ring.end
            if self.count:
                first = ring.first
                while first < end and not isInFlight[first % ring.room]:
                    first += 1
            ring.drop(first)
        return found

    def first(self) -> Flight | None:
        """
        Give the oldest probe in flight; L{None} if none is.
        """
        return self.get(self._ring.first)

    @property
    def oldest(self) -> int:
        """
        The number of the oldest probe in flight; that of the next probe if none is.
        """
        return self._ring.first

    @property
    def next(self) -> int:
        """The number of the next probe."""
        return self._ring.end + (self._only is not None)

    @property
    def newest(self) -> int | None:
        """The number of the newest probe in flight."""
        if self._only is not None:
            return self._only.seq
        if not self.count:
            return None
        end, room, isInFlight = self._ring.end, self._ring.room, self._ring.columns[4]
        low, high = self._low, self._high
        seq = end - 1
        while not isInFlight[seq % room]:
            seq = low if low < seq < high else seq - 1
        if end - seq > max(_NEAR, high - low):
            self._low, self._high = seq, end
        return seq

    def __iter__(self) -> Iterator[Flight]:
        """
        Give the probes in flight, the oldest first.  They may be removed meanwhile.
        """
        if self._only is not None:
            yield self._only
            return
        for seq in range(self._ring.first, self._ring.end):
            found = self.get(seq)
            if found is not None:
                yield found
