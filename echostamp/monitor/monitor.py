"""
Watches peers: all of them, and what concerns this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore

from echostamp.fileversions import Version, fileVersions
from echostamp.measure.ownclock import OwnClock
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.peer import Peer
from echostamp.monitor.resolving import AT_ONCE, PeerReactor, PeerResolver
from echostamp.monitor.snapshot import USUAL, Kept, PeerSnapshot
from echostamp.monitor.steps import Steps, allSteps
from echostamp.monitor.tally import RttHistogram
from echostamp.monitor.watch import Watch, wishOf
from echostamp.monitor.watchedpeer import WatchedPeer
from echostamp.probe.agenda import Entry
from echostamp.probe.dialers import Dialed, dialerOf
from echostamp.probe.surroundings import Surroundings
from echostamp.times import SECOND
from echostamp.units import readable

#: How often the monitor looks at this machine's clock and at its own lateness.
_BEAT = SECOND

#: A stall of at least this length is an event, in nanoseconds.  All are counted.
STALL = SECOND


class Monitor:
    """
    Watches peers.

    @ivar peers: the peers by name, in the order of their settings.
    @ivar made: how many peers it has made, those with other settings included.
    @ivar replaced: how many of them were removed, or have got other settings.
    @ivar lag: how late this process had its turns.
    @ivar lateness: how late probes were sent.
    """

    def __init__(
        self,
        reactor: Any,
        surroundings: Surroundings,
        report: Callable[[Event], object],
        buckets: tuple[int, ...] = BUCKETS,
        dial: Callable[..., Dialed] | None = None,
        kept: Kept = USUAL,
    ) -> None:
        """
        @param reactor: connects, looks names up, and reads.
        @param surroundings: the timers and clocks.
        @param report: gets what happens.
        @param buckets: the upper bounds of the buckets of the RTT, in nanoseconds.
        @param dial: makes dialers; L{None} for L{dialerOf}.
        @param kept: what is kept of each peer.
        """
        self.peers: dict[str, WatchedPeer] = {}
        # Which versions of its certificates and keys each peer uses.
        self._secrets: dict[str, list[Version]] = {}
        self.made = self.replaced = 0
        self.lag, self.lateness = RttHistogram(), RttHistogram()
        self._reactor = reactor
        self._surroundings = surroundings
        self._report = report
        self._watch = Watch(surroundings, self._happened, buckets, self.lateness, kept)
        self._dialerOf = dial or dialerOf
        self._isRunning = self._areAllDown = False
        self._beat: Entry | None = None
        self._due = 0
        self._stalls = surroundings.stalls
        self._stalledFor = 0
        self._ownClock = OwnClock()
        self._turns = DeferredSemaphore(AT_ONCE)
        self._steps = 0

    # --- From begin to end ------------------------------------------------------------

    def start(self) -> None:
        """
        Begin to watch.
        """
        self._isRunning = True
        for each in self.peers.values():
            each.start()
        self._setBeat()

    def stop(self) -> Deferred[Any]:
        """
        End at once.

        @return: fires when all connections are closed.
        """
        self._isRunning = False
        if self._beat is not None:
            self._beat.cancel()
        return DeferredList([each.stop() for each in self.peers.values()])

    def watch(self, peers: Iterable[Peer]) -> None:
        """
        Watch these peers, and no others, at once.  See L{changing}.
        """
        allSteps(self.changing(peers))

    def changing(self, peers: Iterable[Peer]) -> Steps[None]:
        """
        Begin to watch these peers, and no others, in steps of one peer.  A peer whose
        probes stay as they are keeps them; one that changes keeps its counters.  What
        changes may also be a file of a certificate or of a key.

        What can fail is done for all peers before anything changes.

        @raise ValueError: a peer cannot be watched, and nothing has changed; the text
            names it, and says why.
        """
        wanted = {peer.name: peer for peer in peers}
        versions: dict[str, list[Version]] = {}
        dialed = {}
        for name, peer in wanted.items():
            versions[name] = _secretsOf(peer)
            before = self.peers.get(name)
            isSame = before is not None and before.peer.hasSameProbes(peer)
            if not isSame or versions[name] != self._secrets.get(name):
                dialed[name] = self._dial(peer)
            yield
        for name in [each for each in self.peers if each not in wanted]:
            self.peers.pop(name).stop()
            self.replaced += 1
            yield
        for name, peer in wanted.items():
            if name in dialed:
                self._put(peer, dialed[name])
            else:
                self.peers[name].change(peer)
            yield
        self.peers = {name: self.peers[name] for name in wanted}
        self._secrets = versions

    def _put(self, peer: Peer, dialed: tuple[Dialed, PeerResolver]) -> None:
        """
        Watch a peer that is new, or has other settings now.
        """
        before = self.peers.get(peer.name)
        found = WatchedPeer(peer, *dialed, self._watch, before)
        self.made += 1
        if before is not None:
            before.finish()
            self.replaced += 1
        if self._isRunning:
            found.start()
        self.peers[peer.name] = found

    def _dial(self, peer: Peer) -> tuple[Dialed, PeerResolver]:
        """
        Make a peer's dialer, and what looks its name up.

        @raise ValueError: it cannot be made; the text names the peer, and says why.
        """
        resolver = PeerResolver(self._reactor, self._turns)
        reactor = PeerReactor(self._reactor, resolver)
        try:
            wish = wishOf(peer, self._watch.kept.window)
            return self._dialerOf(reactor, wish), resolver
        except ValueError as error:
            raise ValueError(f"{peer.name}: {error}") from error

    # --- What happens -----------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        """
        Report an event of a peer.  If all peers are silent, one event says so before
        the others.
        """
        if event.kind is Kind.DOWN and not self._areAllDown:
            watched = [each for each in self.peers.values() if not each.peer.isPaused]
            count = len(watched)
            if count > 1 and all(each.contact.isSilent for each in watched):
                self._areAllDown = True
                self._own(Kind.DOWN, f"none of the {count} peers answers", peers=count)
        elif event.kind is Kind.UP and self._areAllDown:
            self._areAllDown = False
            self._own(Kind.UP, "peers answer again")
        self._report(event)

    def _own(self, kind: Kind, text: str, **values: Any) -> None:
        """
        Report an event of this machine or process.
        """
        at = self._surroundings.clocks().realtime
        self._report(Event(kind, "", at, text=text, values=values))

    # --- This machine -----------------------------------------------------------------

    def _setBeat(self) -> None:
        """
        Look again in a while.
        """
        self._due = self._surroundings.now() + _BEAT
        self._beat = self._surroundings.agenda.at(self._due, self._look)

    def _look(self) -> None:
        """
        Look at this machine's clock, and whether this process had its turns.
        """
        at = self._surroundings.clocks()
        self.lag.add(max(0, at.after - self._due))
        self._setBeat()
        steps = self._ownClock.observe(*at)
        if steps != self._steps:
            self._steps = steps
            self._own(Kind.OWN_CLOCK_STEP, "the clock of this machine was set")
        length, self._stalledFor = self._stalledFor, self._stalls.length
        length = self._stalledFor - length
        if length >= STALL:
            text = f"this process stood still for {readable(length)}"
            self._own(Kind.STALL, text, length=length)

    # --- What is known ----------------------------------------------------------------

    def snapshots(self) -> Iterable[PeerSnapshot]:
        """
        Give what is known of each peer, one after the other.
        """
        for each in list(self.peers.values()):
            yield each.snapshot()


def _secretsOf(peer: Peer) -> list[Version]:
    """
    Give which versions of a peer's certificates and keys there are now.
    """
    return fileVersions(peer.wish.files)
