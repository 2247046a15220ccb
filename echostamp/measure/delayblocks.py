"""
Tells a clock that was stepped or slewed from queues, by ranks.

While both clocks run at constant rates, every probe's delays are equally likely at
every place of a run: their order says nothing, whatever the delays look like.  A clock
that is set ahead makes the ways there longer and the ways back shorter, from the same
moment on.  Each is looked for by itself, as Mann and Whitney do (Annals of Mathematical
Statistics 18, 1947): in the ranks of the delays before a moment and after it.  Only
ranks are compared, so no shape of the delays is assumed.
"""

from __future__ import annotations

from itertools import accumulate
from math import log, sqrt
from operator import mul

from echostamp.measure.timedprobes import TimedProbes

#: The most blocks.  Half as many are left when it had more.
MOST = 128

#: So many blocks are needed in all, and on either side of a moment.
_FEWEST, _EDGE = 12, 4

#: By how many standard deviations the ranks of both directions must have moved: by the
#: first, less the second for each block, since few ranks cannot move far.  In blocks in
#: random order, tried with up to L{MOST}, they have in at most 1 of 10,000 windows.
_MOVED, _FEW = 3.4, 11.0

#: The delays above this part of them share a rank: how long the long ones are says
#: least about the clock.
_COUNTED = 0.7

#: How often a trend is taken out: because of those delays the first finds too little.
_TRENDS = 3

#: Ranks are all alike whose standard deviation is below this.
_ALIKE = 1e-6

#: A time and a delay.
_Point = tuple[float, float]


class DelayBlocks:
    """
    The least delays each way, of blocks of probes that follow one another.

    There are at most L{MOST} blocks.  Beyond, pairs of them become one.
    """

    __slots__ = ("_backward", "_drift", "_forward", "_room", "_size")

    def __init__(self) -> None:
        self._forward: list[_Point] = []
        self._backward: list[_Point] = []
        # How many probes are in a block, for how many the last one has room, and the
        # drift that makes delays of a block comparable.
        self._size, self._room = 1, 0
        self._drift = 0.0

    @classmethod
    def of(cls, probes: TimedProbes) -> DelayBlocks:
        """
        Make blocks of many probes.
        """
        found = cls()
        base, forward, backward, _ = probes.origin()
        columns = probes.t1, probes.forward, probes.t4, probes.backward
        for t1, there, t4, back in sorted(zip(*columns, strict=True)):
            found.add(t1 - base, there - forward, t4 - base, back - backward)
        return found

    def add(self, t1: float, forward: float, t4: float, backward: float) -> None:
        """
        Add a probe.

        @param t1: nanoseconds since the first one was sent; so is C{t4}.
        @param forward: T2 - T1, in nanoseconds, less the first probe's.
        @param backward: T4 - T3, likewise.
        """
        if not self._room:
            if len(self._forward) == MOST:
                self._halve()
            self._forward.append((t1, forward))
            self._backward.append((t4, backward))
            self._room = self._size - 1
            return
        self._room -= 1
        drift = self._drift
        time, least = self._forward[-1]
        if forward - least < drift * (t1 - time):
            self._forward[-1] = t1, forward
        time, least = self._backward[-1]
        if backward - least < drift * (time - t4):
            self._backward[-1] = t4, backward

    def _halve(self) -> None:
        """
        Make one block of each two.
        """
        odd = len(self._forward) % 2
        self._drift = self._fitted()
        columns = (self._forward, self._drift), (self._backward, -self._drift)
        self._forward, self._backward = (
            [
                one if one[1] - other[1] <= drift * (one[0] - other[0]) else other
                for one, other in zip(points[odd::2], points[odd + 1 :: 2], strict=True)
            ]
            for points, drift in columns
        )
        self._size *= 2

    def _fitted(self) -> float:
        """
        Return the drift that fits best, by least squares: of the half of the blocks
        with the shortest round trips, whose offsets are known best.
        """
        both = sorted(
            (there[1] + back[1], there[0], there[1] - back[1])
            for there, back in zip(self._forward, self._backward, strict=True)
        )
        half = both[: -(-len(both) // 2)]
        middle = sum(time for _, time, _ in half) / len(half)
        squares = sum((time - middle) ** 2 for _, time, _ in half)
        if not squares:
            return 0.0
        return sum((time - middle) * twice for _, time, twice in half) / squares / 2

    def haveMoved(self, place: int = 1) -> bool:
        """
        Check whether the delays of both directions moved at one moment, in opposite
        directions: whether a clock was stepped or slewed.

        Larger blocks are tried, too.  Where few delays are long, their least delays
        differ less.

        @param place: of the window among those of its run.  The later ones must have
            moved further, so that the false alarms of all of them together are at most
            2 in 10,000 runs.
        """
        tried = DelayBlocks()
        tried._forward, tried._backward = self._forward, self._backward
        while (count := len(tried._forward)) >= _FEWEST:
            if tried._moved(_MOVED - _FEW / count + log(place) / 4):
                return True
            tried._halve()
        return False

    def _moved(self, limit: float) -> bool:
        """
        Check whether the delays of both directions moved.

        @param limit: by how many standard deviations of their ranks.
        """
        count, drift = len(self._forward), self._fitted()
        times = _centred([time for time, _ in self._forward])
        length = sqrt(sum(time * time for time in times))
        if not length:
            return False
        times = [time / length for time in times]
        there = _moves([at - drift * time for time, at in self._forward], times)
        back = _moves([at + drift * time for time, at in self._backward], times)
        later = _sumsFrom(times)
        for first in range(_EDGE, count - _EDGE + 1):
            # What is left of a step after the line that fits it best was taken out.
            size = sqrt((count - first) * first / count - later[first] ** 2)
            one, other = there[first], back[first]
            if one * other < 0 and min(abs(one), abs(other)) > limit * size:
                return True
        return False


def _centred(values: list[float]) -> list[float]:
    """
    Return values less their mean.
    """
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def _sumsFrom(values: list[float]) -> list[float]:
    """
    Return the sum of the values from each place on.
    """
    return list(accumulate(reversed(values)))[::-1]


def _moves(delays: list[float], times: list[float]) -> list[float]:
    """
    Return by how much the ranks of delays lie higher from each place on, in standard
    deviations of one rank.  A trend is taken out.

    @param times: of the delays; their mean is 0, and the sum of their squares 1.
    """
    # Each direction has a trend of its own: a queue that grows on one of them must not
    # look like a drift, which moves both.
    for _ in range(_TRENDS):
        most = sorted(delays)[int(_COUNTED * len(delays))]
        delays = _level([min(delay, most) for delay in delays], times, delays)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for rank, delay in enumerate(sorted(delays)):
        first.setdefault(delay, rank)
        last[delay] = rank
    highest = 2 * _COUNTED * len(delays)
    # Equal delays share the middle one of their ranks.
    ranks = _centred([min(first[delay] + last[delay], highest) for delay in delays])
    left = _level(ranks, times, ranks)
    deviation = sqrt(sum(rank * rank for rank in left) / (len(left) - 2))
    if deviation < _ALIKE:
        return [0.0] * len(left)
    return [each / deviation for each in _sumsFrom(left)]


def _level(values: list[float], times: list[float], others: list[float]) -> list[float]:
    """
    Take the trend of values out of others.
    """
    trend = sum(map(mul, values, times))
    return [other - trend * time for other, time in zip(others, times, strict=True)]
