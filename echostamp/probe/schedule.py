"""
When probes are due; pure.
"""

from __future__ import annotations

from collections.abc import Callable

from echostamp.probe.plan import Plan
from echostamp.probe.slots import Slots

#: The part of the interval by which a probe may be due after its turn.
JITTER = 0.1


class Schedule:
    """
    The turns of a run.  Each probe is due at its turn, counted from the beginning, so
    that delays do not accumulate.  Jitter keeps the probes from the rhythm of something
    else; the first one has no rhythm yet, and is due at once.  Times are nanoseconds by
    the monotonic clock.

    @ivar due: when the next probe is due.
    @ivar isOver: whether no probe is due any more.
    """

    def __init__(
        self, plan: Plan, chance: Callable[[], float], slots: Slots | None = None
    ) -> None:
        """
        @param plan: how many probes, and how far apart.
        @param chance: gives numbers from 0 to 1, for the jitter.
        @param slots: those of the process; L{None} for a prober that is alone.
        """
        self._interval = plan.interval
        self._count = plan.count
        self._jitter = round(JITTER * plan.interval) if plan.jitter else 0
        self._chance = chance
        self._slots = slots if slots and plan.isTimedByKernel else Slots()
        self._hasJoined = False
        self._began = 0
        self._turn = 0
        self.due = 0
        self.isOver = False

    def begin(self, now: int) -> None:
        """
        Make the first probe due.
        """
        self._began = self.due = now
        self._turn = 0
        self.isOver = self._count == 0
        if self._interval and not self._hasJoined:
            self._hasJoined = True
            self._slots.join(self._interval)

    def end(self) -> None:
        """
        Leave the slots: nothing is due any more.
        """
        if self._hasJoined:
            self._hasJoined = False
            self._slots.leave(self._interval)

    def advance(self) -> None:
        """
        Make the next probe due: this one was sent, or skipped.
        """
        self._turn += 1
        self.isOver = self.isOver or self._turn == self._count
        self.due = self._began + self._turn * self._interval
        if self._jitter:
            self.due = self._slots.choose(self.due, self._jitter, self._chance())
