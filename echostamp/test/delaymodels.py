"""Runs over paths of several shapes of delay, with clocks of constant rates or not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from math import sqrt
from typing import NamedTuple

from echostamp.measure.offset import OffsetTracker

US, MS, SECOND = 1000, 1_000_000, 1_000_000_000

#: When the runs begin.
THEN = 1_700_000_000 * SECOND

#: Nanoseconds that each way takes at least, and what queues add to it on average.
_LEAST, _QUEUE = 30 * US, 80 * US

#: How far apart the probes of a run of so many are, in nanoseconds.
INTERVALS = {60: SECOND, 300: 200 * MS, 1000: 10 * MS, 15_000: MS}


class Model(NamedTuple):
    """
    How long ways take.

    @ivar queue: gives nanoseconds beyond the least.
    @ivar deviation: their standard deviation; of a constant, the stamps' resolution.
    @ivar resolution: of the stamps, in nanoseconds.
    """

    queue: Callable[[random.Random], float]
    deviation: float
    resolution: int = 1


def _gamma(shape: int) -> Model:
    scale = _QUEUE / shape
    return Model(lambda source: source.gammavariate(shape, scale), sqrt(shape) * scale)


def _bimodal(source: random.Random) -> float:
    isSlow = source.random() < 0.2
    return source.expovariate(1 / (10 * US)) + 140 * US * isSlow


MODELS = {
    "exponential": _gamma(1),
    "gamma of shape 2": _gamma(2),
    "gamma of shape 4": _gamma(4),
    "gamma of shape 8": _gamma(8),
    "uniform": Model(
        lambda source: source.uniform(0, 2 * _QUEUE), 2 * _QUEUE / sqrt(12)
    ),
    "bimodal": Model(_bimodal, sqrt(56**2 + 10**2) * US),
    "constant": Model(lambda source: _QUEUE, 100 * US, 100 * US),
}

#: What is wrong with the clock, as a function of the part of the run that is over.
Fault = Callable[[float], float]


def none(part: float) -> float:
    """Nothing is."""
    return 0.0


def step(source: random.Random, amount: float) -> Fault:
    """It is stepped at a moment within the middle four fifths of the run."""
    amount *= source.choice((-1, 1))
    begin = source.uniform(0.1, 0.9)
    return lambda part: amount if part >= begin else 0.0


def slew(source: random.Random, amount: float) -> Fault:
    """It is slewed evenly for a third of the run, within its middle four fifths."""
    amount *= source.choice((-1, 1))
    begin = source.uniform(0.1, 0.9 - 1 / 3)
    return lambda part: amount * min(max(0.0, 3 * (part - begin)), 1.0)


def exchanges(
    source: random.Random, model: Model, probes: int, fault: Fault = none
) -> Iterator[tuple[int, int, int, int]]:
    """
    Give number, T1, stamp and T4 of the probes of a run, in the order of the replies.
    """
    interval = INTERVALS[probes]
    start = source.randrange(-(10**12), 10**12)
    drift = source.uniform(-1e-4, 1e-4)
    queue, resolution = model.queue, model.resolution
    found = []
    for seq in range(probes):
        began = int((seq + source.random() / 10) * interval)
        there = began + _LEAST + queue(source)
        offset = start + there * drift + fault(there / (probes * interval))
        stamp = int(THEN + there + offset) // resolution * resolution
        back = int(there + _LEAST + queue(source))
        found.append((THEN + back, seq, THEN + began, stamp))
    for t4, seq, t1, stamp in sorted(found):
        yield seq, t1, stamp, t4


def verdict(
    source: random.Random, model: Model, probes: int, fault: Fault = none
) -> str:
    """Give the verdict on the clocks of a run."""
    tracker = OffsetTracker()
    for seq, t1, stamp, t4 in exchanges(source, model, probes, fault):
        tracker.add(seq, t1, stamp, stamp, t4, model.resolution)
    report = tracker.report()
    assert report is not None
    return report.verdict
