"""
What packets of STAMP told beside their times, as text and as JSON.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.samples import Run
from echostamp.rfc8762.clock import TAI
from echostamp.rfc8762.packets import ErrorEstimate
from echostamp.rfc8762.sender import Sender
from echostamp.rfc8762.tlvs import (
    FOLLOW_UP_TELEMETRY,
    SYNCHRONIZATION_SOURCES,
    TIMESTAMPING_METHODS,
)
from echostamp.units import readable

#: How near to what TAI is ahead of UTC an offset must be to be that, in nanoseconds.
_NEAR_TAI = 1_000_000_000

#: The resolution of the reflector's times from which on it is told, in nanoseconds.
_COARSE = 1000


def _clocks(sender: Sender, run: Run) -> list[str]:
    """
    Say which clock took each time.
    """
    answered = run.received + run.late
    isAsked = FOLLOW_UP_TELEMETRY in sender.session.tlvs
    return [
        f"T1 {_share(sender.kernelSent, run.sent)}",
        f"T4 {_share(sender.kernelReceived, answered)}",
        "T2 and T3 the reflector's",
        *([f"{sender.followedUp} T3 by follow-up"] if isAsked else []),
    ]


def _share(count: int, total: int) -> str:
    """
    Say of how many the kernel took a time: of all, or of some.
    """
    if count >= total > 0:
        return "by the kernel"
    return f"by the kernel {count} times" if count else "by this program"


def lines(sender: Sender, run: Run, offset: OffsetReport | None) -> Iterator[str]:
    """
    Write the lines about it.

    @param run: the probes.
    @param offset: what is known of the far clock.
    """
    yield f"timestamps    {', '.join(_clocks(sender, run))}"
    if sender.sendingHost or sender.receivingHost:
        ways = [
            f"{what} {readable(median(durations))}"
            for what, durations in [
                ("sending", sender.sendingHost),
                ("receiving", sender.receivingHost),
            ]
            if durations
        ]
        yield f"this host     {', '.join(ways)} (median), not in the RTT"
    there, back = sender.hops
    if there is not None or back is not None:
        yield f"hops          {_told(there)} there, {_told(back)} back"
    yield from _losses(sender, run)
    yield from _errors(sender, offset)
    if offset is not None and offset.resolution >= _COARSE:
        yield (
            f"resolution    the reflector counts in {readable(offset.resolution)}: "
            "each RTT can be off by that"
        )
    if sender.negatives:
        yield (
            f"residence     T3 - T2 was negative {sender.negatives} times, "
            f"{readable(sender.leastResidence or 0)} at the least"
        )
    if sender.information is not None:
        found = sender.information
        yield (
            "reflector     receives by "
            f"{_source(found.synchronizationIn, found.methodIn)}, sends by "
            f"{_source(found.synchronizationOut, found.methodOut)}"
        )
    if sender.marks is not None:
        marks = sender.marks
        yield (
            f"class         DSCP {marks.dscp2} and ECN {marks.ecn} arrived there; DSCP "
            f"{marks.dscp1} was {'refused' if marks.reversePath else 'granted'}"
        )
    odd = [f"TLV {kind} not known there" for kind in sorted(sender.unrecognized)]
    odd += [f"TLV {name} never came back" for name in sender.unreturned]
    odd += [f"{count} times TLVs {why}" for why, count in sender.problems.items()]
    odd += [f"{count} invalid: {why}" for why, count in sender.invalid.items()]
    odd += [
        f"{count} refused: {os.strerror(e)}" for e, count in sender.refusals.items()
    ]
    if odd:
        yield f"packets       {', '.join(odd)}"


def _told(hops: int | None) -> str:
    return "?" if hops is None else str(hops)


def _source(clock: int, method: int) -> str:
    """
    Name a clock and how it was read.
    """
    name = TIMESTAMPING_METHODS.get(method, f"method {method}")
    return f"{name} ({SYNCHRONIZATION_SOURCES.get(clock, f'source {clock}')})"


class Lost(NamedTuple):
    """
    Where packets were lost.

    @ivar forward: how many on the way there.
    @ivar backward: how many on the way back.
    @ivar unknown: of how many it is not known.
    """

    forward: int
    backward: int
    unknown: int


def whereLost(sender: Sender, run: Run) -> Lost | None:
    """
    Give where packets were lost; L{None} where that cannot be told: the reflector is
    stateless, or it has never missed a packet.
    """
    losses = sender.losses
    if not losses.isStateful:
        return None if run.lost else Lost(0, 0, 0)
    there = min(losses.forward, run.lost)
    back = min(losses.backward, run.lost - there)
    return Lost(there, back, run.lost - there - back)


def _losses(sender: Sender, run: Run) -> Iterator[str]:
    """
    Say in which direction packets were lost.
    """
    lost = whereLost(sender, run)
    if sender.farError is None:
        return
    if lost is None:
        yield "lost          in which direction cannot be told: its numbers are ours"
    elif run.lost:
        unknown = f", {lost.unknown} not known" if lost.unknown else ""
        there = f"{lost.forward} on the way there"
        yield f"lost          {there}, {lost.backward} on the way back{unknown}"
    if sender.losses.restarts:
        yield f"restarts      the reflector began anew {sender.losses.restarts} times"


def _errors(sender: Sender, offset: OffsetReport | None) -> Iterator[str]:
    """
    Say what the ends claim of their clocks, and whether it agrees with what was seen.
    """
    near, far = sender.nearError, sender.farError
    if near is None or far is None:
        return
    yield f"clocks        this end {_claim(near)}, the reflector {_claim(far)}"
    if offset is None:
        return
    if abs(offset.estimate + TAI) < _NEAR_TAI and far.isPtp:
        yield (
            "timescale     the clocks differ by what TAI is ahead of UTC: the "
            "reflector seems to count PTP's time in UTC"
        )
    claimed = claimedBound(sender)
    if claimed is not None:
        isWithin = offset.low <= claimed and offset.high >= -claimed
        agrees = "agrees" if isWithin else "does NOT agree: an end claims too much"
        yield f"claims        together {readable(claimed)}; what was seen {agrees}"


def claimedBound(sender: Sender) -> int | None:
    """
    Give how far the clocks are apart at most by what both ends claim; L{None} where
    one of them claims nothing.
    """
    near, far = sender.nearError, sender.farError
    if near is None or far is None:
        return None
    if not (near.isSynchronized and far.isSynchronized):
        return None
    if near.error is None or far.error is None:
        return None
    return near.error + far.error


def _claim(estimate: ErrorEstimate) -> str:
    """
    Say what an end claims of its clock.
    """
    if not estimate.isSynchronized:
        return "claims nothing"
    if estimate.error is None:
        return "gives no valid error"
    return f"claims UTC within {readable(estimate.error)}"


def record(sender: Sender, run: Run) -> dict[str, Any]:
    """
    Give it as JSON.

    @param run: the probes.
    """
    there, back = sender.hops
    lost = whereLost(sender, run)
    return {
        "kernel_t1": sender.kernelSent,
        "kernel_t4": sender.kernelReceived,
        "followed_up": sender.followedUp,
        "host_sending": _median(sender.sendingHost),
        "host_receiving": _median(sender.receivingHost),
        "hops_forward": there,
        "hops_backward": back,
        "stateful": bool(sender.losses.isStateful),
        "lost_forward": lost and lost.forward,
        "lost_backward": lost and lost.backward,
        "lost_unknown": lost and lost.unknown,
        "restarts": sender.losses.restarts,
        "residence_min": sender.leastResidence,
        "residence_negative": sender.negatives,
        "near_clock": _estimate(sender.nearError),
        "far_clock": _estimate(sender.farError),
        "timestamp_information": None
        if sender.information is None
        else list(sender.information),
        "class_of_service": None if sender.marks is None else list(sender.marks),
        "unrecognized_tlvs": sorted(sender.unrecognized),
        "unreturned_tlvs": sender.unreturned,
        "tlv_problems": dict(sender.problems),
        "invalid": dict(sender.invalid),
        "refused": {os.strerror(e): count for e, count in sender.refusals.items()},
    }


def _median(durations: Sequence[int]) -> int | None:
    return round(median(durations)) if durations else None


def _estimate(estimate: ErrorEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {
        "synchronized": estimate.isSynchronized,
        "ptp": estimate.isPtp,
        "error": estimate.error,
    }
