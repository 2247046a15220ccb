"""
Rolling windows: the figures of the last seconds or the last probes, in bounded memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from echostamp.measure.block import (
    ALTERED,
    LATE,
    REORDERED,
    UNKNOWN,
    Probe,
    isStorable,
)
from echostamp.measure.buckets import Buckets
from echostamp.measure.counts import EXTRA, SKIPPED, UNTIMED, repeated
from echostamp.measure.offsetwindow import OffsetWindow
from echostamp.measure.recentprobes import MOST, RecentProbes
from echostamp.measure.result import Figures
from echostamp.measure.rows import WIDTH, head
from echostamp.measure.selection import Selection
from echostamp.measure.windowclock import boundsFrom
from echostamp.measure.windowfigures import figuresOf
from echostamp.measure.windowspec import WINDOWS, Rounding, WindowSpec

#: The most probes whose RTT is kept for the IPDV of the next one.
_WAITING = 32

#: So many recent probes are handed to the buckets together, which takes less time.
_TOGETHER = 8


class Rolling:
    """
    Rolling windows over the probes of a prober.

    A probe belongs to the moment at which its fate became known.  Probes in flight are
    in every window.

    All figures are exact while the longest window has at most L{EXACT
    <echostamp.measure.samplerows.EXACT>} answered probes (600).  With more, counts, the
    extremes of the RTT and the bounds of the offset are still those of all probes.  The
    rest comes from every so many probes: see C{every} of the figures.  Old probes keep
    few bounds of the offset.  This can only make its interval wider.

    A window covers the span from C{began} to C{ended} of its figures.  Within the last
    L{MOST} probes it begins exactly where it should.  Beyond, a window by time may be
    shorter by a sixteenth, and a window by count may have a sixteenth more probes.
    Memory is bounded; a probe in flight takes none.

    @ivar windows: those whose figures may be asked for.
    @ivar began: when the run began, by the monotonic clock; set by the owner.
    @ivar isApart: whether the far end gives T2 and T3 apart; likewise, and once they
        differ.
    @ivar pending: how many probes are in flight.
    """

    __slots__ = (
        "_buckets",
        "_changes",
        "_found",
        "_greatest",
        "_recent",
        "_waiting",
        "began",
        "isApart",
        "pending",
        "windows",
    )

    def __init__(self, windows: Sequence[WindowSpec] = WINDOWS, began: int = 0) -> None:
        """
        @param windows: those whose figures will be asked for.
        @param began: when the run began, by the monotonic clock.
        """
        self.windows = tuple(windows)
        self.isApart = False
        self.pending = 0
        self.began = began
        self._recent = RecentProbes()
        self._buckets = Buckets(Rounding(windows))
        self._waiting: dict[int, int] = {}
        self._greatest = -1
        self._changes = 0
        self._found: dict[WindowSpec, tuple[int, Figures]] = {}

    # --- What comes in ----------------------------------------------------------------

    def sent(self) -> None:
        """A probe was sent."""
        self.pending += 1
        self._changes += 1

    def skipped(self, now: int) -> None:
        """
        A probe was due and could not be sent.

        @param now: by the monotonic clock, here and below.
        """
        self._enter(now, SKIPPED, UNKNOWN, [UNKNOWN] * WIDTH)

    def add(self, now: int, probe: Probe) -> bool:
        """
        The fate of a probe is known: it was answered in time, or it is lost.  Losses
        must come in the order of the probes' numbers.

        @param probe: the probe.
        @return: L{False} where it has times of the far end that do not fit; see
            L{isStorable}.
        """
        seq, due, t1, t2, t3, t4, rtt, resolution, *kinds = probe
        lost, late, altered, duplicated, reordered, void = kinds
        self.pending -= 1
        flags = lost | late << 1 | altered << 2 | reordered << 4 | void << 5
        if duplicated:
            flags = repeated(flags)
        before = self._waiting.pop(seq - 1, UNKNOWN)
        if lost or rtt is None:
            flags |= 0 if lost else UNTIMED
            rtt = before = UNKNOWN
        else:
            self._follow(seq, rtt)
        if seq > self._greatest:
            self._greatest = seq
        fits = True
        if t2 is None or t3 is None or t4 is None or resolution is None:
            t2, resolution = UNKNOWN, 0
        else:
            fits = isStorable(t1, t2, t3, t4, resolution)
            if lost or void or not fits:
                t2, resolution = UNKNOWN, 0
            elif t3 != t2:
                self.isApart = self._buckets.isApart = True
        top = head(seq, resolution)
        row = (top, t1 - due, t1, t2, UNKNOWN if t4 is None else t4, rtt)
        self._enter(now, flags, before, row)
        return fits

    def _follow(self, seq: int, rtt: int) -> None:
        """
        Hand an RTT to the next probe, or keep it until the fate of that one is known.
        """
        place = self._recent.find(seq + 1) if seq < self._greatest else None
        if place is not None:
            self._recent.setBefore(place, rtt)
            return
        self._waiting[seq] = rtt
        if len(self._waiting) > _WAITING:
            del self._waiting[next(iter(self._waiting))]

    def amend(self, seq: int, t1: int, rtt: int) -> None:
        """
        The times of an answered probe are known better: the far end gives T2 and T3
        apart.  This is ignored when more than L{MOST} others were added since.

        @param seq: its number.
        @param t1: when it was sent.
        @param rtt: its round trip, without the time from T2 to T3.
        """
        self.isApart = self._buckets.isApart = True
        recent = self._recent
        place = recent.find(seq)
        if place is not None and recent.amend(place, t1, rtt):
            if seq in self._waiting:
                self._waiting[seq] = rtt
            follower = recent.find(seq + 1) if seq < self._greatest else None
            if follower is not None:
                recent.setBefore(follower, rtt)
            self._changes += 1

    def late(
        self, seq: int, isAltered: bool = False, isReordered: bool = False
    ) -> None:
        """
        A lost probe was answered.

        @param isAltered: whether the reply differs from what was sent.
        @param isReordered: whether a later probe was answered before it.
        """
        flags = LATE | ALTERED * isAltered | REORDERED * isReordered
        place = self._recent.find(seq)
        if place is not None:
            self._recent.late(place, flags)
        else:
            self._buckets.known.late(flags)
        self._changes += 1

    def repeated(self, seq: int) -> None:
        """
        A probe was answered once more.
        """
        place = self._recent.find(seq)
        if place is not None:
            self._recent.repeated(place)
        else:
            self._buckets.known.repeated()
        self._changes += 1

    def extra(
        self, now: int, t1: int, t2: int, t3: int, t4: int, resolution: int
    ) -> None:
        """
        An extra probe was answered: it counts for the far clock only.

        @param t1: with the others, its times.
        @param resolution: of C{t2} and C{t3}.
        """
        if isStorable(t1, t2, t3, t4, resolution):
            top = head(self._greatest + 1, resolution)
            self._enter(now, EXTRA, UNKNOWN, (top, UNKNOWN, t1, t2, t4, UNKNOWN))

    def restart(self) -> None:
        """
        Forget the far clock: our own clock was set, or it may be another machine's.
        Offset and PDV begin again.
        """
        self._recent.forgetClock()
        self._buckets.forgetClock()
        self._changes += 1

    def resolve(self, resolution: int) -> None:
        """Take the far end's stamps to be no finer than so many nanoseconds."""
        self._buckets.resolution = resolution
        self._changes += 1

    def _enter(self, now: int, flags: int, before: int, row: Sequence[int]) -> None:
        """Append a probe to the recent ones, and hand over the oldest of them."""
        recent = self._recent
        recent.append(now, flags, before, row)
        self._changes += 1
        if len(recent) >= MOST + _TOGETHER:
            while len(recent) > MOST:
                self._buckets.take(now, recent, *recent.takeFirst())

    # --- What is known ----------------------------------------------------------------

    def over(self, now: int, window: WindowSpec) -> Figures:
        """
        Return the figures of a window.

        @param now: by the monotonic clock.
        @param window: one of those that the constructor got.
        @return: the same figures as before, if nothing has happened since.
        @raise ValueError: it is another one.
        """
        if window not in self.windows:
            raise ValueError(f"no window {window.name!r}")
        changes, figures = self._found.get(window, (-1, Figures()))
        if changes != self._changes:
            figures = figuresOf([self.select(now, window)])
            self._found[window] = self._changes, figures
        return figures

    def bounds(self, now: int, window: WindowSpec) -> OffsetWindow | None:
        """
        Return the bounds of the offset that a window's probes give.

        @param now: by the monotonic clock.
        @return: L{None} where nothing is known.
        """
        return boundsFrom(self.select(now, window))

    def select(self, now: int, window: WindowSpec) -> Selection:
        """Collect what is known of a window's probes."""
        recent, buckets = self._recent, self._buckets
        known = buckets.known
        if window.length is not None:
            start = now - window.length
            place = recent.since(start)
            bucket = len(buckets) if place else known.since(start)
            began = max(start, self.began)
            if not place:
                began = max(began, known.before(bucket))
        else:
            place, missing = recent.last(window.count or 0)
            bucket = known.last(missing)
            time = recent.time(place)
            began = now if time is None else time
            if bucket < len(buckets):
                began = known.firsts[bucket]
        counts, bursts = known.counts(bucket), known.bursts(bucket)
        rows, every = recent.collect(place, counts, bursts), buckets.every(bucket)
        return Selection(
            began=began,
            ended=now,
            isApart=self.isApart,
            resolution=buckets.resolution,
            pending=self.pending,
            counts=counts,
            bursts=bursts.lengths(),
            every=every,
            old=buckets.rows(bucket),
            oldIpdv=buckets.ipdv(bucket) if every > 1 else array("q"),
            rows=rows,
            extremes=buckets.rtts(bucket) if every > 1 else ([], []),
            hulls=buckets.hulls(bucket) if every > 1 else [],
        )
