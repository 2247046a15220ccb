"""
Writes a run's result as JSON: see C{docs/ping.schema.json}.

Times are integer nanoseconds since the UNIX epoch, durations integer nanoseconds.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from echostamp import __version__
from echostamp.exitstatus import DONE, Outcome
from echostamp.measure.block import Probe
from echostamp.measure.delay import Summary
from echostamp.measure.delayranges import Range
from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.oneway import OneWay
from echostamp.measure.result import Outage, Result
from echostamp.rfc8762.findings import Findings
from echostamp.times import SetUp
from echostamp.units import zoneName

Json = dict[str, Any]

#: The fields whose integers, their own or those within them, can exceed 2^53: times,
#: and durations that may be above 104 days.
LONG = frozenset(
    {
        *("began", "deadline", "max_rtt", "max_offset", "duration", "held_up_for"),
        *("start", "length", "so_far", "last_attempt", "error"),
        *("at", "estimate", "low", "high", "window", "forward", "backward"),
        *("rtt", "rtt_from_due", "ipdv", "time", "since", "down_for"),
        *("host_sending", "host_receiving", "due", "t1", "t2", "t3", "t4"),
    }
)


#: The figures of a window: the others are those of the whole run.
_OF_WINDOW = (
    *("duration", "sent", "received", "lost", "loss_percent", "available_percent"),
    *("under_way", "skipped", "late", "duplicates", "reordered", "altered", "untimed"),
    *("bursts", "rtt_is", "rtt", "rtt_from_due", "percentiles_exact", "ipdv"),
    *("forward", "backward", "offset"),
)


def windowStats(result: Result) -> Json:
    """
    Make the figures of a window: those of L{stats} that are not of the whole run.
    """
    found = stats(result, Outcome(DONE))
    return {name: found[name] for name in _OF_WINDOW}


def document(result: Result, config: Json, ending: Outcome) -> Json:
    """
    Make the JSON document without the probes.

    @param config: the user's options, and the addresses that were used.
    @param ending: how the run ended.
    """
    return {
        "version": __version__,
        "system": {
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "config": {**config, "began": result.began},
        "stats": stats(result, ending),
    }


def stats(result: Result, ending: Outcome) -> Json:
    """
    Make the figures of the document.

    @param ending: how the run ended.
    """
    figures, rtt, kernel = result.figures, result.figures.rtt, result.kernel
    return {
        "status": ending.status,
        "error": ending.line or None,
        "duration": result.elapsed,
        "sent": figures.sent,
        "received": figures.received,
        "lost": figures.lost,
        "loss_percent": figures.lossPercent,
        "available_percent": figures.availability,
        "under_way": figures.pending,
        "skipped": figures.skipped,
        "late": figures.late,
        "duplicates": figures.duplicates,
        "reordered": figures.reordered,
        "altered": figures.altered,
        "untimed": figures.untimed,
        "untimed_max": result.longestUntimed if figures.untimed else None,
        "strange": result.strange,
        "held_up": result.stalls,
        "held_up_for": result.stalledFor,
        "bursts": {str(length): n for length, n in figures.bursts.items()},
        "rtt_is": "(T4-T1)-(T3-T2)" if figures.isApart else "T4-T1",
        "rtt": _summary(rtt),
        "rtt_from_due": _summary(figures.rttFromDue),
        "percentiles_exact": rtt is None or rtt.exact,
        "ipdv": _summary(figures.ipdv),
        "forward": _oneWay(figures.forward),
        "backward": _oneWay(figures.backward),
        "offset": _offset(figures.offset, result),
        "stamped": result.stamped,
        "extras": result.extraProbes,
        "clock_steps": result.clockSteps,
        "setup": [_setUp(each) for each in result.setUps],
        "outage_count": result.outageCount,
        "outages": [_outage(each, figures.ended) for each in result.outages],
        "kernel": None
        if kernel is None
        else {
            "smoothed_rtt": kernel.smoothedRtt,
            "retransmissions": kernel.retransmissions,
        },
        "stamp": _stamp(result),
    }


def _stamp(result: Result) -> Json | None:
    if not isinstance(result.session, Findings):
        return None
    # A report of the line protocol has no fields of STAMP's.
    from echostamp.report.stampdocument import stampDocument

    return stampDocument(result.session, result)


def _whole(ns: float | None) -> int | None:
    return None if ns is None else round(ns)


def _summary(summary: Summary | None) -> Json | None:
    if summary is None:
        return None
    return {
        name: _whole(getattr(summary, name))
        for name in Summary._fields
        if name != "exact"
    }


def _range(found: Range) -> list[int]:
    return [round(found.low), round(found.high)]


def _oneWay(way: OneWay | None) -> Json | None:
    if way is None:
        return None
    ranges = None
    if way.range is not None:
        ranges = {name: _range(each) for name, each in way.range._asdict().items()}
    return {"pdv": _summary(way.pdv), "range": ranges}


def _offset(report: OffsetReport | None, result: Result) -> Json | None:
    if report is None:
        return None
    zone = result.zone
    return {
        "at": report.at,
        "estimate": report.estimate,
        "low": report.low,
        "high": report.high,
        "drift_ppm": report.driftPpm,
        "drift_low_ppm": report.driftLowPpm,
        "drift_high_ppm": report.driftHighPpm,
        "window": report.window,
        "resolution": report.resolution,
        "step": result.farStep,
        "zone_assumed": zoneName(zone.ahead) if zone and zone.isAssumed else None,
        "verdict": report.verdict,
    }


def _setUp(setUp: SetUp) -> Json:
    return {
        "resolve": setUp.resolve,
        "connect": setUp.connect,
        "tls": setUp.tls,
        "first_reply": setUp.firstReply,
    }


def _outage(outage: Outage, ended: int) -> Json:
    isOpen = outage.length is None
    return {
        "start": outage.start,
        "length": outage.length,
        "so_far": ended - outage.began if isOpen else None,
        "last_attempt": outage.attempted,
        "reason": outage.reason,
        "error": outage.error or None,
        "lost": outage.lost,
        "skipped": outage.skipped,
    }


def probe(each: Probe) -> Json:
    """
    Make the JSON of a probe, as far as it is known.
    """
    return {
        "seq": each.seq,
        "due": each.due,
        "t1": each.t1,
        "t2": each.t2,
        "t3": each.t3,
        "t4": each.t4,
        "rtt": each.rtt,
        "lost": each.lost,
        "late": each.late,
        "altered": each.altered,
        "duplicated": each.duplicated,
        "reordered": each.reordered,
    }


def withStrings(value: Any, isLong: bool = False) -> Any:
    """
    Write integers as strings where they can exceed 2^53: programs that take numbers for
    floating-point numbers would round them.

    @param isLong: whether the value is in such a field.
    """
    if isinstance(value, dict):
        return {
            name: withStrings(each, name != "n" and (isLong or name in LONG))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [withStrings(each, isLong) for each in value]
    isNumber = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if isLong and isNumber else value


def pieces(
    head: Json, probes: Iterable[Probe], write: Callable[[Json], Json] = dict
) -> Iterator[str]:
    """
    Write the whole document in pieces: the text of a million probes is long.

    @param head: the document without the probes; see L{document}.
    @param write: L{withStrings}, or a function that changes nothing.
    """
    yield json.dumps(write(head), indent=1).removesuffix("\n}") + ',\n "probes": ['
    comma = "\n  "
    for each in probes:
        yield comma + json.dumps(write(probe(each)))
        comma = ",\n  "
    yield "\n ]\n}\n"
