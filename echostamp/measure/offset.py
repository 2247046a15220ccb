"""
The offset between the far clock and ours, and its drift, with bounds.

No message arrives before it is sent.  Let C{o} be the offset: far clock minus near
clock.  A probe that was sent at T1 and received at T2 gives C{o <= T2 - T1} at T1.  Its
reply that was sent at T3 and received at T4 gives C{o >= T3 - T4} at T4.  A stamp C{s}
of the resolution C{r} means C{s <= T2 < s + r}.  While both clocks run at a constant
rate the offset is a straight line, in the L{Envelope<echostamp.measure.envelope>} of
these bounds.  The result is a bound, not a confidence interval.

L{OffsetWindow} makes the bounds of each probe, and finds the lines that they leave.
This file decides when a window ends and a new one begins, and which window to report.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from math import isnan, nan

from echostamp.measure.offsetwindow import (
    DOUBTFUL,
    NO_FIT,
    OffsetReport,
    OffsetWindow,
    Stretch,
)

#: Nanoseconds for which two clocks are assumed to run at constant rates: 5 minutes.
LONGEST_WINDOW = 300_000_000_000

#: Of so many first probes the times are kept: their stamps may show only later in which
#: steps the far clock counts.
_EARLY = 512

#: Times of so many probes are taken into account together: that takes less time than
#: one by one.
_TOGETHER = 32

#: After a misfit a window of fewer probes has no drift and no least delay.  Where two
#: machines answer at random, two or three replies in a row come from the same one.
_FEWEST = 10


class OffsetTracker:
    """
    Follows the offset through a run, in windows one after the other.
    """

    def __init__(self, longest: int = LONGEST_WINDOW) -> None:
        """
        @param longest: nanoseconds; the longest window.
        """
        self._misfits = 0
        self._longest = longest
        self._current: OffsetWindow | None = None
        self._previous: OffsetWindow | None = None
        self._doubts = False
        self._windows = 0
        self._least = 1
        self._early: list[tuple[int, int, int, int, int, int]] = []
        self._waiting: list[tuple[int, int, int, int, int, int]] = []
        self._before = 0, 0, 0, False
        # The first probe and the drift of each stretch that is over; NaN for none.
        self._firsts = array("q")
        self._drifts = array("d")

    def add(
        self, seq: int, t1: int, t2: int, t3: int, t4: int, resolution: int
    ) -> None:
        """
        Add the times of a probe.  Our own clock must not have been set meanwhile.

        @param seq: its number in the run; for an extra probe, that of the next probe.
        @param t2: the far end's stamp, in nanoseconds since the epoch.
        @param t3: the same if the far end gives one stamp.
        @param resolution: of both, as far as their digits show it.
        """
        self._waiting.append((seq, t1, t2, t3, t4, resolution))
        if len(self._waiting) >= _TOGETHER:
            self._settle()

    def _settle(self) -> None:
        """
        Take the times of the probes into account that wait for it.
        """
        waiting, self._waiting = self._waiting, []
        self._early += waiting[: max(0, _EARLY - len(self._early))]
        least = self._least
        for seq, t1, t2, t3, t4, resolution in waiting:
            self._add(seq, t1, t2, t3, t4, max(resolution, least))

    @property
    def misfits(self) -> int:
        """How often no line fitted."""
        self._settle()
        return self._misfits

    def _add(
        self, seq: int, t1: int, t2: int, t3: int, t4: int, resolution: int
    ) -> None:
        window = self._current
        if window is not None and window.isOver(t1, self._longest):
            self._close()
            window = None
        if window is not None and not window.add(seq, t1, t2, t3, t4, resolution):
            self._misfits += 1
            self._over(window)
            self._current = self._previous = window = None
        if window is None:
            # Stretches are in order even when replies were reordered.
            latest = self._firsts[-1] + 1 if self._firsts else seq
            window = OffsetWindow(max(seq, latest), t1, t2 - t1)
            self._windows += 1
            if window.add(seq, t1, t2, t3, t4, resolution):
                self._current = window
            else:  # the round trip is negative
                self._misfits += 1
                self._over(window)

    def restart(self) -> None:
        """
        Begin a new window: after a reconnect, at a new address, or when our own clock
        was set.  Earlier probes say nothing about later ones.
        """
        self._settle()
        self._close()
        self._previous = None
        self._early = []
        self._before = self._misfits, len(self._firsts), self._windows, self._doubts

    def resolve(self, resolution: int) -> None:
        """
        Take the far end's stamps to be no finer than a resolution: those to come and,
        while there are few, also those since the last restart.

        @param resolution: in nanoseconds.
        """
        if resolution == self._least:
            return
        self._settle()
        self._least = resolution
        if len(self._early) < _EARLY:
            self._misfits, stretches, self._windows, self._doubts = self._before
            del self._firsts[stretches:], self._drifts[stretches:]
            self._current = self._previous = None
            for seq, t1, t2, t3, t4, digits in self._early:
                self._add(seq, t1, t2, t3, t4, max(digits, resolution))

    def _close(self) -> None:
        window = self._current
        if window is not None:
            self._over(window)
            self._doubts |= window.report(self._windows).verdict == DOUBTFUL
        self._previous, self._current = window, None

    def _over(self, window: OffsetWindow) -> None:
        """
        Remember the first probe and the drift of a window that is over.
        """
        drift = self._drift(window)
        if drift is None:
            if self._drifts and isnan(self._drifts[-1]):
                return
            drift = nan
        self._firsts.append(window.first)
        self._drifts.append(drift)

    def _drift(self, window: OffsetWindow) -> float | None:
        """
        Return a window's drift; L{None} if it has too few probes for PDV.
        """
        isAlone = window.first == window.last
        isShort = self._misfits > 0 and window.count < _FEWEST
        return None if isAlone or isShort else window.drift()

    def prune(self, first: int) -> None:
        """
        Forget the windows that are over and of which no probe is kept.

        @param first: the number of the oldest probe that is kept.
        """
        gone = max(bisect_right(self._firsts, first) - 1, 0)
        del self._firsts[:gone], self._drifts[:gone]

    def window(self) -> OffsetWindow | None:
        """
        Return the window with the narrowest bounds: the current one or, if it is of the
        same connection, the one before it.
        """
        self._settle()
        found = [window for window in (self._current, self._previous) if window]
        return min(found, key=lambda window: window.narrowest()[1], default=None)

    def bounds(self, at: int) -> tuple[int, int] | None:
        """
        Return the bounds of the offset at a time of our clock.  A window that has just
        begun narrows those of the window before it, as far as they agree.
        """
        self._settle()
        found = [each.bounds(at) for each in (self._current, self._previous) if each]
        if not found:
            return None
        low, high = max(low for low, _ in found), min(high for _, high in found)
        return (low, high) if low <= high else found[0]

    def report(self) -> OffsetReport | None:
        """
        Report the offset, from L{window}.  The verdict is that on the whole run.

        @return: L{None} if nothing is known.
        """
        window = self.window()
        if window is None:
            return None
        report = window.report(self._windows)
        if self._misfits:
            return report._replace(verdict=NO_FIT)
        return report._replace(verdict=DOUBTFUL) if self._doubts else report

    def stretches(self) -> Iterator[Stretch]:
        """
        Return the stretches of the run, in order.
        """
        self._settle()
        for first, drift in zip(self._firsts, self._drifts, strict=True):
            yield Stretch(first, None if isnan(drift) else drift)
        if self._current is not None:
            yield Stretch(self._current.first, self._drift(self._current))
