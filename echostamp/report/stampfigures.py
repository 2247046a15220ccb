"""
Writes the findings of STAMP besides the times, as text and as JSON.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.result import Figures, Result
from echostamp.report.lossdirections import lossDirections
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.timestamps import TAI, ErrorEstimate
from echostamp.rfc8762.tlvvalues import SYNCHRONIZATION_SOURCES, TIMESTAMPING_METHODS
from echostamp.units import readable

#: How close an offset must be to the difference of TAI and UTC, in nanoseconds, to be
#: taken for it.
_NEAR_TAI = 1_000_000_000

#: The finest resolution of the reflector's times that is reported, in nanoseconds.
_COARSE = 1000


def lines(found: Findings, figures: Figures) -> Iterator[str]:
    """
    Write the findings besides the times.

    @param figures: the figures of the run.
    """
    yield f"timestamps    {', '.join(_timestamps(found, figures))}"
    hosts = [
        f"{what} {readable(duration)}"
        for what, duration in [
            ("sending", found.hostSending),
            ("receiving", found.hostReceiving),
        ]
        if duration is not None
    ]
    if hosts:
        yield f"this host     {', '.join(hosts)} (median), not in the RTT"
    there, back = found.hopsForward, found.hopsBackward
    if there is not None or back is not None:
        yield f"hops          {_orUnknown(there)} there, {_orUnknown(back)} back"
    yield from _losses(found, figures)
    yield from _errors(found, figures.offset)
    yield from _reflector(found, figures.offset)
    if odd := ", ".join(_odd(found)):
        yield f"packets       {odd}"


def _timestamps(found: Findings, figures: Figures) -> Iterator[str]:
    """
    Write which clock took each time.
    """
    yield f"T1 {_share(found.kernelSent, figures.sent)}"
    yield f"T4 {_share(found.kernelReceived, figures.received + figures.late)}"
    yield "T2 and T3 the reflector's"
    if found.isFollowUpAsked:
        yield f"{found.followedUp} T3 by follow-up"


def _share(count: int, total: int) -> str:
    """
    Write for how many packets the kernel took a time.
    """
    if count >= total > 0:
        return "by the kernel"
    return f"by the kernel {count} times" if count else "by this program"


def _orUnknown(hops: int | None) -> str:
    return "?" if hops is None else str(hops)


def _reflector(found: Findings, offset: OffsetReport | None) -> Iterator[str]:
    """
    Write what the reflector's clock and TLVs show.
    """
    if offset is not None and offset.resolution >= _COARSE:
        yield (
            f"resolution    the reflector counts in {readable(offset.resolution)}: "
            "each RTT can be off by that"
        )
    if found.negatives:
        yield (
            f"residence     T3 - T2 was negative {found.negatives} times, "
            f"{readable(found.leastResidence or 0)} at the least"
        )
    if found.information is not None:
        sourceIn, methodIn, sourceOut, methodOut = found.information
        yield (
            f"reflector     receives by {_source(sourceIn, methodIn)}, sends by "
            f"{_source(sourceOut, methodOut)}"
        )
    if found.marks is not None:
        marks = found.marks
        yield (
            f"class         DSCP {marks.dscp2} and ECN {marks.ecn} arrived there; DSCP "
            f"{marks.dscp1} was {'refused' if marks.reversePath else 'granted'}"
        )


def _odd(found: Findings) -> Iterator[str]:
    """
    Write what was wrong with packets, and how often.
    """
    for kind in found.unrecognized:
        yield f"TLV {kind} not known there"
    for name in found.unreturned:
        yield f"TLV {name} never came back"
    for why, count in found.problems:
        yield f"{count} times TLVs {why}"
    for why, count in found.invalid:
        yield f"{count} invalid: {why}"
    for error, count in found.refusals:
        yield f"{count} refused: {os.strerror(error)}"


def _source(clock: int, method: int) -> str:
    """
    Name a clock and the method by which it was read.
    """
    name = TIMESTAMPING_METHODS.get(method, f"method {method}")
    return f"{name} ({SYNCHRONIZATION_SOURCES.get(clock, f'source {clock}')})"


def _losses(found: Findings, figures: Figures) -> Iterator[str]:
    """
    Write how many packets were lost in each direction.
    """
    lost = lossDirections(found, figures)
    if found.farError is None:
        return
    if lost is None:
        yield "lost          in which direction is not known: its numbers are ours"
    elif figures.lost:
        unknown = f", {lost.unknown} not known" if lost.unknown else ""
        there, back = lost.forward, lost.backward
        yield f"lost          {there} on the way there, {back} on the way back{unknown}"
        if back.most and found.directions.isUnlessDoubled and not figures.pending:
            likely = f"{there.least} and {back.most}"
            yield f"              probably {likely}: no packet was seen doubled"
    if found.restarts:
        again = "once" if found.restarts == 1 else f"{found.restarts} times"
        why = "a restart there, or a new port by NAT"
        yield f"numbers       began again {again}: {why}"


def _errors(found: Findings, offset: OffsetReport | None) -> Iterator[str]:
    """
    Write what the ends claim about their clocks, and whether the measurement agrees.
    """
    near, far = found.nearError, found.farError
    if near is None or far is None:
        return
    if near.isSynchronized or far.isSynchronized:
        yield f"clocks        this end {_claim(near)}, the reflector {_claim(far)}"
    else:
        yield "clocks        neither end says that its clock is synchronised"
    if offset is None:
        return
    if abs(offset.estimate + TAI) < _NEAR_TAI and far.isPtp:
        yield (
            "timescale     the clocks differ by what TAI is ahead of UTC: the "
            "reflector seems to count PTP's time in UTC"
        )
    claimed = claimedBound(found)
    if claimed is not None:
        isWithin = offset.low <= claimed and offset.high >= -claimed
        agrees = "agrees" if isWithin else "does NOT agree: an end claims too much"
        yield f"claims        together {readable(claimed)}; the measurement {agrees}"


def claimedBound(found: Findings) -> int | None:
    """
    Give the largest offset that both ends' claims allow, in nanoseconds; L{None} where
    one end claims nothing.
    """
    near, far = found.nearError, found.farError
    if near is None or far is None:
        return None
    if not (near.isSynchronized and far.isSynchronized):
        return None
    if near.error is None or far.error is None:
        return None
    return near.error + far.error


def _claim(estimate: ErrorEstimate) -> str:
    """
    Write what an end claims about its clock.
    """
    if not estimate.isSynchronized:
        return "claims nothing"
    if estimate.error is None:
        return "gives no valid error"
    return f"claims UTC within {readable(estimate.error)}"


def record(found: Findings, figures: Figures) -> dict[str, Any]:
    """
    Make the JSON of the findings.

    @param figures: the figures of the run.
    """
    lost = lossDirections(found, figures)
    return {
        "kernel_t1": found.kernelSent,
        "kernel_t4": found.kernelReceived,
        "followed_up": found.followedUp,
        "host_sending": found.hostSending,
        "host_receiving": found.hostReceiving,
        "hops_forward": found.hopsForward,
        "hops_backward": found.hopsBackward,
        "stateful": bool(found.isStateful),
        "lost_forward": lost and lost.forward.record(),
        "lost_backward": lost and lost.backward.record(),
        "lost_unknown": lost and lost.unknown,
        "restarts": found.restarts,
        "residence_min": found.leastResidence,
        "residence_negative": found.negatives,
        "near_clock": _estimate(found.nearError),
        "far_clock": _estimate(found.farError),
        "timestamp_information": found.information and list(found.information),
        "class_of_service": found.marks and list(found.marks),
        "unrecognized_tlvs": list(found.unrecognized),
        "unreturned_tlvs": list(found.unreturned),
        "tlv_problems": dict(found.problems),
        "invalid": dict(found.invalid),
        "refused": {os.strerror(error): count for error, count in found.refusals},
    }


def _estimate(estimate: ErrorEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {
        "synchronized": estimate.isSynchronized,
        "ptp": estimate.isPtp,
        "error": estimate.error,
    }


def refusalHint(result: Result) -> str:
    """
    Write why there may have been no reply: which packets were refused, and which
    replies were invalid; nothing where there was no session.
    """
    found = result.session
    if not isinstance(found, Findings):
        return ""
    hints = [
        f"{count} packets: {refusalName(error)}" for error, count in found.refusals
    ]
    hints += [f"{count} invalid replies: {why}" for why, count in found.invalid]
    return "; ".join(hints)


def refusalName(error: int) -> str:
    """
    Write the meaning of a refused packet's C{errno}.
    """
    name = "nobody is at the port" if error == errno.ECONNREFUSED else ""
    return name or os.strerror(error)
