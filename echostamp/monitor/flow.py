"""
One flow of a peer: what its prober reports is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from zope.interface import implementer

from echostamp.measure.block import Probe
from echostamp.measure.result import Outage
from echostamp.monitor.lossdirections import LossDirections
from echostamp.monitor.tally import FlowTally, RttHistogram, Skip, Tally
from echostamp.probe.interfaces import Fate, IProbeSink, Link

#: The fates of probes that were answered in time.
_IN_TIME = (Fate.ANSWERED, Fate.ALTERED, Fate.STALLED, Fate.UNTIMED)


class FlowOwner(Protocol):
    """
    Told what happens to the probes of a flow.
    """

    @property
    def isResolved(self) -> bool:
        """Whether the peer's name has an address."""

    def due(self) -> None:
        """A probe is due, and no stall of this process is the reason."""

    def replied(self, inARow: int) -> None:
        """
        A probe was answered in time.

        @param inARow: to how many probes of the flow replies came, one after the other.
        """

    def linked(self, link: Link) -> None:
        """There is a link, perhaps to another address."""


class LastRtts:
    """
    The last RTTs of a peer, all its flows together, in nanoseconds.

    @ivar last: the last one; L{None} before the first.
    @ivar recent: the last ones; L{None} for each probe that was lost, could not be
        sent, or has none.
    """

    def __init__(self, most: int = 0) -> None:
        """
        @param most: how many to keep.
        """
        self.last: int | None = None
        self.recent: deque[int | None] = deque(maxlen=most)


class Counters(NamedTuple):
    """
    Where the probes of a flow are counted.

    @ivar peer: those of its peer; the flow keeps them up to date but for
        L{Tally.invalid}.
    @ivar own: those of the flow.
    @ivar rtts: the last RTTs of the peer.
    @ivar lateness: how late probes were sent, of all flows of all peers.
    """

    peer: Tally
    own: FlowTally
    rtts: LastRtts
    lateness: RttHistogram


@implementer(IProbeSink)
class Flow:
    """
    Counts the probes of one prober.
    """

    def __init__(
        self,
        owner: FlowOwner,
        counters: Counters,
        interval: int,
        now: Callable[[], int],
    ) -> None:
        """
        @param owner: told what happens.
        @param counters: where to count.
        @param interval: from one probe to the next, in nanoseconds.
        @param now: gives nanoseconds by the monotonic clock.
        """
        self._tally, self._own, self._rtts, self._lateness = counters
        self._owner = owner
        self._now = now
        self._directions = LossDirections(self._tally.lost, interval)
        self._link: Link | None = None
        # How many probes were due, and how many of them before the present link.
        self._due = self._dueBefore = 0
        # The probes in flight that the system has refused.
        self._refused: set[int] = set()
        self._inARow = 0
        # Of the links before the present one; and how many the tally has of all.
        self._invalid = self._counted = 0

    def refresh(self, strange: int) -> None:
        """
        Bring the counters up to date.

        @param strange: lines that were no replies to probes.
        """
        link, invalid = self._link, self._invalid + strange
        if link is not None:
            self._look(link)
            invalid += link.invalid
        # Other flows count there, too.
        self._tally.invalid += invalid - self._counted
        self._counted = invalid

    def _look(self, link: Link) -> None:
        """
        Count the lost probes whose direction is known now.
        """
        losses = link.losses
        if losses is not None:
            self._directions.look(self._now(), losses)

    # --- What the prober reports ------------------------------------------------------

    def connected(self, link: Link) -> None:
        """Begin with a new link."""
        self._endLink()
        self._link = link
        self._dueBefore = self._due
        self._owner.linked(link)

    def _endLink(self) -> None:
        """
        Keep what the last link knows.
        """
        link, self._link = self._link, None
        if link is not None:
            self._invalid += link.invalid
            self._directions.linkEnded(self._now(), link.losses)

    def sent(self, late: int) -> None:
        """Count a probe that was sent, unless the system refused it."""
        seq = self._due
        self._due += 1
        if self._link is not None and self._link.isRefused:
            # To the prober it is in flight until its timeout is over.
            self._refused.add(seq)
            self._notSent(Skip.SEND_ERROR)
            return
        self._tally.sent += 1
        self._own.sent += 1
        self._lateness.add(late)
        self._owner.due()

    def outstanding(self, seq: int) -> None:
        """Do nothing: the probe may be answered yet."""

    def skipped(self, seq: int, outage: Outage | None, isStall: bool) -> None:
        """Count a probe that was due and could not be sent."""
        self._due += 1
        if isStall:
            self._tally.skipped[Skip.STALL] += 1
            return
        isResolved = self._owner.isResolved
        self._notSent(Skip.NO_CONNECTION if isResolved else Skip.UNRESOLVED)

    def _notSent(self, why: Skip) -> None:
        """
        Count a probe that was due and not sent.
        """
        self._tally.skipped[why] += 1
        self._rtts.recent.append(None)
        self._inARow = 0
        self._owner.due()

    def waiting(self, why: str) -> None:
        """Do nothing: probes are due from the first failure on."""

    def settled(self, probe: Probe, fate: Fate, reason: str = "") -> None:
        """Count a probe that was answered or lost."""
        tally = self._tally
        if probe.reordered:
            tally.reordered += 1
        if fate in _IN_TIME:
            self._answered(probe, fate)
        elif fate is Fate.LATE:
            tally.late += 1
            tally.altered += probe.altered
        elif fate is Fate.DUPLICATE:
            tally.duplicates += 1
        else:
            losses = None if self._link is None else self._link.losses
            if fate is Fate.DISCONNECTED or probe.seq < self._dueBefore:
                # The present link knows nothing of it.
                losses = None
            isCounted = probe.seq not in self._refused
            self._refused.discard(probe.seq)
            self._directions.lost(self._now(), losses, isCounted)
            if isCounted:
                self._rtts.recent.append(None)
                self._inARow = 0

    def _answered(self, probe: Probe, fate: Fate) -> None:
        """
        Count a probe that was answered in time.
        """
        tally = self._tally
        tally.received += 1
        self._own.received += 1
        tally.altered += fate is Fate.ALTERED
        self._rtts.recent.append(probe.rtt)
        if probe.rtt is None:
            tally.untimed += 1
        else:
            self._rtts.last = probe.rtt
            tally.rtts.add(probe.rtt)
        if self._link is not None and self._directions.isWaiting:
            self._look(self._link)
        self._inARow += 1
        self._owner.replied(self._inARow)

    def disconnected(self, outage: Outage) -> None:
        """Keep what the link knew."""
        self._endLink()

    def ended(self, strange: int) -> None:
        """
        The prober has ended: no more is learned of the probes that are lost.

        @param strange: as for L{refresh}.
        """
        self._endLink()
        self.refresh(strange)
        # The owner has this object.  Without the cycle both are freed at once.
        del self._owner
