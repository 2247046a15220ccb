"""
A peer that is watched: its prober, its counters, and what happens to it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred

from echostamp.monitor.contact import Contact
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.farchanges import FarChanges
from echostamp.monitor.flow import Flow
from echostamp.monitor.peer import Peer
from echostamp.monitor.peername import PeerName
from echostamp.monitor.resolving import PeerResolver
from echostamp.monitor.rules import MINUTE, Rules, windowFor
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.monitor.tally import Skip, Tally
from echostamp.monitor.watch import Watch
from echostamp.probe.agenda import Timers
from echostamp.probe.dialers import Dialed
from echostamp.probe.interfaces import Link
from echostamp.probe.prober import Prober
from echostamp.probe.sessiondetails import sessionDetails
from echostamp.times import SECOND
from echostamp.units import readable

#: How often a peer's window is judged by its limits, in nanoseconds.
JUDGED = 5 * SECOND

#: The beginnings of peers' probes are spread over their interval, or over this time
#: where that is shorter, in nanoseconds.
SPREAD = 60 * SECOND


class WatchedPeer:
    """
    A peer that is watched.

    @ivar peer: its settings.
    @ivar tally: its counters.
    @ivar events: how many events it had, by kind.
    @ivar contact: whether it is up.
    """

    def __init__(
        self,
        peer: Peer,
        dialed: Dialed,
        resolver: PeerResolver,
        watch: Watch,
        before: WatchedPeer | None = None,
    ) -> None:
        """
        @param peer: its settings.
        @param dialed: its far end.
        @param resolver: looks its name up; the dialer does so, too.
        @param watch: what all peers share.
        @param before: the same peer with other settings, if it was watched before: its
            counters go on.
        """
        surroundings = watch.surroundings
        self.peer = peer
        self.tally: Tally = watch.tally() if before is None else before.tally
        self.events: Counter[Kind] = Counter() if before is None else before.events
        plan, now = dialed.plan, surroundings.now()
        self._watch = watch
        self._dialed = dialed
        self._now = surroundings.now
        self._timers = Timers(surroundings.agenda)
        self._rules = Rules(peer.name, peer.limits)
        if before is not None:
            self._rules = before._rules
            self._rules.limits = peer.limits
        self._window = windowFor(plan.interval, watch.kept.window)
        self._began, self._stalled = now, surroundings.stalls.length
        self.contact = Contact(plan.timeout, plan.interval, now)
        if before is not None:
            self.contact = before.contact
            self.contact.resume(plan.timeout, plan.interval, now)
        if peer.isPaused:
            self.contact.pause(now)
        self._flow = Flow(
            *(self, self.tally, plan.interval, surroundings.now, watch.lateness),
            watch.kept.recent,
        )
        self._prober = Prober(dialed.dialer, plan, self._flow, surroundings, peer.zone)
        self._name = PeerName(
            dialed.host, peer.resolve, resolver, self._timers, surroundings.now, self
        )
        if before is not None and before._dialed.host == dialed.host:
            self._name.isResolved = before._name.isResolved
        self._far = FarChanges(self._prober, watch.kept.window, self._report)
        found = self._prober.measurement
        self._prober.done.addCallback(lambda _: self._flow.ended(found.strange))

    # --- From begin to end ------------------------------------------------------------

    def start(self) -> None:
        """
        Begin to probe, at a moment that depends on the peer's name.
        """
        if self.peer.isPaused:
            return
        spread = min(self._dialed.plan.interval, SPREAD)
        phase = zlib.crc32(self.peer.name.encode()) * spread >> 32
        self._timers.set(self._now() + phase, self._begin)
        self._timers.set(self._now() + phase + JUDGED, self._look)

    def _begin(self) -> None:
        """
        Begin to probe.
        """
        self._prober.start()
        self._name.checkOften(self.peer.name)

    def finish(self) -> None:
        """
        Send no more probes, and wait for the replies to those in flight.
        """
        self._timers.stop()
        self._name.stop()
        self._countPaused()
        self._prober.finish()

    def stop(self) -> Deferred[None]:
        """
        End at once.

        @return: fires when the connection is closed.
        """
        self._timers.stop()
        self._name.stop()
        self._prober.stop()
        return self._prober.parted

    def change(self, peer: Peer) -> None:
        """
        Take other limits and labels.
        """
        self.peer = peer
        self._rules.limits = peer.limits

    # --- What the flow reports --------------------------------------------------------

    def due(self) -> None:
        """Look whether the peer is down."""
        length = self._watch.surroundings.stalls.length
        if length != self._stalled:
            self.contact.stalled(length - self._stalled)
            self._stalled = length
        now = self._now()
        silence = now - self.contact.lastReply
        if self.contact.due(now):
            text = f"no reply for {readable(silence)}{self._whyNot()}"
            self._report(Kind.DOWN, text, silence=silence)
            self._name.check()

    def _whyNot(self) -> str:
        """
        Say why there is no link; empty where there is one, or where that is not known.
        """
        outages = self._prober.measurement.outages
        if self._prober.link is not None or not outages:
            return ""
        why = outages[-1].error or outages[-1].reason
        return f": {why}" if why else ""

    def replied(self) -> None:
        """Look whether the peer is up again."""
        now, contact = self._now(), self.contact
        length = now - contact.since
        if contact.replied(now):
            self._report(Kind.UP, f"was down for {readable(length)}", down=length)

    @property
    def isResolved(self) -> bool:
        """Whether the peer's name has an address."""
        return self._name.isResolved

    def lost(self) -> None:
        """Note that replies are no longer in a row."""
        self.contact.lost()

    def linked(self, link: Link) -> None:
        """Note the address."""
        before = self._name.moved(link.address)
        if before not in ("", link.address):
            text = f"{link.address}, was {before}"
            self._report(Kind.ADDRESS, text, address=link.address, before=before)

    # --- What its name reports --------------------------------------------------------

    def resolved(self, isResolved: bool) -> None:
        """Report that the name has an address again, or none any more."""
        host = self._dialed.host
        if isResolved:
            self._report(Kind.RESOLVED, f"{host} has an address again")
        else:
            self._report(Kind.UNRESOLVED, f"{host} has no address")

    def addressGone(self) -> bool:
        """Use another address, if there is a link."""
        if self._prober.link is None:
            return False
        self._prober.redial()
        return True

    # --- What is judged now and then --------------------------------------------------

    def _look(self) -> None:
        """
        Judge the window, and look at the far end.
        """
        self._timers.set(self._now() + JUDGED, self._look)
        self.judge()
        steps = self._far.clockSteps
        self._far.look(self._time())
        self.tally.clockSteps += self._far.clockSteps - steps

    def judge(self) -> None:
        """
        Judge the window by the limits.
        """
        isLimited = self._rules.limits.areSet or self._rules.exceeded
        if isLimited and self._prober.hasBegun:
            figures = self._prober.result(window=self._window).figures
            for event in self._rules.judge(figures, self._time()):
                self._put(event)

    def _report(self, kind: Kind, text: str, **values: Any) -> None:
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

    def _countPaused(self) -> None:
        """
        Count the probes that would have been due while the peer is paused.
        """
        if self.peer.isPaused:
            interval = self._dialed.plan.interval
            due = (self._now() - self._began) // interval
            self._began += due * interval
            self.tally.skipped[Skip.PAUSED] += due

    def snapshot(self) -> PeerSnapshot:
        """
        Give what is known now.
        """
        self._countPaused()
        prober, contact = self._prober, self.contact
        self._flow.refresh(prober.measurement.strange)
        now, kept = self._watch.surroundings.clocks(), self._watch.kept
        window = prober.result(window=kept.window) if prober.hasBegun else None
        isMinute = kept.window == MINUTE
        session = sessionDetails(None if window is None else window.session)
        link = prober.link
        isKnown = contact.isUp is not None and not self.peer.isPaused
        return PeerSnapshot(
            self.peer,
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
            lastRtt=self._flow.lastRtt,
            minute=window if isMinute else None,
            residence=prober.residence(MINUTE) if isMinute else None,
            hopsForward=session.hopsForward,
            hopsBackward=session.hopsBackward,
            certificateEnd=None if link is None else link.certificateEnd,
            window=window,
            recent=tuple(self._flow.recent),
            exceeded=self._rules.exceeded,
        )
