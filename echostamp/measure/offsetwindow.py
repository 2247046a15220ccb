"""
Bounds of the offset and the drift, from probes over which both clocks run at constant
rates.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import inf, nextafter
from typing import NamedTuple

from echostamp.measure.bestline import BestLine
from echostamp.measure.delay import roundTrip
from echostamp.measure.delayblocks import DelayBlocks
from echostamp.measure.envelope import MOST_DRIFT, Envelope
from echostamp.measure.hull import Bound
from echostamp.measure.timedprobes import NEAR_RESOLUTION, TimedProbes

#: One straight line fits all that was seen.
FITS = "constant rates fit"

#: A line fits barely, and the order of the delays is not that of chance.
DOUBTFUL = "constant rates fit barely: a clock may have been slewed"

#: No straight line fits.
NO_FIT = "stepped, slewed, or more than one machine"

#: Bounds of the drift that are exact, and need no rounding outwards.
_MOST_PPM = float(MOST_DRIFT * 1_000_000)

#: A window is doubtful if the room for a line is less than this part of the RTT.
_LEAST_ROOM = 0.7

#: Of many bounds, so many of each kind come first.
_FIRST = 2


def _ppm(rise: int, run: int) -> float:
    """
    Return a slope in parts per million: the nearest float.
    """
    return rise * 1_000_000 / run


class OffsetReport(NamedTuple):
    """
    The offset at a moment, and its drift.

    @ivar at: when, by our clock: where the bounds are closest.
    @ivar estimate: far clock minus near clock, in nanoseconds.
    @ivar low: the offset is not below it.
    @ivar high: the offset is not above it.
    @ivar driftPpm: how fast the far clock gains on ours.  Its bounds are rounded
        outwards.
    @ivar window: nanoseconds from the first probe that was used to the last.
    @ivar resolution: the coarsest of the stamps' resolutions, in nanoseconds.
    @ivar verdict: L{FITS}, L{DOUBTFUL} or L{NO_FIT}.  With L{NO_FIT} the figures are
        those of the probes since the last misfit.  They are right if the clocks ran at
        constant rates since, and wrong if several machines answer.
    """

    at: int
    estimate: int
    low: int
    high: int
    driftPpm: float
    driftLowPpm: float
    driftHighPpm: float
    window: int
    resolution: int
    verdict: str


class Stretch(NamedTuple):
    """
    Probes one after the other, of the same window.

    @ivar first: the number of the first one.
    @ivar drift: the window's drift, as a part of 1.  L{None}: each of the probes is in
        a window of too few.
    """

    first: int
    drift: float | None


class Knot(NamedTuple):
    """
    The bounds of the offset at a time.

    @ivar at: the time, by our clock.
    @ivar low: the offset is not below it.
    @ivar high: the offset is not above it.
    """

    at: int
    low: int
    high: int


class OffsetWindow:
    """
    Probes over which both clocks are assumed to run at constant rates.

    @ivar first: the number of its first probe.
    @ivar last: the greatest number of its probes.
    @ivar count: how many probes it has.
    @ivar resolution: the coarsest of the stamps' resolutions.
    @ivar leastRtt: the shortest round trip; of several flows the sum of the least
        delays there and back, set by the owner.
    """

    def __init__(self, first: int, t1: int, offset: int) -> None:
        """
        @param t1: times are counted from it, so that the numbers stay small.
        @param offset: offsets likewise.
        """
        self.first = self.last = first
        self.resolution = 0
        self.leastRtt: int | None = None
        self.count = 0
        self._delays = DelayBlocks()
        self._span = 0
        self._t1 = self._began = self._ended = t1
        self._offset = offset
        self._lines = Envelope()
        self._knots: list[Knot] | None = None
        self._found: tuple[BestLine, BestLine, Fraction, Fraction] | None = None

    def add(
        self, seq: int, t1: int, t2: int, t3: int, t4: int, resolution: int
    ) -> bool:
        """
        Add the times of a probe, if a line still fits.

        @param seq: its number.  A probe may be added again, with better times.
        @return: whether a line fits.
        """
        end = t4 + NEAR_RESOLUTION
        upper = t1 - self._t1, t2 + resolution - t1 - self._offset
        lower = end - self._t1, t3 - end - self._offset
        if not self._lines.keepBetween(upper, lower):
            return False
        self._knots = self._found = None
        rtt = roundTrip(t1, t2, t3, t4)
        if self.leastRtt is None or rtt < self.leastRtt:
            self.leastRtt, self._span = rtt, end - t1
        if seq > self.last or not self.count:
            base = self._offset
            self._delays.add(upper[0], t2 - t1 - base, t4 - self._t1, t4 - t3 + base)
            self.last = max(self.last, seq)
        self.count += 1
        self.resolution = max(self.resolution, resolution)
        self._began = min(self._began, t1)
        self._ended = max(self._ended, t4)
        return True

    @classmethod
    def of(
        cls, probes: TimedProbes, upper: Iterable[Bound], lower: Iterable[Bound]
    ) -> OffsetWindow | None:
        """
        Make a window of many probes at once.

        @param probes: at least one.  The round trips, the beginning and the end are
            theirs.
        @param upper: bounds from above, which the line keeps.
        @param lower: bounds from above of the line's negative, likewise.
        @return: L{None} if no line fits.
        """
        window = cls(0, probes.t1[0], probes.forward[0])
        base, offset, lines = window._t1, window._offset, window._lines
        uppers, lowers = list(upper), list(lower)
        # A few of both kinds first: the fewer corners are left, the less others cost.
        for part in slice(_FIRST), slice(_FIRST, None):
            for time, value in uppers[part]:
                lines.atMost(time - base, value - offset)
            for time, value in lowers[part]:
                lines.atLeast(time - base, -value - offset)
        if lines.isEmpty:
            return None
        rtts = probes.roundTrips()
        window.leastRtt = min(rtts)
        shortest = rtts.index(window.leastRtt)
        window._span = probes.t4[shortest] + NEAR_RESOLUTION - probes.t1[shortest]
        window.count = len(rtts)
        window.resolution = probes.coarsest
        window._began, window._ended = probes.span()
        return window

    def forgetDelays(self) -> None:
        """
        Forget what only L{report} needs, and most of the memory.
        """
        self._delays = DelayBlocks()

    def isOver(self, t1: int, longest: int) -> bool:
        """
        Check whether a probe sent at C{t1} is too far from the others.
        """
        return t1 - self._began > longest or self._ended - t1 > longest

    def bounds(self, at: int) -> tuple[int, int]:
        """
        Return the bounds of the offset at a time of our clock.  The time may be outside
        the window.
        """
        low, high = self._lines.values(at - self._t1)
        return low + self._offset, high + self._offset

    def knots(self) -> list[Knot]:
        """
        Return the bounds at times of our clock, in order, from the window's beginning
        to its end.  Between two of them L{bounds} run straight.
        """
        if self._knots is None:
            t1, offset = self._t1, self._offset
            began, ended = self._began - t1, self._ended - t1
            self._knots = [
                Knot(t1 + time, low + offset, high + offset)
                for time, low, high in self._lines.bends((began, ended))
                if began <= time <= ended
            ]
        return self._knots

    def narrowest(self) -> tuple[int, int]:
        """
        Return the time at which the bounds are closest, and how far apart they are.
        """
        width, at = min((high - low, at) for at, low, high in self.knots())
        return at, width

    def drift(self) -> float:
        """
        Return the estimate of the drift, as a part of 1.
        """
        line = self._line()[1]
        return line.y / line.w

    def _line(self) -> tuple[BestLine, BestLine, Fraction, Fraction]:
        """
        Return the slope that leaves the most room, the estimate of the line, and the
        least and the greatest slope.

        The estimate has the slope that leaves the most room.  If that is the steepest
        slope that is looked for, or if both limits fit, it means nothing: then the
        middle of the slopes that fit is the better estimate.
        """
        if self._found is None:
            best = self._lines.best(self._span)
            slowest, fastest = self._lines.slopes()
            isLimit = abs(best.y) * MOST_DRIFT.denominator == (
                best.w * MOST_DRIFT.numerator
            )
            isLimit |= slowest == -MOST_DRIFT and fastest == MOST_DRIFT
            line = self._lines.middle() if isLimit else best
            self._found = best, line, slowest, fastest
        return self._found

    def _isBent(self, best: BestLine, place: int, probes: TimedProbes | None) -> bool:
        """
        Check whether a clock may have been stepped or slewed.

        @param best: the slope that leaves the most room for a line.
        @param place: see L{report}, here and below.
        """
        most = (self.leastRtt or 0) * _LEAST_ROOM
        # A coarse stamp leaves room of its own, which means nothing.
        if self.resolution >= most or best.top - best.bottom >= most * best.w:
            return False
        delays = self._delays if probes is None else DelayBlocks.of(probes)
        return delays.haveMoved(place)

    def report(self, place: int = 1, probes: TimedProbes | None = None) -> OffsetReport:
        """
        Report the offset where its bounds are closest.

        @param place: of the window among those of its run, from 1.
        @param probes: the window's probes, or a flow's, where L{of} made it of them.
        """
        at, low, high = min(self.knots(), key=lambda knot: knot.high - knot.low)
        best, line, slowest, fastest = self._line()
        return OffsetReport(
            at,
            line.at(at - self._t1) + self._offset,
            low,
            high,
            _ppm(line.y, line.w),
            max(nextafter(_ppm(*slowest.as_integer_ratio()), -inf), -_MOST_PPM),
            min(nextafter(_ppm(*fastest.as_integer_ratio()), inf), _MOST_PPM),
            self._ended - self._began,
            self.resolution,
            DOUBTFUL if self._isBent(best, place, probes) else FITS,
        )
