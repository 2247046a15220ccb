"""
Timestamps and error estimates as they are in STAMP's packets.  Pure: no Twisted, no
clock, no I/O.

The sources are RFC 8762, section 4.2.1, for the two formats, RFC 4656, section 4.1.2,
for the error estimate, and RFC 8186, section 2.3, for its Z bit.

Times are integer nanoseconds since the UNIX epoch, UTC.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from echostamp.times import SECOND

#: Nanoseconds that TAI has been ahead of UTC since 2017.
TAI = 37 * SECOND

#: Units of a timestamp in NTP's format that are a second.
NTP_SECOND = 1 << 32

#: From NTP's epoch, 1900, to UNIX's, in these units.
_NTP_EPOCH = 2_208_988_800 * NTP_SECOND

_HALF_ERA = 1 << 63

_S = 0x8000
_Z = 0x4000

#: The Z bit in the first octet of an error estimate: the timestamps have PTP's format.
Z_OCTET = _Z >> 8

#: The greatest error of a clock that says anything, in nanoseconds.
_YEAR = 366 * 86_400 * SECOND

#: 255 * 2^31 s, about 17,000 years.
_GREATEST_ERROR = 0x3FFF


def ntpTimestamp(ns: int) -> int:
    """
    Give a time in NTP's 64-bit format.  L{readNtp} gives back the same nanosecond.

    @param ns: nanoseconds since the epoch.
    """
    wide = ((ns << 32) + SECOND // 2) // SECOND + _NTP_EPOCH
    return wide & 0xFFFF_FFFF_FFFF_FFFF


def readNtp(timestamp: int, near: int) -> int:
    """
    Read a time in NTP's 64-bit format.

    @param timestamp: 64 bits.
    @param near: nanoseconds since the epoch; the era is the one that brings the time
        nearest to it.
    @return: nanoseconds since the epoch.
    """
    reference = (near << 32) // SECOND + _NTP_EPOCH - _HALF_ERA
    wide = reference + ((timestamp - reference) & 0xFFFF_FFFF_FFFF_FFFF)
    return ((wide - _NTP_EPOCH) * SECOND + (1 << 31)) >> 32


def ptpTimestamp(ns: int, ahead: int = 0) -> int:
    """
    Give a time in PTPv2's truncated format: 32 bits of seconds, 32 of nanoseconds.

    @param ns: nanoseconds since the epoch.
    @param ahead: nanoseconds that the PTP timescale is ahead of UTC: 37 s for TAI
        since 2017.
    """
    seconds, fraction = divmod(ns + ahead, SECOND)
    return (seconds & 0xFFFF_FFFF) << 32 | fraction


def ptpNanoseconds(timestamp: int) -> int:
    """
    Give the nanoseconds that a time in PTPv2's truncated format counts.  It may count a
    second's worth of nanoseconds, or more.

    @param timestamp: 64 bits.
    """
    return (timestamp >> 32) * SECOND + (timestamp & 0xFFFF_FFFF)


def readPtp(timestamp: int, near: int, ahead: int = 0) -> int:
    """
    Read a time in PTPv2's truncated format.

    @param timestamp: 64 bits.
    @param near: nanoseconds since the epoch; of the times that differ by 2^32 s, the
        one nearest to it is given.
    @param ahead: as for L{ptpTimestamp}.
    @return: nanoseconds since the epoch.
    @raise ValueError: it has a second's worth of nanoseconds, or more.
    """
    fraction = timestamp & 0xFFFF_FFFF
    if fraction >= SECOND:
        raise ValueError("with a PTP timestamp of 10^9 nanoseconds or more")
    wrap = SECOND << 32
    earliest = near - wrap // 2
    return earliest + (ptpNanoseconds(timestamp) - ahead - earliest) % wrap


def readTimestamp(timestamp: int, isPtp: bool, near: int, ahead: int = 0) -> int:
    """
    Read a time in the format that the error estimate beside it names.

    @param isPtp: whether that is PTPv2's.
    @param near: nanoseconds since the epoch: as for L{readNtp} and L{readPtp}.
    @param ahead: nanoseconds: as for L{ptpTimestamp}; NTP's format has no use for it.
    @return: nanoseconds since the epoch.
    @raise ValueError: as L{readPtp} does.
    """
    return readPtp(timestamp, near, ahead) if isPtp else readNtp(timestamp, near)


class ErrorEstimate(NamedTuple):
    """
    What an end claims about its timestamps.

    @ivar isSynchronized: its clock follows UTC by an external source.
    @ivar isPtp: its timestamps are in PTPv2's truncated format, not in NTP's.
    @ivar error: nanoseconds, rounded up; L{None} where the multiplier is 0, which
        RFC 4656 forbids: such a packet "SHOULD be considered corrupt and discarded".
    """

    isSynchronized: bool
    isPtp: bool
    error: int | None

    @property
    def claim(self) -> int | None:
        """The error, where it says anything: up to a year."""
        return None if self.error is None or self.error > _YEAR else self.error


def writeErrorEstimate(estimate: ErrorEstimate) -> int:
    """
    Give an error estimate's 16 bits.  They never claim less than the error, except
    where it is more than they can hold.  An unknown error is written as the greatest.
    """
    flags = (_S if estimate.isSynchronized else 0) | (_Z if estimate.isPtp else 0)
    if estimate.error is None:
        return flags | _GREATEST_ERROR
    units = max(1, -(-(estimate.error << 32) // SECOND))
    scale = max(0, units.bit_length() - 8)
    multiplier = -(-units >> scale)
    if multiplier > 0xFF:
        scale, multiplier = scale + 1, multiplier >> 1
    return flags | min(scale << 8 | multiplier, _GREATEST_ERROR)


@lru_cache(maxsize=16)
def readErrorEstimate(octets: int) -> ErrorEstimate:
    """
    Read an error estimate.

    @param octets: 16 bits.
    """
    scale, multiplier = octets >> 8 & 0x3F, octets & 0xFF
    # Rounded up: a bound must not shrink when it is read.
    error = -(-(multiplier << scale) * SECOND >> 32)
    return ErrorEstimate(
        bool(octets & _S), bool(octets & _Z), error if multiplier else None
    )
