"""
Limits the number of connections, of each host and in all.

A L{Gate} decides before a protocol is made.  It does not limit how long a connection
may last.
"""

from __future__ import annotations

import os
import resource
import sys
from collections import Counter
from collections.abc import Callable
from typing import Protocol, cast

from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from echostamp.addresses import hostKey, hostKeyName, peerName
from echostamp.listen.watchedprotocol import HalfCloseable, WatchedProtocol
from echostamp.text import counted

#: Descriptors that are kept for the log, for looking up names and the like.
SPARE_DESCRIPTORS = 12


class Counts(Protocol):
    """
    Counts the connections of each host, by its L{hostKey}.  The key C{""} counts those
    of all hosts.
    """

    def count(self, key: str | bytes) -> int:
        """Give how many connections there are under a key."""

    def add(self, key: str | bytes, step: int) -> None:
        """Change a count by C{step}, which may be negative."""


class LocalCounts(Counter[str | bytes]):
    """
    Counts the connections of this process.
    """

    def count(self, key: str | bytes) -> int:
        """See L{Counts.count}."""
        return self[key]

    def add(self, key: str | bytes, step: int) -> None:
        """See L{Counts.add}.  Only hosts that are connected use memory."""
        self[key] += step
        if not self[key]:
            del self[key]


def mostConnections(ports: int) -> int:
    """
    Give the number of connections that the limit of open files leaves.  It is what
    remains after the descriptors that are open now, those of the ports, and
    L{SPARE_DESCRIPTORS}.

    @param ports: how many ports there will be.
    @return: the number; zero or negative where the limit is too low.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        inUse = len(os.listdir("/proc/self/fd"))
    except OSError:
        inUse = 16
    return limit - inUse - ports - SPARE_DESCRIPTORS


class Gate(Factory):
    """
    Accepts connections while their number is below the limits.

    A connection above a limit gets no protocol, and so its port closes it at once.  The
    gate has to wrap the TLS factory, not the reverse: Twisted's TLS factory keeps a
    connection for which the factory inside it makes no protocol.
    """

    noisy = False

    # By how much a connection changes the counts.
    _step = 1

    def __init__(
        self,
        factory: IProtocolFactory,
        refused: Callable[[str, str], None],
        most: int | Callable[[], int] | None = None,
        mostPerHost: int | None = None,
        counts: Counts | None = None,
    ) -> None:
        """
        @param factory: makes the protocols of the connections that are accepted.
        @param refused: called with the peer's name and the reason when a connection
            is refused.
        @param most: how many connections there may be, or a function that gives their
            number at each connection; L{None} for any number.
        @param mostPerHost: how many there may be of one host; L{None} for any number.
        @param counts: the connections by L{hostKey}, and in all (C{""}); gates that
            share it count together.
        """
        self._factory = factory
        self._refused = refused
        self._most = most
        self._mostPerHost = mostPerHost
        self._counts = LocalCounts() if counts is None else counts

    def logPrefix(self) -> str:
        """Give the name that Twisted's own lines about a port begin with."""
        return "EchoStamp"

    def doStart(self) -> None:
        """Pass on that a port listens."""
        self._factory.doStart()

    def doStop(self) -> None:
        """Pass on that a port has stopped listening."""
        self._factory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:  # type: ignore[override]
        """Make a protocol, unless a limit is reached."""
        limits = self._limits(addr)
        for key, most in limits:
            if self._counts.count(key) >= most:
                host = f" of {hostKeyName(key)}" if key else ""
                self._refused(
                    peerName(addr), f"more than {counted(most, 'connection')}{host}"
                )
                return None
        protocol = self._factory.buildProtocol(cast(IAddress, addr))
        if protocol is None:
            return None
        isHalfCloseable = IHalfCloseableProtocol.providedBy(protocol)
        kind = _HalfCloseableCounted if isHalfCloseable else _Counted
        keys = tuple([key for key, _ in limits])
        return kind(protocol, self._counts, keys, self._step)

    def _limits(self, addr: IAddress | None) -> list[tuple[str | bytes, int]]:
        """
        Give the keys that a connection counts under, each with its limit.
        """
        limits: list[tuple[str | bytes, int]] = []
        most = self._most
        if most is not None:
            limits.append(("", most() if callable(most) else most))
        if self._mostPerHost is not None:
            host = getattr(addr, "host", None)
            # The peer of a UNIX socket has no host.
            if host:
                limits.append((hostKey(host), self._mostPerHost))
        return limits


class WayOut(Gate):
    """
    Connections that a L{Gate} has accepted go on to another protocol, and are not
    counted at that gate any more.
    """

    _step = -1

    def __init__(self, factory: IProtocolFactory, counts: Counts) -> None:
        """
        @param factory: makes the protocols; it may have a gate of its own.
        @param counts: those of the gate, which limits all connections and each host's.
        """
        super().__init__(
            factory, lambda peer, why: None, sys.maxsize, sys.maxsize, counts
        )


class _Counted(WatchedProtocol):
    """
    Counts a connection until it ends.
    """

    __slots__ = ("_counts", "_keys", "_step")

    def __init__(
        self,
        protocol: IProtocol,
        counts: Counts,
        keys: tuple[str | bytes, ...],
        step: int,
    ) -> None:
        """
        @param protocol: the protocol of the connection.
        @param counts: see L{Gate.__init__}.
        @param keys: the keys under which the connection is counted.
        @param step: by how much the counts change; see L{WayOut}.
        """
        super().__init__(protocol)
        self._counts = counts
        self._keys = keys
        self._step = step
        for key in keys:
            counts.add(key, step)

    def ended(self, reason: Failure) -> None:
        """Stop counting the connection."""
        for key in self._keys:
            self._counts.add(key, -self._step)


class _HalfCloseableCounted(HalfCloseable, _Counted):
    """
    The same for a protocol that supports half-close.
    """

    __slots__ = ()
