"""
What a run of C{echostamp ping} found, as text.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR
from math import ceil, floor

from echostamp.client.durations import readable, zoneName
from echostamp.client.pinger import Pinger
from echostamp.measure.delay import Summary, lossPercent, rtts
from echostamp.measure.offset import FITS, NO_FIT, OffsetReport
from echostamp.measure.oneway import OneWay, oneWays
from echostamp.measure.samples import Probe

#: Rows of a histogram, and the characters of its longest bar.
ROWS, WIDTH = 16, 50

_BLOCKS = " ▏▎▍▌▋▊▉█"


def probeLine(probe: Probe, size: int, name: str, note: str) -> str:
    """
    Write a line about a probe.

    @param size: octets of its message.
    @param name: of the far end.
    @param note: what is odd about it, if anything.
    """
    if probe.rttInTime is None:
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
    if rtt is None:
        return
    ways = oneWays(run, found.offset)
    yield ""
    yield from _table(
        [
            ("RTT", rtt),
            ("RTT from due", found.delays.rttFromDue()),
            ("IPDV", found.delays.ipdv()),
            ("PDV forward", ways and ways[0].pdv),
            ("PDV backward", ways and ways[1].pdv),
        ]
    )
    if not rtt.exact:
        yield "percentiles are within 0.2 %: of so many probes a histogram is kept"
    yield ""
    if ways is not None:
        yield from _delays(*ways)
    else:
        yield "one way       cannot be told: that takes stamps finer than a round trip"
    if report is not None:
        yield (
            f"drift         {report.driftPpm:+.3g} ppm, between "
            f"{floor(10 * report.driftLowPpm) / 10:+g} and "
            f"{ceil(10 * report.driftHighPpm) / 10:+g}, over "
            f"{readable(report.window)}"
        )
    yield from _connection(pinger)
    odd = [
        f"{count} {one if count == 1 else more}"
        for count, one, more in [
            (run.late, "late", "late"),
            (run.duplicates, "duplicate", "duplicates"),
            (run.reordered, "reordered", "reordered"),
            (run.altered, "altered", "altered"),
            (found.skipped, "not sent in its time", "not sent in their time"),
            (found.steps, "step of our own clock", "steps of our own clock"),
            (found.zone.changes, "change of summer time", "changes of summer time"),
        ]
        if count
    ]
    if odd:
        yield f"also seen     {', '.join(odd)}"
    unit = 1e6
    figures = [rtt.min, rtt.mean, rtt.max, rtt.stddev or 0]
    text = "/".join(f"{each / unit:.3f}" for each in figures)
    yield ""
    yield f"rtt min/avg/max/mdev = {text} ms"


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
    yield f"{counts}, in {seconds:.3f} s."
    if run.lost:
        bursts = ", ".join(
            f"{n} x {length}" for length, n in found.delays.bursts().items()
        )
        yield f"Unanswered in a row: {bursts}."
    for outage in found.outages:
        length = outage.length
        time = "until the end" if length is None else f"for {readable(length)}"
        yield f"No connection {time}: {outage.reason}."
    if rtt is None:
        return
    yield (
        f"A reply takes {readable(rtt.median)} (median), 99 % come within "
        f"{readable(rtt.p99)}."
    )
    if report is None:
        why = "no stamp that can be read" if not found.stamped else "not enough stamps"
        yield f"The far clock cannot be told: {why}."
        return
    yield from _clock(pinger, report)


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


def _table(rows: list[tuple[str, Summary | None]]) -> Iterator[str]:
    """
    Write summaries below one another.
    """
    names = ("min", "mean", "median", "p90", "p99", "p99.9", "max", "stddev")
    yield " " * 13 + "".join(f"{name:>12}" for name in names)
    for title, row in rows:
        if row is None:
            continue
        values = (
            *(row.min, row.mean, row.median, row.p90),
            *(row.p99, row.p999, row.max, row.stddev),
        )
        cells = ["-" if each is None else readable(each) for each in values]
        yield f"{title:<13}" + "".join(f"{cell:>12}" for cell in cells)


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
    Draw how many round trips were how long: rows of equal width up to the 99th
    percentile, and one for what is above it.
    """
    rtt = pinger.measurement.delays.rtt()
    if rtt is None:
        return
    values: array[int] = rtts(pinger.measurement.delays.run)
    low, high = rtt.min, max(round(rtt.p99), rtt.min + ROWS)
    counts = [0] * (ROWS + 1)
    for value in values:
        counts[min((value - low) * ROWS // (high - low), ROWS)] += 1
    most = max(counts)
    for row, count in enumerate(counts):
        start = readable(low + (high - low) * row / ROWS)
        eighths = round(count * WIDTH * 8 / most)
        bar = "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()
        yield f"{start:>12} {bar} {count}" if count else f"{start:>12}"
