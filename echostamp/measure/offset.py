"""
How far the far clock is ahead of ours, and how fast they part, with bounds.

No message arrives before it is sent.  With the offset C{o} (far clock minus near clock)
a probe that left at T1 by our clock was received at T2 by the far one, so that C{o <=
T2 - T1} at T1; its reply left there at T3 and was received at T4, so that C{o >= T3 -
T4} at T4.  A stamp C{s} of the resolution C{r} says C{s <= T2 < s + r}.  While both
clocks run at a constant rate the offset is a straight line, and it lies in the
L{Envelope} of these bounds.  The result is a bound, not a confidence interval.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from collections.abc import Iterator
from math import isnan, nan
from typing import NamedTuple

from echostamp.measure.delay import roundTrip
from echostamp.measure.envelope import (
    MOST_DRIFT,
    Best,
    Envelope,
    aboveFloat,
    belowFloat,
)

#: Nanoseconds for which two clocks are taken to run at constant rates: 5 minutes.
LONGEST_WINDOW = 300_000_000_000

#: Nanoseconds within which our own clock shows a time: T4 is cut to them.
NEAR_RESOLUTION = 1

#: One straight line fits all that was seen.
FITS = "constant rates fit"

#: A line fits, but in a part of the room that the shortest round trip should leave.
DOUBTFUL = "constant rates fit barely: a clock may have been slewed"

#: No straight line fits.
NO_FIT = "stepped, slewed, or more than one machine"

#: Bounds of the drift that are exact, and need no rounding outwards.
_MOST_PPM = float(MOST_DRIFT * 1_000_000)

#: A window is in doubt where the room for a line is less than this part of the RTT.
_LEAST_ROOM = 0.7

#: And where it is less than the RTT by more than queues explain: this times what so
#: many of the shortest RTTs differ.  The mean would not do: one reply that takes 3 s
#: explains anything.
_QUEUES, _SHORTEST = 2.5, 10

#: Beside a misfit a window of fewer probes has no drift, and no least delay: where two
#: machines answer by chance, two or three replies in a row are of the same.
_FEWEST = 10


class OffsetReport(NamedTuple):
    """
    The offset at a moment, and its drift.

    @ivar at: when, by our clock: where the bounds are closest.
    @ivar estimate: far clock minus near clock, in nanoseconds.
    @ivar low: the offset is not below it.
    @ivar high: the offset is not above it.
    @ivar driftPpm: how fast the far clock gains on ours; a float, as its bounds, which
        are rounded outwards.
    @ivar window: nanoseconds from the first probe that was used to the last.
    @ivar resolution: the coarsest of the stamps' resolutions, in nanoseconds.
    @ivar verdict: L{FITS}, L{DOUBTFUL} or L{NO_FIT}.  After L{NO_FIT} the figures are
        those of the probes since no line fitted last: right if the clocks ran at
        constant rates since, wrong if several machines answer.
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


class Window:
    """
    Probes over which both clocks are taken to run at constant rates.

    @ivar first: the number of its first probe.
    @ivar last: the greatest number of its probes.
    @ivar count: how many times it has taken.
    @ivar resolution: the coarsest of the stamps' resolutions.
    @ivar leastRtt: the shortest round trip.
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
        self._shortest: list[int] = []
        self._span = 0
        self._t1 = self._began = self._ended = t1
        self._offset = offset
        self._lines = Envelope()

    def add(self, t1: int, t2: int, t3: int, t4: int, resolution: int) -> bool:
        """
        Take a probe's times, if a line still fits.

        @return: whether one does.
        """
        end = t4 + NEAR_RESOLUTION
        upper = t1 - self._t1, t2 + resolution - t1 - self._offset
        lower = end - self._t1, t3 - end - self._offset
        if not self._lines.keepBetween(upper, lower):
            return False
        rtt = roundTrip(t1, t2, t3, t4)
        if self.leastRtt is None or rtt < self.leastRtt:
            self.leastRtt, self._span = rtt, end - t1
        self.count += 1
        if len(self._shortest) < _SHORTEST or rtt < self._shortest[-1]:
            insort(self._shortest, rtt)
            del self._shortest[_SHORTEST:]
        self.resolution = max(self.resolution, resolution)
        self._began = min(self._began, t1)
        self._ended = max(self._ended, t4)
        return True

    def isOver(self, t1: int, longest: int) -> bool:
        """
        Say whether a probe that left at C{t1} is too far from the others.
        """
        return t1 - self._began > longest or self._ended - t1 > longest

    def bounds(self, at: int) -> tuple[int, int]:
        """
        Give the bounds of the offset at a time of our clock, also one outside the
        window.
        """
        low, high = self._lines.values(at - self._t1)
        return low + self._offset, high + self._offset

    def bends(self) -> list[int]:
        """
        Give times of our clock, in order, from the window's beginning to its end.
        Between two of them L{bounds} run straight.
        """
        inside = {self._t1 + time for time in self._lines.bends()}
        inside = {time for time in inside if self._began < time < self._ended}
        return sorted(inside | {self._began, self._ended})

    def narrowest(self) -> tuple[int, int]:
        """
        Give the time at which the bounds are closest, and how far apart they are.
        """
        times = [
            (high - low, at) for at in self.bends() for low, high in [self.bounds(at)]
        ]
        width, at = min(times)
        return at, width

    def drift(self) -> float:
        """
        Give the estimate of the drift, as a part of 1.
        """
        return float(self._estimate(self._lines.best(self._span)).slope)

    def _estimate(self, best: Best) -> Best:
        """
        Take the slope that leaves the most room; but where that is the greatest that is
        looked for, or both the least and the greatest fit, it tells nothing, and the
        middle of those that fit is better.
        """
        slowest, fastest = self._lines.slopes()
        isLimit = abs(best.slope) == MOST_DRIFT or fastest - slowest == 2 * MOST_DRIFT
        return self._lines.middle() if isLimit else best

    def report(self) -> OffsetReport:
        """
        Say what is known.
        """
        at, _ = self.narrowest()
        low, high = self.bounds(at)
        best = self._lines.best(self._span)
        line = self._estimate(best)
        slowest, fastest = self._lines.slopes()
        rtt = self.leastRtt or 0
        # A coarse stamp leaves room of its own, which says nothing.
        tight = self.resolution < rtt * _LEAST_ROOM and best.room < rtt * _LEAST_ROOM
        # The shortest ways there and back are not of the same probe: with queues in
        # both they leave less room than the shortest round trip.
        tight &= rtt - best.room > (self._shortest[-1] - rtt) * _QUEUES
        return OffsetReport(
            at,
            round(line.start + line.slope * (at - self._t1)) + self._offset,
            low,
            high,
            float(line.slope * 1_000_000),
            max(belowFloat(slowest * 1_000_000), -_MOST_PPM),
            min(aboveFloat(fastest * 1_000_000), _MOST_PPM),
            self._ended - self._began,
            self.resolution,
            DOUBTFUL if tight else FITS,
        )


class OffsetTracker:
    """
    The offset through a run: window after window.

    @ivar misfits: how often no line fitted.
    """

    def __init__(self, longest: int = LONGEST_WINDOW) -> None:
        """
        @param longest: nanoseconds; the longest window.
        """
        self.misfits = 0
        self._longest = longest
        self._current: Window | None = None
        self._previous: Window | None = None
        self._doubts = False
        # The first probe and the drift of each stretch that is over; NaN for none.
        self._firsts = array("q")
        self._drifts = array("d")

    def add(
        self, seq: int, t1: int, t2: int, t3: int, t4: int, resolution: int
    ) -> None:
        """
        Take the times of a probe that our own clock was not set under.

        @param seq: its number in the run; of an extra probe, that of the next one.
        @param t2: what the far end's stamp says, in an instant's nanoseconds.
        @param t3: the same where the far end gives one stamp.
        @param resolution: of both.
        """
        window = self._current
        if window is not None and window.isOver(t1, self._longest):
            self._close()
            window = None
        if window is not None and not window.add(t1, t2, t3, t4, resolution):
            self.misfits += 1
            self._over(window)
            self._current = self._previous = window = None
        if window is None:
            # Stretches follow one another, whatever overtook what.
            latest = self._firsts[-1] + 1 if self._firsts else seq
            window = Window(max(seq, latest), t1, t2 - t1)
            if window.add(t1, t2, t3, t4, resolution):
                self._current = window
            else:  # it came back sooner than it left
                self.misfits += 1
                self._over(window)
        window.last = max(window.last, seq)

    def restart(self) -> None:
        """
        Begin a new window: after a reconnect, at a new address, or when our own clock
        was set.  What was seen before says nothing of what comes.
        """
        self._close()
        self._previous = None

    def _close(self) -> None:
        window = self._current
        if window is not None:
            self._over(window)
            self._doubts |= window.report().verdict == DOUBTFUL
        self._previous, self._current = window, None

    def _over(self, window: Window) -> None:
        """
        Remember where a window began that is over.
        """
        drift = self._drift(window)
        if drift is None:
            if self._drifts and isnan(self._drifts[-1]):
                return
            drift = nan
        self._firsts.append(window.first)
        self._drifts.append(drift)

    def _drift(self, window: Window) -> float | None:
        """
        Give a window's drift; L{None} where it has too few probes for PDV.
        """
        isAlone = window.first == window.last
        isShort = self.misfits > 0 and window.count < _FEWEST
        return None if isAlone or isShort else window.drift()

    def prune(self, first: int) -> None:
        """
        Forget of the windows that are over those of which no probe is left.

        @param first: the number of the oldest probe that is kept.
        """
        gone = max(bisect_right(self._firsts, first) - 1, 0)
        del self._firsts[:gone], self._drifts[:gone]

    def window(self) -> Window | None:
        """
        Give the window that tells most: this one or the one before it, if they have the
        same connection.
        """
        found = [window for window in (self._current, self._previous) if window]
        return min(found, key=lambda window: window.narrowest()[1], default=None)

    def bounds(self, at: int) -> tuple[int, int] | None:
        """
        Give the bounds of the offset at a time of our clock, from L{window}.
        """
        window = self.window()
        return None if window is None else window.bounds(at)

    def report(self) -> OffsetReport | None:
        """
        Say what is known, from L{window}.  The verdict is that on the whole run.

        @return: L{None} where nothing is.
        """
        window = self.window()
        if window is None:
            return None
        report = window.report()
        if self.misfits:
            return report._replace(verdict=NO_FIT)
        return report._replace(verdict=DOUBTFUL) if self._doubts else report

    def stretches(self) -> Iterator[Stretch]:
        """
        Give the stretches of the run, in order.
        """
        for first, drift in zip(self._firsts, self._drifts, strict=True):
            yield Stretch(first, None if isnan(drift) else drift)
        if self._current is not None:
            yield Stretch(self._current.first, self._drift(self._current))


class OwnClock:
    """
    Whether our own clock was set.  The kernel slews both of its clocks alike: only a
    step changes CLOCK_REALTIME minus CLOCK_MONOTONIC.  Each reading tells between what
    that lies; what all since the last step tell together shows also a step under a
    reading that took long.

    @ivar steps: how many were seen.  A probe at whose reply there are more than when it
        was sent is void.
    """

    def __init__(self, tolerance: int = 1_000) -> None:
        """
        @param tolerance: nanoseconds by which the difference may change by itself.
        """
        self.steps = 0
        self._tolerance = tolerance
        self._known: tuple[int, int] | None = None

    def observe(self, before: int, realtime: int, after: int) -> int:
        """
        Compare the clocks.

        @param before: CLOCK_MONOTONIC, read just before CLOCK_REALTIME.
        @param realtime: CLOCK_REALTIME.
        @param after: CLOCK_MONOTONIC, read just after it.
        @return: C{steps}.
        """
        low, high = realtime - after, realtime - before
        if self._known is not None:
            least, most = self._known
            if low > most + self._tolerance or high < least - self._tolerance:
                self.steps += 1
            elif max(low, least) <= min(high, most):
                low, high = max(low, least), min(high, most)
        self._known = low, high
        return self.steps
