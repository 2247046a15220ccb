"""
Axes of values: round ticks, one unit for an axis, and where a scale ends; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

#: The units of durations, in nanoseconds, the greatest first.
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))

#: The most spaces between ticks.
SPACES = 5

#: An axis whose values are so many steps away from zero counts from its first tick.
_FAR = 100_000

#: The part of the points that are usual.  The others may lie beyond the scale.
_USUAL = 0.95

#: How many points make a level that is shown, however high it is.
_LEVEL = 3


class ValueAxis(NamedTuple):
    """
    An axis of durations or offsets, which are nanoseconds.

    @ivar low: where it begins: its first tick.
    @ivar high: where it ends: its last tick.
    @ivar step: from tick to tick.
    @ivar base: what is left away from the labels; usually 0.
    @ivar unit: the unit of the labels, in nanoseconds.
    @ivar unitName: its name.
    @ivar isSigned: whether labels have a plus sign.
    """

    low: int
    high: int
    step: int
    base: int
    unit: int
    unitName: str
    isSigned: bool

    @property
    def ticks(self) -> range:
        """Where the ticks are."""
        return range(self.low, self.high + 1, self.step)

    @property
    def digits(self) -> int:
        """How many decimals the labels have."""
        digits = 0
        while self.step * 10**digits % self.unit:
            digits += 1
        return digits

    @property
    def title(self) -> str:
        """What the labels count."""
        if not self.base:
            return self.unitName
        whole, rest = divmod(abs(self.base), _UNITS[0][0])
        size = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
        sign = "\u2212" if self.base < 0 else ""
        return f"{self.unitName} above {sign}{size} s"

    def label(self, tick: int) -> str:
        """Write the label of a tick."""
        value = tick - self.base
        sign = "+" if self.isSigned and value else ""
        return f"{value / self.unit:{sign}.{self.digits}f}".replace("-", "\u2212")


def niceStep(span: int, spaces: int = SPACES) -> int:
    """
    Give the step of the ticks of a span: 1, 2 or 5 times a power of ten.

    @param spaces: the most spaces between ticks.
    """
    power = 1
    while True:
        for digit in 1, 2, 5:
            if digit * power * spaces >= span:
                return digit * power
        power *= 10


def valueAxis(
    low: int, high: int, isSigned: bool = False, spaces: int = SPACES
) -> ValueAxis:
    """
    Choose the axis of some values.

    @param low: the least one.
    @param high: the greatest one.
    @param isSigned: see L{ValueAxis}.
    @param spaces: the most spaces between ticks, if an end is at a tick.
    """
    step = niceStep(max(high - low, 1), spaces)
    first, last = low // step * step, -(-high // step) * step
    if first == last:
        last += step
    base = 0
    if max(abs(first), abs(last)) > step * _FAR:
        base = first
    size = max(abs(first - base), abs(last - base))
    unit, name = next((each for each in _UNITS if size >= each[0]), _UNITS[-1])
    return ValueAxis(first, last, step, base, unit, name, isSigned)


def usual(values: Iterable[int], share: float = _USUAL) -> int:
    """
    Give the value that a share of some values does not exceed; 0 for no values.
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share) - 1)] if ordered else 0


def roof(levels: Sequence[int], typical: Iterable[int], greatest: Iterable[int]) -> int:
    """
    Choose where a scale from zero ends.  It is the greatest value, unless few points
    are far beyond the others: these must not flatten what is usual.  A level that lasts
    is always within the scale.

    @param levels: the value of each point, in order.
    @param typical: the usual extent of each point.
    @param greatest: the greatest extent of each point.
    @return: 0 for no points.
    """
    lasting = max(
        (
            min(levels[at : at + _LEVEL])
            for at in range(max(1, len(levels) - _LEVEL + 1))
            if levels
        ),
        default=0,
    )
    most = max(2 * usual(typical), lasting * 5 // 4)
    return min(max(greatest, default=0), most)


def extent(bounds: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """
    Choose the least and the greatest value of a scale that shows bounds.  Bounds that
    are much wider than usual say little, and do not count.

    @param bounds: the low and the high one of each point.
    """
    if not bounds:
        return 0, 0
    most = 4 * usual((high - low for low, high in bounds), 0.5)
    shown = [each for each in bounds if each[1] - each[0] <= most] or bounds
    low, high = min(low for low, _ in shown), max(high for _, high in shown)
    # Zero is shown where that costs little.
    room = high - low
    if 0 < low <= room:
        low = 0
    elif -room <= high < 0:
        high = 0
    return low, high
