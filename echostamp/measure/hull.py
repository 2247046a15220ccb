"""
The bounds, of many, that can touch a line.

A bound C{(time, value)} means that a line is at most C{value} at C{time}.  The slope of
a line is at most L{MOST_DRIFT<echostamp.measure.envelope.MOST_DRIFT>}.  A line that
keeps the bounds of a hull keeps all bounds from which the hull was made.  Bounds from
below are treated as bounds from above of the line's negative.

A hull is a flat list: C{[time, value, time, value, ...]}, in the order of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from echostamp.measure.envelope import MOST_DRIFT

#: Nanoseconds in which a line rises or falls by at most one.
_RUN = round(1 / MOST_DRIFT)


#: A time and a value.
Bound = tuple[int, int]

#: Times and values in turns, in the order of time.
Hull = list[int]


def push(hull: Hull, time: int, value: int) -> bool:
    """
    Add a bound to a hull.

    @param hull: is changed in place.
    @param time: of the bound.  It costs least where it is not below the others.
    @param value: of the bound.
    @return: L{False} where the hull stays as it is.
    """
    if hull:
        if time < hull[-2]:
            hull[:] = hullOf([*zip(hull[::2], hull[1::2], strict=True), (time, value)])
            return True
        if (value - hull[-1]) * _RUN >= time - hull[-2]:
            return False  # the last bound is tighter, at any slope
        while hull and (hull[-1] - value) * _RUN >= time - hull[-2]:
            del hull[-2:]  # the new bound is tighter
        while len(hull) >= 4:
            t0, v0, t1, v1 = hull[-4:]
            if (v1 - v0) * (time - t0) < (value - v0) * (t1 - t0):
                break
            del hull[-2:]  # it lies above the line from its neighbour to the new one
    hull += time, value
    return True


def hullOf(bounds: Iterable[Bound]) -> Hull:
    """
    Make the hull of bounds.

    @param bounds: times and values, in any order.
    """
    times: list[int] = []
    values: list[int] = []
    # The same as push for each of them, in a third of the time.
    for time, value in sorted(bounds):
        if times:
            if (value - values[-1]) * _RUN >= time - times[-1]:
                continue
            while times and (values[-1] - value) * _RUN >= time - times[-1]:
                times.pop()
                values.pop()
            while len(times) > 1:
                t0, v0 = times[-2], values[-2]
                if (values[-1] - v0) * (time - t0) < (value - v0) * (times[-1] - t0):
                    break
                times.pop()
                values.pop()
        times.append(time)
        values.append(value)
    return [each for bound in zip(times, values, strict=True) for each in bound]


def joined(one: Hull, other: Hull) -> Hull:
    """
    Make the hull of the bounds of two hulls.
    """
    hull = list(one)
    for time, value in zip(other[::2], other[1::2], strict=True):
        push(hull, time, value)
    return hull


def limit(hull: Hull, most: int) -> None:
    """
    Drop the bounds that cut off least, until few enough are left.  This allows more
    lines, and forbids none that was allowed.

    @param hull: is changed in place.
    @param most: how many bounds are left at most; not below 2.
    """
    while len(hull) > 2 * most:
        corners = range(2, len(hull) - 2, 2)
        least = min(corners, key=lambda at: _area(hull[at - 2 : at + 4]))
        del hull[least : least + 2]


def _area(corners: list[int]) -> int:
    """
    Return twice the area of the triangle of three bounds.
    """
    t0, v0, t1, v1, t2, v2 = corners
    return (v2 - v0) * (t1 - t0) - (v1 - v0) * (t2 - t0)


def boundsOf(hull: Hull) -> Iterator[Bound]:
    """
    Return the bounds of a hull.
    """
    return zip(hull[::2], hull[1::2], strict=True)
