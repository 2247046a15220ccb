"""
Writes which thresholds failed, as text.
"""

from __future__ import annotations

from echostamp.measure.result import Result
from echostamp.measure.thresholds import Breach, Failed
from echostamp.report.screen import percent
from echostamp.report.summary import offsetBounds
from echostamp.units import readable

#: The option of each threshold.
_OPTIONS = {
    Breach.RTT: "--max-rtt",
    Breach.WAIT: "--max-rtt",
    Breach.RTT_UNKNOWN: "--max-rtt",
    Breach.LOSS: "--max-loss",
    Breach.LOSS_UNKNOWN: "--max-loss",
    Breach.OFFSET: "--max-offset",
    Breach.OFFSET_UNKNOWN: "--max-offset",
}


def failedText(failed: Failed, result: Result) -> str:
    """
    Write which option's threshold failed, and why.

    @param result: of the run.
    """
    option = _OPTIONS[failed.breach]
    isShare = failed.breach in (Breach.LOSS, Breach.LOSS_UNKNOWN)
    limit = f"{failed.limit:g}" if isShare else readable(failed.limit)
    return f"{option} {limit}: {_why(failed, result)}"


def _why(failed: Failed, result: Result) -> str:
    """
    Write why a threshold failed.
    """
    breach, value, offset = failed.breach, failed.value, result.figures.offset
    if breach is Breach.RTT:
        return f"one took {readable(value)}"
    if breach is Breach.WAIT:
        return f"one has not been answered for {readable(value)}"
    if breach is Breach.RTT_UNKNOWN:
        return f"not known, one has no RTT and took at most {readable(value)}"
    if breach is Breach.LOSS:
        available = percent(result.figures.availability or 0)
        return f"{percent(value)} were not answered or not sent, {available} available"
    if breach is Breach.LOSS_UNKNOWN:
        return f"not known, {value:g} may still be answered"
    if breach is Breach.OFFSET and offset is not None:
        return f"the offset is {offsetBounds(offset)}"
    why = "" if offset is None else f" ({offset.verdict})"
    return f"the far clock is not known{why}"
