"""
Writes the line about a probe.
"""

from __future__ import annotations

from echostamp.measure.block import Probe
from echostamp.report.screen import COLUMNS, milliseconds
from echostamp.times import MILLISECOND

#: The columns of the number and the time of most probes.
_FIGURES = len(" seq=99999 time=99.999 ms")

#: The resolution, in nanoseconds, from which on a time has six decimals.  By chance the
#: first timestamps of a clock of 1 ns end with zeros.
_FINE = 100


def probeLine(
    probe: Probe, size: int, address: str, note: str, isExact: bool = False
) -> str:
    """
    Write a line about a probe.  It fits a terminal: an address that is too long for
    that is left out.

    @param size: octets of its message.
    @param address: the far end's.
    @param note: what is unusual about the probe; empty if nothing is.
    @param isExact: whether the resolution of the far end's timestamps, and not this
        program, limits the digits.
    """
    if probe.rttInTime is None or note == "duplicate":
        return f"seq={probe.seq} {note}"
    isFine = isExact and probe.resolution is not None and probe.resolution <= _FINE
    digits = 6 if isFine else 3
    line = f" seq={probe.seq} time={milliseconds(probe.rttInTime, digits)}"
    wait = probe.t1 - probe.due
    if wait >= MILLISECOND:
        line += f" waited={milliseconds(wait)}"
    if note:
        line += f" ({note})"
    start = f"{size} bytes from {address}:"
    if len(start) + max(_FIGURES, len(line)) > COLUMNS:
        start = f"{size} bytes:"
    return start + line
