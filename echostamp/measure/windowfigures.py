"""
The figures of a window, from what was kept of its probes.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import and_

from echostamp.measure.block import UNKNOWN
from echostamp.measure.counts import (
    C_ALTERED,
    C_DUPLICATES,
    C_LATE,
    C_LOST,
    C_RECEIVED,
    C_REORDERED,
    C_SKIPPED,
    C_UNTIMED,
)
from echostamp.measure.delay import Summary, summary
from echostamp.measure.hull import boundsOf, joined
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import NO_FIT, OffsetReport, OffsetWindow
from echostamp.measure.oneway import OneWay, oneWays, oneWaysOf
from echostamp.measure.result import Figures
from echostamp.measure.rows import (
    HEAD,
    RTT,
    T1,
    T2,
    T4,
    WAIT,
    WIDTH,
    areProbes,
    hullsOf,
    ipdvOf,
    residencesOf,
    resolution,
    rttsOf,
    thinned,
    timedOf,
)
from echostamp.measure.samples import Run
from echostamp.measure.timedprobes import TimedProbes
from echostamp.measure.windowspec import PARTS
from echostamp.times import SECOND

#: Nanoseconds for which two clocks are taken to run at constant rates: five minutes,
#: and by how much the beginning of such a window may be rounded.
LONGEST = 300 * SECOND * (PARTS + 1) // PARTS

#: Bounds of the offset from above, from below, and the coarsest resolution of the
#: stamps.
Hulls = tuple[list[int], list[int], int]

#: Both one-way delays, the offset, and the bounds from which it comes, as far as they
#: are known.
Clock = tuple[tuple[OneWay, OneWay] | None, OffsetReport | None, OffsetWindow | None]

NO_CLOCK: Clock = None, None, None


@dataclass(frozen=True)
class Selection:
    """
    What is known of a window's probes.

    @ivar began: the beginning of the span, by the monotonic clock.
    @ivar ended: its end.
    @ivar isApart: whether the far end gives T2 and T3 apart.
    @ivar resolution: the far end's stamps are no finer than this.
    @ivar pending: how many probes are in flight.
    @ivar counts: counts of the others.
    @ivar bursts: the length of a burst of loss, to how many there were.
    @ivar every: there is a row of every probe whose number is a multiple of this.
    @ivar old: rows of earlier probes.
    @ivar oldIpdv: the IPDV of every so many pairs of earlier probes.
    @ivar rows: the rows of all later ones.
    @ivar extremes: values between which the RTTs of those earlier probes lie that have
        no row: from sending, and from when the probes were due.
    @ivar hulls: where C{every} is above 1, the bounds of the offset that the earlier
        probes give.
    """

    began: int
    ended: int
    isApart: bool
    resolution: int
    pending: int
    counts: Sequence[int]
    bursts: Mapping[int, int]
    every: int
    old: array[int]
    oldIpdv: array[int]
    rows: array[int]
    extremes: tuple[list[int], list[int]]
    hulls: Sequence[Hulls]

    def kept(self) -> array[int]:
        """Return a row of every so many probes."""
        return thinned(self.old, self.every) + thinned(self.rows, self.every)

    def residences(self) -> list[int]:
        """
        Return how long the far end had each of these probes, in nanoseconds.  They are
        no part of the figures, which are kept and asked for more often.

        @return: none where the far end does not give T2 and T3 apart.
        """
        return residencesOf(self.kept()) if self.isApart else []


def figuresOf(found: Selection) -> Figures:
    """
    Return the figures of a window.
    """
    counts, isExact = found.counts, found.every == 1
    kept = found.kept()
    sent, due = rttsOf(kept)
    rtt, rttFromDue = summary(sent), summary(due)
    if isExact:
        ipdv = ipdvOf(kept)
    else:
        ipdv = found.oldIpdv + ipdvOf(found.rows)[:: found.every]
        allRtts = rttsOf(found.rows), rttsOf(found.old)
        n = counts[C_RECEIVED] - counts[C_UNTIMED]
        rtt, rttFromDue = (
            _extended(each, n, [*extremes, *new, *old])
            for each, extremes, new, old in zip(
                (rtt, rttFromDue), found.extremes, *allRtts, strict=True
            )
        )
    ways, report, _ = _clock(found, kept)
    return Figures(
        began=found.began,
        ended=found.ended,
        sent=counts[C_RECEIVED] + counts[C_LOST] + found.pending,
        received=counts[C_RECEIVED],
        lost=counts[C_LOST],
        skipped=counts[C_SKIPPED],
        late=counts[C_LATE],
        duplicates=counts[C_DUPLICATES],
        reordered=counts[C_REORDERED],
        altered=counts[C_ALTERED],
        untimed=counts[C_UNTIMED],
        bursts=found.bursts,
        every=found.every,
        rtt=rtt,
        rttFromDue=rttFromDue,
        ipdv=summary(ipdv),
        forward=ways and ways[0],
        backward=ways and ways[1],
        offset=report,
        isApart=found.isApart,
    )


def boundsFrom(found: Selection) -> OffsetWindow | None:
    """
    Return the bounds of the offset that a window's probes give.
    """
    window = _clock(found, found.kept(), hasWays=False)[2]
    if window is not None:
        window.forgetDelays()
    return window


def offsetFrom(found: Selection) -> OffsetReport | None:
    """
    Return the offset of a window's figures, in half the time of L{figuresOf}.
    """
    return _clock(found, found.kept(), hasWays=False)[1]


def _clock(found: Selection, kept: array[int], hasWays: bool = True) -> Clock:
    """
    Return what a window's probes say of the far clock.

    @param kept: the rows, here and below.
    @param hasWays: whether to compute the one-way delays, too; likewise.
    """
    if found.every == 1:
        return _exactClock(found, kept, hasWays)
    return _thinnedClock(found, kept, hasWays)


def _extended(found: Summary | None, n: int, values: Sequence[int]) -> Summary | None:
    """
    Set the number and the extremes of a summary to those of all values.
    """
    if found is None:
        return None
    return found._replace(n=n, min=min(values), max=max(values), exact=False)


def _exactClock(found: Selection, kept: array[int], hasWays: bool) -> Clock:
    """
    Return what all probes say of the far clock.
    """
    probes = timedOf(kept, found.isApart, found.resolution)
    isProbe = areProbes(kept)
    if not probes:
        return NO_CLOCK
    window = None
    began, ended = probes.span()
    if ended - began <= LONGEST:
        window = OffsetWindow.of(probes, *probes.fewBounds())
    if window is None:
        return _tracked(found, kept)
    ways = None
    if hasWays:
        ways = oneWaysOf(probes if isProbe is None else probes.only(isProbe), window)
    return ways, window.report(probes=probes), window


def _tracked(found: Selection, kept: array[int]) -> Clock:
    """
    Return what all probes say of the far clock where they are of more than one window.
    """
    run, tracker = Run(), OffsetTracker(LONGEST)
    tracker.resolve(found.resolution)
    columns = zip(
        *(kept[column::WIDTH] for column in (T1, HEAD, WAIT, T2, T4, RTT)), strict=True
    )
    for t1, top, wait, t2, t4, rtt in sorted(columns):
        if t2 != UNKNOWN:
            t3 = t2 + t4 - t1 - rtt if found.isApart else t2
            coarse = resolution(top)
            tracker.add(run.sent, t1, t2, t3, t4, coarse)
            if wait != UNKNOWN:
                run.reply(run.send(t1, t1), t4, None, t2, t3, coarse)
    return oneWays(run, tracker), tracker.report(), tracker.window()


def _thinnedClock(found: Selection, kept: array[int], hasWays: bool) -> Clock:
    """
    Return what is known of the far clock, by the bounds that all probes give and by the
    rows that are kept.
    """
    apart = found.isApart, found.resolution
    probes, isProbe = timedOf(kept, *apart), areProbes(kept)
    pieces = [piece for piece in found.hulls if piece[0]]
    for at in range(0, len(found.rows), WIDTH):
        one = timedOf(found.rows[at : at + WIDTH], *apart)
        if one:
            pieces.append((*hullsOf(one), one.resolutions[0]))
    if not pieces:
        return NO_CLOCK
    first = pieces[-1][0][-2] - LONGEST
    pieces = [piece for piece in pieces if piece[0][0] >= first]
    clock = _fitted(pieces, probes, isProbe, hasWays)
    if clock is not None:
        return clock
    # No line fits all of them: look for the most of the last ones that one fits.
    fit, misfit = 0, len(pieces)
    while misfit - fit > 1:
        middle = (fit + misfit) // 2
        tried = _fitted(pieces[-middle:], probes, isProbe, hasWays)
        fit, misfit = (fit, middle) if tried is None else (middle, misfit)
        clock = clock if tried is None else tried
    if clock is None:
        return NO_CLOCK
    ways, report, window = clock
    return ways, report and report._replace(verdict=NO_FIT), window


def _fitted(
    pieces: Sequence[Hulls],
    probes: TimedProbes,
    isProbe: list[bool] | None,
    hasWays: bool,
) -> Clock | None:
    """
    Return what pieces of a window say of the far clock.

    @param pieces: in the order of time; at least one.
    @param probes: the times that are kept, also of other pieces.
    @param isProbe: which of them are those of probes; L{None}: all.
    @return: L{None} where no line fits.
    """
    uppers, lowers = list(pieces[0][0]), list(pieces[0][1])
    for upper, lower, _ in pieces[1:]:
        uppers, lowers = joined(uppers, upper), joined(lowers, lower)
    began = min(upper[0] for upper, _, _ in pieces)
    isIn = [t1 >= began for t1 in probes.t1]
    inside = probes.only(isIn)
    if not inside:
        return NO_CLOCK
    window = OffsetWindow.of(inside, boundsOf(uppers), boundsOf(lowers))
    if window is None:
        return None
    window.resolution = max(coarse for _, _, coarse in pieces)
    ways = None
    if hasWays:
        isCounted = isIn if isProbe is None else map(and_, isIn, isProbe)
        ways = oneWaysOf(probes.only(isCounted), window)
    return ways, window.report(probes=inside), window
