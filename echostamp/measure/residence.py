"""
The residence of a probe at the far end, T3 - T2, and whether it can be true.
"""

from __future__ import annotations

from copy import deepcopy
from enum import Enum

from echostamp.measure.delay import roundTrip
from echostamp.measure.resolution import ObservedResolution, TickingClock, combined
from echostamp.times import Times

#: Timestamps are rounded to a nanosecond: see L{TickingClock.observe}.
_ROUNDED = 2


class ResidenceFault(Enum):
    """
    Why T2 and T3 of a reply cannot be used.
    """

    #: One of them is 0, which means that it is not known.
    NOT_GIVEN = "T2 or T3 not given"
    NEGATIVE = "T3 before T2"
    TOO_LONG = "T3 - T2 longer than T4 - T1"


def residenceFault(times: Times, resolution: int) -> ResidenceFault | None:
    """
    Say why T2 and T3 cannot be used; L{None} where they can.  The residence lies within
    0 and T4 - T1.  Beyond by less than the far clock's resolution is no fault: T2 and
    T3 are not known more exactly.

    @param times: times of clocks that were not set between them.
    @param resolution: of T2 and T3, the coarser one, in nanoseconds.
    """
    t1, t2, t3, t4 = times
    if not (t2 and t3):
        return ResidenceFault.NOT_GIVEN
    if t2 - t3 >= resolution:
        return ResidenceFault.NEGATIVE
    if (t3 - t2) - (t4 - t1) >= resolution:
        return ResidenceFault.TOO_LONG
    return None


def roundTripWithin(times: Times) -> int:
    """
    Return the RTT without the residence, in nanoseconds.  Where the resolution puts the
    residence beyond 0 or T4 - T1, it is taken for that limit.
    """
    return max(0, min(roundTrip(*times), times.t4 - times.t1))


class FarTimestamps:
    """
    The far end's timestamps: their resolution, and whether they can be true.
    """

    __slots__ = ("_resolutions", "_settled", "_step", "_ticking")

    def __init__(self) -> None:
        # Of T2 and of T3: one may be the kernel's, and the other a program's.
        self._resolutions = ObservedResolution(), ObservedResolution()
        self._ticking: tuple[TickingClock, ...] = TickingClock(), TickingClock()
        self._step = 0
        # The resolution, once no timestamps can change it.
        self._settled = 0

    def resolution(self, times: Times) -> int | ResidenceFault:
        """
        Take T2 and T3 of a reply into account.

        @return: the coarser one of their resolutions, in nanoseconds; or why they
            cannot be used, and then they do not count.
        """
        if (
            self._settled
            and times.t2
            and 0 <= times.t3 - times.t2 <= times.t4 - times.t1
        ):
            return self._settled
        resolutions = self._resolutions
        if not times.t2 or not 0 <= times.t3 - times.t2 <= times.t4 - times.t1:
            resolutions = deepcopy(resolutions)
        received, sent = resolutions
        observed = max(received.observe(times.t2), sent.observe(times.t3))
        if self._ticking and times.t2 and times.t3:
            # Those that cannot be used may be so because one of the clocks ticks.
            self._tick(times)
        found = combined(observed, self._step)
        if resolutions is not self._resolutions:
            fault = residenceFault(times, found)
            if fault is not None:
                return fault
            self._resolutions = resolutions
        if observed == 1 and not self._ticking:
            self._settled = found
        return found

    def _tick(self, times: Times) -> None:
        """
        Look for the steps in which the far clocks count.
        """
        t1, t2, t3, t4 = times
        for ticking, time in zip(self._ticking, (t2, t3), strict=True):
            ticking.observe(time, _ROUNDED, t1, t4)
        self._step = max(each.step for each in self._ticking)
        if all(each.isSettled for each in self._ticking):
            self._ticking = ()
