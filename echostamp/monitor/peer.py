"""
What to watch: a peer and its settings, as plain data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from echostamp.connect.tls import TlsFiles
from echostamp.probe.dialers import Wish
from echostamp.times import SECOND

#: How often a peer's name is looked up, in nanoseconds, unless its settings say more.
RESOLVE = 60 * SECOND


#: The most addresses of a name that are watched as peers of their own.
MOST_ADDRESSES = 16


@dataclass(frozen=True)
class Limits:
    """
    The thresholds of a peer; L{None} for no limit.

    @ivar rtt: for the median of the window's RTTs, in nanoseconds.
    @ivar rttP99: for their 99th percentile.
    @ivar loss: for the share of the window's due probes that were lost or could not be
        sent, in percent.
    @ivar offset: for the offset of the far clock from ours, in nanoseconds.
    """

    rtt: int | None = None
    rttP99: int | None = None
    loss: float | None = None
    offset: int | None = None

    @property
    def areSet(self) -> bool:
        """Whether there is any."""
        return self != Limits()


class WebPlace(NamedTuple):
    """
    Where another daemon's row can be read.

    @ivar url: its status page.
    @ivar files: what TLS needs to read it.
    """

    url: str
    files: TlsFiles = TlsFiles()

    @property
    def isTls(self) -> bool:
        """Whether it is read over TLS."""
        return self.url.lower().startswith("https:")


@dataclass(frozen=True)
class Peer:
    """
    A peer: a target that is watched, under a name.

    @ivar name: its name, 1 to 64 printable characters without C{/}.  Peers that were
        made of one entry have a C{/} and a suffix.
    @ivar wish: the target, the route to it, and what to send.  The plan has rolling
        windows and is patient.
    @ivar limits: its thresholds.
    @ivar labels: the labels of its series, sorted by name.
    @ivar zone: as for L{Prober <echostamp.probe.prober.Prober>}.
    @ivar isPaused: whether it gets no probes, and has no events.
    @ivar isEachAddress: whether each of its addresses is watched as a peer of its own.
    @ivar address: the only one of its addresses that is probed; empty while its name
        has none; L{None} for any.
    @ivar flows: how many source ports it is probed from.
    @ivar resolve: how often its name is looked up, in nanoseconds; 0 for never again.
    @ivar web: where its own row can be read; L{None} if nowhere.
    """

    name: str
    wish: Wish
    limits: Limits = Limits()
    labels: tuple[tuple[str, str], ...] = ()
    zone: int | None = None
    isPaused: bool = False
    isEachAddress: bool = False
    address: str | None = None
    flows: int = 1
    resolve: int = RESOLVE
    web: WebPlace | None = None

    @property
    def mostFlows(self) -> int:
        """From how many source ports it is probed at most, at all its addresses."""
        return self.flows * (MOST_ADDRESSES if self.isEachAddress else 1)

    def hasSameProbes(self, other: Peer) -> bool:
        """
        Tell whether another peer gets the same probes in the same way.
        """
        return self == replace(
            other, limits=self.limits, labels=self.labels, web=self.web
        )
