"""
Probes with all four times, as differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, compress, repeat
from operator import add, attrgetter, mul, sub
from typing import NamedTuple

from echostamp.measure.block import Block
from echostamp.measure.envelope import MOST_DRIFT
from echostamp.measure.hull import Bound, boundsOf, hullOf

#: The greatest slope of a line.
_STEEPEST = float(MOST_DRIFT)

#: The first and the last of so many parts of the bounds are looked at for the slopes.
_ENDS = 6

#: Nanoseconds within which our own clock shows a time: T4 is cut to them.
NEAR_RESOLUTION = 1


class TimeOrigin(NamedTuple):
    """
    What times, delays and resolutions are counted from.
    """

    time: int
    forward: int
    backward: int
    resolution: int


class Differences(NamedTuple):
    """
    Columns of L{TimedProbes}, counted from a L{TimeOrigin}.  Floats hold them exactly,
    and computing with floats takes less time than with integers.
    """

    t1: list[float]
    t4: list[float]
    forward: list[float]
    backward: list[float]


class TimedProbes:
    """
    Probes that have all four times.

    @ivar t1: when they were sent.
    @ivar t4: when their replies were received.
    @ivar forward: T2 - T1.
    @ivar backward: T4 - T3.
    @ivar resolutions: the resolutions of the far end's times.
    @ivar coarsest: the greatest of them; 0 where there is no probe.
    @ivar resolution: what all of them are; L{None} where they differ.
    @ivar areInOrder: whether both C{t1} and C{t4} are in order.
    """

    __slots__ = (
        "_found",
        "areInOrder",
        "backward",
        "coarsest",
        "forward",
        "resolution",
        "resolutions",
        "t1",
        "t4",
    )

    def __init__(
        self,
        t1: list[int],
        t4: list[int],
        forward: list[int],
        backward: list[int],
        resolutions: list[int],
    ) -> None:
        """
        @param t1: with the others, the columns.
        """
        self.t1, self.t4 = t1, t4
        self.forward, self.backward = forward, backward
        self.resolutions = resolutions
        self.coarsest = max(resolutions, default=0)
        isOne = resolutions.count(self.coarsest) == len(resolutions)
        self.resolution = self.coarsest if isOne else None
        self.areInOrder = t1 == sorted(t1) and t4 == sorted(t4)
        self._found: tuple[TimeOrigin, Differences] | None = None

    @classmethod
    def of(cls, block: Block) -> TimedProbes:
        """
        Make it of the probes of a block; all have all four times.
        """
        return cls(
            block.t1.tolist(),
            block.t4.tolist(),
            list(map(sub, block.t2, block.t1)),
            list(map(sub, block.t4, block.t3)),
            block.resolution.tolist(),
        )

    @classmethod
    def together(cls, parts: Sequence[TimedProbes]) -> TimedProbes:
        """
        Make it of the probes of several others.
        """
        columns = "t1", "t4", "forward", "backward", "resolutions"
        return cls(
            *([*chain.from_iterable(map(attrgetter(name), parts))] for name in columns)
        )

    def __len__(self) -> int:
        """How many there are."""
        return len(self.t1)

    def only(self, isChosen: Iterable[bool]) -> TimedProbes:
        """
        Return those of the probes that are chosen.
        """
        chosen = list(isChosen)
        if all(chosen):
            return self
        columns = self.t1, self.t4, self.forward, self.backward, self.resolutions
        return TimedProbes(*(list(compress(column, chosen)) for column in columns))

    def span(self) -> tuple[int, int]:
        """
        Return when the first one was sent, and when the last reply was received.
        """
        if self.areInOrder:
            return self.t1[0], self.t4[-1]
        return min(self.t1), max(self.t4)

    def roundTrips(self) -> list[int]:
        """
        Return the round trips, without the time that the far end took.
        """
        return list(map(add, self.forward, self.backward))

    def origin(self) -> TimeOrigin:
        """
        Return the times, delays and resolution of the first one.
        """
        return TimeOrigin(
            self.t1[0], self.forward[0], self.backward[0], self.resolutions[0]
        )

    def differences(self, origin: TimeOrigin) -> Differences:
        """
        Return what times and delays differ by from an origin.
        """
        if self._found is None or self._found[0] != origin:
            time, forward, backward, _ = origin
            columns = (
                (self.t1, time),
                (self.t4, time),
                (self.forward, forward),
                (self.backward, backward),
            )
            # Dividing makes a float in less time than calling float.
            found = Differences(
                *([(each - first) / 1 for each in column] for column, first in columns)
            )
            self._found = origin, found
        return self._found[1]

    def bounds(self) -> tuple[list[Bound], list[Bound]]:
        """
        Return the bounds of the offset: from above, and from below as bounds from above
        of the offset's negative.
        """
        every = range(len(self))
        return self._uppers(every), self._lowers(every)

    def _uppers(self, indices: Iterable[int]) -> list[Bound]:
        """
        Return the bounds from above of some probes.
        """
        return [
            (self.t1[at], self.forward[at] + self.resolutions[at]) for at in indices
        ]

    def _lowers(self, indices: Iterable[int]) -> list[Bound]:
        """
        Return the bounds from below of some probes.
        """
        return [
            (self.t4[at] + NEAR_RESOLUTION, self.backward[at] + NEAR_RESOLUTION)
            for at in indices
        ]

    def fewBounds(self) -> tuple[list[Bound], list[Bound]]:
        """
        Return some of the L{bounds}, which leave the same lines as all of them.

        The lowest bounds near both ends limit the slopes of the lines.  They make each
        bound redundant that is above all lines which they allow.
        """
        if not self.areInOrder:
            return self.bounds()
        found = self.differences(self.origin())
        latest = found.forward
        if self.resolution is None:
            latest = list(map(add, latest, self.resolutions))
        last = len(self) - -(-len(self) // _ENDS)
        ups, latestLevel = _levelled(found.t1, latest, last)
        downs, backwardLevel = _levelled(found.t4, found.backward, last)
        (u0, v0), (u1, v1) = self._uppers(ups)
        (l0, w0), (l1, w1) = self._lowers(downs)
        steepest, flattest = _STEEPEST, -_STEEPEST
        if u1 > l0 and l1 > u0:
            # From below at first to above at last, and the other way round.
            steepest = min(steepest, (v1 + w0 + 1) / (u1 - l0))
            flattest = max(flattest, (-w1 - v0 - 1) / (l1 - u0))
        upper = _below(found.t1, latest, latestLevel, ups, steepest, flattest)
        lower = _below(
            found.t4, found.backward, backwardLevel, downs, -flattest, -steepest
        )
        uppers, lowers = hullOf(self._uppers(upper)), hullOf(self._lowers(lower))
        return (
            list(dict.fromkeys(((u0, v0), (u1, v1), *boundsOf(uppers)))),
            list(dict.fromkeys(((l0, w0), (l1, w1), *boundsOf(lowers)))),
        )


def _lowest(values: list[float], last: int) -> tuple[int, int]:
    """
    Return the indices of the least values of the first and of the last ones.

    @param last: the index of the first of the last ones.
    """
    first = len(values) - last
    return (
        values.index(min(values[:first])),
        values.index(min(values[last:]), last),
    )


def _levelled(
    times: list[float], values: list[float], last: int
) -> tuple[tuple[int, int], list[float]]:
    """
    Take out most of the drift.

    @param last: the index of the first of the last bounds.
    @return: the indices of the lowest bounds of the first and of the last ones, and all
        values less the drift.
    """
    first, end = _lowest(values, last)
    span = times[end] - times[first]
    slope = (values[end] - values[first]) / span if span else 0.0
    level = list(map(sub, values, map(mul, times, repeat(slope))))
    return _lowest(level, last), level


def _below(
    times: list[float],
    values: list[float],
    level: list[float],
    lowest: tuple[int, int],
    steepest: float,
    flattest: float,
) -> list[int]:
    """
    Return the indices of the bounds that forbid lines which two bounds allow, where the
    slopes of the lines are between two; and of some others, since floats are not exact.

    @param level: the values less a drift.
    @param lowest: the indices of the two.  Between their times a line is not above both
        of them, whatever drift is taken out.
    """
    first, last = lowest
    most = max(level[first], level[last]) + 1
    before = values[first] - flattest * times[first] + 1
    after = values[last] - steepest * times[last] + 1
    early, late = range(first), range(last, len(values))
    found = [at for at in early if values[at] - flattest * times[at] <= before]
    found += [at for at, each in enumerate(level[first:last], first) if each <= most]
    found += [at for at in late if values[at] - steepest * times[at] <= after]
    return found
