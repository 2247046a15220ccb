"""
Far clocks that print a wall clock's time in a zone they do not name.
"""

from __future__ import annotations

from echostamp.measure.envelope import MOST_DRIFT
from echostamp.times import SECOND

MINUTE = 60 * SECOND
QUARTER_HOUR = 15 * MINUTE
HOUR = 60 * MINUTE

#: The least and the greatest difference of a zone from UTC, in nanoseconds.
ZONES = (-12 * HOUR, 14 * HOUR)

#: How far wall clocks jump when summer time begins or ends: half an hour on Lord Howe
#: Island.
CHANGES = (-HOUR, -HOUR // 2, HOUR // 2, HOUR)

#: The least difference of two readings that can be such a jump: each is wrong by at
#: most a minute.
_LEAST_CHANGE = HOUR // 2 - MINUTE


def assumedZone(offset: int) -> int:
    """
    Guess the zone of a far wall clock: the multiple of a quarter of an hour that leaves
    the least offset.  If that is outside the L{ZONES} that exist, assume UTC.

    @param offset: the far clock, read as UTC, minus ours.
    @return: nanoseconds by which the zone is ahead of UTC.
    """
    zone = (offset + QUARTER_HOUR // 2) // QUARTER_HOUR * QUARTER_HOUR
    return zone if ZONES[0] <= zone <= ZONES[1] else 0


class FarZone:
    """
    Converts the readings of a far wall clock to instants.

    @ivar zone: nanoseconds by which the zone is ahead of UTC: given, or assumed from
        the first reading; L{None} before it.
    @ivar assumed: whether the zone was not given.
    @ivar changes: how often it changed, for summer time.
    """

    def __init__(self, zone: int | None = None) -> None:
        """
        @param zone: nanoseconds; L{None} where it is not known.
        """
        self.zone = zone
        self.assumed = zone is None
        self.changes = 0
        self._last: tuple[int, int, int] | None = None

    def instant(self, wall: int, resolution: int, t1: int, t4: int) -> int:
        """
        Convert a stamp that names no zone.  A jump of the size that summer time causes
        is taken for summer time, not for a step of the clock.

        @param wall: the time of the stamp, read as UTC.
        @param resolution: of the stamp.
        @param t1: when the probe was sent.
        @param t4: when its reply was received.
        @return: nanoseconds since the epoch.
        """
        offset = wall + resolution // 2 - (t1 + t4) // 2
        if self.zone is None:
            self.zone = assumedZone(offset)
        offset -= self.zone
        if self._last is not None:
            lastOffset, lastRtt, lastAt = self._last
            # Each reading is wrong by up to half its resolution and half its round
            # trip; the clocks drift.
            if abs(offset - lastOffset) >= _LEAST_CHANGE:
                drift = int(abs(t4 - lastAt) * MOST_DRIFT)
                slack = resolution + (t4 - t1 + lastRtt) // 2 + drift
                for change in CHANGES:
                    if abs(offset - lastOffset - change) <= min(slack, MINUTE):
                        self.zone += change
                        self.changes += 1
                        offset -= change
                        break
        self._last = offset, t4 - t1, t4
        return wall - self.zone

    def restart(self) -> None:
        """
        Forget the last reading, because our own clock was set.  The zone stays.
        """
        self._last = None

    def forget(self) -> None:
        """
        Forget the last reading and a zone that was assumed: the far end may be another
        machine.
        """
        self.restart()
        if self.assumed:
            self.zone = None
