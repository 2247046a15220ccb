"""
Watches this machine and process: its clock, and whether it has its turns.
"""

from __future__ import annotations

from echostamp.measure.ownclock import OwnClock
from echostamp.monitor.event import Kind, Report
from echostamp.monitor.tally import RttHistogram
from echostamp.probe.agenda import AgendaEntry
from echostamp.probe.surroundings import Surroundings
from echostamp.times import SECOND
from echostamp.units import readable

#: How often to look.
_BEAT = SECOND

#: A stall of at least this length is an event, in nanoseconds.  All are counted.
STALL = SECOND


class ThisMachine:
    """
    Looks at this machine's clock, and how late this process has its turns.

    @ivar lag: how late the turns were.
    """

    def __init__(self, surroundings: Surroundings, report: Report) -> None:
        """
        @param surroundings: the timers and clocks.
        @param report: gets what happens.
        """
        self.lag = RttHistogram()
        self._surroundings = surroundings
        self._report = report
        self._beat: AgendaEntry | None = None
        self._due = 0
        self._stalledFor = 0
        self._ownClock = OwnClock()
        self._steps = 0

    def start(self) -> None:
        """
        Look again and again.
        """
        self._due = self._surroundings.now() + _BEAT
        self._beat = self._surroundings.agenda.at(self._due, self._look)

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._beat is not None:
            self._beat.cancel()

    def _look(self) -> None:
        """
        Look whether the clock was set, and whether the process had its turns.
        """
        at = self._surroundings.clocks()
        self.lag.add(max(0, at.after - self._due))
        self.start()
        steps = self._ownClock.observe(*at)
        if steps != self._steps:
            self._steps = steps
            self._report(Kind.OWN_CLOCK_STEP, "the clock of this machine was set")
        before, self._stalledFor = self._stalledFor, self._surroundings.stalls.length
        length = self._stalledFor - before
        if length >= STALL:
            text = f"this process stood still for {readable(length)}"
            self._report(Kind.STALL, text, length=length)
