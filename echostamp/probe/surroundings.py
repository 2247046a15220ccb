"""
The timers and clocks that all probers of a process share.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from echostamp.probe.agenda import Agenda
from echostamp.probe.alarms import Alarm, KernelAlarm, ReactorAlarm
from echostamp.probe.slots import Slots
from echostamp.probe.stalls import StallWatch
from echostamp.times import Moment, moment


@dataclass(frozen=True)
class Surroundings:
    """
    The timers and clocks that all probers of a process share.

    @ivar agenda: calls functions at their times.
    @ivar stalls: detects when the process was suspended or blocked.
    @ivar clocks: reads our clocks.
    @ivar now: gives nanoseconds by the monotonic clock.
    @ivar chance: gives numbers from 0 to 1.
    @ivar slots: the moments at which probes are due together.
    """

    agenda: Agenda
    stalls: StallWatch
    clocks: Callable[[], Moment]
    now: Callable[[], int]
    chance: Callable[[], float]
    slots: Slots


def surroundings(
    reactor: Any,
    clocks: Callable[[], Moment] = moment,
    chance: Callable[[], float] = random.random,
    isExact: bool = False,
) -> Surroundings:
    """
    Make the timers that the probers of a process share.

    @param reactor: runs the timers.
    @param clocks: reads our clocks.
    @param chance: gives numbers from 0 to 1.
    @param isExact: whether to use a timer of the kernel's, where the system has one.
    """
    now = time.monotonic_ns if clocks is moment else lambda: clocks().after

    def makeAlarm(call: Callable[[], object]) -> Alarm:
        if isExact:
            with suppress(OSError):
                return KernelAlarm(reactor, call)
        return ReactorAlarm(reactor, now, call)

    agenda = Agenda(now, makeAlarm)
    return Surroundings(agenda, StallWatch(agenda), clocks, now, chance, Slots())
