"""
One flow of a peer: a prober, and the counters of its probes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from zope.interface import implementer

from echostamp.measure.block import Probe
from echostamp.measure.result import Outage
from echostamp.monitor.lossdirections import LossDirections
from echostamp.monitor.tally import RttHistogram, Skip, Tally
from echostamp.probe.interfaces import Fate, IProbeSink, Link

#: The fates of probes that were answered in time.
_IN_TIME = (Fate.ANSWERED, Fate.ALTERED, Fate.STALLED, Fate.UNTIMED)


class FlowOwner(Protocol):
    """
    Told what happens to the probes of a flow.

    @ivar isResolved: whether the peer's name has an address.
    """

    @property
    def isResolved(self) -> bool: ...

    def due(self) -> None:
        """A probe is due, and no stall of this process is the reason."""

    def replied(self) -> None:
        """A probe was answered in time."""

    def lost(self) -> None:
        """A probe was lost, or could not be sent."""

    def linked(self, link: Link) -> None:
        """There is a link, perhaps to another address."""


@implementer(IProbeSink)
class Flow:
    """
    Counts the probes of one prober.

    @ivar tally: its counters, up to date but for L{Tally.invalid}.
    @ivar lastRtt: its last RTT, in nanoseconds; L{None} before the first.
    @ivar recent: its last RTTs; L{None} for each probe that was lost, could not be
        sent, or has none.
    """

    def __init__(
        self,
        owner: FlowOwner,
        tally: Tally,
        interval: int,
        now: Callable[[], int],
        lateness: RttHistogram,
        recent: int = 0,
    ) -> None:
        """
        @param owner: told what happens.
        @param tally: where to count; perhaps with what was counted before.
        @param interval: from one probe to the next, in nanoseconds.
        @param now: gives nanoseconds by the monotonic clock.
        @param lateness: how late probes were sent, of all flows.
        @param recent: how many of the last RTTs to keep.
        """
        self.tally = tally
        self.lastRtt: int | None = None
        self.recent: deque[int | None] = deque(maxlen=recent)
        self._owner = owner
        self._now = now
        self._lateness = lateness
        self._directions = LossDirections(tally.lost, interval)
        self._link: Link | None = None
        # How many probes were due, and how many of them before the present link.
        self._due = self._dueBefore = 0
        # The probes in flight that the system has refused.
        self._refused: set[int] = set()
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
        # Another flow may count there, too: that of the peer with its old settings.
        self.tally.invalid += invalid - self._counted
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
        self.tally.sent += 1
        self._lateness.add(late)
        self._owner.due()

    def outstanding(self, seq: int) -> None:
        """Do nothing: the probe may be answered yet."""

    def skipped(self, seq: int, outage: Outage | None, isStall: bool) -> None:
        """Count a probe that was due and could not be sent."""
        self._due += 1
        if isStall:
            self.tally.skipped[Skip.STALL] += 1
            return
        isResolved = self._owner.isResolved
        self._notSent(Skip.NO_CONNECTION if isResolved else Skip.UNRESOLVED)

    def _notSent(self, why: Skip) -> None:
        """
        Count a probe that was due and not sent.
        """
        self.tally.skipped[why] += 1
        self.recent.append(None)
        self._owner.due()
        self._owner.lost()

    def waiting(self, why: str) -> None:
        """Do nothing: probes are due from the first failure on."""

    def settled(self, probe: Probe, fate: Fate, reason: str = "") -> None:
        """Count a probe that was answered or lost."""
        tally = self.tally
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
                self.recent.append(None)
                self._owner.lost()

    def _answered(self, probe: Probe, fate: Fate) -> None:
        """
        Count a probe that was answered in time.
        """
        tally = self.tally
        tally.received += 1
        tally.altered += fate is Fate.ALTERED
        self.recent.append(probe.rtt)
        if probe.rtt is None:
            tally.untimed += 1
        else:
            self.lastRtt = probe.rtt
            tally.rtts.add(probe.rtt)
        if self._link is not None and self._directions.isWaiting:
            self._look(self._link)
        self._owner.replied()

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
