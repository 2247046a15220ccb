"""
The rows of the table of C{echostamp watch}: their order, and which are shown; pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import log2
from typing import NamedTuple


class TargetState(Enum):
    """
    The state of a target.
    """

    #: It does not answer.
    DOWN = "down"
    #: Its name has no address, and it was not down before.
    NO_ADDRESS = "no IP"
    #: It answers, and a threshold is exceeded.
    OVER = "over"
    #: It has not answered yet.
    NEW = "new"
    #: It answers.
    UP = "up"
    #: It is not probed.
    PAUSED = "pause"


#: The states from the worst to the best.
_WORST = tuple(TargetState)

#: The states that a reader may have to act on.
TROUBLE = (TargetState.DOWN, TargetState.NO_ADDRESS, TargetState.OVER)


class OffsetBounds(NamedTuple):
    """
    The far clock minus ours, in nanoseconds.

    @ivar isMisfit: whether a clock was stepped or slewed, or several machines answer.
    """

    estimate: int
    low: int
    high: int
    isMisfit: bool = False


@dataclass(frozen=True)
class Row:
    """
    A target.  RTTs are nanoseconds, shares are percent of the window's probes whose
    fate is known.  What is not known is L{None}.

    @ivar name: the target, printable.
    @ivar place: its place among those that were given.
    @ivar last: the last RTT.
    @ivar median: of the window's RTTs.
    @ivar p99: their 99th percentile.
    @ivar missing: the share of probes that were lost or could not be sent.
    @ivar forward: the share that was lost on the way there.
    @ivar backward: the share that was lost on the way back.
    @ivar offset: the offset of the far clock.
    @ivar exceeded: the names of the thresholds that are exceeded.
    @ivar recent: the last RTTs, the oldest first; L{None} for a probe without one.
    """

    name: str
    place: int
    state: TargetState
    last: int | None = None
    median: float | None = None
    p99: float | None = None
    missing: float | None = None
    forward: float | None = None
    backward: float | None = None
    offset: OffsetBounds | None = None
    exceeded: frozenset[str] = frozenset()
    recent: tuple[int | None, ...] = ()

    @property
    def isBad(self) -> bool:
        """Whether a reader may have to act."""
        return self.state in TROUBLE or bool(self.missing)


Counts = tuple[int, ...]
Key = tuple[float | str, ...]


def _greatest(value: float | None) -> float:
    """
    Give a key that has the greatest values first, and unknown ones last.
    """
    return 1.0 if value is None else -abs(value)


def _worst(row: Row) -> Key:
    """
    Give a key by the state, then the share of missing probes, then the median, of which
    only a factor of 2 counts: rows should not change places all the time.
    """
    size = log2(row.median) // 1 if row.median else None
    return _WORST.index(row.state), _greatest(row.missing), _greatest(size)


#: The orders of rows, by name.
ORDERS: Mapping[str, Callable[[Row], Key]] = {
    "worst": _worst,
    "name": lambda row: (row.name,),
    "median": lambda row: (_greatest(row.median),),
    "loss": lambda row: (_greatest(row.missing),),
    "offset": lambda row: (
        _greatest(None if row.offset is None else row.offset.estimate),
    ),
}


def ordered(rows: Iterable[Row], order: str, isReversed: bool = False) -> list[Row]:
    """
    Sort rows.  Those that are equal are in the order in which they were given.

    @param order: one of L{ORDERS}.
    """
    key = ORDERS[order]
    placed = sorted(rows, key=lambda row: row.place)
    return sorted(placed, key=key, reverse=isReversed)


def matching(rows: Iterable[Row], text: str, onlyBad: bool = False) -> list[Row]:
    """
    Give the rows whose name contains a text, in any case.

    @param onlyBad: leave out those that are as they should be.
    """
    found = text.casefold()
    return [
        row
        for row in rows
        if found in row.name.casefold() and (row.isBad or not onlyBad)
    ]


class LossWindow:
    """
    Counts in a window, from counters that only grow.

    The window is longer by at most one in L{PARTS} parts of it, or by the time between
    two calls of L{add}.
    """

    PARTS = 60

    def __init__(self, length: int, now: int, counts: Counts) -> None:
        """
        @param length: of the window, in nanoseconds.
        @param now: the present time, in nanoseconds by the monotonic clock.
        @param counts: the counters now.
        """
        self._length = length
        self._samples = deque([(now, counts)])

    def add(self, now: int, counts: Counts) -> Counts:
        """
        Take the counters.

        @return: by how much each one has grown within the window.
        """
        samples = self._samples
        while len(samples) > 1 and samples[1][0] <= now - self._length:
            samples.popleft()
        last, same = samples[-1]
        # Most counts never change: then there is nothing to remember.
        if counts != same and now - last >= self._length // self.PARTS:
            samples.append((now, counts))
        before = samples[0][1]
        return tuple(new - old for new, old in zip(counts, before, strict=True))
