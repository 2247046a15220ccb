"""Simulated clocks, and simulated paths between them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import OffsetReport
from echostamp.times import MILLISECOND, SECOND

THEN = 1_700_000_000 * SECOND

#: From picoseconds of true time since the beginning to the offset in picoseconds.
Offset = Callable[[int], int]


class Path(NamedTuple):
    """
    A path: nanoseconds that each way takes at least, and what queues add on average.
    """

    out: float
    home: float
    queue: float
    backQueue: float

    @property
    def longest(self) -> float:
        """Nanoseconds that hardly a round trip takes."""
        return self.out + self.home + 12 * (self.queue + self.backQueue)


def exchange(
    source: random.Random, begin: int, path: Path, offset: Offset, resolution: int = 1
) -> tuple[int, int, int]:
    """
    Send one probe.  True times are in picoseconds; clocks cut them.

    @param begin: when it leaves, picoseconds since the beginning.
    @return: T1, the far end's stamp, and T4.
    """
    there = begin + int(1000 * (path.out + source.expovariate(1) * path.queue))
    back = there + int(1000 * (path.home + source.expovariate(1) * path.backQueue))
    stamp = THEN + (there + offset(there)) // 1000
    return (
        THEN + begin // 1000,
        stamp // resolution * resolution,
        THEN + back // 1000,
    )


def simulate(
    source: random.Random,
    path: Path,
    offset: Offset,
    probes: int = 60,
    resolution: int = 1,
) -> OffsetTracker:
    """
    Measure: a probe a second, some lost, some answered twice, in the order in which the
    replies come.
    """
    arrivals = []
    for seq in range(probes):
        begin = (
            seq * SECOND + source.randrange(50 * MILLISECOND)
        ) * 1000 + source.randrange(1000)
        for _ in range(source.choice([0] + [1] * 20 + [2])):
            t1, stamp, t4 = exchange(source, begin, path, offset, resolution)
            arrivals.append((t4, seq, t1, stamp))
    tracker = OffsetTracker()
    for t4, seq, t1, stamp in sorted(arrivals):
        tracker.add(seq, t1, stamp, stamp, t4, resolution)
    return tracker


def isInside(report: OffsetReport, offset: Offset) -> bool:
    """
    Say whether the truth is within the bounds, and the estimate too.
    """
    truth = offset((report.at - THEN) * 1000)
    return (
        report.low * 1000 <= truth <= report.high * 1000
        and report.low <= report.estimate <= report.high
    )


def constantRate(source: random.Random, most: int = 100_000) -> tuple[Offset, float]:
    """
    Give an offset of up to some hours, and its drift in ppm.

    @param most: the greatest drift, in parts of 10**9.
    """
    start = source.randrange(-(10**16), 10**16)
    drift = source.randrange(-most, most + 1)
    return lambda at: start + at * drift // 10**9, drift / 1000


def randomPath(source: random.Random) -> Path:
    """
    Give a path of 20 microseconds to 60 ms, as asymmetric as it comes.
    """
    return Path(*(10 ** source.uniform(4, 7.5) for _ in range(4)))
