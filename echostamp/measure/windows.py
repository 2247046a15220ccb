"""
Rolling windows: the figures of the last seconds or the last probes, in bounded memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from echostamp.measure.block import LATE, LOST, UNKNOWN, Probe, isStorable
from echostamp.measure.buckets import Buckets
from echostamp.measure.counts import (
    EXTRA,
    SKIPPED,
    UNTIMED,
    repeated,
    tally,
)
from echostamp.measure.result import Figures
from echostamp.measure.rows import (
    NUMBERS,
    RTT,
    T1,
    T2,
    T3,
    WAIT,
    WIDTH,
    head,
    number,
)
from echostamp.measure.windowfigures import Selection, figuresOf
from echostamp.measure.windowspec import WINDOWS, Rounding, WindowSpec

#: How many of the last entries are kept one by one.
LOG = 40

#: An entry of the log: when its fate became known, its flags, its row, and the RTT of
#: the probe sent before it.
_TIME, _FLAGS, _ROW = range(3)
_BEFORE = _ROW + WIDTH
_ENTRY = _BEFORE + 1

#: The most probes whose RTT is kept for the IPDV of the next one.
_WAITING = 32


class Rolling:
    """
    Rolling windows over the probes of a prober.

    A probe belongs to the moment at which its fate became known.  Probes in flight are
    in every window.  Figures are exact while all windows together hold at most
    L{EXACT} (600) answered probes; the beginning of a window is exact within the
    last L{LOG} probes, and else rounded outwards by at most a sixteenth: C{began} and
    C{ended} of the figures give the span.  Of more probes counts, the extremes of the
    RTT and the bounds of the offset are those of all; C{every} of the figures tells
    which probes the rest comes from.  The most bounds that a bucket keeps is limited:
    beyond it the interval of the offset gets wider, and never wrong.

    Memory is bounded: nothing is kept of a probe in flight.

    @ivar isApart: whether the far end gives T2 and T3 apart.
    @ivar pending: how many probes are in flight.
    """

    __slots__ = (
        "_began",
        "_buckets",
        "_changes",
        "_found",
        "_greatest",
        "_log",
        "_waiting",
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
        self._began = began
        self._log = array("q")
        self._buckets = Buckets(Rounding(windows))
        self._waiting: dict[int, int] = {}
        self._greatest = -1
        self._changes = 0
        self._found: dict[WindowSpec, tuple[int, Figures]] = {}

    # --- What comes in ----------------------------------------------------------------

    def sent(self) -> None:
        """
        A probe was sent.
        """
        self.pending += 1
        self._changes += 1

    def skipped(self, now: int) -> None:
        """
        A probe was due and could not be sent.

        @param now: by the monotonic clock, here and below.
        """
        self._enter(now, (now, SKIPPED, 0, *[UNKNOWN] * WIDTH))

    def add(self, now: int, probe: Probe) -> None:
        """
        The fate of a probe is known: it was answered in time, or it is lost.  Probes
        are lost in the order of their numbers.

        @param probe: the probe.
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
        elif seq < self._greatest:
            self._follow(seq, rtt)
        else:
            self._waiting[seq] = rtt
        if seq > self._greatest:
            self._greatest = seq
        if (
            t2 is None
            or t3 is None
            or t4 is None
            or resolution is None
            or lost
            or void
            or not isStorable(t1, t2, t3, t4, resolution)
        ):
            t2 = t3 = UNKNOWN
            resolution = 0
        row = (t1 - due, t1, t2, t3, UNKNOWN if t4 is None else t4, rtt, before)
        self._enter(now, (now, flags, head(seq, resolution), *row))

    def _follow(self, seq: int, rtt: int) -> None:
        """
        Give the RTT of a probe that was answered behind a later one to the next probe.
        """
        at = self._find(seq + 1)
        if at is None:
            self._waiting[seq] = rtt
            if len(self._waiting) > _WAITING:
                del self._waiting[next(iter(self._waiting))]
        else:
            self._log[at + _BEFORE] = rtt

    def amend(self, seq: int, t1: int, t3: int, rtt: int) -> None:
        """
        The times of an answered probe are known better.  This is ignored when more than
        L{LOG} others were added since.

        @param seq: its number.
        @param t1: when it was sent.
        @param t3: when its reply was sent there.
        @param rtt: its round trip.
        """
        at = self._find(seq)
        if at is None or self._log[at + _ROW + RTT] == UNKNOWN:
            return
        log, row = self._log, at + _ROW
        log[row + WAIT] += t1 - log[row + T1]
        log[row + T1], log[row + RTT] = t1, rtt
        if log[row + T2] != UNKNOWN:
            log[row + T3] = t3
        if seq in self._waiting:
            self._waiting[seq] = rtt
        follower = self._find(seq + 1)
        if follower is not None and log[follower + _ROW + RTT] != UNKNOWN:
            log[follower + _BEFORE] = rtt
        self._changes += 1

    def late(self, seq: int) -> None:
        """
        A lost probe was answered.

        @param seq: its number.
        """
        at = self._find(seq)
        if at is not None:
            self._log[at + _FLAGS] |= LATE
        else:
            self._buckets.late()
        self._changes += 1

    def repeated(self, seq: int) -> None:
        """
        A probe was answered once more.

        @param seq: its number.
        """
        at = self._find(seq)
        if at is not None:
            self._log[at + _FLAGS] = repeated(self._log[at + _FLAGS])
        else:
            self._buckets.repeated()
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
            row = (UNKNOWN, t1, t2, t3, t4, UNKNOWN, UNKNOWN)
            self._enter(now, (now, EXTRA, top, *row))

    def restart(self) -> None:
        """
        Forget the far clock: our own clock was set, or it may be another machine's.
        Offset and PDV begin again.
        """
        log = self._log
        log[_ROW + T2 :: _ENTRY] = array("q", [UNKNOWN]) * (len(log) // _ENTRY)
        self._buckets.forgetClock()
        self._changes += 1

    def _enter(self, now: int, entry: tuple[int, ...]) -> None:
        """
        Append an entry to the log, and hand over the oldest one.
        """
        log = self._log
        if len(log) >= LOG * _ENTRY:
            self._buckets.take(now, log[:_ENTRY], LOG - 1, self._answered)
            del log[:_ENTRY]
        log.extend(entry)
        self._changes += 1

    def _answered(self) -> int:
        """
        Give how many entries of the log have times.
        """
        log = self._log
        rtts, t2s = log[_ROW + RTT :: _ENTRY], log[_ROW + T2 :: _ENTRY]
        return sum(not rtt == UNKNOWN == t2 for rtt, t2 in zip(rtts, t2s, strict=True))

    def _find(self, seq: int) -> int | None:
        """
        Give the place of a probe in the log.
        """
        wanted = seq % NUMBERS
        log = self._log
        for at in range(len(log) - _ENTRY, -1, -_ENTRY):
            if number(log[at + _ROW]) == wanted and not log[at + _FLAGS] & (
                EXTRA | SKIPPED
            ):
                return at
        return None

    # --- What is known ----------------------------------------------------------------

    def over(self, now: int, window: WindowSpec) -> Figures:
        """
        Give the figures of a window.

        @param now: by the monotonic clock.
        @param window: one of those that the constructor got.
        @return: the same figures as before, if nothing has happened since.
        """
        changes, figures = self._found.get(window, (-1, Figures()))
        if changes != self._changes:
            figures = figuresOf(self._select(now, window))
            self._found[window] = self._changes, figures
        return figures

    def _select(self, now: int, window: WindowSpec) -> Selection:
        """
        Collect what is known of a window's probes.
        """
        log, buckets = self._log, self._buckets
        place = 0
        if window.length is not None:
            start = now - window.length
            place = sum(time <= start for time in log[_TIME::_ENTRY])
            bucket = len(buckets) if place else buckets.since(start)
            began = max(start, self._began)
            if not place:
                began = max(began, buckets.before(bucket))
        else:
            left = window.count or 0
            place = len(log) // _ENTRY
            while place and left:
                place -= 1
                left -= not log[place * _ENTRY + _FLAGS] & EXTRA
            bucket = buckets.last(left)
            times = log[place * _ENTRY :: _ENTRY]
            began = times[0] if times else now
            if bucket < len(buckets):
                began = buckets.began(bucket)
        entries = log[place * _ENTRY :]
        counts, bursts = buckets.counts(bucket), buckets.bursts(bucket)
        rows = array("q")
        for at in range(0, len(entries), _ENTRY):
            flags, top = entries[at + _FLAGS], entries[at + _ROW]
            tally(counts, 0, flags)
            if flags & LOST:
                bursts.lose(number(top))
            elif not flags & SKIPPED:
                rows += entries[at + _ROW : at + _BEFORE]
        every = buckets.every(bucket)
        return Selection(
            began=began,
            ended=now,
            isApart=self.isApart,
            pending=self.pending,
            counts=counts,
            bursts=bursts.lengths(),
            every=every,
            old=buckets.rows(bucket),
            oldIpdv=buckets.ipdv(bucket) if every > 1 else array("q"),
            rows=rows,
            extremes=buckets.rtts(bucket),
            hulls=buckets.hulls(bucket) if every > 1 else [],
        )
