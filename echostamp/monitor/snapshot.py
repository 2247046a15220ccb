"""
What the monitor knows at one moment, as plain data.

Metrics, pages and tables read these and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from echostamp.measure.delay import Summary
from echostamp.measure.result import Result
from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.event import Kind
from echostamp.monitor.peer import Peer
from echostamp.monitor.rules import MINUTE
from echostamp.monitor.tally import Tally


class Kept(NamedTuple):
    """
    What is kept of each peer.

    @ivar window: the window whose figures are in its snapshots, by time.
    @ivar recent: how many of its last RTTs.
    """

    window: WindowSpec = MINUTE
    recent: int = 0


#: What is kept for metrics.
USUAL = Kept()


@dataclass(frozen=True, slots=True)
class FlowSnapshot:
    """
    One flow of a peer.

    @ivar sent: probes that were sent.
    @ivar received: probes that were answered in time.
    """

    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class PeerSnapshot:
    """
    A peer at one moment.

    @ivar peer: its settings.
    @ivar at: the moment, in nanoseconds since the UNIX epoch.
    @ivar transport: C{tcp}, C{tls}, C{unix}, C{stamp} or C{endpoint}.
    @ivar address: the address and port that is probed; empty where it is not known.
    @ivar isUp: whether it is up; L{None} while that is not known.
    @ivar since: since when, in nanoseconds since the UNIX epoch; L{None} likewise.
    @ivar isResolved: whether its name has an address.
    @ivar tally: its counters, those of all flows; not to be changed.
    @ivar downs: how often it went down.
    @ivar downFor: how long it has been down in all, in nanoseconds.
    @ivar events: how many events it had, by kind; those that are missing count 0.
    @ivar flows: its flows, where there are several.
    @ivar lastRtt: its last RTT in nanoseconds; L{None} before the first.
    @ivar minute: the figures of the last minute; L{None} before the first probe, and
        where other windows are kept.
    @ivar residence: how long the far end had the probes of the last minute; L{None}
        where it does not say so, likewise.
    @ivar hopsForward: how many routers the last packet passed on the way there;
        L{None} where that is not known.
    @ivar hopsBackward: on the way back, likewise.
    @ivar certificateEnd: when the far end's certificate expires, in seconds since the
        UNIX epoch; L{None} without TLS.
    @ivar window: the figures of the window that is kept, the last minute by default;
        L{None} before the first probe.
    @ivar recent: the last RTTs in nanoseconds, the oldest first, as many as are kept;
        L{None} for each probe without one.
    @ivar exceeded: the thresholds that are exceeded: each one's name, and why.
    @ivar exceededSince: since when, by the name, in nanoseconds since the UNIX epoch.
    """

    peer: Peer
    at: int
    transport: str
    tally: Tally
    address: str = ""
    isUp: bool | None = None
    since: int | None = None
    isResolved: bool = True
    downs: int = 0
    downFor: int = 0
    events: Mapping[Kind, int] = field(default_factory=dict)
    flows: tuple[FlowSnapshot, ...] = ()
    lastRtt: int | None = None
    minute: Result | None = None
    residence: Summary | None = None
    hopsForward: int | None = None
    hopsBackward: int | None = None
    certificateEnd: int | None = None
    window: Result | None = None
    recent: tuple[int | None, ...] = ()
    exceeded: tuple[tuple[str, str], ...] = ()
    exceededSince: Mapping[str, int] = field(default_factory=dict)


class Versions(NamedTuple):
    """
    What runs.

    @ivar echostamp: our version.
    @ivar python: Python's.
    @ivar twisted: Twisted's.
    """

    echostamp: str
    python: str
    twisted: str


@dataclass(frozen=True, slots=True)
class DaemonSnapshot:
    """
    The daemon at one moment.  Durations are nanoseconds.

    @ivar versions: what runs.
    @ivar self: the name of the peer that is this daemon; empty if there is none.
    @ivar peers: how many peers there are.
    @ivar events: how many events of its own there were, by kind; those that are missing
        count 0.
    @ivar stalls: how often this process was suspended or blocked.
    @ivar stalledFor: for how long in all.
    @ivar lag: how late the event loop's turns were: see L{RttHistogram
        <echostamp.monitor.tally.RttHistogram>}, bounds, counts and total.
    @ivar lateness: how late probes were sent, likewise.
    @ivar isClockSynchronized: whether the kernel says that our clock is synchronised.
    @ivar isReloaded: whether the last reload succeeded.
    @ivar reloadedAt: when the peers were last read with success, in nanoseconds since
        the UNIX epoch; L{None} if never.
    @ivar writeErrors: how often a file could not be written, by its option's name.
    @ivar connections: how many connections the echo has now; L{None} without an echo.
    @ivar connectionsMade: how many there were.
    @ivar connectionsRefused: how many were refused, by reason.
    @ivar messages: how many messages were answered.
    @ivar octets: how many octets were received.
    @ivar reflected: packets of the session-reflector by outcome; empty without one.
    """

    versions: Versions
    self: str = ""
    peers: int = 0
    events: Mapping[Kind, int] = field(default_factory=dict)
    stalls: int = 0
    stalledFor: int = 0
    lag: tuple[tuple[int, ...], tuple[int, ...], int] = ((), (0,), 0)
    lateness: tuple[tuple[int, ...], tuple[int, ...], int] = ((), (0,), 0)
    isClockSynchronized: bool = False
    isReloaded: bool = True
    reloadedAt: int | None = None
    writeErrors: Mapping[str, int] = field(default_factory=dict)
    connections: int | None = None
    connectionsMade: int = 0
    connectionsRefused: Mapping[str, int] = field(default_factory=dict)
    messages: int = 0
    octets: int = 0
    reflected: Mapping[str, int] = field(default_factory=dict)
