"""
Notices when a far end changes: its clock is set, or its reflector begins again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.clocksteps import ClockSteps
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.flows import Flows
from echostamp.units import readable

#: Each so many looks the far clock is looked at, too: that takes longer.
CLOCK = 3


class FarChanges:
    """
    Looks at a far end now and then.

    @ivar clockSteps: how often its clock was set.
    """

    def __init__(self, peer: str, flows: Flows, window: WindowSpec) -> None:
        """
        @param peer: the peer's name.
        @param flows: probe the far end.
        @param window: the window whose offset is looked at.
        """
        self.clockSteps = 0
        self._peer = peer
        self._flows = flows
        self._window = window
        self._steps = ClockSteps()
        self._restarts = 0
        # Peers that begin together do not all look in the same seconds.
        self._untilClock = 1 + zlib.crc32(peer.encode()) % CLOCK

    def look(self, now: int) -> Iterator[Event]:
        """
        Look at the far end.

        @param now: in nanoseconds since the UNIX epoch.
        @return: what has changed.
        """
        restarts = self._flows.restarts
        if restarts > self._restarts:
            text = "its packet numbers began again"
            yield Event(Kind.REFLECTOR_RESTART, self._peer, now, text=text)
        self._restarts = restarts
        self._untilClock -= 1
        if self._untilClock <= 0 and self._flows.hasBegun:
            self._untilClock = CLOCK
            yield from self._lookAtClock(now)

    def _lookAtClock(self, now: int) -> Iterator[Event]:
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
            values = {"offset": after, "offset_before": before}
            yield Event(Kind.CLOCK_STEP, self._peer, now, text=text, values=values)
