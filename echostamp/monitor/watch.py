"""
What all watched peers share, and how they are probed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.event import Event
from echostamp.monitor.peer import Peer
from echostamp.monitor.rules import MINUTE, windowFor
from echostamp.monitor.snapshot import USUAL, Kept
from echostamp.monitor.tally import RttHistogram, Tally
from echostamp.probe.dialers import Wish
from echostamp.probe.surroundings import Surroundings


@dataclass(frozen=True)
class Watch:
    """
    What all peers share.

    @ivar surroundings: the timers and clocks.
    @ivar report: gets what happens.
    @ivar buckets: the upper bounds of the buckets of the RTT, in nanoseconds.
    @ivar lateness: how late probes were sent.
    @ivar kept: what is kept of each peer.
    """

    surroundings: Surroundings
    report: Callable[[Event], object]
    buckets: tuple[int, ...] = BUCKETS
    lateness: RttHistogram = field(default_factory=RttHistogram)
    kept: Kept = USUAL

    def tally(self) -> Tally:
        """
        Make the counters of a peer.
        """
        return Tally(rtts=RttHistogram(self.buckets))


def wishOf(peer: Peer, window: WindowSpec = MINUTE) -> Wish:
    """
    Give what to ask a dialer for: probes without end, in rolling windows, and none of
    them late after a stall.

    @param window: the window that is kept; another one is kept for the limits where
        that is longer.
    """
    plan = peer.wish.plan
    windows = tuple(dict.fromkeys((window, windowFor(plan.interval, window))))
    plan = replace(
        plan,
        count=None,
        kept=0,
        windows=windows,
        isPatient=True,
        isPunctual=True,
    )
    return peer.wish._replace(plan=plan)
