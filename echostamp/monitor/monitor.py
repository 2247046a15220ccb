"""
Watches peers: all of them, and what concerns this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore

from echostamp.fileversions import Version, fileVersions
from echostamp.measure.ownclock import OwnClock
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.eachaddress import EachAddress, OneAddress, peersOf
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.peer import Peer
from echostamp.monitor.resolving import AT_ONCE, NameSource, PeerReactor, PeerResolver
from echostamp.monitor.snapshot import USUAL, Kept, PeerSnapshot
from echostamp.monitor.tally import RttHistogram
from echostamp.monitor.watch import Watch, wishOf
from echostamp.monitor.watchedpeer import WatchedPeer
from echostamp.probe.agenda import Entry, Timers
from echostamp.probe.dialers import Dialed, sharingDialers
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
        @param dial: makes dialers; L{None} for L{sharingDialers}.
        @param kept: what is kept of each peer.
        """
        self.peers: dict[str, WatchedPeer] = {}
        # Which versions of its certificates and keys each peer uses.
        self._secrets: dict[str, list[Version]] = {}
        self.lag, self.lateness = RttHistogram(), RttHistogram()
        self._reactor = reactor
        self._surroundings = surroundings
        self._report = report
        self._watch = Watch(surroundings, self._happened, buckets, self.lateness, kept)
        self._dialerOf = dial or sharingDialers(reactor)
        self._isRunning = self._areAllDown = False
        self._beat: Entry | None = None
        self._due = 0
        self._stalls = surroundings.stalls
        self._stalledFor = 0
        self._ownClock = OwnClock()
        self._turns = DeferredSemaphore(AT_ONCE)
        self._steps = 0
        # The peers of the settings, and those names of which each address is watched.
        self._settings: tuple[Peer, ...] = ()
        self._names: dict[str, EachAddress] = {}

    # --- From begin to end ------------------------------------------------------------

    def start(self) -> None:
        """
        Begin to watch.
        """
        self._isRunning = True
        for each in self.peers.values():
            each.start()
        for name in self._names.values():
            name.start()
        self._setBeat()

    def stop(self) -> Deferred[Any]:
        """
        End at once.

        @return: fires when all connections are closed.
        """
        self._isRunning = False
        if self._beat is not None:
            self._beat.cancel()
        for name in self._names.values():
            name.stop()
        return DeferredList([each.stop() for each in self.peers.values()])

    def watch(self, peers: Iterable[Peer]) -> None:
        """
        Watch these peers, and no others.  A peer whose probes stay as they are keeps
        them; one that changes keeps its counters.  What changes may also be a file of a
        certificate or of a key.

        @raise ValueError: a peer cannot be watched, and nothing has changed; the text
            names it, and says why.
        """
        settings = tuple(peers)
        many = [peer for peer in settings if peer.isEachAddress]
        names = {peer.name: self._nameOf(peer) for peer in many}
        self._replace(peersOf(settings, names))
        before, self._names, self._settings = self._names, names, settings
        for name, each in before.items():
            if names.get(name) is not each:
                each.stop()
        if self._isRunning:
            for each in names.values():
                each.start()

    def _nameOf(self, peer: Peer) -> EachAddress:
        """
        Give what finds the addresses of a name, each of which is watched.
        """
        found = self._names.get(peer.name)
        if found is not None and found.isSame(peer):
            return found
        around, types = self._surroundings, peer.wish.route.addressTypes()
        resolver = PeerResolver(self._reactor, self._turns, types)
        timers = Timers(around.agenda)
        return EachAddress(peer, resolver, timers, around.now, self._addressesFound)

    def _addressesFound(
        self, name: EachAddress, new: list[str], gone: list[str]
    ) -> None:
        """
        Watch the addresses that a name has now.
        """
        for address in gone:
            text = f"{name.host} has it no more"
            self.peers[name.nameOf(address)].report(Kind.ADDRESS, text, before=address)
        if new or gone:
            isFirst = name.nameOf("") in self.peers
            self._replace(peersOf(self._settings, self._names))
            for address in () if isFirst else new:
                text = f"{name.host} has it now"
                found = self.peers[name.nameOf(address)]
                found.report(Kind.ADDRESS, text, address=address)
        for each in name.names:
            self.peers[each].nameChecked(name.isResolved)

    def _replace(self, wanted: dict[str, Peer]) -> None:
        """
        Watch these peers, and no others.

        @param wanted: by name.
        @raise ValueError: as for L{watch}.
        """
        versions = {name: _secretsOf(peer) for name, peer in wanted.items()}
        dialed = {}
        for name, peer in wanted.items():
            before = self.peers.get(name)
            isSame = before is not None and before.peer.hasSameProbes(peer)
            if not isSame or versions[name] != self._secrets.get(name):
                dialed[name] = self._dial(peer)
        watched = {}
        for name, peer in wanted.items():
            before = self.peers.pop(name, None)
            if before is not None and name not in dialed:
                before.change(peer)
                watched[name] = before
                continue
            found = WatchedPeer(peer, *dialed[name], self._watch, before)
            if before is not None:
                before.finish()
            if self._isRunning:
                found.start()
            watched[name] = found
        for gone in self.peers.values():
            gone.stop()
        self.peers, self._secrets = watched, versions

    def _checkName(self, peer: str) -> None:
        """
        Look up the name of which a peer is one address.
        """
        name = self._names.get(peer.partition("/")[0])
        if name is not None:
            name.check()

    def _dial(self, peer: Peer) -> tuple[list[Dialed], NameSource]:
        """
        Make a dialer for each flow of a peer, and what looks its name up.

        @raise ValueError: it cannot be made; the text names the peer, and says why.
        """
        resolver: NameSource = PeerResolver(self._reactor, self._turns)
        if peer.address is not None:
            resolver = OneAddress(peer.address, partial(self._checkName, peer.name))
        reactor = PeerReactor(self._reactor, resolver)
        try:
            wish = wishOf(peer, self._watch.kept.window)
            dialed = [self._dialerOf(reactor, wish) for _ in range(peer.flows)]
            return dialed, resolver
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
