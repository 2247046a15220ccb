"""
Snapshots for tests of what is written from them.
"""

from __future__ import annotations

from collections.abc import Sequence

from echostamp.measure.delay import Summary
from echostamp.measure.offsetwindow import FITS, OffsetReport
from echostamp.measure.oneway import OneWay
from echostamp.measure.result import Figures, Result
from echostamp.monitor.event import Kind
from echostamp.monitor.peer import Limits, Peer
from echostamp.monitor.processfigures import ProcessFigures
from echostamp.monitor.snapshot import (
    DaemonSnapshot,
    FlowSnapshot,
    PeerSnapshot,
    Versions,
)
from echostamp.monitor.tally import Direction, RttHistogram, Skip, Tally
from echostamp.probe.dialers import Wish
from echostamp.times import MICROSECOND, MILLISECOND, SECOND

#: 2025, in nanoseconds since the UNIX epoch.
NOW = 1_750_000_000 * SECOND

VERSIONS = Versions("26.0", "3.11.2", "25.5.0")

PROCESS = ProcessFigures(
    cpu=12_340 * MILLISECOND,
    resident=50_000_000,
    virtual=200_000_000,
    started=NOW,
    openFiles=37,
    mostFiles=1024,
)


def summaryOf(median: float, p90: float, p99: float) -> Summary:
    """
    Give a summary of 60 values.
    """
    return Summary(60, 0, median, median, round(p99), 1.0, p90, p99, None, True)


def offsetReport(verdict: str = FITS) -> OffsetReport:
    """
    Give bounds of an offset of about -12 ms.
    """
    bounds = -12_000_001, -12_500_000, -11_499_999
    drift = 12.34567890123, -0.001, 40.0
    return OffsetReport(NOW, *bounds, *drift, 60 * SECOND, 1, verdict)


def minute(verdict: str = FITS) -> Result:
    """
    Give the figures of a minute in which everything is known.
    """
    forward, backward = summaryOf(1000, 2000.4, 3_000_000), summaryOf(7, 8, 9)
    return Result(
        Figures(
            sent=60,
            received=60,
            isApart=True,
            forward=OneWay(forward, None),
            backward=OneWay(backward, None),
            offset=offsetReport(verdict),
        )
    )


def fullTally(bounds: Sequence[int] | None = None) -> Tally:
    """
    Give counters that all differ.

    @param bounds: of the buckets of the RTT; L{None} for the default.
    """
    tally = Tally(
        skipped={each: number for number, each in enumerate(Skip, 1)},
        sent=1000,
        received=904,
        untimed=4,
        lost={each: 10 * number for number, each in enumerate(Direction, 1)},
        late=11,
        duplicates=12,
        reordered=13,
        altered=14,
        invalid=16,
        clockSteps=17,
        rtts=RttHistogram() if bounds is None else RttHistogram(bounds),
    )
    for number in range(900):
        tally.rtts.add(7 * MICROSECOND + number * number * 20_001)
    return tally


def fullPeer(
    name: str = "ams/4", labels: tuple[tuple[str, str], ...] = (("site", "ams"),)
) -> PeerSnapshot:
    """
    Give a peer of which everything is known.
    """
    limits = Limits(rtt=30 * MILLISECOND, loss=0.7, offset=MILLISECOND)
    return PeerSnapshot(
        peer=Peer(name, Wish("stamp:ams.example"), limits, labels, flows=2),
        at=NOW,
        transport="stamp",
        tally=fullTally(),
        address="192.0.2.1:862",
        isUp=True,
        since=NOW,
        downs=18,
        downFor=19 * SECOND + 1,
        events={Kind.DOWN: 18, Kind.UP: 17},
        flows=(FlowSnapshot(20, 21), FlowSnapshot(22, 23)),
        lastRtt=MILLISECOND,
        minute=minute(),
        residence=summaryOf(21_000, 22_000, 23_000.5),
        hopsForward=5,
        hopsBackward=0,
        certificateEnd=1_800_000_000,
    )


def newPeer(name: str = "new") -> PeerSnapshot:
    """
    Give a peer of which nothing is known yet.
    """
    peer = Peer(name, Wish("new.example"))
    return PeerSnapshot(peer, NOW, "tcp", Tally(), isResolved=False)


def fullDaemon() -> DaemonSnapshot:
    """
    Give a daemon of which everything is known.
    """
    return DaemonSnapshot(
        versions=VERSIONS,
        self="hub",
        peers=2,
        events={Kind.RELOAD: 3},
        stalls=4,
        stalledFor=5 * SECOND,
        lag=((MILLISECOND, SECOND), (6, 1, 0), 70 * MILLISECOND),
        lateness=((MICROSECOND,), (8, 9), 10),
        isClockSynchronized=True,
        isReloaded=False,
        reloadedAt=NOW + 1,
        writeErrors={"events": 11},
        connections=12,
        connectionsMade=13,
        connectionsRefused={"per-host": 14},
        messages=15,
        octets=16,
        reflected={"answered": 17},
    )
