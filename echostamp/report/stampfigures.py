"""
Writes the findings of STAMP besides the times, as text.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.result import Figures, Result
from echostamp.report.lossdirections import lossDirections
from echostamp.report.screen import times
from echostamp.report.stamphints import withHint
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.hops import Hops
from echostamp.rfc8762.timestamps import TAI, ErrorEstimate
from echostamp.rfc8762.tlvvalues import (
    SYNCHRONIZATION_SOURCES,
    TIMESTAMPING_METHODS,
    TLVS,
)
from echostamp.units import readable

#: How close an offset must be to the difference of TAI and UTC, in nanoseconds, to be
#: taken for it.
_NEAR_TAI = 1_000_000_000

#: The finest resolution of the reflector's times that is reported, in nanoseconds.
_COARSE = 1000

#: The TTLs with which systems send, but for the 255 that RFC 8762 asks for.
_USUAL_TTLS = 64, 128


def lines(found: Findings, result: Result) -> Iterator[str]:
    """
    Write the findings that only a full report has; L{notable} follows.

    @param result: of the run.
    """
    figures = result.figures
    if taken := ", ".join(_timestamps(found, figures)):
        yield f"timestamps    {taken}"
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
        otherTtl = _otherTtl(back)
        yield f"hops          {_hops(there)} there, {_hops(back)} back{otherTtl}"
    yield from _claims(found, figures.offset)


def notable(found: Findings, result: Result, isPaced: bool = True) -> Iterator[str]:
    """
    Write what was asked for by a TLV, and what is wrong or unusual.

    @param result: of the run.
    @param isPaced: whether there was an interval between the probes.
    """
    figures, offset = result.figures, result.figures.offset
    yield from _losses(found, figures)
    if figures.lost and not isPaced:
        yield "rate          with -i 0, the reflector may limit it (--max-pps)"
    if result.residenceFaults:
        faults = ", ".join(
            f"{count} with {fault.value}" for fault, count in result.residenceFaults
        )
        yield f"residence     replies that give no RTT: {faults}"
    if offset is not None:
        yield from _doubts(found, offset)
    yield from _reflector(found, offset)
    # The reasons may hold commas.
    if odd := "; ".join(_odd(found)):
        yield f"packets       {odd}"


def _timestamps(found: Findings, figures: Figures) -> Iterator[str]:
    """
    Write which clock took each time, of those that there are.
    """
    arrived = figures.received + figures.late
    if figures.sent:
        yield f"T1 {_share(found.kernelSent, figures.sent)}"
    if not arrived:
        return
    yield f"T4 {_share(found.kernelReceived, arrived)}"
    if figures.offset is not None:
        yield "T2 and T3 the reflector's"
    if found.isFollowUpAsked:
        isStateless = not (found.hasFollowUps or found.isStateful)
        hint = " (they need a reflector with --stateful)" if isStateless else ""
        yield f"{found.followedUp} T3 by follow-up{hint}"


def _share(count: int, total: int) -> str:
    """
    Write for how many packets the kernel took a time.
    """
    if count >= total:
        return "by the kernel"
    return f"by the kernel {times(count)}" if count else "by this program"


def _hops(hops: Hops | None) -> str:
    """
    Write the routers in one direction.
    """
    if hops is None:
        return "?"
    if not hops.changes:
        return str(hops.last)
    span = f"{hops.least} to {hops.most}"
    return f"{hops.last} ({span}, changed {times(hops.changes)})"


def _otherTtl(back: Hops | None) -> str:
    """
    Write with which TTL the reflector seems to send, where that is not 255.
    """
    for ttl in _USUAL_TTLS:
        if back is not None and back.least >= 255 - ttl:
            passed = back.last - (255 - ttl)
            return f": it seems to send with TTL {ttl}, not 255; then {passed} back"
    return ""


def _reflector(found: Findings, offset: OffsetReport | None) -> Iterator[str]:
    """
    Write what the reflector's clock and TLVs show.
    """
    if offset is not None and offset.resolution >= _COARSE:
        yield (
            f"resolution    the reflector counts in {readable(offset.resolution)}: "
            "each RTT can be off by that"
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
    names = {kind: name for name, kind in TLVS.items()}
    for kind in found.unrecognized:
        yield f"TLV {names.get(kind, kind)} not known there"
    for name in found.unreturned:
        yield f"TLV {name} never came back"
    for why, count in found.problems:
        yield f"TLVs {why} {times(count)}"
    for why, count in found.invalid:
        yield f"{count} invalid: {withHint(why)}"
    if found.zeroedSsids:
        yield f"SSID 0, not ours, in replies {times(found.zeroedSsids)}"
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
        yield (
            "lost          in which direction is not known: a reflector with "
            "--stateful shows it once it has missed a packet, and at once with "
            "--tlv follow-up"
        )
    elif figures.lost:
        there, back = lost.forward, lost.backward
        yield f"lost          {there} on the way there, {back} on the way back"
        if back.most and found.directions.isUnlessDoubled and not figures.pending:
            likely = f"{there.least} and {back.most}"
            yield f"              probably {likely}: no packet was seen doubled"
        if lost.unknown:
            yield f"              {lost.unknown} more in a direction that is not known"
    if found.restarts:
        why = "a restart there, or a new port by NAT"
        yield f"numbers       began again {times(found.restarts)}: {why}"


def _claims(found: Findings, offset: OffsetReport | None) -> Iterator[str]:
    """
    Write what the ends claim about their clocks.
    """
    near, far = found.nearError, found.farError
    if near is None or far is None:
        return
    if near.isSynchronized or far.isSynchronized:
        yield f"clocks        this end {_claim(near)}, the reflector {_claim(far)}"
    else:
        yield "clocks        neither end says that its clock is synchronised"
    claimed = claimedBound(found)
    if claimed is not None and offset is not None and _isWithin(offset, claimed):
        yield f"claims        together {readable(claimed)}; the measurement agrees"


def _doubts(found: Findings, offset: OffsetReport) -> Iterator[str]:
    """
    Write where the measurement contradicts what the ends claim about their clocks.
    """
    far, claimed = found.farError, claimedBound(found)
    if far is not None and far.isPtp and abs(offset.estimate + TAI) < _NEAR_TAI:
        yield (
            "timescale     the clocks differ by what TAI is ahead of UTC: the "
            "reflector seems to count PTP's time in UTC"
        )
    if claimed is not None and not _isWithin(offset, claimed):
        yield (
            f"claims        together {readable(claimed)}; the measurement does NOT "
            "agree: an end claims too much"
        )


def _isWithin(offset: OffsetReport, claimed: int) -> bool:
    return offset.low <= claimed and offset.high >= -claimed


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
    if near.claim is None or far.claim is None:
        return None
    return near.claim + far.claim


def _claim(estimate: ErrorEstimate) -> str:
    """
    Write what an end claims about its clock.
    """
    if not estimate.isSynchronized:
        return "claims nothing"
    if estimate.claim is None:
        return "gives no valid error"
    return f"claims UTC within {readable(estimate.claim)}"
