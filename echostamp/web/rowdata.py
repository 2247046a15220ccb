"""
The row of a daemon in the matrix, as plain data; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple


class PeerState(Enum):
    """
    What is known of a peer.
    """

    UP = "up"
    DOWN = "down"
    NEW = "new"
    UNRESOLVED = "unresolved"
    PAUSED = "paused"


class PeerFigures(NamedTuple):
    """
    A peer in the last minute, as one daemon sees it.

    Durations and offsets are nanoseconds; L{None} is what is not known or not set.

    @ivar name: its name.
    @ivar state: whether it is up.
    @ivar since: since when, in nanoseconds since the UNIX epoch.
    @ivar labels: its labels.
    @ivar target: its target.
    @ivar address: the address that is probed; empty where it is not known.
    @ivar due: probes that were due.
    @ivar sent: probes that were sent.
    @ivar received: probes that were answered in time.
    @ivar lost: probes that were not.
    @ivar skipped: probes that were due and could not be sent.
    @ivar median: the median of the RTTs.
    @ivar p99: their 99th percentile.
    @ivar offsetLow: the offset of its clock is not below it.
    @ivar offset: its estimate.
    @ivar offsetHigh: it is not above it.
    @ivar verdict: what these bounds say: a text of L{measure.offsetwindow
        <echostamp.measure.offsetwindow>}; L{None} where no offset is known.
    @ivar maxRtt: the threshold for the median.
    @ivar maxRttP99: the one for the 99th percentile.
    @ivar maxLoss: the one for lost and skipped probes, in percent.
    @ivar maxOffset: the one for the offset.
    @ivar exceeded: the names of the thresholds that are exceeded: C{max_rtt} and so on.
    @ivar weekP10: the 10th percentile of the RTTs of the last week.
    @ivar weekP90: the 90th.
    @ivar exceededSince: since when thresholds are exceeded, in nanoseconds since the
        UNIX epoch, by their names.
    """

    name: str
    state: PeerState = PeerState.NEW
    since: int | None = None
    labels: Mapping[str, str] = MappingProxyType({})
    target: str = ""
    address: str = ""
    due: int = 0
    sent: int = 0
    received: int = 0
    lost: int = 0
    skipped: int = 0
    median: int | None = None
    p99: int | None = None
    offsetLow: int | None = None
    offset: int | None = None
    offsetHigh: int | None = None
    verdict: str | None = None
    maxRtt: int | None = None
    maxRttP99: int | None = None
    maxLoss: float | None = None
    maxOffset: int | None = None
    exceeded: tuple[str, ...] = ()
    weekP10: int | None = None
    weekP90: int | None = None
    exceededSince: Mapping[str, int] = MappingProxyType({})


class SourceRow(NamedTuple):
    """
    What one daemon sees.

    @ivar source: its name; empty where this daemon has none.
    @ivar peers: its peers, by name.
    @ivar at: when that was so, in nanoseconds since the UNIX epoch; L{None} if its row
        was never read.
    @ivar url: where its own pages are; empty for this daemon.
    @ivar why: why its row could not be read the last time; empty if it could.
    @ivar silentSince: since when it could not be read, in nanoseconds since the UNIX
        epoch; L{None} if it could.
    """

    source: str
    peers: Mapping[str, PeerFigures] = MappingProxyType({})
    at: int | None = None
    url: str = ""
    why: str = ""
    silentSince: int | None = None
