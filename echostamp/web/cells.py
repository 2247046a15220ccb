"""
What a cell of the matrix says of a path; pure.

Each of loss, RTT and clock is judged: against the peer's own thresholds, else against
usual ones; the RTT against its last week, too.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from echostamp.measure.offsetwindow import DOUBTFUL, NO_FIT
from echostamp.times import MICROSECOND, MILLISECOND
from echostamp.web.rowdata import PeerFigures, PeerState


class Level(IntEnum):
    """
    How things are, from the best to the worst.
    """

    GOOD = 0
    PAUSED = 1
    UNKNOWN = 2
    WARN = 3
    BAD = 4
    DOWN = 5


# A local name saves a look into the class for each path.
_GOOD, _UNKNOWN = Level.GOOD, Level.UNKNOWN

#: A word and a sign for each.  Colours only repeat them.
WORDS = {
    Level.GOOD: "good",
    Level.PAUSED: "paused",
    Level.UNKNOWN: "unknown",
    Level.WARN: "warning",
    Level.BAD: "bad",
    Level.DOWN: "down",
}
SIGNS = {
    Level.GOOD: "·",
    Level.PAUSED: "‖",
    Level.UNKNOWN: "?",
    Level.WARN: "▲",
    Level.BAD: "◆",
    Level.DOWN: "✕",
}

#: What a verdict adds to an offset.
VERDICT_WORDS = {
    NO_FIT: ", stepped, slewed or more than one machine",
    DOUBTFUL: ", perhaps slewed",
}

#: From this share of a threshold on there is a warning.  The rules of the monitor take
#: a threshold for kept again at the same share.
NEARLY = 0.8

#: Percent of probes that is bad where the peer has no threshold.  Any loss is a
#: warning.
BAD_LOSS = 10

#: Offsets, in nanoseconds, that are a warning and bad where the peer has no threshold.
WARN_OFFSET, BAD_OFFSET = 10 * MILLISECOND, 100 * MILLISECOND

#: The least that a median has to be above the last week, in nanoseconds.
LEAST_RISE = 100 * MICROSECOND


class Cell(NamedTuple):
    """
    What is said of a path.

    @ivar levels: the worst of the three, or what its state says; that of its loss, of
        its RTT, and of the far clock.
    @ivar sign: capitals for what is bad, small letters for warnings: L loss, R RTT, C
        clock; or one sign for all.
    @ivar isWhole: whether its state says all.
    """

    levels: tuple[Level, Level, Level, Level]
    sign: str
    isWhole: bool = False

    @property
    def level(self) -> Level:
        """The worst level."""
        return self.levels[0]


def missing(peer: PeerFigures) -> float | None:
    """
    Give the share of probes that were lost or could not be sent, in percent of those
    whose fate is known; L{None} where that is of none.
    """
    lost = peer.lost + peer.skipped
    known = lost + peer.received
    return 100 * lost / known if known else None


def lossLevel(peer: PeerFigures) -> Level:
    """
    Judge the loss.
    """
    if not (peer.lost or peer.skipped):
        return _GOOD if peer.received else _UNKNOWN
    share, most = missing(peer) or 0, peer.maxLoss
    if most is None:
        return Level.BAD if share >= BAD_LOSS else Level.WARN
    if share > most or "max_loss" in peer.exceeded:
        return Level.BAD
    return Level.WARN if share > NEARLY * most else _GOOD


def rttLevel(peer: PeerFigures) -> Level:
    """
    Judge the RTT.
    """
    median, p99, week = peer.median, peer.p99, peer.weekP90
    if median is None:
        return _UNKNOWN
    most, mostP99 = peer.maxRtt, peer.maxRttP99
    if most is not None and (median > most or "max_rtt" in peer.exceeded):
        return Level.BAD
    if mostP99 is not None and p99 is not None:
        if p99 > mostP99 or "max_rtt_p99" in peer.exceeded:
            return Level.BAD
        if p99 > NEARLY * mostP99:
            return Level.WARN
    if most is not None and median > NEARLY * most:
        return Level.WARN
    if week is not None and median > week and median > usualRtt(peer.weekP10, week):
        return Level.WARN
    return _GOOD


def usualRtt(p10: int | None, p90: int) -> int:
    """
    Give the longest median RTT that is no warning after a week, in nanoseconds.

    @param p10: the 10th percentile of the week.
    @param p90: the 90th.  The median may be above it by half of the distance between
        the two, by a tenth of it, and by L{LEAST_RISE}.
    """
    spread = 0 if p10 is None else (p90 - p10) // 2
    return p90 + max(spread, p90 // 10, LEAST_RISE)


def clockLevel(peer: PeerFigures) -> Level:
    """
    Judge the offset of the far clock.
    """
    low, high, verdict = peer.offsetLow, peer.offsetHigh, peer.verdict
    if low is None or high is None or verdict is None:
        return _UNKNOWN
    # The whole interval is at least so far from 0.
    off = low if low > 0 else -high
    most = peer.maxOffset
    if off > (BAD_OFFSET if most is None else most):
        return Level.BAD
    if peer.exceeded and "max_offset" in peer.exceeded:
        return Level.BAD
    if verdict == NO_FIT:
        # The bounds are those since it was set.  Perhaps it is right again.
        isKept = most is not None and -most <= low and high <= most
        return Level.WARN if isKept else Level.BAD
    if verdict == DOUBTFUL or (most is None and off > WARN_OFFSET):
        return Level.WARN
    return _GOOD


def _whole(level: Level, sign: str) -> Cell:
    return Cell((level, level, level, level), sign, True)


#: What a state says of all three.
_STATES = {
    PeerState.DOWN: _whole(Level.DOWN, SIGNS[Level.DOWN]),
    PeerState.UNRESOLVED: _whole(Level.BAD, "∅"),
    PeerState.NEW: _whole(Level.UNKNOWN, "…"),
    PeerState.PAUSED: _whole(Level.PAUSED, SIGNS[Level.PAUSED]),
}

#: Letters by level: loss, RTT, clock.
_LETTERS = {Level.WARN: "lrc", Level.BAD: "LRC"}


def _combined(loss: Level, rtt: Level, clock: Level) -> Cell:
    """
    Make a cell of what is said of each.
    """
    levels = (loss, rtt, clock)
    worst = max(levels)
    if worst is Level.UNKNOWN and Level.GOOD in levels:
        worst = Level.GOOD
    letters = [
        _LETTERS[level][place]
        for place, level in enumerate(levels)
        if level in _LETTERS
    ]
    return Cell((worst, *levels), "".join(letters) or SIGNS[worst])


# All that can be said of a path that is up.  Numbers are found faster than levels.
_EACH = len(Level)
_CELLS = [
    _combined(loss, rtt, clock) for loss in Level for rtt in Level for clock in Level
]


def cellOf(peer: PeerFigures) -> Cell:
    """
    Judge a path.
    """
    if peer.state is not PeerState.UP:
        return _STATES[peer.state]
    return _CELLS[(lossLevel(peer) * _EACH + rttLevel(peer)) * _EACH + clockLevel(peer)]
