"""
Detects when a far clock was set; pure.
"""

from __future__ import annotations

from echostamp.measure.offsetwindow import NO_FIT, OffsetReport
from echostamp.times import SECOND

#: By how much later the probes that fit together must begin for another step, in
#: nanoseconds.
_APART = 10 * SECOND


class ClockSteps:
    """
    Looks at the offset of a far clock now and then.  When no line fits all probes of
    the window, the clock was set within it.

    Two steps within L{_APART} count as one.
    """

    __slots__ = ("_began", "_estimate")

    def __init__(self) -> None:
        # When the probes after the last step begin; None while all fit together.
        self._began: int | None = None
        self._estimate: int | None = None

    def look(self, offset: OffsetReport | None, now: int) -> tuple[int, int] | None:
        """
        Look at the offset in the last minute.

        @param offset: L{None} where it is not known.
        @param now: by our clock, in nanoseconds since the UNIX epoch.
        @return: if the clock was set since the last look, the estimates of its offset
            before and after, in nanoseconds.
        """
        if offset is None:
            return None
        before, self._estimate = self._estimate, offset.estimate
        if offset.verdict != NO_FIT:
            self._began = None
            return None
        began = now - offset.window
        isNew = self._began is None or began - self._began >= _APART
        if isNew:
            self._began = began
        return (before, offset.estimate) if isNew and before is not None else None
