"""
The figures of a window, from what was kept of its probes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

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
from echostamp.measure.quantiles import quantile
from echostamp.measure.result import Figures
from echostamp.measure.rows import ipdvOf, rttsOf, thinned
from echostamp.measure.selection import Selection
from echostamp.measure.windowclock import clockOf


def figuresOf(flows: Sequence[Selection]) -> Figures:
    """
    Return the figures of a window.

    @param flows: what is known of the probes of each flow; mostly there is one.  IPDV,
        PDV and bursts of loss are those within a flow.
    """
    counts, bursts = flows[0].counts, flows[0].bursts
    if len(flows) > 1:
        counts = list(map(sum, zip(*[each.counts for each in flows], strict=True)))
        bursts = _added([each.bursts for each in flows])
    every = max([each.every for each in flows])
    kept = [each.kept() for each in flows]
    sent, due = rttsOf(_together([thinned(rows, every) for rows in kept]))
    rtt, rttFromDue = summary(sent), summary(due)
    if every > 1:
        n = counts[C_RECEIVED] - counts[C_UNTIMED]
        allRtts = [_allRtts(each) for each in flows]
        rtt, rttFromDue = (
            _extended(each, n, [value for values in columns for value in values])
            for each, columns in zip(
                (rtt, rttFromDue), zip(*allRtts, strict=True), strict=True
            )
        )
    pending = sum([each.pending for each in flows])
    ways, report, _ = clockOf(flows, kept)
    return Figures(
        began=min([each.began for each in flows]),
        ended=max([each.ended for each in flows]),
        sent=counts[C_RECEIVED] + counts[C_LOST] + pending,
        received=counts[C_RECEIVED],
        lost=counts[C_LOST],
        skipped=counts[C_SKIPPED],
        late=counts[C_LATE],
        duplicates=counts[C_DUPLICATES],
        reordered=counts[C_REORDERED],
        altered=counts[C_ALTERED],
        untimed=counts[C_UNTIMED],
        bursts=bursts,
        every=every,
        rtt=rtt,
        rttFromDue=rttFromDue,
        ipdv=summary(_together([_ipdv(each, every) for each in flows])),
        forward=ways and ways[0],
        backward=ways and ways[1],
        offset=report,
        isApart=any(each.isApart for each in flows),
    )


def rttQuantiles(flows: Sequence[Selection], ps: Sequence[Fraction]) -> list[float]:
    """
    Return quantiles of the RTT that the L{figuresOf} the same probes do not have.

    @param flows: as for L{figuresOf}.
    @param ps: which quantiles, each from 0 to 1.
    @return: nanoseconds; nothing where no RTT is known.
    """
    every = max([each.every for each in flows])
    kept = _together([thinned(each.kept(), every) for each in flows])
    rtts = sorted(rttsOf(kept)[0])
    return [quantile(len(rtts), p, rtts.__getitem__) for p in ps] if rtts else []


def _added(counts: Sequence[Mapping[int, int]]) -> Mapping[int, int]:
    """
    Add counts that have keys.
    """
    found: Counter[int] = Counter()
    for each in counts:
        found.update(each)
    return found


def _together(columns: Sequence[array[int]]) -> array[int]:
    """
    Return arrays one after the other.
    """
    if len(columns) == 1:
        return columns[0]
    found = array("q")
    for each in columns:
        found += each
    return found


def _ipdv(found: Selection, every: int) -> array[int]:
    """
    Return the IPDV of the pairs of probes of one flow: of about every so many.
    """
    if found.every == 1:
        values = ipdvOf(found.kept())
    else:
        values = found.oldIpdv + ipdvOf(found.rows)[:: found.every]
    return values if every == found.every else values[:: every // found.every]


def _allRtts(found: Selection) -> tuple[list[int], list[int]]:
    """
    Return values between which all RTTs of one flow lie, and those of the RTT from when
    the probes were due.
    """
    new, old = rttsOf(found.rows), rttsOf(found.old)
    columns = zip(found.extremes, new, old, strict=True)
    sent, due = ([*extremes, *late, *early] for extremes, late, early in columns)
    return sent, due


def _extended(found: Summary | None, n: int, values: Sequence[int]) -> Summary | None:
    """
    Set the number and the extremes of a summary to those of all values.
    """
    if found is None:
        return None
    return found._replace(n=n, min=min(values), max=max(values), exact=False)
