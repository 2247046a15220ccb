"""
Notices when a far end changes: its clock is set, or its reflector begins again.
"""

from __future__ import annotations

from typing import Protocol

from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.clocksteps import ClockSteps
from echostamp.monitor.event import Kind
from echostamp.probe.prober import Prober
from echostamp.probe.sessiondetails import sessionDetails
from echostamp.units import readable

#: Each so many looks the far clock is looked at, too: that takes longer.
CLOCK = 3


class Report(Protocol):
    """
    Reports an event of the peer.
    """

    def __call__(self, kind: Kind, text: str, **values: int) -> None: ...


class FarChanges:
    """
    Looks at a far end now and then.

    @ivar clockSteps: how often its clock was set.
    """

    def __init__(self, prober: Prober, window: WindowSpec, report: Report) -> None:
        """
        @param prober: probes the far end.
        @param window: the window whose offset is looked at.
        @param report: reports what has changed.
        """
        self.clockSteps = 0
        self._prober = prober
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
        link = self._prober.link
        restarts = sessionDetails(None if link is None else link.details()).restarts
        if restarts > self._restarts:
            self._report(Kind.REFLECTOR_RESTART, "its packet numbers began again")
        self._restarts = restarts
        self._untilClock -= 1
        if self._untilClock <= 0 and self._prober.hasBegun:
            self._untilClock = CLOCK
            self._lookAtClock(now)

    def _lookAtClock(self, now: int) -> None:
        """
        Look whether the far clock was set.
        """
        offset = self._prober.farOffset(self._window)
        step = self._steps.look(offset, now)
        if step is not None:
            self.clockSteps += 1
            before, after = step
            text = (
                f"the far clock was set: off by {readable(after, signed=True)}, was "
                f"{readable(before, signed=True)}"
            )
            self._report(Kind.CLOCK_STEP, text, offset=after, offset_before=before)
