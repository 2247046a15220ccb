"""
What all probers of a process share.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from echostamp.probe.agenda import Agenda
from echostamp.probe.stalls import StallWatch
from echostamp.times import Moment, moment


@dataclass(frozen=True)
class Surroundings:
    """
    What all probers of a process share.

    @ivar agenda: what is to be called when.
    @ivar stalls: detects when the process was suspended or blocked.
    @ivar clocks: reads our clocks.
    @ivar chance: gives numbers from 0 to 1.
    """

    agenda: Agenda
    stalls: StallWatch
    clocks: Callable[[], Moment]
    chance: Callable[[], float]


def surroundings(
    reactor: Any,
    clocks: Callable[[], Moment] = moment,
    chance: Callable[[], float] = random.random,
    isExact: bool = False,
) -> Surroundings:
    """
    Make what the probers of a process share.

    @param reactor: runs the timers.
    @param clocks: reads our clocks.
    @param chance: gives numbers from 0 to 1.
    @param isExact: as for L{Agenda}.
    """
    agenda = Agenda(reactor, lambda: clocks().after, isExact)
    return Surroundings(agenda, StallWatch(agenda), clocks, chance)
