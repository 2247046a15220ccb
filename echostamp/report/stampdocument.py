"""
Writes the findings of STAMP besides the times, as JSON.
"""

from __future__ import annotations

import os
from typing import Any

from echostamp.measure.result import Result
from echostamp.report.lossdirections import lossDirections
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.hops import Hops
from echostamp.rfc8762.timestamps import ErrorEstimate


def stampDocument(found: Findings, result: Result) -> dict[str, Any]:
    """
    Make the JSON of the findings.

    @param result: of the run.
    """
    lost = lossDirections(found, result.figures)
    return {
        "kernel_t1": found.kernelSent,
        "kernel_t4": found.kernelReceived,
        "followed_up": found.followedUp,
        "host_sending": found.hostSending,
        "host_receiving": found.hostReceiving,
        "hops_forward": _hopsRecord(found.hopsForward),
        "hops_backward": _hopsRecord(found.hopsBackward),
        "ssid_zeroed": found.zeroedSsids,
        "stateful": bool(found.isStateful),
        "lost_forward": lost and lost.forward.record(),
        "lost_backward": lost and lost.backward.record(),
        "lost_unknown": lost and lost.unknown,
        "restarts": found.restarts,
        "residence_faults": {
            fault.value: count for fault, count in result.residenceFaults
        },
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


def _hopsRecord(hops: Hops | None) -> dict[str, int] | None:
    if hops is None:
        return None
    return {
        "last": hops.last,
        "min": hops.least,
        "max": hops.most,
        "changes": hops.changes,
    }


def _estimate(estimate: ErrorEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {
        "synchronized": estimate.isSynchronized,
        "ptp": estimate.isPtp,
        "error": estimate.claim,
    }
