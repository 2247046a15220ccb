"""
What packets of STAMP told beside their times, as text and as JSON.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.result import Figures, Result
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.timestamps import TAI, ErrorEstimate
from echostamp.rfc8762.tlvvalues import SYNCHRONIZATION_SOURCES, TIMESTAMPING_METHODS
from echostamp.units import readable

#: How close to the difference of TAI and UTC an offset must be to be taken for it, in
#: nanoseconds.
_NEAR_TAI = 1_000_000_000

#: The resolution of the reflector's times from which on it is reported, in nanoseconds.
_COARSE = 1000


def lines(found: Findings, figures: Figures) -> Iterator[str]:
    """
    Write what packets told beside their times.

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
    Name the clock that took each time.
    """
    yield f"T1 {_share(found.kernelSent, figures.sent)}"
    yield f"T4 {_share(found.kernelReceived, figures.received + figures.late)}"
    yield "T2 and T3 the reflector's"
    if found.isFollowUpAsked:
        yield f"{found.followedUp} T3 by follow-up"


def _share(count: int, total: int) -> str:
    """
    Write for how many packets the kernel took a time: for all, or for some.
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
    Name what was wrong with packets, with how often.
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


class Lost(NamedTuple):
    """
    How many packets were lost in which direction.

    @ivar forward: on the way there.
    @ivar backward: on the way back.
    @ivar unknown: in a direction that is not known.
    """

    forward: int
    backward: int
    unknown: int


def whereLost(found: Findings, lost: int) -> Lost | None:
    """
    Give the direction in which packets were lost; L{None} where it is not known: the
    reflector is stateless, or has never missed a packet.

    @param lost: how many packets were lost in all.
    """
    if not found.isStateful:
        return None if lost else Lost(0, 0, 0)
    there = min(found.lostForward, lost)
    back = min(found.lostBackward, lost - there)
    return Lost(there, back, lost - there - back)


def _losses(found: Findings, figures: Figures) -> Iterator[str]:
    """
    Write in which direction packets were lost.
    """
    lost = whereLost(found, figures.lost)
    if found.farError is None:
        return
    if lost is None:
        yield "lost          in which direction is not known: its numbers are ours"
    elif figures.lost:
        unknown = f", {lost.unknown} not known" if lost.unknown else ""
        there = f"{lost.forward} on the way there"
        yield f"lost          {there}, {lost.backward} on the way back{unknown}"
    if found.restarts:
        yield f"restarts      the reflector restarted {found.restarts} times"


def _errors(found: Findings, offset: OffsetReport | None) -> Iterator[str]:
    """
    Write what the ends claim of their clocks, and whether the measurement agrees.
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
    Give how far apart the clocks are at most, by what both ends claim, in nanoseconds;
    L{None} where one of them claims nothing.
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
    Write what an end claims of its clock.
    """
    if not estimate.isSynchronized:
        return "claims nothing"
    if estimate.error is None:
        return "gives no valid error"
    return f"claims UTC within {readable(estimate.error)}"


def record(found: Findings, figures: Figures) -> dict[str, Any]:
    """
    Make the JSON of it.

    @param figures: the figures of the run.
    """
    lost = whereLost(found, figures.lost)
    return {
        "kernel_t1": found.kernelSent,
        "kernel_t4": found.kernelReceived,
        "followed_up": found.followedUp,
        "host_sending": found.hostSending,
        "host_receiving": found.hostReceiving,
        "hops_forward": found.hopsForward,
        "hops_backward": found.hopsBackward,
        "stateful": bool(found.isStateful),
        "lost_forward": lost and lost.forward,
        "lost_backward": lost and lost.backward,
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
    Write what the network and the packets that came say, where no reply did; nothing
    where there was no session.
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
    Write what an C{errno} of a packet that was refused means.
    """
    name = "nobody is at the port" if error == errno.ECONNREFUSED else ""
    return name or os.strerror(error)
