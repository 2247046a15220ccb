"""
A peer that is watched: its flows, its counters, and what happens to it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from echostamp.monitor.contact import Contact
from echostamp.monitor.event import NOT_WATCHED, Event, Kind
from echostamp.monitor.farchanges import FarChanges
from echostamp.monitor.flows import Flows
from echostamp.monitor.judging import Judging
from echostamp.monitor.pausedprobes import PausedProbes
from echostamp.monitor.peer import Peer
from echostamp.monitor.peername import PeerName
from echostamp.monitor.resolving import NameSource
from echostamp.monitor.rules import MINUTE, windowFor
from echostamp.monitor.snapshot import FlowSnapshot, PeerSnapshot
from echostamp.monitor.tally import Tally
from echostamp.monitor.watch import Watch
from echostamp.probe.agenda import Timers
from echostamp.probe.dialers import Dialed
from echostamp.probe.interfaces import Link
from echostamp.probe.sessiondetails import sessionDetails
from echostamp.times import SECOND
from echostamp.units import readable

#: How often a peer's window is judged by its limits, in nanoseconds.
JUDGED = 5 * SECOND

#: Peers' probes begin at times spread over their interval, over so many ns at most.
SPREAD = 60 * SECOND


class WatchedPeer:
    """
    A peer that is watched.

    @ivar peer: its settings.
    @ivar tally: its counters.
    @ivar events: how many events it had, by kind.
    @ivar contact: whether it is up.
    @ivar flows: its flows.
    """

    def __init__(
        self,
        peer: Peer,
        dialed: Sequence[Dialed],
        resolver: NameSource,
        watch: Watch,
        before: WatchedPeer | None = None,
    ) -> None:
        """
        @param peer: its settings.
        @param dialed: its far end, dialed once for each flow.
        @param resolver: looks its name up; the dialers do so, too.
        @param watch: what all peers share.
        @param before: the same peer with other settings, if it was watched before: its
            counters go on.
        """
        surroundings = watch.surroundings
        self.peer = peer
        self.tally: Tally = watch.tally() if before is None else before.tally
        self.events: Counter[Kind] = Counter() if before is None else before.events
        self._dialed = dialed[0]
        plan, now = self._dialed.plan, surroundings.now()
        self._watch = watch
        self._now = surroundings.now
        self._timers = Timers(surroundings.agenda)
        self._judging = Judging(peer.name, peer.limits)
        self._window = windowFor(plan.interval, watch.kept.window)
        self._paused = PausedProbes(plan.interval, now)
        self._stalled = surroundings.stalls.length
        self.contact = Contact(plan.timeout, plan.interval, now)
        if before is not None:
            self._judging, self.contact = before._judging, before.contact
            self._judging.change(peer.limits)
            self.contact.resume(plan.timeout, plan.interval, now)
        self.flows = Flows(dialed, self, self.tally, watch, peer.zone)
        self._started = 0
        host = self._dialed.host
        self._name = PeerName(
            host, peer.resolve, resolver, self._timers, surroundings.now, self
        )
        if before is not None and before._dialed.host == host:
            self._name.isResolved = before._name.isResolved
        self._far = FarChanges(peer.name, self.flows, watch.kept.window)

    # --- From begin to end ------------------------------------------------------------

    def start(self) -> None:
        """
        Begin to probe, at a moment that depends on the peer's name.
        """
        if self.peer.isPaused:
            return
        now, chance = self._now(), zlib.crc32(self.peer.name.encode())
        spread = min(self._dialed.plan.interval, SPREAD)
        self._timers.set(now + (chance * spread >> 32), self._begin)
        self._timers.set(now + (chance * JUDGED >> 32), self._look)

    def _begin(self) -> None:
        """
        Begin to probe: the flows one after the other, spread over the interval.
        """
        self.flows.start(self._started)
        if not self._started:
            self._name.checkOften(self.peer.name)
        self._started += 1
        if self._started < len(self.flows):
            pause = min(self._dialed.plan.interval, SPREAD) // len(self.flows)
            self._timers.set(self._now() + pause, self._begin)

    def finish(self) -> None:
        """
        Send no more probes, and wait for the replies to those in flight.
        """
        self._timers.stop()
        self.refresh()
        self.flows.finish()
        self._name.stop()

    def stop(self) -> Deferred[Any]:
        """
        End at once.

        @return: fires when all connections are closed.
        """
        self._timers.stop()
        stopped = self.flows.stop()
        self._name.stop()
        return stopped

    def change(self, peer: Peer) -> None:
        """
        Take other limits and labels.
        """
        self.peer = peer
        self._judging.change(peer.limits)

    def leave(self) -> None:
        """
        End the states that have begun: the peer is taken out or paused.
        """
        length = self.contact.leave(self._now())
        if length is not None:
            self.report(Kind.UP, NOT_WATCHED, down=length)
        for event in self._judging.leave(self._time()):
            self._put(event)
        if not self.isResolved:
            self._name.isResolved = True
            self.report(Kind.RESOLVED, NOT_WATCHED)

    # --- What the flows report --------------------------------------------------------

    def due(self) -> None:
        """Look whether the peer is down."""
        length = self._watch.surroundings.stalls.length
        if length != self._stalled:
            self.contact.stalled(length - self._stalled)
            self._stalled = length
        now = self._now()
        silence = now - self.contact.lastReply
        if self.contact.due(now):
            why = self.flows.outage
            text = f"no reply for {readable(silence)}{f': {why}' if why else ''}"
            self.report(Kind.DOWN, text, silence=silence)
            self._name.check()

    def replied(self, inARow: int) -> None:
        """Look whether the peer is up again."""
        now, contact = self._now(), self.contact
        length = now - contact.since
        if contact.replied(now, inARow):
            self.report(Kind.UP, f"was down for {readable(length)}", down=length)

    @property
    def isResolved(self) -> bool:
        """Whether the peer's name has an address."""
        return self._name.isResolved

    def linked(self, link: Link) -> None:
        """Note the address."""
        before = self._name.moved(link.address)
        if before not in ("", link.address):
            text = f"{link.address}, was {before}"
            self.report(Kind.ADDRESS, text, address=link.address, before=before)

    # --- What its name reports --------------------------------------------------------

    def nameChecked(self, isResolved: bool) -> None:
        """Note whether its name has an address; another looks that up."""
        self._name.told(isResolved)

    def resolved(self, isResolved: bool) -> None:
        """Report that the name has an address again, or none any more."""
        host = self._dialed.host
        if isResolved:
            self.report(Kind.RESOLVED, f"{host} has an address again")
        else:
            self.report(Kind.UNRESOLVED, f"{host} has no address")

    def addressGone(self) -> bool:
        """Use another address where there is a link."""
        return self.flows.redial()

    # --- What is judged now and then --------------------------------------------------

    def _look(self) -> None:
        """
        Judge the window, and look at the far end.
        """
        self._timers.set(self._now() + JUDGED, self._look)
        self.judge()
        steps = self._far.clockSteps
        for event in self._far.look(self._time()):
            self._put(event)
        self.tally.clockSteps += self._far.clockSteps - steps

    def judge(self) -> None:
        """
        Judge the window by the limits, and flows by one another.
        """
        isUp, now = self.contact.isUp, self._time()
        for event in self._judging.judge(self.flows, self._window, isUp, now):
            self._put(event)

    def report(self, kind: Kind, text: str, **values: Any) -> None:
        """
        Report what happened now.
        """
        self._put(Event(kind, self.peer.name, self._time(), text=text, values=values))

    def _put(self, event: Event) -> None:
        """
        Count and report an event.
        """
        self.events[event.kind] += 1
        self._watch.report(event)

    def _time(self) -> int:
        """
        Give the present time, in nanoseconds since the UNIX epoch.
        """
        return self._watch.surroundings.clocks().realtime

    # --- What is known ----------------------------------------------------------------

    def refresh(self) -> None:
        """
        Bring the counters up to date.
        """
        if self.peer.isPaused:
            self._paused.count(self._now(), self.peer.flows, self.tally)
        self.flows.refresh()

    def snapshot(self) -> PeerSnapshot:
        """
        Give what is known now.
        """
        self.refresh()
        flows, contact, peer = self.flows, self.contact, self.peer
        now, kept = self._watch.surroundings.clocks(), self._watch.kept
        window = flows.result(kept.window) if flows.hasBegun else None
        isMinute = kept.window == MINUTE
        session = sessionDetails(None if window is None else window.session)
        link = flows.link
        isKnown = contact.isUp is not None and not peer.isPaused
        own = self.tally.flows[: peer.flows] if peer.flows > 1 else ()
        return PeerSnapshot(
            peer,
            now.realtime,
            self._dialed.transport,
            self.tally,
            self._name.address,
            contact.isUp if isKnown else None,
            now.realtime - (now.after - contact.since) if isKnown else None,
            self.isResolved,
            contact.downs,
            contact.downFor(now.after),
            dict(self.events),
            flows=tuple(FlowSnapshot(each.sent, each.received) for each in own),
            lastRtt=flows.rtts.last,
            minute=window if isMinute else None,
            residence=flows.residence(MINUTE) if isMinute else None,
            hopsForward=session.hopsForward,
            hopsBackward=session.hopsBackward,
            certificateEnd=None if link is None else link.certificateEnd,
            window=window,
            recent=tuple(flows.rtts.recent),
            exceeded=self._judging.exceeded,
            exceededSince=self._judging.since,
        )
