"""
The straight lines that fit between bounds.

A line is C{value = a + b * time}.  A bound makes it pass below or above a point.  In
the plane of C{(a, b)} a bound is half of the plane, and all lines that fit are a convex
polygon.  Most bounds cut nothing off; these cost one comparison for each corner.

The polygon has at most L{MOST_EDGES} edges: of more, those are dropped that cut off
least.  That allows lines that do not fit, and loses none that fits.  Everything else is
exact: corners are integers with a common denominator, and results are rounded outwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import inf

from echostamp.measure.bestline import BestLine

#: The greatest drift between two clocks that is looked for: 500 ppm, as a fraction.
#: Linux does not correct a clock's rate by more (C{adjtimex(2)}).
MOST_DRIFT = Fraction(500, 1_000_000)

#: More than any offset within a window, in nanoseconds.
_FAR = 1 << 62

#: The most edges that a polygon has, and how many are left when it had more.
MOST_EDGES, _LEFT = 64, 48

#: Half of the plane, C{(p, q, r)}: C{p * a + q * b <= r}.
_Half = tuple[int, int, int]

#: A point of the plane, C{(x, y, w)}: C{a = x / w}, C{b = y / w}, and C{w > 0}.
_Corner = tuple[int, int, int]


def _crossing(one: _Half, other: _Half) -> _Corner:
    """
    Return the point where the edges of two halves cross (Cramer's rule).
    """
    p0, q0, r0 = one
    p1, q1, r1 = other
    w = p0 * q1 - p1 * q0
    if w < 0:
        return q0 * r1 - r0 * q1, r0 * p1 - p0 * r1, -w
    return r0 * q1 - q0 * r1, p0 * r1 - r0 * p1, w


#: All lines whose slope is not too great.
_STEEP, _FLAT = MOST_DRIFT.denominator, MOST_DRIFT.numerator
_EDGES = [(-1, 0, _FAR), (0, _STEEP, _FLAT), (1, 0, _FAR), (0, -_STEEP, _FLAT)]
_CORNERS = [_crossing(_EDGES[index - 1], _EDGES[index]) for index in range(4)]


class Envelope:
    """
    All lines between the bounds seen so far, with slopes of at most L{MOST_DRIFT}.

    Times and values are integers; nanoseconds, where this package uses it.
    """

    def __init__(self) -> None:
        # Each edge leads from the corner of the same index to the next one.
        self._edges, self._corners = list(_EDGES), list(_CORNERS)

    @property
    def isEmpty(self) -> bool:
        """Whether no line fits."""
        return not self._corners

    def atMost(self, time: int, value: int) -> None:
        """
        Keep the lines that are at most C{value} at a time.
        """
        self._cut((1, time, value))

    def atLeast(self, time: int, value: int) -> None:
        """
        Keep the lines that are at least C{value} at a time.
        """
        self._cut((-1, -time, -value))

    def keepBetween(self, upper: tuple[int, int], lower: tuple[int, int]) -> bool:
        """
        Keep the lines between two points, or all of them if none lies between.

        @param upper: a time, and the value that they are at most.
        @param lower: a time, and the value that they are at least.
        @return: whether there is one.
        """
        before = self._corners, self._edges
        self.atMost(*upper)
        self.atLeast(*lower)
        if self.isEmpty:
            self._corners, self._edges = before
            return False
        return True

    def _cut(self, half: _Half) -> None:
        """
        Keep the part of the polygon in one half of the plane (Sutherland and Hodgman,
        1974).
        """
        p, q, r = half
        sides = [p * x + q * y - r * w for x, y, w in self._corners]
        if not sides or max(sides) <= 0:
            return
        corners: list[_Corner] = []
        edges: list[_Half] = []
        for index, edge in enumerate(self._edges):
            side, nextSide = sides[index], sides[(index + 1) % len(sides)]
            if side <= 0:
                corners.append(self._corners[index])
                edges.append(half if side == 0 and nextSide > 0 else edge)
                if side < 0 < nextSide:
                    corners.append(_crossing(edge, half))
                    edges.append(half)
            elif nextSide < 0:
                corners.append(_crossing(edge, half))
                edges.append(edge)
        self._corners, self._edges = corners, edges
        if len(edges) > MOST_EDGES:
            self._simplify()

    def _simplify(self) -> None:
        """
        Drop the edges that cut off the least area, but not those that bound the slope.
        """
        areas = list(map(self._takenAway, range(len(self._edges))))
        while len(areas) > _LEFT and (least := min(areas)) < inf:
            index = areas.index(least)
            around = self._edges[index - 1], self._edges[(index + 1) % len(areas)]
            # The edge's two corners become one, where its neighbours meet.
            self._corners[(index + 1) % len(areas)] = _crossing(*around)
            for each in self._corners, self._edges, areas:
                del each[index]
            for near in (index - 1) % len(areas), index % len(areas):
                areas[near] = self._takenAway(near)

    def _takenAway(self, index: int) -> float:
        """
        Return the area of the triangle that an edge cuts off.

        @return: infinity if the edge must stay.
        """
        edge = self._edges[index]
        after = (index + 1) % len(self._edges)
        one, other = self._edges[index - 1], self._edges[after]
        if not edge[0] or one[0] * other[1] - other[0] * one[1] >= 0:
            return inf
        (x0, y0), (x1, y1), (x2, y2) = (
            (x / w, y / w)
            for x, y, w in (
                self._corners[index],
                self._corners[after],
                _crossing(one, other),
            )
        )
        return abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))

    def _check(self) -> None:
        """
        Check that a line fits.

        @raise ValueError: none does.
        """
        if not self._corners:
            raise ValueError("no line fits")

    def values(self, time: int) -> tuple[int, int]:
        """
        Return the least and the greatest value at a time of a line that fits.

        @return: two integers, rounded outwards.
        @raise ValueError: no line fits.
        """
        self._check()
        values = [(x + y * time, w) for x, y, w in self._corners]
        return min([v // w for v, w in values]), -min([-v // w for v, w in values])

    def slopes(self) -> tuple[Fraction, Fraction]:
        """
        Return the least and the greatest slope of a line that fits.

        @raise ValueError: no line fits.
        """
        (_, low, lowOver), (_, high, highOver) = self._steepest()
        return Fraction(low, lowOver), Fraction(high, highOver)

    def _steepest(self) -> tuple[_Corner, _Corner]:
        """
        Return the corners of the least and of the greatest slope.
        """
        self._check()
        low = high = self._corners[0]
        for corner in self._corners:
            _, y, w = corner
            if y * low[2] < low[1] * w:
                low = corner
            elif y * high[2] > high[1] * w:
                high = corner
        return low, high

    def bends(self, others: Iterable[int] = ()) -> list[tuple[int, int, int]]:
        """
        Return the times, in order, between which both of L{values} run straight, and
        the values there.  They are the times of the bounds that touch a line that fits.

        @param others: more times whose values to return.
        """
        lows: dict[int, int] = {}
        highs: dict[int, int] = {}
        for p, q, r in self._edges:
            # At the time of a bound that touches, the value is that of the bound.
            if p > 0:
                highs[q] = r
            elif p:
                lows[-q] = -r
        atHigh, atLow = self._touching(1), self._touching(-1)
        times = sorted({*lows, *highs, *others})
        for time in times:
            if time not in highs:
                highs[time] = -min([(-x - y * time) // w for x, y, w in atHigh])
            if time not in lows:
                lows[time] = min([(x + y * time) // w for x, y, w in atLow])
        return [(time, lows[time], highs[time]) for time in times]

    def _touching(self, p: int) -> list[_Corner]:
        """
        Return the corners that lie on a bound of one kind.  The lines of the greatest
        and of the least value at any time are among them.

        @param p: 1 for bounds from above, -1 for bounds from below.
        @return: all corners, if none lies on one.
        """
        edges = self._edges
        around = zip(self._corners, edges[-1:] + edges[:-1], edges, strict=True)
        found = [corner for corner, one, two in around if p in (one[0], two[0])]
        return found or self._corners

    def best(self, span: int = 0) -> BestLine:
        """
        Return the slope that leaves the most room between the bounds: the greatest of
        C{min(U - b * t) - max(L - b * t)} over every b.  If several slopes do, return
        the middle one.

        @param span: how much later the lower bound of a pair is than its upper bound.
            Without it a single pair would favour the steepest line.
        @raise ValueError: no line fits.
        """
        self._check()
        most, over = 0, 0
        ties: list[BestLine] = []
        uppers = [edge for edge in self._edges if edge[0] > 0]
        lowers = [edge for edge in self._edges if edge[0] < 0]
        kind = self._edges[-1][0]
        for (x, y, w), edge in zip(self._corners, self._edges, strict=True):
            before, kind = kind, edge[0]
            top = bottom = x
            # On a bound the line can be moved no further.
            if before <= 0 >= kind:
                top = min([r * w - y * q for _, q, r in uppers], default=x)
            if before >= 0 <= kind:
                bottom = max([y * q - r * w for _, q, r in lowers], default=x)
            room = top - bottom - y * span
            if not over or room * over > most * w:
                most, over, ties = room, w, []
            if room * over == most * w:
                ties.append(BestLine(y, w, top, bottom))
        low = high = ties[0]
        for tie in ties:
            if tie.y * low.w < low.y * tie.w:
                low = tie
            if tie.y * high.w > high.y * tie.w:
                high = tie
        return low if low is high else low.halfway(high)

    def middle(self) -> BestLine:
        """
        Return the slope in the middle of those that fit.

        @raise ValueError: no line fits.
        """
        (_, y0, w0), (x, y1, w1) = self._steepest()
        if y0 * w1 == y1 * w0:
            return BestLine(y1, w1, *self._ends((x, y1, w1)))
        middle = 0, y0 * w1 + y1 * w0, 2 * w0 * w1
        return BestLine(*middle[1:], *self._ends(middle))

    def _ends(self, corner: _Corner) -> tuple[int, int]:
        """
        Return the greatest and the least start of a line of a corner's slope that keeps
        the bounds, times the corner's C{w}.  Without bounds of a kind it is the start
        of the corner itself.
        """
        x, y, w = corner
        uppers = [r * w - y * q for p, q, r in self._edges if p > 0]
        lowers = [y * q - r * w for p, q, r in self._edges if p < 0]
        return min(uppers, default=x), max(lowers, default=x)
