"""
Probers that keep no single probes, and what they may hold, for tests.
"""

from __future__ import annotations

from echostamp.measure.windowspec import WINDOWS
from echostamp.probe.interfaces import Fate, Link
from echostamp.probe.plan import Plan
from echostamp.probe.prober import Prober
from echostamp.test.farends import Far
from echostamp.test.sizes import heldBy

#: Octets that a prober may hold which keeps no single probes, and how many more for
#: each probe beyond 60 that its plan allows to be in flight.
MOST, MORE = 65_536, 64

#: What a prober with empty windows holds at least.
LEAST = 10_000


class Silence:
    """
    A sink that keeps nothing.
    """

    def connected(self, link: Link) -> None:
        """Ignore it."""

    def outstanding(self, seq: int) -> None:
        """Ignore it."""

    def sent(self, late: int) -> None:
        """Ignore it."""

    def skipped(self, seq: int, outage: object, isStall: bool) -> None:
        """Ignore it."""

    def waiting(self, why: str) -> None:
        """Ignore it."""

    def settled(self, probe: object, fate: Fate, reason: str = "") -> None:
        """Ignore it."""

    def disconnected(self, outage: object) -> None:
        """Ignore it."""


def allowed(plan: Plan) -> int:
    """
    Give what a prober may hold, in octets.
    """
    return MOST + MORE * max(0, plan.timeout // plan.interval - 60)


def askAll(prober: Prober) -> None:
    """
    Ask for the results of all windows, which are remembered.
    """
    for window in WINDOWS:
        prober.result(window=window)


def heldByProber(far: Far) -> int:
    """
    Give what a prober holds: without what stands for the network, and what all probers
    of the process share, in octets.
    """
    fresh = Far(Plan(kept=0))
    fresh.start()
    kept: list[object] = []
    for each in far, fresh:
        kept += [each, each.sink, each.reactor, each.prober.done, *each.transports]
    held = heldBy([far.prober, fresh.prober], *kept) - heldBy(fresh.prober, *kept)
    # Less would mean that one prober refers to the other.
    assert held > LEAST
    return held
