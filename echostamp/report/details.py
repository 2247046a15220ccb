"""
Writes the figures of a run that only a full report has.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log10

from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.result import Result
from echostamp.report.table import table
from echostamp.text import counted
from echostamp.units import readable

#: How far apart the bounds of the drift must be, in parts per million, to be useless,
#: and for their middle to mean nothing.
_NO_DRIFT, _WIDE_DRIFT = 1000, 100


def figures(result: Result) -> Iterator[str]:
    """
    Write the table of delays, and how to read it.
    """
    found, rtt = result.figures, result.figures.rtt
    if rtt is None:
        return
    yield ""
    yield from table(
        [
            ("RTT", rtt),
            ("RTT from due", found.rttFromDue),
            ("IPDV", found.ipdv),
            ("PDV forward", found.forward and found.forward.pdv),
            ("PDV backward", found.backward and found.backward.pdv),
        ],
        isFine=found.isApart,
    )
    if found.isApart:
        yield "RTT is (T4 - T1) - (T3 - T2): without the time that the far end took"
    else:
        yield "RTT is T4 - T1: the time that the far end took is in it"
    if not rtt.exact:
        yield "percentiles are within 0.2 %: of so many probes a histogram is kept"
    forward, backward = found.forward, found.backward
    if forward and backward and not (forward.pdv and backward.pdv):
        yield "PDV is not known: too few probes in a window"
    yield ""


def farClock(result: Result) -> Iterator[str]:
    """
    Write how fast the far clock gains on ours, and in which steps it counts.
    """
    offset = result.figures.offset
    if offset is not None:
        yield f"drift         {_drift(offset)}"
    if result.farStep is not None and not result.figures.isApart:
        step = readable(result.farStep)
        yield f"resolution    by its stamps the far clock counts in {step}"


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


def connection(result: Result) -> Iterator[str]:
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
            f"{counted(again, 'retransmission')}"
        )
