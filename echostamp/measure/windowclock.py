"""
What the probes of a window say of the far clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import chain
from operator import and_
from typing import NamedTuple, TypeVar

from echostamp.measure.block import UNKNOWN
from echostamp.measure.hull import Bound, boundsOf, hullOf, joined
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.offsetwindow import DOUBTFUL, NO_FIT, OffsetReport, OffsetWindow
from echostamp.measure.oneway import OneWay, leastDelays, oneWays, oneWaysOf
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
    resolution,
    timedOf,
)
from echostamp.measure.samples import Run
from echostamp.measure.selection import Hulls, Selection
from echostamp.measure.timedprobes import TimedProbes
from echostamp.measure.windowspec import PARTS
from echostamp.times import SECOND

#: Nanoseconds for which two clocks are taken to run at constant rates: five minutes,
#: and by how much the beginning of such a window may be rounded.
LONGEST = 300 * SECOND * (PARTS + 1) // PARTS

#: Both one-way delays, the offset, and the bounds from which it comes, as far as they
#: are known.
Clock = tuple[tuple[OneWay, OneWay] | None, OffsetReport | None, OffsetWindow | None]

NO_CLOCK: Clock = None, None, None

T = TypeVar("T")


class _Piece(NamedTuple):
    """
    Bounds of the offset that some probes give, which are used together or not at all.

    @ivar began: when the first of these probes was sent.
    """

    began: int
    upper: Sequence[Bound]
    lower: Sequence[Bound]


def boundsFrom(found: Selection) -> OffsetWindow | None:
    """
    Return the bounds of the offset that a window's probes give.
    """
    window = clockOf([found], [found.kept()], hasWays=False)[2]
    if window is not None:
        window.forgetDelays()
    return window


def offsetFrom(flows: Sequence[Selection]) -> OffsetReport | None:
    """
    Return the offset of a window's figures, in half the time of all of them.

    @param flows: what is known of the probes of each flow.
    """
    return clockOf(flows, [each.kept() for each in flows], hasWays=False)[1]


def clockOf(
    flows: Sequence[Selection], kept: Sequence[array[int]], hasWays: bool = True
) -> Clock:
    """
    Return what a window's probes say of the far clock.

    @param flows: what is known of the probes of each flow.
    @param kept: the rows of each.
    @param hasWays: whether to compute the one-way delays, too; likewise below.
    """
    if len(flows) > 1:
        return _clockOfFlows(flows, kept, hasWays)
    if flows[0].every == 1:
        return _exactClock(flows[0], kept[0], hasWays)
    return _thinnedClock(flows[0], kept[0], hasWays)


def _exactClock(found: Selection, kept: array[int], hasWays: bool) -> Clock:
    """
    Return what all probes say of the far clock.

    @param kept: a row of each, here and below.
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
        counted = probes if isProbe is None else probes.only(isProbe)
        ways = oneWaysOf([counted], window)
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

    @param kept: the rows.
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
    return _ofLast(pieces, lambda last: _fitted(last, probes, isProbe, hasWays))


def _ofLast(pieces: list[T], fitted: Callable[[list[T]], Clock | None]) -> Clock:
    """
    Return what all pieces of a window say of the far clock; or, if no line fits all of
    them, the most of the last ones that one fits.

    @param pieces: in the order of time; at least one.
    @param fitted: returns what some say; L{None} where no line fits.
    """
    clock = fitted(pieces)
    if clock is not None:
        return clock
    fit, misfit = 0, len(pieces)
    while misfit - fit > 1:
        middle = (fit + misfit) // 2
        tried = fitted(pieces[-middle:])
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
        counted = inside
        if isProbe is not None:
            counted = probes.only(map(and_, isIn, isProbe))
        ways = oneWaysOf([counted], window)
    return ways, window.report(probes=inside), window


def _clockOfFlows(
    flows: Sequence[Selection], kept: Sequence[array[int]], hasWays: bool
) -> Clock:
    """
    Return what the probes of several flows say of the far clock, which is one clock.
    Each flow has delays of its own.  None has extra probes.

    @param kept: the rows of each flow.
    """
    probes = [
        timedOf(rows, each.isApart, each.resolution)
        for each, rows in zip(flows, kept, strict=True)
    ]
    pieces = sorted(chain.from_iterable(map(_piecesOf, flows, probes)))
    if not pieces:
        return NO_CLOCK
    first = pieces[-1].began - LONGEST
    pieces = [piece for piece in pieces if piece.began >= first]
    return _ofLast(pieces, lambda last: _fittedFlows(last, probes, hasWays))


def _piecesOf(flow: Selection, probes: TimedProbes) -> list[_Piece]:
    """
    Return the bounds of the offset that one flow gives.

    @param probes: the probes whose rows are kept.
    """
    if flow.every > 1:
        probes = timedOf(flow.rows, flow.isApart, flow.resolution)
    pieces = [
        _Piece(upper[0], [*boundsOf(upper)], [*boundsOf(lower)])
        for upper, lower, _ in flow.hulls
        if upper
    ]
    pairs = zip(*probes.bounds(), strict=True)
    return pieces + [_Piece(upper[0], [upper], [lower]) for upper, lower in pairs]


def _fittedFlows(
    pieces: Sequence[_Piece], probes: Sequence[TimedProbes], hasWays: bool
) -> Clock | None:
    """
    Return what pieces of several flows say of the far clock.

    @param pieces: in the order of time; at least one.
    @param probes: for each flow, the times that are kept, also of other pieces.
    @return: L{None} where no line fits.
    """
    began = pieces[0].began
    flows = [each.only(t1 >= began for t1 in each.t1) for each in probes]
    flows = [each for each in flows if each]
    if not flows:
        return NO_CLOCK
    uppers = hullOf(chain.from_iterable(piece.upper for piece in pieces))
    lowers = hullOf(chain.from_iterable(piece.lower for piece in pieces))
    window = OffsetWindow.of(
        TimedProbes.together(flows), boundsOf(uppers), boundsOf(lowers)
    )
    if window is None:
        return None
    window.leastRtt = leastDelays(flows, window)
    ways = oneWaysOf(flows, window) if hasWays else None
    # A clock that was slewed moves the delays of a flow.
    reports = (window.report(len(flows), each) for each in flows)
    first = next(reports)
    report = next((each for each in reports if each.verdict == DOUBTFUL), first)
    return ways, report, window
