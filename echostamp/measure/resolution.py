"""
The resolution of clocks, inferred from their timestamps.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from math import ceil, floor, gcd, inf

#: The coarsest resolution that is looked for, in nanoseconds: whole seconds.
_COARSEST = 1_000_000_000

#: After so many different timestamps the step of a clock is looked for, unless two
#: probes one after the other got the same one.
_LOOKS = (5, 8, 16, 32)

#: A step is believed if chance alone would show one in this part of all runs.
_CHANCE = 1e-5

#: A common divisor of so many differences is no step with rounded digits.
_SURE = 7

#: Nanoseconds by which a step may be too great because of rounding.
_ROUNDING = 6

#: A clock whose times do not fit jumps at least so often each way, and is taken for at
#: least so many clocks.
_JUMPS, _CLOCKS = 2, 5

#: So many timestamps nearly show how far a clock that ticks can be behind.
_MANY = 16

#: The most steps that are tried; none of which so large a part is a possible error.
_TRIES, _NEVER = 1000, 0.25


class ObservedResolution:
    """
    The resolution of a clock, by its timestamps: the greatest power of ten of
    nanoseconds, up to a second, of which all timestamps are multiples.

    A clock of 1 ns shows a multiple of 1000 once in a thousand timestamps.  So the
    result is right after a few timestamps; before, it is coarser, never finer.
    """

    __slots__ = ("_grain",)

    def __init__(self) -> None:
        self._grain = _COARSEST

    def observe(self, timestamp: int) -> int:
        """
        Take a timestamp into account.

        @param timestamp: in nanoseconds since the epoch.  It may be off by one if it
            came in NTP's format, whose units are not nanoseconds.
        @return: the resolution, in nanoseconds.
        """
        while self._grain > 1 and (timestamp + 1) % self._grain > 2:
            self._grain //= 10
        return self._grain


class TickingClock:
    """
    The step of a clock that ticks, such as 15.625 ms or a 60th of a second, by the
    differences of its timestamps: the greatest step of which all are multiples, as far
    as their digits show it.  If the times at which probes were sent are multiples of
    it, too, the step is that of the schedule.

    @ivar step: nanoseconds, rounded up; 0 while no step is known.
    @ivar isSettled: whether it will change no more.
    """

    __slots__ = ("_isRepeated", "_shown", "_times", "isSettled", "step")

    def __init__(self) -> None:
        self.step = 0
        self.isSettled = False
        # Different timestamps, and T1 and T4 of the first probe with each.
        self._shown: list[int] = []
        self._times: list[tuple[int, int]] = []
        self._isRepeated = False

    def observe(self, timestamp: int, unit: int, t1: int, t4: int) -> None:
        """
        Take the timestamp of a probe into account.

        @param timestamp: in nanoseconds since the epoch.
        @param unit: what its digits count in; twice that if they are rounded.
        @param t1: when the probe was sent, by our clock.
        @param t4: when its reply was received.
        """
        shown = self._shown
        if self.isSettled:
            return
        if timestamp not in shown:
            shown.append(timestamp)
            self._times.append((t1, t4))
        elif (
            timestamp == shown[-1] and t1 > self._times[-1][1] and not self._isRepeated
        ):
            # One tick lasted from before a probe was answered to after the next.
            self._isRepeated = True
        else:
            return
        if not self._isRepeated and len(shown) not in _LOOKS:
            return
        self.step = self._find(shown, unit)
        if self.step and self._isSchedule(unit):
            self.step = 0
        self.step += self._missing(unit)
        if len(shown) >= _LOOKS[-1]:
            self.isSettled = True
            self._shown, self._times = [], []

    def _missing(self, unit: int) -> int:
        """
        Return by how much the step is too short for the times: with it the far clock
        would have to be behind and ahead of itself, again and again, and by ever
        different times.  A clock that is set jumps once, and several machines have few
        clocks.

        @return: nanoseconds: more than the least that is missing, as few timestamps do
            not show how far the clock can be behind; 0 if the times fit, or for one of
            those reasons do not, or by more than any step.
        """
        offsets = [
            (shown + unit - t1, shown - t4)
            for shown, (t1, t4) in zip(self._shown, self._times, strict=True)
        ]
        jumps, (high, low) = [0, 0], offsets[0]
        for most, least in offsets:
            if least > high or most < low:
                jumps[least > high] += 1
                high, low = most, least
            high, low = min(high, most), max(low, least)
        clocks, clock = 0, -inf
        for most, least in sorted(offsets):
            if least > clock:
                clocks, clock = clocks + 1, most
        if min(jumps) < _JUMPS or clocks < _CLOCKS:
            return 0
        least = max(each for _, each in offsets) - min(each for each, _ in offsets)
        missing = max(least + unit - max(self.step, unit), 0)
        missing *= 2 if len(offsets) >= _MANY else 4
        return missing if self.step + missing <= _COARSEST else 0

    def _isSchedule(self, unit: int) -> bool:
        """
        Check whether the probes were sent at multiples of the step, too.
        """
        step = self.step
        for (one, _), (later, _) in pairwise(self._times):
            count = round((later - one) / step)
            off = abs(later - one - count * step)
            # The step is rounded up.
            if off > min(4 * unit + _ROUNDING * count, step // 16):
                return False
        return len(self._times) > 1

    def _find(self, shown: list[int], unit: int) -> int:
        """
        Return the step that times show; 0 if none.
        """
        apart = [later - one for one, later in pairwise(sorted(shown))]
        if not apart:
            return _COARSEST  # one tick, however long it is
        # Equal intervals show more in what they differ by.
        values = {abs(one - other) for one, other in combinations(apart, 2)}
        values = {value for value in values | {*apart} if value > 4 * unit}
        exact, checks = gcd(*apart), len(apart) - 1
        isExact = checks >= _SURE and (unit / max(exact, unit)) ** checks <= _CHANCE
        if isExact and exact > unit:
            # The digits may hide how far the ticks are from multiples of their unit.
            exact += unit
        if values:
            _, high = self._fitted(sorted(values), 2 * unit, checks)
            if high and not (isExact and exact >= high - 2 * unit):
                return min(ceil(high) + unit, _COARSEST)
        return min(exact, _COARSEST) if isExact else 0

    def _fitted(
        self, values: list[int], error: int, checks: int
    ) -> tuple[float, float]:
        """
        Return the limits of the greatest step of which all values are multiples.

        @param values: in order.
        @param error: nanoseconds by which each may be off.
        @param checks: how many of them are independent of each other.
        @return: 0 and 0 where there is none that is hardly due to chance.
        """
        least, longer = values[0], values[min(1, len(values) - 1)]
        first = ceil(least / _COARSEST)
        for count in range(first, first + _TRIES):
            chance = 2 * error * count / least
            if chance > _NEVER:
                break
            most = (longer + error) * count // (least - error)
            if most * (least + error) < (longer - error) * count:
                continue  # most counts are wrong, and two values show it
            low, high, checked = _limits(values, error, count)
            if self._isRepeated and low <= high:
                return low, high
            if low <= high and count * chance ** min(checked, checks) <= _CHANCE:
                return low, high
        return 0.0, 0.0


def _limits(values: list[int], error: int, count: int) -> tuple[float, float, int]:
    """
    Return the limits of a step of which all values are multiples.

    @param values: in order.
    @param error: nanoseconds by which each may be off.
    @param count: of how many steps the least value consists.
    @return: the limits, the lower one above the upper one where there is no such step;
        and how many values could be checked: for longer ones too little is known of
        the step.
    """
    low, high = (values[0] - error) / count, (values[0] + error) / count
    checked = 0
    for value in values[1:]:
        most, fewest = floor((value + error) / low), ceil((value - error) / high)
        if fewest > most:
            return 1.0, 0.0, 0
        if fewest < most:
            break
        low = max(low, (value - error) / most)
        high = min(high, (value + error) / most)
        checked += 1
    return low, high, checked


def combined(observed: int, step: int) -> int:
    """
    Return the resolution of a clock by its decimals and by its step.

    @param observed: by its decimals.
    @param step: 0 if none is known.
    """
    # A step is rounded up.
    return step if step > observed + _ROUNDING else observed


class StampResolution:
    """
    The resolution of a clock by its stamps.

    @ivar last: the last stamp; 0 before there is one.
    """

    __slots__ = ("_known", "_observed", "_sent", "_ticking", "last")

    def __init__(self) -> None:
        self.last = 0
        # That of the digits, once no stamp can show a coarser one.
        self._known = 0
        self._observed, self._sent = ObservedResolution(), ObservedResolution()
        self._ticking = TickingClock()

    def observe(self, stamp: int, digits: int, t1: int, t4: int) -> int:
        """
        Take a stamp into account.

        @param stamp: its time, in nanoseconds since the epoch.
        @param digits: what its digits count in.
        @param t1: when the probe was sent, by our clock.
        @param t4: when its reply was received.
        @return: the resolution, in nanoseconds.
        """
        self.last = stamp
        if digits == self._known:
            return digits
        observed, ticking = self._observed.observe(stamp), self._ticking
        if self._sent.observe(t1) >= observed:
            observed = 1  # our own clock shows no less round times
        ticking.observe(stamp, digits, t1, t4)
        if ticking.isSettled and not ticking.step and observed <= digits:
            self._known = digits
        return max(combined(observed, ticking.step), digits)
