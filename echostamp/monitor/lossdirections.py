"""
Decides when a probe counts as lost, and in which direction; pure.
"""

from __future__ import annotations

from collections import deque

from echostamp.monitor.tally import Direction
from echostamp.probe.interfaces import LossCounts
from echostamp.times import SECOND

#: For how long the direction of a loss is waited for, in nanoseconds, and for how many
#: intervals where those take longer.
PATIENCE, PATIENT_INTERVALS = 10 * SECOND, 10


class LossDirections:
    """
    Counts the probes of one flow that were lost, in each direction.

    A probe whose timeout is over waits until the link knows its direction.  After
    L{PATIENCE}, or L{PATIENT_INTERVALS} intervals if those are longer, it counts as
    C{unknown}.  No probe is counted twice, and none is moved.
    """

    def __init__(self, counts: dict[Direction, int], interval: int) -> None:
        """
        @param counts: where to count.
        @param interval: from one probe to the next, in nanoseconds.
        """
        self._counts = counts
        self._patience = max(PATIENCE, PATIENT_INTERVALS * interval)
        # When each waiting probe counts as unknown, by the monotonic clock; and whether
        # it counts.
        self._waiting: deque[tuple[int, bool]] = deque()
        # Probes that have waited too long: the link may still report them.
        self._overdue = 0
        self._seen = LossCounts()

    @property
    def isWaiting(self) -> bool:
        """Whether L{look} may have something to do."""
        return bool(self._waiting or self._overdue)

    def lost(self, now: int, losses: LossCounts | None, isCounted: bool = True) -> None:
        """
        Add a probe that is lost, and look for directions.

        @param now: by the monotonic clock.
        @param losses: as for L{look}; L{None} where the link never knows a direction.
        @param isCounted: whether it counts here; one that the system refused does not,
            but the link reports its direction like that of the others.
        """
        if losses is None:
            self._counts[Direction.UNKNOWN] += isCounted
        else:
            self._waiting.append((now + self._patience, isCounted))
            self.look(now, losses)

    def look(self, now: int, losses: LossCounts) -> None:
        """
        Count the waiting probes whose direction is known, or that have waited too long.

        @param now: by the monotonic clock.
        @param losses: what the link knows of the probes that it was told to be lost.
        """
        if losses != self._seen:
            seen, self._seen = self._seen, losses
            for direction in Direction:
                name = direction.value
                for _ in range(getattr(losses, name) - getattr(seen, name)):
                    self._settle(direction)
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            _, isCounted = waiting.popleft()
            self._counts[Direction.UNKNOWN] += isCounted
            self._overdue += 1

    def _settle(self, direction: Direction) -> None:
        """
        Count the probe that has waited longest.
        """
        if self._overdue:
            self._overdue -= 1
        elif self._waiting:
            _, isCounted = self._waiting.popleft()
            self._counts[direction] += isCounted

    def linkEnded(self, now: int, losses: LossCounts | None) -> None:
        """
        Count all waiting probes: the link learns no more of them.

        @param losses: what it knew at last.
        """
        if losses is not None:
            self.look(now, losses)
        self._counts[Direction.UNKNOWN] += sum(counted for _, counted in self._waiting)
        self._waiting.clear()
        self._overdue = 0
        self._seen = LossCounts()
