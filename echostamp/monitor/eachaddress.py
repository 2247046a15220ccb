"""
Watches a name at each of its addresses: as a peer of its own each.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

from echostamp.addresses import isAddress, scopeOf
from echostamp.monitor.event import Kind, Report
from echostamp.monitor.peer import MOST_ADDRESSES, Peer
from echostamp.monitor.peerentry import kindOf
from echostamp.monitor.resolving import PeerResolver
from echostamp.probe.agenda import Timers
from echostamp.times import SECOND

#: How soon a name that never had an address is looked up again, in nanoseconds.
RETRY = 10 * SECOND

#: An address is watched until so many answers in a row are without it: some name
#: servers give a part of the addresses at a time.
PATIENCE = 3


class EachAddress:
    """
    Finds the addresses of a name, each of which is watched as a peer of its own.  While
    none was found, there is one peer, which has none.

    @ivar name: the name of the peer in the settings.
    @ivar host: the name that is looked up; it may be an address.
    @ivar isResolved: whether it has an address.
    @ivar isKnown: whether a look-up has shown that, or none is needed.
    @ivar why: why its present addresses cannot be watched; the owner sets it.
    """

    why = ""

    def __init__(
        self,
        peer: Peer,
        resolver: PeerResolver,
        timers: Timers,
        now: Callable[[], int],
        found: Callable[[EachAddress], object],
    ) -> None:
        """
        @param peer: the settings of all its peers.
        @param resolver: looks the name up.
        @param timers: the name's own.
        @param now: gives nanoseconds by the monotonic clock.
        @param found: called with this object after each look-up.
        """
        self.name = peer.name
        self.host = kindOf(peer.wish.target)[1] or ""
        self.isResolved = True
        self._peer = peer
        self._resolver = resolver
        self._timers = timers
        self._now = now
        self._tell = found
        self._hasStarted = False
        # The addresses, and in how many answers in a row each was missing.
        self._missing: dict[str, int] = {}
        self.isKnown = isAddress(self.host)
        if self.isKnown:
            self._missing[self.host] = 0
        # So the look-ups of all names are spread.
        self._phase = zlib.crc32(self.name.encode()) * peer.resolve >> 32
        resolver.present = str
        resolver.found = self._found

    def isSame(self, peer: Peer) -> bool:
        """
        Tell whether a peer with other settings has the same addresses.
        """
        return _asked(self._peer) == _asked(peer)

    def takeOver(self, before: EachAddress) -> None:
        """
        Keep the addresses that were found with other settings, if these look up the
        same name for addresses of the same kinds.
        """
        if _question(self._peer) == _question(before._peer):
            self._missing = dict(before._missing)
            self.isResolved, self.isKnown = before.isResolved, before.isKnown

    def isOne(self, peer: str) -> bool:
        """
        Tell whether a peer is one of its own, by its name.
        """
        return peer.partition("/")[0] == self.name

    def peers(self, peer: Peer) -> list[Peer]:
        """
        Give its peers.

        @param peer: their settings.
        """
        return [
            replace(
                peer,
                name=f"{self.name}/{address}" if address else self.name,
                address=address,
                isEachAddress=False,
                resolve=0,
            )
            for address in self._missing or [""]
        ]

    def tell(self, address: str | None, isNew: bool, report: Report) -> None:
        """
        Report that an address is new or gone.

        @param address: the address, if there is any.
        @param report: that of its peer.
        """
        if not address:
            return
        if isNew:
            report(Kind.ADDRESS, f"{self.host} has it now", address=address)
        else:
            report(Kind.ADDRESS, f"{self.host} has it no more", before=address)

    def start(self) -> None:
        """
        Begin to look the name up, unless that has begun.
        """
        isAsked = not (self._hasStarted or isAddress(self.host))
        self._hasStarted = True
        if isAsked and not self._peer.isPaused:
            wait = self._phase if self._missing else 0
            self._timers.set(self._now() + wait, self._look)

    def stop(self) -> None:
        """
        Look it up no more.
        """
        self._timers.stop()
        self._resolver.stop()

    def check(self) -> None:
        """
        Look the name up now: one of its peers is down.
        """
        self._resolver.check(self.host)

    def _look(self) -> None:
        """
        Look the name up, and again later.
        """
        every = self._peer.resolve
        if not self._missing:
            every = min(every or RETRY, RETRY)
        if every:
            self._timers.set(self._now() + every, self._look)
            self.check()

    def _found(self, hosts: list[str]) -> None:
        """
        Take the addresses that the name has now.
        """
        missing = self._missing
        isFirst = not missing
        self.isResolved, self.isKnown = bool(hosts), True
        for address in missing if hosts else ():
            missing[address] = 0 if address in hosts else missing[address] + 1
        for address in [each for each, n in missing.items() if n >= PATIENCE]:
            del missing[address]
        new = [each for each in dict.fromkeys(hosts) if each not in missing]
        new = new[: MOST_ADDRESSES - len(missing)]
        missing.update(dict.fromkeys(new, 0))
        if isFirst and new and self._peer.resolve:
            self._timers.set(self._now() + self._phase, self._look)
        self._tell(self)


@implementer(IHostnameResolver)
class OneAddress:
    """
    Gives one address of a name, in place of looking the name up.  While it is not known
    whether there is any, look-ups wait.

    @ivar present: not used, like C{found}.
    """

    present: Callable[[], str]
    found: Callable[[list[str]], object]

    def __init__(self, address: str, check: Callable[[], object]) -> None:
        """
        @param address: the address; empty for none.
        @param check: looks the name up.
        """
        self._address = address
        self._check = check
        self._isKnown = bool(address)
        self._waiting: list[IResolutionReceiver] = []

    def known(self) -> None:
        """Answer the look-ups that wait: there is no address."""
        self._isKnown = True
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.resolutionComplete()

    def stop(self) -> None:
        """Let no look-up wait any longer."""
        self.known()

    def check(self, host: str) -> None:
        """Look the name up: its peer is down."""
        self._check()

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """Give the address, as C{IHostnameResolver.resolveHostName} says."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        if not self._isKnown:
            self._waiting.append(resolutionReceiver)
            return resolution
        over: Any = transportSemantics
        if ":" in self._address:
            # If its link is gone, it has no address.
            with suppress(OSError):
                host, scope = scopeOf(self._address)
                resolutionReceiver.addressResolved(
                    IPv6Address(over, host, portNumber, 0, scope)
                )
        elif self._address:
            resolutionReceiver.addressResolved(
                IPv4Address(over, self._address, portNumber)
            )
        resolutionReceiver.resolutionComplete()
        return resolution


@implementer(IHostResolution)
class _Resolution:
    """
    A look-up.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Do nothing: it has ended, or its end is ignored."""


def peersOf(peers: Iterable[Peer], names: Mapping[str, EachAddress]) -> dict[str, Peer]:
    """
    Give the peers that are watched, by name.

    @param peers: those of the settings.
    @param names: the names of which each address is watched, by the peer's name.
    """
    found = {}
    for peer in peers:
        made = names[peer.name].peers(peer) if peer.isEachAddress else [peer]
        found.update({each.name: each for each in made})
    return found


def _asked(peer: Peer) -> tuple[object, ...]:
    """
    Give what the look-ups of a name depend on.
    """
    return peer.wish.target, peer.wish.route, peer.resolve, peer.isPaused


def _question(peer: Peer) -> tuple[object, ...]:
    """
    Give the name that is looked up, and the kinds of addresses that are wanted.
    """
    return kindOf(peer.wish.target)[1], tuple(peer.wish.route.addressTypes())
