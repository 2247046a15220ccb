"""
A straight line in the middle of the room that bounds leave.
"""

from __future__ import annotations

from typing import NamedTuple


class BestLine(NamedTuple):
    """
    A slope, and how far a line of it can be moved up and down.  The numbers are kept as
    integers: fractions would be reduced at each step, which takes longer.

    @ivar y: the slope, times C{w}.
    @ivar w: above 0.
    @ivar top: the value at time 0 of the highest line, times C{w}.
    @ivar bottom: that of the lowest line, times C{w}.
    """

    y: int
    w: int
    top: int
    bottom: int

    def at(self, time: int) -> int:
        """
        Return the value at a time of the line in the middle, to the nearest integer.
        """
        twice = self.top + self.bottom + 2 * self.y * time
        return (twice + self.w) // (2 * self.w)

    def halfway(self, other: BestLine) -> BestLine:
        """
        Return the line whose slope is in the middle of two, where the bounds run
        straight between their slopes.
        """
        return BestLine(
            self.y * other.w + other.y * self.w,
            2 * self.w * other.w,
            self.top * other.w + other.top * self.w,
            self.bottom * other.w + other.bottom * self.w,
        )
