"""
Probes with all four times, as differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress, repeat
from operator import add, mul, sub
from typing import NamedTuple

from echostamp.measure.block import Block
from echostamp.measure.envelope import MOST_DRIFT
from echostamp.measure.hull import Bound, Hull, hullOf

#: The times of bounds, and their values.
Bounds = tuple[list[int], list[int]]

#: The greatest slope of a line.
_STEEPEST = float(MOST_DRIFT)

#: The first and the last of so many parts of the bounds are looked at for the slopes.
_ENDS = 6

#: Nanoseconds within which our own clock shows a time: T4 is cut to them.
NEAR_RESOLUTION = 1


class Origin(NamedTuple):
    """
    What times and delays are counted from.
    """

    time: int
    forward: int
    backward: int


class Differences(NamedTuple):
    """
    Columns of L{TimedProbes}, counted from an L{Origin}.  Floats hold them exactly, and
    are reckoned with in less time than integers.
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
    """

    __slots__ = ("_found", "backward", "forward", "resolutions", "t1", "t4")

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
        self._found: tuple[Origin, Differences] | None = None

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

    def __len__(self) -> int:
        """How many there are."""
        return len(self.t1)

    def only(self, isChosen: Iterable[bool]) -> TimedProbes:
        """
        Give those of the probes that are chosen.
        """
        chosen = list(isChosen)
        if all(chosen):
            return self
        columns = self.t1, self.t4, self.forward, self.backward, self.resolutions
        return TimedProbes(*(list(compress(column, chosen)) for column in columns))

    def roundTrips(self) -> list[int]:
        """
        Give the round trips, without the time that the far end took.
        """
        return list(map(add, self.forward, self.backward))

    def origin(self) -> Origin:
        """
        Give the times and delays of the first one.
        """
        return Origin(self.t1[0], self.forward[0], self.backward[0])

    def differences(self, origin: Origin) -> Differences:
        """
        Give what times and delays differ by from an origin.
        """
        if self._found is None or self._found[0] != origin:
            time, forward, backward = origin
            columns = (
                (self.t1, time),
                (self.t4, time),
                (self.forward, forward),
                (self.backward, backward),
            )
            found = Differences(
                *(
                    list(map(float, map(sub, column, repeat(first))))
                    for column, first in columns
                )
            )
            self._found = origin, found
        return self._found[1]

    def bounds(self) -> tuple[Bounds, Bounds]:
        """
        Give the bounds of the offset: from above, and from below as bounds from above
        of the offset's negative.
        """
        ends = [t4 + NEAR_RESOLUTION for t4 in self.t4]
        return (
            (self.t1, list(map(add, self.forward, self.resolutions))),
            (ends, [delay + NEAR_RESOLUTION for delay in self.backward]),
        )

    def hullsBetween(self) -> tuple[Hull, Hull]:
        """
        Give bounds of the offset that leave the same lines as all of L{bounds}: some of
        them.

        The lowest bounds near both ends limit the slopes of the lines.  Then a bound
        says nothing that is above an earlier one by what the steepest line rises
        meanwhile, or above a later one by what the flattest line falls.
        """
        (t1s, uppers), (t4s, lowers) = self.bounds()
        if t1s != sorted(t1s) or t4s != sorted(t4s):
            return hullOf(zip(t1s, uppers, strict=True)), hullOf(
                zip(t4s, lowers, strict=True)
            )
        some = -(-len(t1s) // _ENDS)
        first, last = slice(some), slice(-some, None)
        u0, v0 = _lowest(t1s[first], uppers[first])
        u1, v1 = _lowest(t1s[last], uppers[last])
        l0, w0 = _lowest(t4s[first], lowers[first])
        l1, w1 = _lowest(t4s[last], lowers[last])
        steepest, flattest = _STEEPEST, -_STEEPEST
        if u1 > l0 and l1 > u0:
            # From below at first to above at last, and the other way round.
            steepest = min(steepest, (v1 + w0 + 1) / (u1 - l0))
            flattest = max(flattest, (-w1 - v0 - 1) / (l1 - u0))
        found = self.differences(self.origin())
        latest = found.forward
        if min(self.resolutions) < max(self.resolutions):
            latest = list(map(add, latest, self.resolutions))
        upper = _records(found.t1, latest, steepest, flattest)
        lower = _records(found.t4, found.backward, -flattest, -steepest)
        return (
            [u0, v0, u1, v1, *hullOf([(t1s[at], uppers[at]) for at in upper])],
            [l0, w0, l1, w1, *hullOf([(t4s[at], lowers[at]) for at in lower])],
        )


def _lowest(times: list[int], values: list[int]) -> Bound:
    """
    Give the lowest of some bounds.
    """
    least = min(values)
    return times[values.index(least)], least


def _records(
    times: list[float], values: list[float], steepest: float, flattest: float
) -> list[int]:
    """
    Give the indices of the bounds that say something beside both earlier and later
    ones, for lines whose slopes are between two; and of some others, since floats are
    not exact.
    """
    above = list(map(sub, values, map(mul, times, repeat(steepest))))
    least = above[0] + 1
    found = []
    for at, each in enumerate(above):
        if each <= least:
            found.append(at)
            least = min(least, each + 1)
    found.reverse()
    least = values[found[0]] - times[found[0]] * flattest + 1
    kept = []
    for at in found:
        each = values[at] - times[at] * flattest
        if each <= least:
            kept.append(at)
            least = min(least, each + 1)
    return kept
