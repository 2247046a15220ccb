"""
Watches peers: all of them, and what concerns this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.logger import Logger

from echostamp.fileversions import Version, fileVersions
from echostamp.monitor.alldown import AllDown
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.eachaddress import EachAddress, OneAddress, peersOf
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.peer import Peer
from echostamp.monitor.resolving import AT_ONCE, NameSource, PeerReactor, PeerResolver
from echostamp.monitor.snapshot import USUAL, Kept, PeerSnapshot
from echostamp.monitor.steps import Steps, allSteps
from echostamp.monitor.tally import RttHistogram
from echostamp.monitor.thismachine import ThisMachine
from echostamp.monitor.watch import Watch, wishOf
from echostamp.monitor.watchedpeer import WatchedPeer
from echostamp.probe.agenda import Timers
from echostamp.probe.dialers import Dialed, sharingDialers
from echostamp.probe.surroundings import Surroundings
from echostamp.text import printable

log = Logger(namespace="echostamp")


class Monitor:
    """
    Watches peers.

    @ivar peers: the peers by name, in the order of their settings.
    @ivar lateness: how late probes were sent.
    @ivar left: called with the name of each peer that is watched no more, and the peer.
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
        self.lateness = RttHistogram()
        self._reactor = reactor
        self._surroundings = surroundings
        self._report = report
        self._watch = Watch(surroundings, self._happened, buckets, self.lateness, kept)
        self._dialerOf = dial or sharingDialers(reactor)
        self._isRunning = False
        self._allDown = AllDown(
            lambda: self.peers.values(), surroundings.now, self._own
        )
        self._machine = ThisMachine(surroundings, self._own)
        self._turns = DeferredSemaphore(AT_ONCE)
        # The peers of the settings, and those names of which each address is watched.
        self._settings: dict[str, Peer] = {}
        self._names: dict[str, EachAddress] = {}
        self._isChanging = False
        self.left: Callable[[str, WatchedPeer], object] = lambda *_: None

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
        self._machine.start()

    def stop(self) -> Deferred[Any]:
        """
        End at once.

        @return: fires when all connections are closed.
        """
        self._isRunning = False
        self._machine.stop()
        for name in self._names.values():
            name.stop()
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
        settings = {peer.name: peer for peer in peers}
        many = [peer for peer in settings.values() if peer.isEachAddress]
        names = {peer.name: self._nameOf(peer) for peer in many}
        wanted = peersOf(settings.values(), names)
        self._isChanging = True
        try:
            yield from self._replacing(wanted, lambda name: name not in wanted)
        finally:
            self._isChanging = False
        self.peers = {name: self.peers[name] for name in wanted}
        before, self._names, self._settings = self._names, names, settings
        for name, each in before.items():
            if names.get(name) is not each:
                each.stop()
        for each in names.values():
            if self._isRunning:
                each.start()
            # They may have changed meanwhile.
            self._watchAddresses(each)

    def _replacing(
        self, wanted: dict[str, Peer], isGone: Callable[[str], bool]
    ) -> Steps[None]:
        """
        Begin to watch some peers in place of others.

        @param wanted: the peers, by name.
        @param isGone: tells by its name whether a peer is watched no more.
        @raise ValueError: as for L{changing}.
        """
        versions: dict[str, list[Version]] = {}
        dialed = {}
        for name, peer in wanted.items():
            versions[name] = fileVersions(peer.wish.files)
            before = self.peers.get(name)
            isSame = before is not None and before.peer.hasSameProbes(peer)
            if not isSame or versions[name] != self._secrets.get(name):
                dialed[name] = self._dial(peer)
            yield
        for name in [each for each in self.peers if isGone(each)]:
            gone = self.peers.pop(name)
            gone.leave()
            gone.stop()
            self.left(name, gone)
            del self._secrets[name]
            yield
        for name, peer in wanted.items():
            if name in dialed:
                self._put(peer, dialed[name])
            else:
                self.peers[name].change(peer)
            yield
        self._secrets.update(versions)
        self._allDown.changed()

    def _put(self, peer: Peer, dialed: tuple[list[Dialed], NameSource]) -> None:
        """
        Watch a peer that is new, or has other settings now.
        """
        before = self.peers.get(peer.name)
        if before is not None and peer.isPaused:
            before.leave()
        found = WatchedPeer(peer, *dialed, self._watch, before)
        if before is not None:
            before.finish()
        if self._isRunning:
            found.start()
        self.peers[peer.name] = found

    # --- Names of which each address is watched ---------------------------------------

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
        name = EachAddress(peer, resolver, timers, around.now, self._watchAddresses)
        if found is not None:
            name.takeOver(found)
        return name

    def _watchAddresses(self, name: EachAddress) -> None:
        """
        Watch the addresses that a name has now.
        """
        if self._isChanging:
            # They are looked at when that is done.
            return
        wanted = {peer.name: peer for peer in name.peers(self._settings[name.name])}
        before = [each for each in self.peers if name.isOne(each)]
        gone = {each: self.peers[each] for each in before if each not in wanted}
        if gone or len(wanted) != len(before):
            why, name.why = name.why, ""
            for found in gone.values():
                found.nameChecked(name.isResolved)
            try:
                allSteps(self._replacing(wanted, gone.__contains__))
            except ValueError as error:
                # A file of a certificate or of a key is wrong now.  The next look-up
                # tries again.
                name.why = str(error)
                if name.why != why:
                    log.error("not watched: {why}", why=printable(name.why))
                return
            for found in gone.values():
                name.tell(found.peer.address, False, found.report)
            for each, peer in wanted.items():
                if each not in before and name.name not in before:
                    name.tell(peer.address, True, self.peers[each].report)
        for each in wanted if name.isKnown else ():
            self.peers[each].nameChecked(name.isResolved)

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
        peer = self.peers.get(event.peer)
        self._allDown.happens(event, peer is not None and bool(peer.contact.isUp))
        self._report(event)

    def _own(self, kind: Kind, text: str, **values: Any) -> None:
        """
        Report an event of this machine or process.
        """
        at = self._surroundings.clocks().realtime
        self._report(Event(kind, "", at, text=text, values=values))

    # --- What is known ----------------------------------------------------------------

    @property
    def lag(self) -> RttHistogram:
        """How late this process had its turns."""
        return self._machine.lag

    def snapshots(self) -> Iterable[PeerSnapshot]:
        """
        Give what is known of each peer, one after the other.
        """
        for each in list(self.peers.values()):
            yield each.snapshot()
