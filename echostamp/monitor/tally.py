"""
The counters of a peer's probes; pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from echostamp.monitor.defaults import BUCKETS


class Skip(Enum):
    """
    Why a probe that was due was not sent.
    """

    PAUSED = "paused"
    UNRESOLVED = "unresolved"
    NO_CONNECTION = "no_connection"
    SEND_ERROR = "send_error"
    STALL = "stall"


class Direction(Enum):
    """
    In which direction a probe was lost.
    """

    FORWARD = "forward"
    BACKWARD = "backward"
    UNKNOWN = "unknown"


class RttHistogram:
    """
    The RTTs of answered probes, counted by their size.

    @ivar bounds: the upper bounds of the buckets, in nanoseconds.
    @ivar counts: how many RTTs are in each bucket, and above the last bound.
    @ivar total: their sum, in nanoseconds.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[int] = BUCKETS) -> None:
        """
        @param bounds: the upper bounds of the buckets in nanoseconds, ascending.
        """
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def add(self, rtt: int) -> None:
        """
        Count an RTT.
        """
        self.counts[bisect_left(self.bounds, rtt)] += 1
        self.total += rtt

    @property
    def n(self) -> int:
        """How many RTTs were counted."""
        return sum(self.counts)


@dataclass(slots=True)
class FlowTally:
    """
    The counters of one flow of a peer.  None ever decreases.

    @ivar sent: probes that were sent.
    @ivar received: probes that were answered in time.
    """

    sent: int = 0
    received: int = 0


@dataclass(slots=True)
class Tally:
    """
    The counters of a peer.  None ever decreases.  At any moment these add up:

     - due = skipped + sent
     - sent = received + lost + in flight
     - received = RTTs + untimed

    @ivar skipped: probes that were due and not sent.
    @ivar sent: probes that were sent.
    @ivar received: probes that were answered in time.
    @ivar untimed: those of them without an RTT.
    @ivar lost: probes that were not answered in time.  A late reply does not change it.
    @ivar late: replies after the timeout.
    @ivar duplicates: replies beyond the first to a probe (RFC 5560).
    @ivar reordered: replies after that of a later probe (RFC 4737).
    @ivar altered: first replies that differ from what was sent.
    @ivar invalid: packets and lines that are no replies to probes.
    @ivar clockSteps: how often the far clock was set.
    @ivar rtts: the RTTs.
    @ivar flows: the counters of each flow that the peer has or had, in the order of
        their numbers.
    """

    skipped: dict[Skip, int] = field(default_factory=lambda: dict.fromkeys(Skip, 0))
    sent: int = 0
    received: int = 0
    untimed: int = 0
    lost: dict[Direction, int] = field(
        default_factory=lambda: dict.fromkeys(Direction, 0)
    )
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    altered: int = 0
    invalid: int = 0
    clockSteps: int = 0
    rtts: RttHistogram = field(default_factory=RttHistogram)
    flows: list[FlowTally] = field(default_factory=list)

    def flow(self, index: int) -> FlowTally:
        """
        Give the counters of a flow.

        @param index: of the flow, from 0.
        """
        while len(self.flows) <= index:
            self.flows.append(FlowTally())
        return self.flows[index]

    @property
    def due(self) -> int:
        """How many probes were due."""
        return sum(self.skipped.values()) + self.sent

    @property
    def inFlight(self) -> int:
        """How many probes were sent and are not counted as received or lost yet."""
        return self.sent - self.received - sum(self.lost.values())
