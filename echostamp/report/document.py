"""
What a run of C{echostamp ping} found, as JSON: see C{docs/ping.schema.json}.

Times are integer nanoseconds since the UNIX epoch, durations integer nanoseconds.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from typing import Any

from echostamp import __version__
from echostamp.exitstatus import Outcome
from echostamp.measure.delay import Summary, lossPercent
from echostamp.measure.oneway import OneWay, Range, oneWays
from echostamp.measure.samples import Probe
from echostamp.probe.measurement import Measurement, Outage
from echostamp.probe.prober import Pinger, Plan
from echostamp.times import SetUp
from echostamp.units import zoneName

Json = dict[str, Any]


def document(pinger: Pinger, config: Json, outcome: Outcome) -> Json:
    """
    Give all but the probes.

    @param config: what was asked for, and of whom.
    @param outcome: how the run ended.
    """
    began = pinger.began
    return {
        "version": __version__,
        "system": {
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "config": {**config, "began": began.realtime if began else None},
        "stats": stats(pinger, outcome),
    }


def asked(
    target: str, plan: Plan, thresholds: dict[str, float | None], zone: int | None
) -> Json:
    """
    Give what was asked for.

    @param target: the far end.
    @param plan: what is sent, and when.
    @param thresholds: what must hold, by name.
    @param zone: the zone of stamps that name none, in nanoseconds ahead of UTC, if it
        was said.
    """
    return {
        "target": target,
        **{name: getattr(plan, name) for name in Plan.__dataclass_fields__},
        "zone": None if zone is None else zoneName(zone),
        "thresholds": {f"max_{name}": value for name, value in thresholds.items()},
    }


def stats(pinger: Pinger, outcome: Outcome) -> Json:
    """
    Give the figures.

    @param outcome: how the run ended.
    """
    found = pinger.measurement
    run = found.delays.run
    ways = oneWays(run, found.offset)
    rtt = found.delays.rtt()
    kernel = pinger.kernel
    return {
        "status": outcome.status,
        "error": outcome.line or None,
        "duration": pinger.elapsed,
        "sent": run.sent,
        "received": run.received,
        "lost": run.lost,
        "loss_percent": lossPercent(run),
        "under_way": run.pending,
        "skipped": found.skipped,
        "late": run.late,
        "duplicates": run.duplicates,
        "reordered": run.reordered,
        "altered": run.altered,
        "strange": found.strange,
        "held_up": found.holdUps,
        "held_up_for": found.heldUpFor,
        "bursts": {str(size): n for size, n in found.delays.bursts().items()},
        "rtt_is": "(T4-T1)-(T3-T2)" if found.isApart else "T4-T1",
        "rtt": _summary(rtt),
        "rtt_from_due": _summary(found.delays.rttFromDue()),
        "percentiles_exact": rtt is None or rtt.exact,
        "ipdv": _summary(found.delays.ipdv()),
        "forward": None if ways is None else _oneWay(ways[0]),
        "backward": None if ways is None else _oneWay(ways[1]),
        "offset": _offset(found),
        "stamped": found.stamped,
        "extras": found.extras,
        "clock_steps": found.steps,
        "setup": [_setUp(each) for each in pinger.setUps],
        "outage_count": found.outageCount,
        "outages": [_outage(each) for each in found.outages],
        "kernel": None
        if kernel is None
        else {
            "smoothed_rtt": kernel.smoothedRtt,
            "retransmissions": kernel.retransmissions,
        },
        "stamp": pinger.way.record(found),
    }


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


def _oneWay(way: OneWay) -> Json:
    ranges = None
    if way.range is not None:
        ranges = {name: _range(each) for name, each in way.range._asdict().items()}
    return {"pdv": _summary(way.pdv), "range": ranges}


def _offset(found: Measurement) -> Json | None:
    report = found.offset.report()
    if report is None:
        return None
    zone = found.zone
    isAssumed = found.zoneless and zone.assumed and zone.zone is not None
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
        "zone_assumed": zoneName(zone.zone or 0) if isAssumed else None,
        "verdict": report.verdict,
    }


def _setUp(setUp: SetUp) -> Json:
    return {
        "resolve": setUp.resolve,
        "connect": setUp.connect,
        "tls": setUp.tls,
        "first_reply": setUp.firstReply,
    }


def _outage(outage: Outage) -> Json:
    return {
        "start": outage.start,
        "length": outage.length,
        "reason": outage.reason,
        "error": outage.error or None,
        "lost": outage.lost,
        "skipped": outage.skipped,
    }


def probe(each: Probe) -> Json:
    """
    Give what is known of a probe, so far.
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


def pieces(pinger: Pinger, config: Json, outcome: Outcome) -> Iterator[str]:
    """
    Give the whole document, piece by piece: a million probes are long.

    @param config: what was asked for, and of whom.
    @param outcome: how the run ended.
    """
    head = json.dumps(document(pinger, config, outcome), indent=1)
    yield head.removesuffix("\n}") + ',\n "probes": ['
    comma = "\n  "
    for each in pinger.measurement.delays.run:
        yield comma + json.dumps(probe(each))
        comma = ",\n  "
    yield "\n ]\n}\n"
