"""
What a run of C{echostamp ping} found, as text.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR
from math import ceil, floor, log10

from echostamp.measure.block import Probe
from echostamp.measure.delay import Summary, lossPercent, rtts
from echostamp.measure.offsetwindow import FITS, NO_FIT, OffsetReport
from echostamp.measure.oneway import OneWay, oneWays
from echostamp.probe.measurement import Measurement
from echostamp.probe.prober import Pinger
from echostamp.times import SECOND
from echostamp.units import readable, zoneName

#: Outages that are told one by one.
_OUTAGES = 3

#: Parts per million of drift, from one bound to the other, that say nothing.
_NO_DRIFT = 1000

#: Rows of a histogram, and the characters of its longest bar.
ROWS, WIDTH = 16, 50

#: How many times as long as its beginning a histogram with rows of one width may be.
WIDE = 4

#: Decimals of a table's figures, by unit.
_PLACES = {1_000: 1, 1_000_000: 4, 1_000_000_000: 6}

#: Units of a table's rows, in nanoseconds.
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))

_BLOCKS = " ▏▎▍▌▋▊▉█"


def probeLine(probe: Probe, size: int, name: str, note: str) -> str:
    """
    Write a line about a probe.

    @param size: octets of its message.
    @param name: of the far end, whose address is short enough for each line.
    @param note: what is odd about it, if anything.
    """
    if probe.rttInTime is None or note == "duplicate":
        return f"seq={probe.seq} {note}"
    line = f"{size} bytes from {name}: seq={probe.seq} time={readable(probe.rttInTime)}"
    wait = probe.t1 - probe.due
    if wait >= 1_000_000:
        line += f" waited={readable(wait)}"
    return f"{line} ({note})" if note else line


def summary(pinger: Pinger, name: str) -> Iterator[str]:
    """
    Write the lines that sum a run up: sentences first, then figures.

    @param name: what to call the far end.
    """
    found = pinger.measurement
    run, rtt = found.delays.run, found.delays.rtt()
    report = found.offset.report()
    yield f"--- {name} ---"
    yield from _sentences(pinger, rtt, report)
    if rtt is not None:
        ways = oneWays(run, found.offset)
        yield ""
        yield from _table(
            [
                ("RTT", rtt),
                ("RTT from due", found.delays.rttFromDue()),
                ("IPDV", found.delays.ipdv()),
                ("PDV forward", ways and ways[0].pdv),
                ("PDV backward", ways and ways[1].pdv),
            ],
            isFine=found.isApart,
        )
        if found.isApart:
            yield "RTT is (T4 - T1) - (T3 - T2): without the time that the far end took"
        else:
            yield "RTT is T4 - T1: the time that the far end took is in it"
        if not rtt.exact:
            yield "percentiles are within 0.2 %: of so many probes a histogram is kept"
        yield ""
        if ways is not None:
            yield from _delays(*ways)
        elif report is not None:
            yield "one way       cannot be told: the stamps are not fine enough"
        if report is not None:
            yield f"drift         {_drift(report)}"
    yield from _connection(pinger)
    yield from pinger.way.told(found)
    odd = [
        f"{count} {one if count == 1 else more}"
        for count, one, more in [
            (run.late, "late", "late"),
            (run.duplicates, "duplicate", "duplicates"),
            (run.reordered, "reordered", "reordered"),
            (run.altered, "altered", "altered"),
            (found.strange, "line that answers nothing", "lines that answer nothing"),
            (found.steps, "step of our own clock", "steps of our own clock"),
            (found.zone.changes, "change of summer time", "changes of summer time"),
        ]
        if count
    ]
    if odd:
        yield f"also seen     {', '.join(odd)}"
    if rtt is not None:
        figures = [rtt.min, rtt.mean, rtt.max, rtt.stddev]
        text = "/".join("-" if ns is None else f"{ns / 1e6:.3f}" for ns in figures)
        yield ""
        yield f"rtt min/avg/max/mdev = {text} ms"


def _drift(report: OffsetReport) -> str:
    """
    Say how fast the far clock gains on ours, to the digits that its bounds support.
    """
    low, high = report.driftLowPpm, report.driftHighPpm
    over = f"over {readable(report.window)}"
    if high - low >= _NO_DRIFT:
        return (
            f"cannot be told: anything from {low:+.0f} to {high:+.0f} ppm fits {over}"
        )
    digits = max(0, ceil(-log10(max(high - low, 1e-9) / 2)))
    grain = 10**digits
    bounds = f"{floor(low * grain) / grain:+g} and {ceil(high * grain) / grain:+g}"
    return f"{report.driftPpm:+.{digits}f} ppm, between {bounds}, {over}"


def _sentences(
    pinger: Pinger, rtt: Summary | None, report: OffsetReport | None
) -> Iterator[str]:
    """
    Say what a hurried reader wants to know.
    """
    found = pinger.measurement
    run = found.delays.run
    seconds = pinger.elapsed / 1e9
    counts = f"{run.sent} sent, {run.received} received, {run.lost} unanswered"
    percent = lossPercent(run)
    if percent is not None:
        counts += f" ({percent:.3g} %)"
    if run.pending:
        counts += f", {run.pending} still under way"
    if found.skipped:
        counts += f", {found.skipped} not sent in their time"
    yield f"{counts}, in {seconds:.3f} s."
    if run.lost:
        bursts = ", ".join(
            f"{n} x {length}" for length, n in found.delays.bursts().items()
        )
        yield f"Unanswered in a row: {bursts}."
    yield from _outages(found)
    if found.holdUps:
        times = "once" if found.holdUps == 1 else f"{found.holdUps} times"
        yield (
            f"This end was held up {times}, for {readable(found.heldUpFor)} in all: "
            "what was under way then has no RTT."
        )
    if rtt is None:
        return
    most, which = (rtt.p99, "99 %") if rtt.n >= 100 else (rtt.max, "all")
    yield (
        f"A reply takes {readable(rtt.median)} (median), {which} come within "
        f"{readable(most)}."
    )
    if report is None:
        why = "no stamp that can be read" if not found.stamped else "not enough stamps"
        yield f"The far clock cannot be told: {why}."
        return
    yield from _clock(pinger, report)


def _outages(found: Measurement) -> Iterator[str]:
    """
    Tell of the times without a connection: of many, the last ones.
    """
    if found.outageCount > _OUTAGES:
        yield (
            f"No connection {found.outageCount} times, for "
            f"{readable(found.outageLength)} in all. The last ones:"
        )
    for outage in list(found.outages)[-_OUTAGES:]:
        start = datetime.fromtimestamp(outage.start // SECOND).astimezone()
        length = outage.length
        time = "until the end" if length is None else f"for {readable(length)}"
        error = f" Then: {outage.error.rstrip('.')}." if outage.error else ""
        yield (
            f"No connection from {start:%Y-%m-%d %H:%M:%S %z} {time}: "
            f"{outage.reason}.{error}"
        )


def offsetBounds(report: OffsetReport) -> str:
    """
    Say between what the offset lies, rounded outwards.
    """
    grain = (report.high - report.low) / 20
    low = readable(report.low, grain, True, ROUND_FLOOR)
    high = readable(report.high, grain, True, ROUND_CEILING)
    return f"between {low} and {high}"


def _clock(pinger: Pinger, report: OffsetReport) -> Iterator[str]:
    """
    Say what the far clock shows.
    """
    width = (report.high - report.low) / 2
    estimate = readable(abs(report.estimate), width)
    if report.low <= 0 <= report.high:
        greatest = max(-report.low, report.high)
        most = readable(greatest, width / 10, rounding=ROUND_CEILING)
        yield f"The far clock agrees with ours, as far as can be told: within {most}."
    else:
        way = "ahead of" if report.estimate > 0 else "behind"
        yield f"The far clock is {estimate} {way} ours: {offsetBounds(report)}."
    if report.verdict == NO_FIT:
        yield f"It is not to be relied on: {report.verdict}."
    elif report.verdict != FITS:
        yield f"With doubt: {report.verdict}."
    zone = pinger.measurement.zone
    if pinger.measurement.zoneless and zone.zone is not None:
        word = "assumed" if zone.assumed else "told"
        yield f"Its stamps name no zone: UTC{zoneName(zone.zone)} is {word} (--zone)."


def _table(rows: list[tuple[str, Summary | None]], isFine: bool) -> Iterator[str]:
    """
    Write summaries below one another, each in the unit in which its greatest is short:
    79 columns.

    @param isFine: whether a nanosecond means something.
    """
    names = ("min", "mean", "median", "p90", "p99", "p99.9", "max", "stddev")
    yield " " * 15 + "".join(f"{name:>8}" for name in names)
    for title, row in rows:
        if row is None or row.n < 2 <= len(title.split()):
            continue
        values = (
            *(row.min, row.mean, row.median, row.p90),
            *(row.p99, row.p999, row.max, row.stddev),
        )
        greatest = max(abs(each) for each in values if each is not None)
        unit, name = next((unit for unit in _UNITS if greatest >= unit[0]), _UNITS[-1])
        cells = "".join(f"{_cell(each, unit, isFine):>8}" for each in values)
        yield f"{title:<12}{name:>3}{cells}"


def _cell(ns: float | None, unit: int, isFine: bool) -> str:
    """
    Write a figure of a table in at most seven characters, and no finer than a hundred
    nanoseconds unless less means something.
    """
    if ns is None:
        return "-"
    places = 3 if unit == 1_000 and isFine else _PLACES[unit]
    text = f"{ns / unit:.{places}f}"
    while places and len(text) > 7:
        places -= 1
        text = f"{ns / unit:.{places}f}"
    return text


def _delays(forward: OneWay, backward: OneWay) -> Iterator[str]:
    """
    Say between what the one-way delays lie.
    """
    for title, way in ("forward", forward), ("backward", backward):
        if way.range is None:
            continue
        low, high = way.range.median
        yield (
            f"{title:<13} {readable(low)} to {readable(high)} (median): asymmetric "
            "paths can put it anywhere in here"
        )
    if forward.pdv is None or backward.pdv is None:
        yield "PDV           cannot be told: too few probes in a window"


def _connection(pinger: Pinger) -> Iterator[str]:
    """
    Say how the connection was made, and what the kernel thinks of it.
    """
    if pinger.setUps:
        first = pinger.setUps[0]
        steps = [
            f"{name} {readable(value)}"
            for name, value in [
                ("resolve", first.resolve),
                ("connect", first.connect),
                ("TLS", first.tls),
                ("first reply", first.firstReply),
            ]
            if value is not None
        ]
        if steps:
            yield f"set-up        {', '.join(steps)}"
    kernel = pinger.kernel
    if kernel is not None:
        again = kernel.retransmissions
        yield (
            f"kernel        smoothed RTT {readable(kernel.smoothedRtt)}, "
            f"{again} retransmission{'' if again == 1 else 's'}"
        )


def histogram(pinger: Pinger) -> Iterator[str]:
    """
    Draw how many round trips were how long, up to the 99th percentile, and how many
    were longer.  Where the longest of them took many times as long as the shortest, the
    rows grow by a factor, else by a duration.
    """
    rtt = pinger.measurement.delays.rtt()
    if rtt is None:
        return
    values: array[int] = rtts(pinger.measurement.delays.run.blocks())
    rows = min(ROWS, rtt.n)
    low, high = max(rtt.min, 1), max(round(rtt.p99), rtt.min + rows)
    if high > WIDE * low:
        edges = [low * (high / low) ** (row / rows) for row in range(rows + 1)]
    else:
        edges = [low + (high - low) * row / rows for row in range(rows + 1)]
    counts = [0] * (rows + 1)
    for value in values:
        counts[max(bisect_right(edges, value) - 1, 0)] += 1
    most = max(counts)
    for row, (edge, count) in enumerate(zip(edges, counts, strict=True)):
        start = ("≥ " if row == rows else "") + readable(edge)
        eighths = max(round(count * WIDTH * 8 / most), 1) if count else 0
        bar = "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()
        yield f"{start:>12} {bar} {count}" if count else f"{start:>12}"
