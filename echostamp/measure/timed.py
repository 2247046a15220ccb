"""
Probes with all four times, as differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from operator import add, sub

from echostamp.measure.block import Block
from echostamp.measure.hull import Bounds

#: Nanoseconds within which our own clock shows a time: T4 is cut to them.
NEAR_RESOLUTION = 1


class TimedProbes:
    """
    Probes that have all four times.

    @ivar t1: when they were sent.
    @ivar t4: when their replies were received.
    @ivar forward: T2 - T1.
    @ivar backward: T4 - T3.
    @ivar resolutions: the resolutions of the far end's times.
    """

    __slots__ = ("backward", "forward", "resolutions", "t1", "t4")

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

    def bounds(self) -> tuple[Bounds, Bounds]:
        """
        Give the bounds of the offset: from above, and from below as bounds from above
        of the offset's negative.
        """
        return (
            _inOrder(self.t1, list(map(add, self.forward, self.resolutions))),
            _inOrder(
                [t4 + NEAR_RESOLUTION for t4 in self.t4],
                [delay + NEAR_RESOLUTION for delay in self.backward],
            ),
        )


def _inOrder(times: list[int], values: list[int]) -> Bounds:
    """
    Sort bounds by time.
    """
    if times == sorted(times):
        return times, values
    columns = sorted(zip(times, values, strict=True))
    return [time for time, _ in columns], [value for _, value in columns]
