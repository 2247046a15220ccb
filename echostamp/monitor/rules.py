"""
Judges a peer's window by its limits; pure.

These are the thresholds of a peer that is watched all the time.  Those of one run are
in L{echostamp.measure.thresholds}.
"""

from __future__ import annotations

from collections.abc import Iterator

from echostamp.measure.offsetwindow import NO_FIT
from echostamp.measure.result import Figures
from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.event import ENDS, NOT_WATCHED, Event, Kind
from echostamp.monitor.peer import Limits
from echostamp.times import SECOND
from echostamp.units import readable

#: The last minute; and the window of peers that have fewer probes in it than this one.
MINUTE = WindowSpec("1m", length=60 * SECOND)
LAST = WindowSpec("last 20", count=20)

#: A state that began above a limit ends at or below this part of it.
CALM = 0.8

#: What ends the state of each limit.
_ENDS = {
    "max-loss": Kind.LOSS_OK,
    "max-rtt": Kind.RTT_OK,
    "max-rtt-p99": Kind.RTT_OK,
    "max-offset": Kind.OFFSET_OK,
}


def windowFor(interval: int, window: WindowSpec = MINUTE) -> WindowSpec:
    """
    Choose the window whose figures are judged: the longer one of L{LAST} and another.

    @param interval: from one probe to the next, in nanoseconds.
    @param window: the other, by time.
    """
    assert LAST.count is not None
    assert window.length is not None
    return LAST if LAST.count * interval > window.length else window


class Rules:
    """
    The limits of a peer, and which of them are exceeded.

    A state begins when a figure is above its limit, and ends when it is at or below
    L{CALM} of it.  The offset's state begins when its whole interval is outside, and
    ends when that is whole inside.  What is not known changes nothing.

    @ivar limits: the limits; they may be replaced.
    @ivar since: since when each limit is exceeded, in nanoseconds since the UNIX epoch.
    """

    def __init__(self, peer: str, limits: Limits) -> None:
        """
        @param peer: the peer's name.
        """
        self.limits = limits
        self._peer = peer
        self._high: dict[str, str] = {}
        self.since: dict[str, int] = {}

    @property
    def exceeded(self) -> tuple[tuple[str, str], ...]:
        """The limits that are exceeded: each one's name, and what was found last."""
        return tuple(self._high.items())

    def judge(self, figures: Figures, at: int) -> Iterator[Event]:
        """
        Judge a window.

        @param figures: its figures.
        @param at: the present time, in nanoseconds since the UNIX epoch.
        @return: the states that begin or end.
        """
        limits = self.limits
        yield from self._endUnlimited(at)
        yield from self._judgeLoss(figures, at)
        rtt = figures.rtt
        for subject, limit, found in (
            ("max-rtt", limits.rtt, None if rtt is None else rtt.median),
            ("max-rtt-p99", limits.rttP99, None if rtt is None else rtt.p99),
        ):
            if limit is None or found is None:
                continue
            isHigh, isCalm = found > limit, found <= CALM * limit
            what = "median" if subject == "max-rtt" else "99th percentile"
            text = f"{what} of the RTT {readable(found)}, limit {readable(limit)}"
            values = {"rtt": round(found), "limit": limit}
            yield from self._turn(
                Event(Kind.RTT_HIGH, self._peer, at, subject, text, values),
                isHigh,
                isCalm,
            )
        yield from self._judgeOffset(figures, at)

    def _endUnlimited(self, at: int) -> Iterator[Event]:
        """
        End the states of limits that were removed.
        """
        limits = self.limits
        present = {
            "max-loss": limits.loss,
            "max-rtt": limits.rtt,
            "max-rtt-p99": limits.rttP99,
            "max-offset": limits.offset,
        }
        for subject in list(self._high):
            if present[subject] is None:
                yield self._end(subject, at, "it has no limit any more")

    def _end(self, subject: str, at: int, why: str) -> Event:
        """
        End a state for another reason than a figure.
        """
        self._forget(subject)
        return Event(_ENDS[subject], self._peer, at, subject, why)

    def _forget(self, subject: str) -> None:
        """
        Forget a state that has ended.
        """
        del self._high[subject], self.since[subject]

    def leave(self, at: int) -> Iterator[Event]:
        """
        End all states: the peer is no longer watched.

        @param at: the present time, in nanoseconds since the UNIX epoch.
        """
        for subject in list(self._high):
            yield self._end(subject, at, NOT_WATCHED)

    def _judgeLoss(self, figures: Figures, at: int) -> Iterator[Event]:
        """
        Judge the share of probes that were lost, or could not be sent.
        """
        limit, missing = self.limits.loss, figures.lost + figures.skipped
        known = figures.received + missing
        if limit is None or not known:
            return
        found = 100 * missing / known
        text = f"{found:.3g} % of {known} probes were lost, limit {limit:g} %"
        values = {"loss": found / 100, "probes": known, "limit": limit / 100}
        # Of a limit of nothing there is no part.
        isCalm = found <= CALM * limit
        yield from self._turn(
            Event(Kind.LOSS_HIGH, self._peer, at, "max-loss", text, values),
            found > limit,
            isCalm,
        )

    def _judgeOffset(self, figures: Figures, at: int) -> Iterator[Event]:
        """
        Judge the interval of the offset.
        """
        limit, offset = self.limits.offset, figures.offset
        if limit is None or offset is None or offset.verdict == NO_FIT:
            return
        low, high = offset.low, offset.high
        text = (
            f"the far clock is off by {readable(low, signed=True)} to "
            f"{readable(high, signed=True)}, limit {readable(limit)}"
        )
        values = {"low": low, "high": high, "limit": limit}
        yield from self._turn(
            Event(Kind.OFFSET_HIGH, self._peer, at, "max-offset", text, values),
            low > limit or high < -limit,
            -limit <= low and high <= limit,
        )

    def _turn(self, event: Event, isHigh: bool, isCalm: bool) -> Iterator[Event]:
        """
        Begin or end a state.

        @param event: that the state begins.
        """
        subject = event.subject
        wasHigh = subject in self._high
        if isHigh or (wasHigh and not isCalm):
            self._high[subject] = event.text
        if isHigh and not wasHigh:
            self.since[subject] = event.at
            yield event
        elif isCalm and wasHigh:
            self._forget(subject)
            yield Event(
                ENDS[event.kind],
                event.peer,
                event.at,
                subject,
                event.text,
                event.values,
            )
