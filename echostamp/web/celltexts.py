"""
Writes the figures of a path, short and in words; pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from math import floor

from echostamp.times import MILLISECOND, SECOND
from echostamp.units import readable
from echostamp.web.cells import VERDICT_WORDS, missing
from echostamp.web.rowdata import PeerFigures, PeerState

#: What stands for a figure that is not known.
NONE = "-"

#: How many texts are kept: with three digits each, most figures of a mesh come again.
_KEPT = 16384

_UP = PeerState.UP

#: What L{words} usually adds to the loss.
_USUAL = "; RTT %.3f ms, p99 %.3f ms; clock %+.3f to %+.3f ms"

#: Below this many nanoseconds no millisecond is rounded up to a second.
_MOST_FAST = SECOND - MILLISECOND

#: A time of so long ago needs no day, in nanoseconds.
_CLEAR = 20 * 3600 * SECOND

#: What a state says, and a word for it.
_STATES = {
    PeerState.UP: "up",
    PeerState.DOWN: "down",
    PeerState.NEW: "not answered yet",
    PeerState.UNRESOLVED: "its name has no address",
    PeerState.PAUSED: "paused",
}


def _step(ns: int) -> int:
    """
    Give what the third digit of a number is worth.
    """
    size = abs(ns)
    return 1 if size < 1000 else int(10 ** (len(str(size)) - 3))


@lru_cache(_KEPT)
def _written(ns: int, signed: bool = False) -> str:
    """
    Write a duration of three digits.
    """
    return readable(ns, bound=_step(ns) if ns else 1, signed=signed)


def duration(ns: int) -> str:
    """
    Write a duration with three digits.

    @param ns: nanoseconds.
    """
    step = _step(ns)
    return _written((ns + step // 2) // step * step)


def offset(ns: int) -> str:
    """
    Write an offset with its sign, and three digits.

    @param ns: nanoseconds.
    """
    step = _step(ns)
    return _written((ns + step // 2) // step * step, True)


def share(percent: float | None) -> str:
    """
    Write a percentage.  It is 0 or 100 only if it is so exactly.
    """
    if percent is None:
        return NONE
    if 0 < percent < 0.1:
        return "<0.1 %"
    return f"{floor(percent * 10 + 1e-9) / 10:g} %"


@lru_cache(_KEPT)
def _lossWords(lost: int, skipped: int, received: int) -> str:
    """
    Write the loss in words.
    """
    known = lost + skipped + received
    if not known:
        return "loss unknown"
    missed = lost + skipped
    unsent = f", {skipped} not sent" if skipped else ""
    return f"loss {share(100 * missed / known)}, {missed} of {known} probes{unsent}"


def lossText(peer: PeerFigures) -> str:
    """
    Write the loss.
    """
    return share(missing(peer))


def rttText(peer: PeerFigures) -> str:
    """
    Write the median RTT.
    """
    return NONE if peer.median is None else duration(peer.median)


def clockText(peer: PeerFigures) -> str:
    """
    Write the offset of the far clock.
    """
    return NONE if peer.offset is None else offset(peer.offset)


def words(peer: PeerFigures) -> str:
    """
    Write all figures of a path in words, with units.
    """
    median, p99 = peer.median, peer.p99
    lowest, highest = peer.offsetLow, peer.offsetHigh
    loss = _lossWords(peer.lost, peer.skipped, peer.received)
    if (
        median is not None
        and p99 is not None
        and lowest is not None
        and highest is not None
        and MILLISECOND <= median <= p99 < _MOST_FAST
        and MILLISECOND <= max(highest, -lowest) < SECOND
        and peer.state is _UP
        and peer.verdict not in VERDICT_WORDS
    ):
        # What most of 10,000 cells say, in half the time: so are percent signs.
        figures = (
            median / 1e6,
            p99 / 1e6,
            lowest // 1000 / 1e3,
            -(-highest // 1000) / 1e3,
        )
        return loss + _USUAL % figures
    state = ""
    if peer.state is not _UP:
        since = f" since {moment(peer.since)}" if peer.since is not None else ""
        state = f"{_STATES[peer.state]}{since}; "
    rtt = "RTT unknown" if median is None else f"RTT {exact(median)}"
    if median is not None and p99 is not None:
        rtt += f", p99 {exact(p99)}"
    clock = "clock unknown"
    if lowest is not None and highest is not None:
        doubt = VERDICT_WORDS.get(peer.verdict or "", "")
        clock = f"clock {bounds(lowest, highest)}{doubt}"
    return f"{state}{loss}; {rtt}; {clock}"


def exact(ns: int) -> str:
    """
    Write a duration as L{readable} does, and faster.

    @param ns: nanoseconds.
    """
    return f"{ns / 1e6:.3f} ms" if MILLISECOND <= ns < _MOST_FAST else readable(ns)


def bounds(low: int, high: int) -> str:
    """
    Write the bounds of an offset in one unit, rounded outwards.

    @param low: nanoseconds.
    @param high: likewise.
    """
    size = max(high, -low)
    if size >= SECOND:
        return (
            f"{low // MILLISECOND / 1e3:+.3f} to {-(-high // MILLISECOND) / 1e3:+.3f} s"
        )
    if size >= MILLISECOND:
        return f"{low // 1000 / 1e3:+.3f} to {-(-high // 1000) / 1e3:+.3f} ms"
    return f"{low / 1e3:+.3f} to {high / 1e3:+.3f} µs"


def moment(ns: int) -> str:
    """
    Write a time: its day and second, in UTC.

    @param ns: nanoseconds since the UNIX epoch.
    """
    try:
        at = datetime.fromtimestamp(ns // SECOND, UTC)
    except (ValueError, OverflowError, OSError):
        return f"second {ns // SECOND}"
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def momentNear(ns: int, now: int) -> str:
    """
    Write a time, without its day if that is clear.

    @param ns: nanoseconds since the UNIX epoch.
    @param now: the present time, likewise.
    """
    text = moment(ns)
    return text.partition(" ")[2] if 0 <= now - ns < _CLEAR else text


def age(ns: int) -> str:
    """
    Write how long ago something was: in the greatest unit that leaves two digits, or in
    seconds.

    @param ns: nanoseconds.
    """
    seconds = max(0, ns // SECOND)
    for size, name in (86400, "d"), (3600, "h"), (60, "min"):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
