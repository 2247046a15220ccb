"""
The name of a peer, and the address that it is probed at.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

from echostamp.addresses import isAddress, parseHostPort
from echostamp.monitor.resolving import NameSource
from echostamp.probe.agenda import Timers


class PeerNameOwner(Protocol):
    """
    Told what a name's look-ups show.
    """

    def resolved(self, isResolved: bool) -> None:
        """The name has an address again, or none any more."""

    def addressGone(self) -> bool:
        """
        The name no longer has the address that is probed: use another one.

        @return: whether that has begun.
        """


class PeerName:
    """
    The name of a peer: looked up again and again, and when the peer is down.

    @ivar isResolved: whether it has an address.
    @ivar address: the address and port that is probed; empty before the first link.
    """

    def __init__(
        self,
        host: str | None,
        every: int,
        resolver: NameSource,
        timers: Timers,
        now: Callable[[], int],
        owner: PeerNameOwner,
    ) -> None:
        """
        @param host: the name; an address, and L{None}, are not looked up.
        @param every: how often to look it up, in nanoseconds; 0 for never again.
        @param resolver: looks it up, also for the dialer.
        @param timers: the peer's.
        @param now: gives nanoseconds by the monotonic clock.
        @param owner: told what the look-ups show.
        """
        self.isResolved = True
        self.address = ""
        self._host = None if host is None or isAddress(host) else host
        self._every = every
        self._resolver = resolver
        self._timers = timers
        self._now = now
        self._owner: PeerNameOwner | None = owner
        self._isMoving = False
        resolver.present = self._presentHost
        resolver.found = self._found

    def checkOften(self, peer: str) -> None:
        """
        Look the name up again and again.

        @param peer: the peer's name, on which the first moment depends.  So the
            look-ups of all peers are spread.
        """
        self._checkIn(zlib.crc32(peer.encode()) * self._every >> 32)

    def _checkIn(self, wait: int) -> None:
        """
        Look the name up later.

        @param wait: nanoseconds.
        """
        if self._host is not None and self._every:
            self._timers.set(self._now() + wait, self._checkAgain)

    def _checkAgain(self) -> None:
        """
        Look the name up, and again later.
        """
        self._checkIn(self._every)
        self.check()

    def stop(self) -> None:
        """
        Look up no more, and report nothing of a look-up that goes on.
        """
        self._resolver.stop()
        # The owner and the resolver have this object.  Without the cycles all are freed
        # at once.
        self._owner = None
        self._resolver.present, self._resolver.found = str, _ignore

    def check(self) -> None:
        """
        Look the name up: its addresses may have changed.
        """
        if self._host is not None:
            self._resolver.check(self._host)

    def moved(self, address: str) -> str:
        """
        Note the address that is probed now.

        @return: the one before; empty if there was none.
        """
        self._isMoving = False
        before, self.address = self.address, address
        return before

    def told(self, isResolved: bool) -> None:
        """
        Note whether the name has an address; another has looked it up.
        """
        self.checked(isResolved)
        self._resolver.known()

    def checked(self, isResolved: bool) -> None:
        """
        Note whether the name has an address.
        """
        if self.isResolved is not isResolved:
            self.isResolved = isResolved
            if self._owner is not None:
                self._owner.resolved(isResolved)

    def _presentHost(self) -> str:
        """
        Give the address that is probed now, without its port; empty if there is none.
        """
        found = parseHostPort(self.address, 0) if self.address else None
        return "" if found is None else found[0]

    def _found(self, hosts: list[str]) -> None:
        """
        Take the addresses that the name has now.
        """
        self.checked(bool(hosts))
        isGone = bool(hosts) and self._presentHost() not in ("", *hosts)
        if isGone and self._owner is not None and not self._isMoving:
            # The dialer looks the name up again, perhaps at once, and retries until it
            # has a link.
            self._isMoving = True
            if not self._owner.addressGone():
                self._isMoving = False


def _ignore(hosts: list[str]) -> None:
    """
    Ignore the addresses of a name.
    """
