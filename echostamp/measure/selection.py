"""
What is known of the probes of a window.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from echostamp.measure.rows import residencesOf, thinned

#: Bounds of the offset from above, from below, and the coarsest resolution of the
#: stamps.
Hulls = tuple[list[int], list[int], int]


@dataclass(frozen=True)
class Selection:
    """
    What is known of a window's probes.

    @ivar began: the beginning of the span, by the monotonic clock.
    @ivar ended: its end.
    @ivar isApart: whether the far end gives T2 and T3 apart.
    @ivar resolution: the far end's stamps are no finer than this.
    @ivar pending: how many probes are in flight.
    @ivar counts: counts of the others.
    @ivar bursts: the length of a burst of loss, to how many there were.
    @ivar every: there is a row of every probe whose number is a multiple of this.
    @ivar old: rows of earlier probes.
    @ivar oldIpdv: the IPDV of every so many pairs of earlier probes.
    @ivar rows: the rows of all later ones.
    @ivar extremes: values between which the RTTs of those earlier probes lie that have
        no row: from sending, and from when the probes were due.
    @ivar hulls: where C{every} is above 1, the bounds of the offset that the earlier
        probes give.
    """

    began: int
    ended: int
    isApart: bool
    resolution: int
    pending: int
    counts: Sequence[int]
    bursts: Mapping[int, int]
    every: int
    old: array[int]
    oldIpdv: array[int]
    rows: array[int]
    extremes: tuple[list[int], list[int]]
    hulls: Sequence[Hulls]

    def kept(self) -> array[int]:
        """Return a row of every so many probes."""
        return thinned(self.old, self.every) + thinned(self.rows, self.every)

    def residences(self) -> list[int]:
        """
        Return how long the far end had each of these probes, in nanoseconds.  They are
        no part of the figures, which are kept and asked for more often.

        @return: none where the far end does not give T2 and T3 apart.
        """
        return residencesOf(self.kept()) if self.isApart else []
