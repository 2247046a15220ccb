"""
Writes a run's result as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR
from enum import Enum
from math import ceil, floor

from echostamp.measure.offsetwindow import FITS, NO_FIT, OffsetReport
from echostamp.measure.result import Figures, Result
from echostamp.report import details
from echostamp.report.screen import COLUMNS, fitted, joined, percent, times
from echostamp.rfc8762.findings import Findings
from echostamp.text import counted
from echostamp.times import SECOND
from echostamp.units import readable, zoneName

#: The most outages that are described one by one.
_OUTAGES = 3

#: The space below a label.
_INDENT = " " * 14


class Detail(Enum):
    """
    How much a report says.
    """

    #: Four lines at most.
    BRIEF = "brief"
    #: What is good to know, and a warning of what is not.
    USUAL = "usual"
    #: All figures.
    FULL = "full"


def summary(
    result: Result,
    title: str,
    detail: Detail = Detail.USUAL,
    isPaced: bool = True,
) -> Iterator[str]:
    """
    Write a report of a run.  Its lines fit a terminal.

    @param title: the first line.
    @param isPaced: whether there was an interval between the probes.
    """
    yield title
    counts = joined(_counts(result))
    if detail is Detail.BRIEF:
        yield next(counts).rstrip(",")
        yield from _brief(result)
    else:
        yield from counts
        for line in _lines(result, detail is Detail.FULL, isPaced):
            yield from fitted(line)
    yield from _last(result)


def _lines(result: Result, isFull: bool, isPaced: bool) -> Iterator[str]:
    """
    Write what is between the counts and the last line.
    """
    session = result.session
    yield from _bursts(result.figures, isFull)
    yield from _outages(result)
    if result.stalls:
        yield (
            f"held up       {times(result.stalls)}, for "
            f"{readable(result.stalledFor)} in all: what was in flight has no RTT"
        )
    yield from _clock(result)
    if isFull:
        yield from details.figures(result)
    yield from _oneWay(result.figures)
    if isFull:
        yield from details.farClock(result)
        yield from details.connection(result)
    if isinstance(session, Findings):
        # A report of the line protocol has no words of STAMP's.
        from echostamp.report import stampfigures

        if isFull:
            yield from stampfigures.lines(session, result)
        yield from stampfigures.notable(session, result, isPaced)
    if odd := ", ".join(_odd(result)):
        yield f"also seen     {odd}"
    if isFull and result.figures.rtt is not None:
        yield ""


def _brief(result: Result) -> Iterator[str]:
    """
    Write the far clock in one line.
    """
    offset = result.figures.offset
    if result.figures.rtt is None:
        return
    line, *_ = _clock(result)
    doubts = []
    if offset is not None and offset.verdict != FITS:
        doubts.append("unreliable" if offset.verdict == NO_FIT else "doubtful")
    if result.zone is not None and result.zone.isAssumed:
        doubts.append(f"UTC{zoneName(result.zone.ahead)} assumed")
    mark = f" ({', '.join(doubts)})" if doubts else ""
    if len(line + mark) > COLUMNS:
        line = line.partition(",")[0]
    yield line + mark


def _last(result: Result) -> Iterator[str]:
    """
    Write the line with which ping(8) ends.
    """
    rtt = result.figures.rtt
    if rtt is not None:
        values = rtt.min, rtt.mean, rtt.max, rtt.mdev
        text = "/".join(f"{ns / 1e6:.3f}" for ns in values)
        yield f"rtt min/avg/max/mdev = {text} ms"


def _counts(result: Result) -> Iterator[str]:
    """
    Write how many probes there were, and which share was lost.
    """
    figures = result.figures
    yield f"{figures.sent} sent"
    yield f"{figures.received} received"
    if figures.lossPercent is not None:
        yield f"{percent(figures.lossPercent)} loss"
    if figures.availability is not None:
        yield f"{percent(figures.availability)} available"
    yield f"in {spanText(result.elapsed)}"
    if figures.skipped:
        yield f"{figures.skipped} not sent"
    if figures.pending:
        yield f"{figures.pending} in flight"


def spanText(ns: int) -> str:
    """
    Write how long something took, from a run of seconds to one of weeks.
    """
    seconds = ns // SECOND
    if seconds < 60:
        return f"{ns / SECOND:.3f} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _bursts(figures: Figures, isFull: bool) -> Iterator[str]:
    """
    Write how many probes were lost one after another.
    """
    bursts = figures.bursts
    if isFull and bursts:
        counts = [
            f"{length} ({times(count)})" for length, count in sorted(bursts.items())
        ]
        yield f"lost in a row {', '.join(counts)}"
    elif bursts and max(bursts) > 1:
        yield f"lost in a row {max(bursts)} at most"


def _odd(result: Result) -> Iterator[str]:
    """
    Write which unusual events there were, and how often.
    """
    figures = result.figures
    for count, one, more in [
        (figures.late, "late", "late"),
        (figures.duplicates, "duplicate", "duplicates"),
        (figures.reordered, "reordered", "reordered"),
        (figures.altered, "altered", "altered"),
        (result.strange, "line that answers nothing", "lines that answer nothing"),
        (result.clockSteps, "step of our own clock", "steps of our own clock"),
        (result.zoneChanges, "change of summer time", "changes of summer time"),
    ]:
        if count:
            yield counted(count, one, more)


def _outages(result: Result) -> Iterator[str]:
    """
    Write about the times without a connection; if there are many, about the last ones.
    """
    if result.outageCount > _OUTAGES:
        yield (
            f"no connection {times(result.outageCount)}, for "
            f"{readable(result.outageLength)} in all; the last ones:"
        )
    for outage in result.outages[-_OUTAGES:]:
        start = datetime.fromtimestamp(outage.start // SECOND).astimezone()
        length = outage.length
        time = "until the end" if length is None else f"for {readable(length)}"
        error = f"; then: {outage.error.rstrip('.')}" if outage.error else ""
        yield (
            f"no connection from {start:%Y-%m-%d %H:%M:%S %z} {time}: "
            f"{outage.reason}{error}"
        )


def offsetBounds(report: OffsetReport) -> str:
    """
    Write the bounds of the offset, rounded outwards.
    """
    grain = (report.high - report.low) / 20
    low = readable(report.low, grain, True, ROUND_FLOOR)
    high = readable(report.high, grain, True, ROUND_CEILING)
    return f"between {low} and {high}"


def _clock(result: Result) -> Iterator[str]:
    """
    Write about the far clock: the offset, and below it what makes it doubtful.
    """
    report, zone = result.figures.offset, result.zone
    if result.figures.rtt is None:
        return
    if report is None:
        why = "too few stamps" if result.stamped else "no stamp that can be read"
        yield f"far clock     not known: {why}"
        return
    width = (report.high - report.low) / 2
    if report.low <= 0 <= report.high:
        greatest = max(-report.low, report.high)
        most = readable(greatest, width / 10, rounding=ROUND_CEILING)
        yield (
            f"far clock     agrees with ours within {most}, the limit of this "
            "measurement"
        )
    else:
        way = "ahead" if report.estimate > 0 else "behind"
        estimate = readable(abs(report.estimate), width)
        yield f"far clock     {estimate} {way}, {offsetBounds(report)}"
    if report.verdict == NO_FIT:
        yield f"{_INDENT}do not rely on it: {report.verdict}"
    elif report.verdict != FITS:
        yield f"{_INDENT}with doubt: {report.verdict}"
    if zone is not None:
        word = "assumed" if zone.isAssumed else "given"
        name = f"UTC{zoneName(zone.ahead)}"
        yield f"{_INDENT}its stamps name no zone: {name} is {word} (--zone)"


def _oneWay(figures: Figures) -> Iterator[str]:
    """
    Write the bounds of the one-way delays, rounded outwards.
    """
    forward, backward = figures.forward, figures.backward
    if forward is None or backward is None:
        if figures.offset is not None:
            yield "one way       not known: the stamps are too coarse"
        return
    ways = [
        f"{floor(way.range.median.low / 1000) / 1000:.3f} to "
        f"{ceil(way.range.median.high / 1000) / 1000:.3f} ms {where}"
        for way, where in ((forward, "there"), (backward, "back"))
        if way.range is not None
    ]
    if ways:
        yield f"one way       {', '.join(ways)} (median);"
        yield f"{_INDENT}asymmetric paths can put each anywhere in its range"
