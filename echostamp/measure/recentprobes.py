"""
The last probes of a prober, one by one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import repeat
from operator import le

from echostamp.measure.block import LOST, UNKNOWN
from echostamp.measure.bursts import Bursts
from echostamp.measure.counts import C_RECEIVED, EXTRA, SKIPPED, repeated, tally
from echostamp.measure.rows import (
    HEAD,
    NUMBERS,
    RTT,
    T1,
    T2,
    WAIT,
    WIDTH,
    number,
)

#: How many are kept.
MOST = 40

#: What is kept of each beside its row: when its fate became known, its flags, and the
#: RTT of the probe sent before it.
_TIME, _FLAGS, _BEFORE = range(3)
_WIDTH = 3


class RecentProbes:
    """
    The probes whose fates became known last: each with a row and what else is known of
    it.  They are found by their place, from 0 for the oldest one.

    @ivar rows: the rows, one after the other; a lost probe's has no times.
    """

    __slots__ = ("_notes", "rows")

    def __init__(self) -> None:
        self._notes = array("q")
        self.rows = array("q")

    def __len__(self) -> int:
        """How many there are."""
        return len(self._notes) // _WIDTH

    def append(self, time: int, flags: int, before: int, row: Sequence[int]) -> None:
        """
        Append a probe.

        @param time: when its fate became known.
        @param flags: what happened to it.
        @param before: the RTT of the probe sent before it.
        @param row: its row.
        """
        self._notes.extend((time, flags, before))
        self.rows.extend(row)

    def takeFirst(self) -> tuple[int, int, int, array[int]]:
        """
        Remove the oldest probe.

        @return: what L{append} got.
        """
        time, flags, before = self._notes[:_WIDTH]
        row = self.rows[:WIDTH]
        del self._notes[:_WIDTH], self.rows[:WIDTH]
        return time, flags, before, row

    def find(self, seq: int) -> int | None:
        """
        Return the place of a probe, by its number; L{None} where it is not here.
        """
        wanted = seq % NUMBERS
        for place in range(len(self) - 1, -1, -1):
            isOther = self._notes[_WIDTH * place + _FLAGS] & (EXTRA | SKIPPED)
            if number(self.rows[WIDTH * place + HEAD]) == wanted and not isOther:
                return place
        return None

    def setBefore(self, place: int, rtt: int) -> None:
        """
        Take the RTT of the probe that was sent before one.
        """
        if self.rows[WIDTH * place + RTT] != UNKNOWN:
            self._notes[_WIDTH * place + _BEFORE] = rtt

    def amend(self, place: int, t1: int, rtt: int) -> bool:
        """
        Take better times of a probe.

        @return: whether it has an RTT.
        """
        rows, at = self.rows, WIDTH * place
        if rows[at + RTT] == UNKNOWN:
            return False
        rows[at + WAIT] += t1 - rows[at + T1]
        rows[at + T1], rows[at + RTT] = t1, rtt
        return True

    def late(self, place: int, flags: int) -> None:
        """
        A lost probe was answered.

        @param flags: what is known of its reply.
        """
        self._notes[_WIDTH * place + _FLAGS] |= flags

    def repeated(self, place: int) -> None:
        """
        A probe was answered once more.
        """
        at = _WIDTH * place + _FLAGS
        self._notes[at] = repeated(self._notes[at])

    def forgetClock(self) -> None:
        """
        Forget the far end's times.
        """
        self.rows[T2::WIDTH] = array("q", [UNKNOWN]) * len(self)

    def answered(self) -> int:
        """
        Return how many have times.
        """
        rtts, t2s = self.rows[RTT::WIDTH], self.rows[T2::WIDTH]
        if UNKNOWN not in rtts:
            # The usual case.
            return len(rtts)
        return sum(not rtt == UNKNOWN == t2 for rtt, t2 in zip(rtts, t2s, strict=True))

    def due(self) -> int:
        """
        Return how many were due.
        """
        return sum(not flags & EXTRA for flags in self._notes[_FLAGS::_WIDTH])

    def since(self, start: int) -> int:
        """
        Return the place of the first probe after a time.
        """
        return sum(map(le, self._notes[_TIME::_WIDTH], repeat(start)))

    def last(self, count: int) -> tuple[int, int]:
        """
        Return the place from which on so many probes were due; 0, if there are not so
        many.

        @return: the place, and how many are missing.
        """
        flags = self._notes[_FLAGS::_WIDTH]
        place = len(flags)
        while place and count:
            place -= 1
            count -= not flags[place] & EXTRA
        return place, count

    def time(self, place: int) -> int | None:
        """
        Return when the fate of a probe became known; L{None} where there is none.
        """
        return self._notes[_WIDTH * place] if place < len(self) else None

    def collect(self, place: int, counts: list[int], bursts: Bursts) -> array[int]:
        """
        Count the probes from a place on.

        @param counts: to add to.
        @param bursts: to add to.
        @return: the rows of those that were answered.
        """
        flags, rows = self._notes[_FLAGS::_WIDTH][place:], self.rows[WIDTH * place :]
        if not any(flags):
            counts[C_RECEIVED] += len(flags)
            return rows
        answered = array("q")
        for at, each in zip(range(0, len(rows), WIDTH), flags, strict=True):
            tally(counts, 0, each)
            if each & LOST:
                bursts.lose(number(rows[at + HEAD]))
            elif not each & SKIPPED:
                answered += rows[at : at + WIDTH]
        return answered
