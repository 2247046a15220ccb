"""
Class L{Run}: the probes of a run, in few octets each.

Times are integer nanoseconds since the UNIX epoch, durations integer nanoseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from echostamp.measure.block import (
    ALTERED,
    DUPLICATED,
    KINDS,
    LATE,
    LOST,
    REORDERED,
    UNKNOWN,
    VOID,
    Block,
    Probe,
    isStorable,
)

#: How many of the last probes are kept, to within a block.
LIMIT = 1_000_000

#: Probes that are kept, and dropped, together.
_BLOCK = 1024

#: The last items of a probe, by its flags.
_BITS = [
    tuple(bool(flags & each) for each in KINDS) for flags in range(1 << len(KINDS))
]

#: The same as L{Probe} with all its items, in half the time.
_probeOf = partial(tuple.__new__, Probe)


class Run:
    """
    The probes of a run, in the order in which they were sent.

    All are counted, and the last L{LIMIT} are kept.  Older ones are handed over, in
    order, before they are dropped.

    @ivar sent: how many were sent.
    @ivar received: how many were answered in time.
    @ivar lost: how many were not (RFC 6673, section 4: round-trip loss), late ones
        included.
    @ivar late: how many were answered after they had been counted as lost.
    @ivar duplicates: replies beyond the first to a probe (RFC 5560).
    @ivar reordered: replies that came after that of a later probe (RFC 4737).
    @ivar altered: probes whose first reply differs from what was sent.
    @ivar amended: how often the times of a probe that was answered were amended.
    @ivar first: the number of the oldest probe that is kept.
    """

    def __init__(
        self,
        limit: int = LIMIT,
        leave: Callable[[Block], object] = lambda block: None,
    ) -> None:
        """
        @param limit: how many probes are kept, give or take 1,023; not below 2,048.
        @param leave: takes probes that are about to be dropped.
        """
        self.sent = self.received = self.lost = self.late = 0
        self.duplicates = self.reordered = self.altered = 0
        self.first = self.amended = 0
        self._greatest = -1
        self._limit = max(limit, 2 * _BLOCK)
        self._leave = leave
        self._blocks: deque[Block] = deque()

    def send(self, due: int, t1: int) -> int:
        """
        Add a probe that is sent.

        @param due: when it was to be sent: C{t1} less its wait by the monotonic clock.
        @param t1: when it is sent.
        @return: its number.
        """
        if self.sent % _BLOCK == 0:
            if self.sent - self.first >= self._limit:
                self._leave(self._blocks.popleft())
                self.first += _BLOCK
            self._blocks.append(Block())
        block = self._blocks[-1]
        block.due.append(due)
        block.t1.append(t1)
        for column in block.t2, block.t3, block.t4, block.rtt:
            column.append(UNKNOWN)
        block.resolution.append(0)
        block.flags.append(0)
        self.sent += 1
        return self.sent - 1

    def reply(
        self,
        seq: int,
        t4: int,
        rtt: int | None,
        t2: int | None = None,
        t3: int | None = None,
        resolution: int = 1,
        altered: bool = False,
        void: bool = False,
    ) -> None:
        """
        Add a reply.  A second reply to the same probe is only counted.

        @param seq: the number of the probe that it answers.
        @param t4: when it was received.
        @param rtt: the round trip; L{None} if it is not known.
        @param t2: the far end's stamp; L{None} if there is none.  One that is not
            L{storable<isStorable>} is taken for none.
        @param t3: L{None} means C{t2}.
        @param resolution: of C{t2} and C{t3}, up to 4 s.
        @param altered: whether the reply is not what was sent.
        @param void: whether our own clock was set meanwhile, or the reply waited to be
            read.
        @raise IndexError: the probe was not sent, or is no longer kept.
        """
        block, at = self._find(seq)
        if block.t4[at] != UNKNOWN:
            self.duplicates += 1
            block.flags[at] |= DUPLICATED
            return
        flags = block.flags[at]
        if flags & LOST:
            flags |= LATE
            self.late += 1
        else:
            self.received += 1
        if seq < self._greatest:
            flags |= REORDERED
            self.reordered += 1
        self._greatest = max(self._greatest, seq)
        if altered:
            flags |= ALTERED
            self.altered += 1
        if void:
            flags |= VOID
        block.flags[at] = flags
        block.t4[at] = t4
        if rtt is not None:
            block.rtt[at] = rtt
        t3 = t2 if t3 is None else t3
        if t2 is None or t3 is None:
            return
        if isStorable(block.t1[at], t2, t3, t4, resolution):
            block.t2[at], block.t3[at] = t2, t3
            block.resolution[at] = resolution

    def amend(self, seq: int, t1: int, t3: int, rtt: int) -> bool:
        """
        Correct the times of a probe, if it has an RTT and its times can be compared.

        @return: whether it has.
        @raise IndexError: as for L{reply}.
        """
        block, at = self._find(seq)
        if block.rtt[at] == UNKNOWN or block.flags[at] & (LOST | VOID):
            return False
        block.t1[at], block.t3[at], block.rtt[at] = t1, t3, rtt
        self.amended += 1
        return True

    def lose(self, seq: int) -> None:
        """
        Count a probe as lost, if no reply has come.

        @raise IndexError: as for L{reply}.
        """
        block, at = self._find(seq)
        if block.t4[at] == UNKNOWN and not block.flags[at] & LOST:
            block.flags[at] |= LOST
            self.lost += 1

    def _find(self, seq: int) -> tuple[Block, int]:
        if not self.first <= seq < self.sent:
            raise IndexError(f"probe {seq} is not among {self.first} to {self.sent}")
        index, at = divmod(seq - self.first, _BLOCK)
        return self._blocks[index], at

    def __getitem__(self, seq: int) -> Probe:
        """
        Return a probe, by its number.

        @raise IndexError: as for L{reply}.
        """
        block, at = self._find(seq)
        t2, t3, t4, rtt = block.t2[at], block.t3[at], block.t4[at], block.rtt[at]
        # Without a call for each item, since all probes go through here.
        return _probeOf(
            (
                seq,
                block.due[at],
                block.t1[at],
                None if t2 == UNKNOWN else t2,
                None if t3 == UNKNOWN else t3,
                None if t4 == UNKNOWN else t4,
                None if rtt == UNKNOWN else rtt,
                None if t2 == UNKNOWN else block.resolution[at],
                *_BITS[block.flags[at]],
            )
        )

    def __iter__(self) -> Iterator[Probe]:
        """Return the probes that are kept, in the order in which they were sent."""
        return map(self.__getitem__, range(self.first, self.sent))

    def blocks(self, first: int = 0, end: int | None = None) -> Iterator[Block]:
        """
        Return the probes that are kept, column by column: in a tenth of the time.

        @param first: those whose numbers are not below it.
        @param end: those whose numbers are below it; L{None} for all.
        """
        low = max(first - self.first, 0)
        high = min(self.sent if end is None else end, self.sent) - self.first
        while low < high:
            index, at = divmod(low, _BLOCK)
            stop = min(high - index * _BLOCK, _BLOCK)
            block = self._blocks[index]
            isWhole = not at and stop == len(block.flags)
            yield block if isWhole else block.part(at, stop)
            low = index * _BLOCK + stop
