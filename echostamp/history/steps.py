"""
How long the points of a plot are; pure.
"""

from __future__ import annotations

from echostamp.history.row import DAY, HOUR, MINUTE

#: How many points there are at most.
MOST_POINTS = 1000

#: How many rows are read at most, where longer ones can be read instead.
MOST_ROWS = 2500

#: Lengths of points that a person reads easily, in seconds; longer ones are multiples
#: of a week.
_STEPS = (
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY),
)
_WEEK = 7 * DAY

#: The longest point: longer than anything is kept.
_LONGEST = 1 << 40


def isQuick(length: int, began: int, ended: int) -> bool:
    """
    Tell whether a span has few enough rows.

    @param length: of each row, in seconds.
    """
    return ended - began <= MOST_ROWS * length


def stepOf(length: int, began: int, ended: int, asked: int | None) -> int:
    """
    Give how long the points of a span are, in seconds.

    @param length: of the rows of which they are made.
    @param asked: how long they should be; L{None} for as short as they can be.
    """
    if asked is not None:
        asked = min(asked, _LONGEST)
        step = max(-(-asked // length), 1) * length
        if _points(step, began, ended) <= MOST_POINTS:
            return step
    least = max(asked or 0, length)
    for step in _STEPS:
        if step >= least and _points(step, began, ended) <= MOST_POINTS:
            return step
    weeks = max(-(-(ended - began) // (MOST_POINTS * _WEEK)), -(-least // _WEEK), 1)
    while _points(weeks * _WEEK, began, ended) > MOST_POINTS:
        weeks += 1
    return weeks * _WEEK


def _points(step: int, began: int, ended: int) -> int:
    """
    Count the points that a span touches.
    """
    return -(-ended // step) - began // step
