"""
The figures of a whole run.
"""

from __future__ import annotations

from echostamp.measure.delay import Delays
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.oneway import oneWays
from echostamp.measure.result import Figures


def figuresOfRun(
    delays: Delays,
    offset: OffsetTracker,
    *,
    began: int,
    ended: int,
    skipped: int = 0,
    isApart: bool = False,
) -> Figures:
    """
    Return the figures of a whole run.

    @param delays: its round trips and losses.
    @param offset: what its probes say of the far clock.
    @param began: its beginning, by the monotonic clock.
    @param ended: its end.
    @param skipped: how many probes were due and could not be sent.
    @param isApart: whether the far end gives T2 and T3 apart.
    """
    run, rtt = delays.run, delays.rtt()
    ways = oneWays(run, offset)
    return Figures(
        began=began,
        ended=ended,
        sent=run.sent,
        received=run.received,
        lost=run.lost,
        skipped=skipped,
        late=run.late,
        duplicates=run.duplicates,
        reordered=run.reordered,
        altered=run.altered,
        untimed=run.received - (rtt.n if rtt else 0),
        bursts=delays.bursts(),
        rtt=rtt,
        rttFromDue=delays.rttFromDue(),
        ipdv=delays.ipdv(),
        forward=ways and ways[0],
        backward=ways and ways[1],
        offset=offset.report(),
        isApart=isApart,
    )
