"""
Makes the figures of a peer in a row from its snapshot.
"""

from __future__ import annotations

from echostamp.measure.result import Result
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.text import printable
from echostamp.web.fields import LONGEST_TEXT
from echostamp.web.rowdata import PeerFigures, PeerState

#: The 10th and the 90th percentile of the RTTs of a week, in nanoseconds.
Week = tuple[int, int]


def stateOf(snapshot: PeerSnapshot) -> PeerState:
    """
    Give the state of a peer.
    """
    if snapshot.peer.isPaused:
        return PeerState.PAUSED
    if snapshot.isUp is None:
        return PeerState.NEW if snapshot.isResolved else PeerState.UNRESOLVED
    return PeerState.UP if snapshot.isUp else PeerState.DOWN


def figuresOf(snapshot: PeerSnapshot, week: Week | None = None) -> PeerFigures:
    """
    Give the figures of a peer.

    @param week: its last week, if that is known.
    """
    figures = (snapshot.minute or Result()).figures
    rtt, offset = figures.rtt, figures.offset
    peer, limits = snapshot.peer, snapshot.peer.limits
    low, high = (None, None) if week is None else week
    return PeerFigures(
        peer.name,
        stateOf(snapshot),
        snapshot.since,
        {_line(name): _line(value) for name, value in peer.labels},
        _line(peer.wish.target),
        _line(snapshot.address),
        figures.due,
        figures.sent,
        figures.received,
        figures.lost,
        figures.skipped,
        None if rtt is None else round(rtt.median),
        None if rtt is None else round(rtt.p99),
        None if offset is None else offset.low,
        None if offset is None else offset.estimate,
        None if offset is None else offset.high,
        None if offset is None else offset.verdict,
        limits.rtt,
        limits.rttP99,
        limits.loss,
        limits.offset,
        tuple(name.replace("-", "_") for name, _ in snapshot.exceeded),
        low,
        high,
        {name.replace("-", "_"): at for name, at in snapshot.exceededSince.items()},
    )


def _line(text: str) -> str:
    """
    Make a line that readers of rows accept.
    """
    return printable(text)[:LONGEST_TEXT]
