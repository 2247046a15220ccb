"""
Says what is bad of a path; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from echostamp.web.cells import VERDICT_WORDS, Cell, Level, missing
from echostamp.web.celltexts import (
    age,
    bounds,
    duration,
    momentNear,
    offset,
    share,
)
from echostamp.web.rowdata import PeerFigures, PeerState


class Fault(Enum):
    """
    What is bad.
    """

    DOWN = "down"
    LOSS = "loss"
    RTT = "RTT"
    CLOCK = "clock"


#: The thresholds of each.
_LIMITS = {
    Fault.LOSS: ("max_loss",),
    Fault.RTT: ("max_rtt", "max_rtt_p99"),
    Fault.CLOCK: ("max_offset",),
}

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


def lasting(fault: Fault, peers: Iterable[PeerFigures], now: int) -> str:
    """
    Say since when the first of some paths is bad.

    @param now: nanoseconds since the UNIX epoch.
    @return: empty if that is not known: without a threshold nobody has noted it.
    """
    if fault is Fault.DOWN:
        found = [each.since for each in peers if each.since is not None]
    else:
        sinces = [each.exceededSince for each in peers]
        found = [
            each[name] for each in sinces for name in _LIMITS[fault] if name in each
        ]
    if not found:
        return ""
    since = min(found)
    return f" since {momentNear(since, now)}, for {age(now - since)}"


def detail(fault: Fault, peer: PeerFigures, now: int) -> str:
    """
    Say how bad a path is, and since when, if that is known.

    @param now: nanoseconds since the UNIX epoch.
    """
    since = lasting(fault, [peer], now)
    if fault is not Fault.DOWN and since:
        since = f",{since}"
    return _figures(fault, peer) + since


def _figures(fault: Fault, peer: PeerFigures) -> str:
    """
    Say how bad a path is.
    """
    if fault is Fault.DOWN:
        isUnresolved = peer.state is PeerState.UNRESOLVED
        return "its name has no address" if isUnresolved else "down"
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


def worst(fault: Fault, peers: Sequence[PeerFigures]) -> str:
    """
    Give the worst figure of some paths; the median of the clocks' offsets.

    @return: empty if there is none.
    """
    if fault is Fault.LOSS:
        shares = [found for each in peers if (found := missing(each)) is not None]
        return f" up to {share(max(shares))}" if shares else ""
    if fault is Fault.RTT:
        medians = [each.median for each in peers if each.median is not None]
        return f", up to {duration(max(medians))}" if medians else ""
    offsets = sorted(each.offset for each in peers if each.offset is not None)
    isClock = fault is Fault.CLOCK and offsets
    return f", {offset(offsets[len(offsets) // 2])}" if isClock else ""


def _above(value: int | None, most: int | None) -> str:
    """
    Write a duration and its threshold.
    """
    limit = "" if most is None else f", threshold {duration(most)}"
    return f"{duration(value or 0)}{limit}"
