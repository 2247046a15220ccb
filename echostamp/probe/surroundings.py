"""
What all probers of a process share.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from echostamp.probe.stalls import StallWatch
from echostamp.probe.timers import Timers
from echostamp.times import Moment, moment


@dataclass(frozen=True)
class Surroundings:
    """
    What all probers of a process share.

    @ivar reactor: an L{IReactorTime <twisted.internet.interfaces.IReactorTime>}.
    @ivar stalls: detects when the process was suspended or blocked.
    @ivar clocks: reads our clocks.
    @ivar chance: gives numbers from 0 to 1.
    """

    reactor: Any
    stalls: StallWatch
    clocks: Callable[[], Moment]
    chance: Callable[[], float]

    def timers(self) -> Timers:
        """Make timers for one prober."""
        return Timers(self.reactor, self.now)

    def now(self) -> int:
        """Give the time by the monotonic clock, in nanoseconds."""
        return self.clocks().after


def surroundings(
    reactor: Any,
    clocks: Callable[[], Moment] = moment,
    chance: Callable[[], float] = random.random,
) -> Surroundings:
    """
    Make what the probers of a process share.

    @param reactor: runs the timers.
    @param clocks: reads our clocks.
    @param chance: gives numbers from 0 to 1.
    """
    timers = Timers(reactor, lambda: clocks().after)
    stalls = StallWatch(timers, lambda: clocks().after)
    return Surroundings(reactor, stalls, clocks, chance)
