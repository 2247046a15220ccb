"""
The bounds, of many, that can touch a line.

A bound C{(time, value)} says that a line is at most C{value} at C{time}.  A line whose
slope is at most L{MOST_DRIFT<echostamp.measure.envelope.MOST_DRIFT>} and that keeps
the bounds of a hull keeps all bounds that the hull was made of.  Bounds from below are
bounds from above of the line's negative.

A hull is a flat list: C{[time, value, time, value, ...]}, in the order of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from echostamp.measure.envelope import MOST_DRIFT

#: Nanoseconds in which a line rises or falls by at most one.
_RUN = round(1 / MOST_DRIFT)

#: Slopes are parts of this power of two; the first and the last of so many parts of the
#: bounds are looked at for the slopes.
_SHIFT, _ENDS = 40, 6


#: A time and a value.
Bound = tuple[int, int]

#: The times of bounds, and their values.
Bounds = tuple[list[int], list[int]]

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
            return False  # the last bound says more, at any slope
        while hull and (hull[-1] - value) * _RUN >= time - hull[-2]:
            del hull[-2:]  # the new bound says more
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
    Drop the bounds that say least, so that not too many are left.  This allows more
    lines, and forbids none that were allowed.

    @param hull: is changed in place.
    @param most: how many bounds are left at most; not below 2.
    """
    while len(hull) > 2 * most:
        corners = range(2, len(hull) - 2, 2)
        least = min(corners, key=lambda at: _area(hull[at - 2 : at + 4]))
        del hull[least : least + 2]


def _area(corners: list[int]) -> int:
    """
    Give twice the area of the triangle of three bounds.
    """
    t0, v0, t1, v1, t2, v2 = corners
    return (v2 - v0) * (t1 - t0) - (v1 - v0) * (t2 - t0)


def hullsBetween(upper: Bounds, lower: Bounds) -> tuple[Hull, Hull]:
    """
    Give the bounds that can touch a line which keeps all of them: fewer than those of
    two hulls, and in less time.

    The lowest bounds near both ends limit the slopes of the lines.  Then a bound says
    nothing that is above an earlier one by what the steepest line rises meanwhile.

    @param upper: bounds of the line, in the order of time; at least one.
    @param lower: as many bounds of the line's negative.
    @return: those of the line and those of its negative, not in the order of time.
    """
    some = -(-len(upper[0]) // _ENDS)
    (u0, v0), (u1, v1) = _lowest(upper, 0, some), _lowest(upper, -some, None)
    (l0, w0), (l1, w1) = _lowest(lower, 0, some), _lowest(lower, -some, None)
    rises, falls = u1 - l0, l1 - u0
    if rises <= 0 or falls <= 0:
        return hullOf(zip(*upper, strict=True)), hullOf(zip(*lower, strict=True))
    limit = (1 << _SHIFT) // _RUN
    # From below at first to above at last, and the other way round; rounded outwards.
    steepest = min(-(-(v1 + w0 << _SHIFT) // rises), limit)
    flattest = max((-w1 - v0 << _SHIFT) // falls, -limit)
    return (
        [u0, v0, u1, v1, *hullOf(_records(upper, steepest, flattest))],
        [l0, w0, l1, w1, *hullOf(_records(lower, -flattest, -steepest))],
    )


def _lowest(bounds: Bounds, first: int, end: int | None) -> Bound:
    """
    Give the lowest of some bounds.
    """
    times, values = bounds
    part = values[first:end]
    least = min(part)
    return times[first:end][part.index(least)], least


def _records(bounds: Bounds, steepest: int, flattest: int) -> list[Bound]:
    """
    Give the bounds that say something beside both earlier and later ones, for lines
    whose slopes are between two.

    @param steepest: the greatest slope, times C{1 << _SHIFT}.
    @param flattest: the least slope, likewise.
    """
    times, values = zip(*_firsts(*bounds, steepest), strict=True)
    return _firsts(times[::-1], values[::-1], flattest)


def _firsts(times: Sequence[int], values: Sequence[int], slope: int) -> list[Bound]:
    """
    Give the bounds that are below the line of a slope through each of those before.
    """
    found = []
    least = (values[0] << _SHIFT) - slope * times[0] + 1
    for time, value in zip(times, values, strict=True):
        above = (value << _SHIFT) - slope * time
        if above < least:
            least = above
            found.append((time, value))
    return found
