"""
Says what is bad of a path; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from echostamp.web.cells import VERDICT_WORDS, Cell, Level
from echostamp.web.celltexts import age, bounds, duration, momentNear, share
from echostamp.web.rowdata import PeerFigures, PeerState


class Fault(Enum):
    """
    What is bad.
    """

    DOWN = "down"
    LOSS = "loss"
    RTT = "RTT"
    CLOCK = "clock"


#: As a cell has their levels.
_JUDGED = (Fault.LOSS, Fault.RTT, Fault.CLOCK)


class Path(NamedTuple):
    """
    A bad path.

    @ivar source: the name of its source.
    @ivar target: the name of its target.
    @ivar url: of its page, safe within HTML; empty for none.
    @ivar peer: its figures.
    """

    source: str
    target: str
    url: str
    peer: PeerFigures


def faultsOf(cell: Cell) -> Sequence[Fault]:
    """
    Say what is bad of a path.
    """
    if cell.level < Level.BAD:
        return ()
    if cell.isWhole:
        return (Fault.DOWN,)
    judged = zip(_JUDGED, cell.levels[1:], strict=True)
    return [fault for fault, level in judged if level is Level.BAD]


def detail(fault: Fault, peer: PeerFigures, now: int) -> str:
    """
    Say how bad a path is.

    @param now: nanoseconds since the UNIX epoch.
    """
    if fault is Fault.DOWN:
        isUnresolved = peer.state is PeerState.UNRESOLVED
        text = "its name has no address" if isUnresolved else "down"
        if peer.since is not None:
            text += f" since {momentNear(peer.since, now)}, for {age(now - peer.since)}"
        return text
    if fault is Fault.LOSS:
        lost = peer.lost + peer.skipped
        known = lost + peer.received
        limit = "" if peer.maxLoss is None else f", above {peer.maxLoss:g} %"
        return f"loss {share(100 * lost / known)}{limit}, {lost} of {known} probes"
    if fault is Fault.RTT:
        isMedian = peer.maxRtt is not None and (peer.median or 0) > peer.maxRtt
        if isMedian or peer.p99 is None or peer.maxRttP99 is None:
            return f"RTT {_above(peer.median, peer.maxRtt)}"
        return f"RTT p99 {_above(peer.p99, peer.maxRttP99)}"
    doubt = VERDICT_WORDS.get(peer.verdict or "", "")
    return f"clock {bounds(peer.offsetLow or 0, peer.offsetHigh or 0)}{doubt}"


def _above(value: int | None, most: int | None) -> str:
    """
    Write a duration and its threshold.
    """
    limit = "" if most is None else f", threshold {duration(most)}"
    return f"{duration(value or 0)}{limit}"
