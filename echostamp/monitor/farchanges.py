"""
Notices when a far end changes: its clock is set, or its reflector begins again.
"""

from __future__ import annotations

from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.clocksteps import ClockSteps
from echostamp.monitor.event import Kind, Report
from echostamp.monitor.flows import Flows
from echostamp.units import readable

#: Each so many looks the far clock is looked at, too: that takes longer.
CLOCK = 3


class FarChanges:
    """
    Looks at a far end now and then.

    @ivar clockSteps: how often its clock was set.
    """

    def __init__(self, flows: Flows, window: WindowSpec, report: Report) -> None:
        """
        @param flows: probe the far end.
        @param window: the window whose offset is looked at.
        @param report: reports what has changed.
        """
        self.clockSteps = 0
        self._flows = flows
        self._window = window
        self._report = report
        self._steps = ClockSteps()
        self._restarts = 0
        self._untilClock = CLOCK

    def look(self, now: int) -> None:
        """
        Look at the far end.

        @param now: in nanoseconds since the UNIX epoch.
        """
        restarts = self._flows.restarts
        if restarts > self._restarts:
            self._report(Kind.REFLECTOR_RESTART, "its packet numbers began again")
        self._restarts = restarts
        self._untilClock -= 1
        if self._untilClock <= 0 and self._flows.hasBegun:
            self._untilClock = CLOCK
            self._lookAtClock(now)

    def _lookAtClock(self, now: int) -> None:
        """
        Look whether the far clock was set.
        """
        offset = self._flows.offset(self._window)
        step = self._steps.look(offset, now)
        if step is not None:
            self.clockSteps += 1
            before, after = step
            text = (
                f"the far clock was set: off by {readable(after, signed=True)}, was "
                f"{readable(before, signed=True)}"
            )
            self._report(Kind.CLOCK_STEP, text, offset=after, offset_before=before)
