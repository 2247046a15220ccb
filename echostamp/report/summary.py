"""
Writes a run's result as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR
from math import ceil, floor, log10

from echostamp.measure.block import Probe
from echostamp.measure.delay import Summary
from echostamp.measure.offsetwindow import FITS, NO_FIT, OffsetReport
from echostamp.measure.oneway import OneWay
from echostamp.measure.result import Figures, Result, ZoneFound
from echostamp.report import stampfigures
from echostamp.report.table import table
from echostamp.rfc8762.findings import Findings
from echostamp.times import SECOND
from echostamp.units import readable, zoneName

#: The most outages that are described one by one.
_OUTAGES = 3

#: How far apart the bounds of the drift must be, in parts per million, to be useless,
#: and for their middle to mean nothing.
_NO_DRIFT, _WIDE_DRIFT = 1000, 100


def probeLine(probe: Probe, size: int, name: str, note: str) -> str:
    """
    Write a line about a probe.

    @param size: octets of its message.
    @param name: the far end's address.
    @param note: what is unusual about the probe; empty if nothing is.
    """
    if probe.rttInTime is None or note == "duplicate":
        return f"seq={probe.seq} {note}"
    line = f"{size} bytes from {name}: seq={probe.seq} time={readable(probe.rttInTime)}"
    wait = probe.t1 - probe.due
    if wait >= 1_000_000:
        line += f" waited={readable(wait)}"
    return f"{line} ({note})" if note else line


def summary(result: Result, name: str, isPaced: bool = True) -> Iterator[str]:
    """
    Write a report of a run: sentences first, then figures.

    @param name: the far end's name.
    @param isPaced: whether there was an interval between the probes.
    """
    figures, rtt = result.figures, result.figures.rtt
    yield f"--- {name} ---"
    yield from _sentences(result)
    if rtt is not None:
        yield ""
        yield from _figures(figures, rtt)
        if result.farStep is not None and not figures.isApart:
            step = readable(result.farStep)
            yield f"resolution    by its stamps the far clock counts in {step}"
    yield from _connection(result)
    if isinstance(result.session, Findings):
        yield from stampfigures.lines(result.session, result, isPaced)
    if odd := ", ".join(_odd(result)):
        yield f"also seen     {odd}"
    if rtt is not None:
        values = rtt.min, rtt.mean, rtt.max, rtt.mdev
        text = "/".join(f"{ns / 1e6:.3f}" for ns in values)
        yield ""
        yield f"rtt min/avg/max/mdev = {text} ms"


def _figures(figures: Figures, rtt: Summary) -> Iterator[str]:
    """
    Write the table of delays, and how to read it.
    """
    forward, backward, offset = figures.forward, figures.backward, figures.offset
    yield from table(
        [
            ("RTT", rtt),
            ("RTT from due", figures.rttFromDue),
            ("IPDV", figures.ipdv),
            ("PDV forward", forward and forward.pdv),
            ("PDV backward", backward and backward.pdv),
        ],
        isFine=figures.isApart,
    )
    if figures.isApart:
        yield "RTT is (T4 - T1) - (T3 - T2): without the time that the far end took"
    else:
        yield "RTT is T4 - T1: the time that the far end took is in it"
    if not rtt.exact:
        yield "percentiles are within 0.2 %: of so many probes a histogram is kept"
    yield ""
    if forward is not None and backward is not None:
        yield from _delays(forward, backward)
    elif offset is not None:
        yield "one way       not known: the stamps are too coarse"
    if offset is not None:
        yield f"drift         {_drift(offset)}"


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
            yield f"{count} {one if count == 1 else more}"


def _drift(report: OffsetReport) -> str:
    """
    Write how fast the far clock gains on ours.  The bounds limit the digits.
    """
    low, high = report.driftLowPpm, report.driftHighPpm
    over = f"over {readable(report.window)}"
    if high - low >= _NO_DRIFT:
        return f"not known: anything from {low:+.0f} to {high:+.0f} ppm fits {over}"
    if high - low > _WIDE_DRIFT:
        return f"between {floor(low):+d} and {ceil(high):+d} ppm, {over}"
    digits = max(0, ceil(-log10(max(high - low, 1e-9) / 2)))
    grain = 10**digits
    bounds = f"{floor(low * grain) / grain:+g} and {ceil(high * grain) / grain:+g}"
    return f"{report.driftPpm:+.{digits}f} ppm, between {bounds}, {over}"


def _sentences(result: Result) -> Iterator[str]:
    """
    Write the main findings in sentences.
    """
    figures, offset = result.figures, result.figures.offset
    counts = f"{figures.sent} sent, {figures.received} received, "
    counts += f"{figures.lost} unanswered"
    if figures.lossPercent is not None:
        counts += f" ({figures.lossPercent:.3g} %)"
    if figures.pending:
        counts += f", {figures.pending} still in flight"
    if figures.skipped:
        counts += f", {figures.skipped} not sent in their time"
    yield f"{counts}, in {result.elapsed / SECOND:.3f} s."
    if figures.lost:
        bursts = ", ".join(f"{n} x {length}" for length, n in figures.bursts.items())
        yield f"Unanswered in a row: {bursts}."
    yield from _outages(result)
    if result.stalls:
        times = "once" if result.stalls == 1 else f"{result.stalls} times"
        yield (
            f"This end was held up {times}, for {readable(result.stalledFor)} in all: "
            "the probes in flight then have no RTT."
        )
    rtt = figures.rtt
    if rtt is None:
        return
    most, which = (rtt.p99, "99 %") if rtt.n >= 100 else (rtt.max, "all")
    yield (
        f"A reply takes {readable(rtt.median)} (median), {which} come within "
        f"{readable(most)}."
    )
    if offset is None:
        why = "too few stamps" if result.stamped else "no stamp that can be read"
        yield f"The far clock is not known: {why}."
        return
    yield from _clock(offset, result.zone)


def _outages(result: Result) -> Iterator[str]:
    """
    Write about the times without a connection; if there are many, about the last ones.
    """
    if result.outageCount > _OUTAGES:
        yield (
            f"No connection {result.outageCount} times, for "
            f"{readable(result.outageLength)} in all. The last ones:"
        )
    for outage in result.outages[-_OUTAGES:]:
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
    Write the bounds of the offset, rounded outwards.
    """
    grain = (report.high - report.low) / 20
    low = readable(report.low, grain, True, ROUND_FLOOR)
    high = readable(report.high, grain, True, ROUND_CEILING)
    return f"between {low} and {high}"


def _clock(report: OffsetReport, zone: ZoneFound | None) -> Iterator[str]:
    """
    Write about the far clock.
    """
    width = (report.high - report.low) / 2
    estimate = readable(abs(report.estimate), width)
    if report.low <= 0 <= report.high:
        greatest = max(-report.low, report.high)
        most = readable(greatest, width / 10, rounding=ROUND_CEILING)
        yield f"The clocks agree to within {most}, the limit of this measurement."
    else:
        way = "ahead of" if report.estimate > 0 else "behind"
        yield f"The far clock is {estimate} {way} ours: {offsetBounds(report)}."
    if report.verdict == NO_FIT:
        yield f"Do not rely on it: {report.verdict}."
    elif report.verdict != FITS:
        yield f"With doubt: {report.verdict}."
    if zone is not None:
        word = "assumed" if zone.isAssumed else "given"
        yield f"Its stamps name no zone: UTC{zoneName(zone.ahead)} is {word} (--zone)."


def _delays(forward: OneWay, backward: OneWay) -> Iterator[str]:
    """
    Write the bounds of the one-way delays.
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
        yield "PDV           not known: too few probes in a window"


def _connection(result: Result) -> Iterator[str]:
    """
    Write how long it took to make the connection, and the kernel's figures of it.
    """
    if result.setUps:
        first = result.setUps[0]
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
    kernel = result.kernel
    if kernel is not None:
        again = kernel.retransmissions
        yield (
            f"kernel        smoothed RTT {readable(kernel.smoothedRtt)}, "
            f"{again} retransmission{'' if again == 1 else 's'}"
        )
