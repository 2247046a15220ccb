"""
Keeps rolling windows of a run.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import partial

from echostamp.measure.block import Probe
from echostamp.measure.delay import Summary, summary
from echostamp.measure.offsetwindow import OffsetReport, OffsetWindow
from echostamp.measure.result import Figures
from echostamp.measure.windowfigures import offsetFrom
from echostamp.measure.windows import Rolling
from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.flights import Flight
from echostamp.probe.probestore import FirstReply, probeInFlight
from echostamp.times import SECOND, Times

#: For how long the same bounds of the offset will do, in nanoseconds, unless they are
#: known better.
_LASTING = 60 * SECOND

#: How many probes' fates are remembered, to tell late replies from duplicates.  Replies
#: to older probes are not counted: for more there is no memory at high rates.
_REMEMBERED = 256

_ANSWERED, _LOST = 1, 2

#: The same as L{Probe}, in half the time.
_probeOf = partial(tuple.__new__, Probe)


class WindowedProbes:
    """
    Keeps rolling windows only, in memory that does not grow with the run.

    @ivar sent: how many probes were sent.
    @ivar received: how many were answered in time.
    @ivar lost: how many were lost.
    """

    learns = False

    def __init__(self, windows: Sequence[WindowSpec]) -> None:
        """
        @param windows: the windows for which L{figures} will be called.
        """
        self._rolling = Rolling(windows)
        self._longest = max(
            windows, key=lambda each: (each.length or 0, each.count or 0)
        )
        self.sent = self.received = self.lost = 0
        self._greatest = -1
        self._bounds: OffsetWindow | None = None
        self._boundsOf = 0
        # The last probes whose fate is known: those of one place follow one another by
        # _REMEMBERED.  The turn of each, from 1, and its fate.
        self._turns = array("I", [0]) * _REMEMBERED
        self._fates = bytearray(_REMEMBERED)

    @property
    def oldest(self) -> int:
        """The number of the oldest probe whose fate may be remembered, unless those
        after it are in flight."""
        return self.sent - _REMEMBERED

    def send(self, due: int, t1: int) -> None:
        """Add a probe that was sent."""
        self.sent += 1
        self._rolling.sent()

    def skip(self, now: int, isStall: bool) -> None:
        """Count a probe that was due and could not be sent, but not one of a stall."""
        if not isStall:
            self._rolling.skipped(now)

    def answer(self, now: int, flight: Flight, answer: FirstReply) -> Probe:
        """Add the first reply to a probe in flight."""
        t4, rtt, t2, t3, resolution, isAltered, isVoid = answer
        seq, t1 = flight.seq, flight.t1
        shown: int | None = resolution
        if t2 is not None and t3 is None:
            t3 = t2
        if t2 is None:
            t3 = shown = None
        isReordered = self._isReordered(seq)
        probe = _probeOf(
            (
                *(seq, flight.due, t1, t2, t3, t4, rtt, shown),
                *(False, False, isAltered, False, isReordered, isVoid),
            )
        )
        self.received += 1
        turn, place = divmod(seq, _REMEMBERED)
        self._turns[place], self._fates[place] = turn + 1, _ANSWERED
        if not self._rolling.add(now, probe):
            return probe._replace(t2=None, t3=None, resolution=None)
        return probe

    def _isReordered(self, seq: int) -> bool:
        """
        Say whether a later probe was answered before this one, which is answered now.
        """
        if seq < self._greatest:
            return True
        self._greatest = seq
        return False

    def amend(self, seq: int, times: Times, rtt: int, resolution: int) -> None:
        """Add more exact times of an answered probe."""
        turn, place = divmod(seq, _REMEMBERED)
        if self._turns[place] == turn + 1 and self._fates[place] == _ANSWERED:
            self._rolling.amend(seq, times.t1, rtt)

    def repeat(self, seq: int, t4: int, isAltered: bool) -> Probe | None:
        """Add a reply to a probe that is no longer in flight."""
        turn, place = divmod(seq, _REMEMBERED)
        if self._turns[place] != turn + 1:
            return None
        isLate = self._fates[place] == _LOST
        self._fates[place] = _ANSWERED
        isReordered = isLate and self._isReordered(seq)
        if isLate:
            self._rolling.late(seq, isAltered, isReordered)
        else:
            self._rolling.repeated(seq)
        return Probe(
            *(seq, 0, 0, None, None, t4, None, None),
            *(isLate, isLate, isAltered, not isLate, isReordered, False),
        )

    def lose(self, now: int, flight: Flight) -> Probe:
        """Count a probe in flight as lost."""
        probe = probeInFlight(flight)._replace(lost=True)
        self.lost += 1
        turn, place = divmod(flight.seq, _REMEMBERED)
        self._turns[place], self._fates[place] = turn + 1, _LOST
        self._rolling.add(now, probe)
        return probe

    def learn(self, seq: int, times: Times, resolution: int) -> None:
        """Do nothing: a probe's times are kept with the probe."""

    def learnExtra(self, now: int, times: Times, resolution: int) -> None:
        """Read the far clock from an extra probe's times."""
        self._rolling.extra(now, *times, resolution)
        self._bounds = None

    def resolve(self, resolution: int) -> None:
        """Take the far end's stamps to be no finer than a resolution."""
        self._rolling.resolve(resolution)
        self._bounds = None

    def restart(self) -> None:
        """Begin a new window of the offset."""
        self._rolling.restart()
        self._bounds = None

    def bounds(self, now: int, at: int) -> tuple[int, int] | None:
        """Give the bounds of the offset at a time of our clock."""
        if self._bounds is None or now - self._boundsOf > _LASTING:
            self._bounds = self._rolling.bounds(now, self._longest)
            self._boundsOf = now
        return None if self._bounds is None else self._bounds.bounds(at)

    def residence(self, now: int, window: WindowSpec) -> Summary | None:
        """Summarise how long the far end had the probes of a window."""
        values = self._rolling.select(now, window).residences()
        return summary(values) if values else None

    def farOffset(
        self, now: int, isApart: bool, window: WindowSpec
    ) -> OffsetReport | None:
        """Give the offset of a window's figures."""
        self._rolling.isApart = isApart
        return offsetFrom(self._rolling.select(now, window))

    def figures(
        self, began: int, ended: int, isApart: bool, window: WindowSpec | None
    ) -> Figures:
        """
        Give the figures of a window; of the longest one where none is named.

        @raise ValueError: the run has no such window.
        """
        self._rolling.began, self._rolling.isApart = began, isApart
        return self._rolling.over(ended, window or self._longest)

    def distribution(self, figures: Figures, rows: int) -> None:
        """Give nothing: windows have no distribution of round trips."""

    def __iter__(self) -> Iterator[Probe]:
        """Give nothing: no probe is kept one by one."""
        return iter(())
