"""
STAMP's packets: octets to fields and back.  Pure: no Twisted, no clock, no I/O.

The sources are RFC 8762 for the packets, RFC 8972, section 3, for the SSID, RFC 4656,
section 4.1.2, and RFC 8186, section 2.3, for the error estimate; sections are named
where they apply.  What follows the base packet is L{echostamp.rfc8762.tlvs}'s job.

Times are integer nanoseconds since the UNIX epoch, UTC.  A packet's own times, of 64
bits, and error estimates, of 16, stay as they are until they are asked for: a
session-reflector only copies the session-sender's::

    reply = reflectorPacket(request, ...)
    reply += answerTlvs(request[UNAUTHENTICATED:], ...).octets
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from echostamp.times import SECOND

#: Octets of a base packet: RFC 8762, section 4.2.
UNAUTHENTICATED = 44
AUTHENTICATED = 112

#: Octets of the shortest request, which a TWAMP Light session-sender sends: its fields
#: and no padding.  RFC 4656, section 4.1.2.
SHORTEST = 14

#: Octets of the shortest reply, which a TWAMP Light session-reflector sends: as
#: RFC 8762's, without the zeros at its end.  RFC 5357, section 4.2.1.
SHORTEST_REPLY = 41

#: Octets of an HMAC, and of what it covers in a packet: RFC 8762, section 4.4.
HMAC_LENGTH = 16
_COVERED = AUTHENTICATED - HMAC_LENGTH


# Timestamps: RFC 8762, section 4.2.1.

#: Seconds from NTP's epoch, 1900, to UNIX's.
_NTP_EPOCH = 2_208_988_800 << 32

_HALF_ERA = 1 << 63


def _wideNtp(ns: int) -> int:
    """
    Give a time in units of 2^-32 s since 1900, to the nearest, of any size.
    """
    return ((ns << 32) + SECOND // 2) // SECOND + _NTP_EPOCH


def ntpTimestamp(ns: int) -> int:
    """
    Give a time in NTP's 64-bit format.  It is exact enough to give back each
    nanosecond.

    @param ns: nanoseconds since the epoch.
    """
    return _wideNtp(ns) & 0xFFFF_FFFF_FFFF_FFFF


def readNtp(timestamp: int, near: int) -> int:
    """
    Read a time in NTP's 64-bit format.

    @param timestamp: 64 bits.
    @param near: nanoseconds since the epoch; the era is the one that brings the time
        nearest to it.
    @return: nanoseconds since the epoch.
    """
    reference = _wideNtp(near) - _HALF_ERA
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
    seconds, fraction = timestamp >> 32, timestamp & 0xFFFF_FFFF
    if fraction >= SECOND:
        raise ValueError(f"PTP timestamp with {fraction} nanoseconds")
    time = seconds * SECOND + fraction - ahead
    wrap = SECOND << 32
    earliest = near - wrap // 2
    return earliest + (time - earliest) % wrap


def readTimestamp(timestamp: int, isPtp: bool, near: int, ahead: int = 0) -> int:
    """
    Read a time in the format that the error estimate beside it names.

    @param isPtp: whether that is PTPv2's.
    @param near: nanoseconds since the epoch: as for L{readNtp} and L{readPtp}.
    @param ahead: nanoseconds: as for L{ptpTimestamp}; it does not touch NTP's format.
    @return: nanoseconds since the epoch.
    @raise ValueError: as L{readPtp} does.
    """
    return readPtp(timestamp, near, ahead) if isPtp else readNtp(timestamp, near)


# Error estimates: RFC 4656, section 4.1.2; the Z bit: RFC 8186, section 2.3.

_S = 0x8000
_Z = 0x4000

#: 255 * 2^31 s, about 17,000 years.
_GREATEST_ERROR = 0x3FFF


class ErrorEstimate(NamedTuple):
    """
    What an end says of its timestamps.

    @ivar isSynchronized: its clock follows UTC by an external source.
    @ivar isPtp: its timestamps are in PTPv2's truncated format, not in NTP's.
    @ivar error: nanoseconds, rounded up; L{None} where the multiplier is 0, which
        RFC 4656 forbids: such a packet "SHOULD be considered corrupt and discarded".
    """

    isSynchronized: bool
    isPtp: bool
    error: int | None


def writeErrorEstimate(estimate: ErrorEstimate) -> int:
    """
    Give an error estimate's 16 bits.  They never say less than the error, but where
    it is more than they can hold; an error that is not known is the greatest.
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


def readErrorEstimate(octets: int) -> ErrorEstimate:
    """
    Read an error estimate.

    @param octets: 16 bits.
    """
    scale, multiplier = octets >> 8 & 0x3F, octets & 0xFF
    # Up: a bound does not shrink by being read.
    error = -(-(multiplier << scale) * SECOND >> 32)
    return ErrorEstimate(
        bool(octets & _S), bool(octets & _Z), error if multiplier else None
    )


# HMAC: RFC 8762, section 4.4.


def authenticator(key: bytes, octets: bytes) -> bytes:
    """
    Give the HMAC of some octets: HMAC-SHA-256, its first 16 octets.
    """
    return hmac.digest(key, octets, "sha256")[:HMAC_LENGTH]


def keyOf(octets: bytes, found: bytes, keys: Iterable[bytes]) -> bytes | None:
    """
    Find the key that an HMAC was made with.

    @param octets: what it covers.
    @param found: the HMAC.
    @param keys: those that are valid.
    @return: the first of them that gives this HMAC, or L{None} where none does.
    """
    for key in keys:
        if hmac.compare_digest(authenticator(key, octets), found):
            return key
    return None


def packetKey(packet: bytes, keys: Iterable[bytes]) -> bytes | None:
    """
    Find the key that a packet of authenticated mode was made with.  RFC 8762 has this
    done before anything else is.

    @return: one of C{keys}, or L{None} where the packet is too short or its HMAC is
        none of theirs.
    """
    if len(packet) < AUTHENTICATED:
        return None
    return keyOf(packet[:_COVERED], packet[_COVERED:AUTHENTICATED], keys)


# Session-sender packets: RFC 8762, figures 2 and 4; RFC 8972, figures 1 and 3.

_REQUEST = Struct("!IQHH28x")
_REQUEST_COVERED = Struct("!I12xQHH68x")
_REQUEST_FIELDS = Struct("!IQH")
_REQUEST_FIELDS_SSID = Struct("!IQHH")
_REQUEST_FIELDS_COVERED = Struct("!I12xQHH")


class SenderPacket(NamedTuple):
    """
    A session-sender's base packet.

    @ivar sequence: its number, of 32 bits.
    @ivar timestamp: T1, in the format that C{errorEstimate} names.
    @ivar errorEstimate: 16 bits, for L{readErrorEstimate}.
    @ivar ssid: the session's identifier, 0 where it has none.
    """

    sequence: int
    timestamp: int
    errorEstimate: int
    ssid: int = 0


def senderPacket(packet: SenderPacket, key: bytes | None = None) -> bytes:
    """
    Give a session-sender's base packet.

    @param key: what to authenticate it with; L{None} for unauthenticated mode.
    """
    if key is None:
        return _REQUEST.pack(*packet)
    covered = _REQUEST_COVERED.pack(*packet)
    return covered + authenticator(key, covered)


def readSenderPacket(octets: bytes, isAuthenticated: bool = False) -> SenderPacket:
    """
    Read the fields of a session-sender's packet.  Its HMAC is not looked at:
    L{packetKey}.  A packet of unauthenticated mode that is shorter than the base
    packet is a TWAMP Light session-sender's, and has padding in place of an SSID.

    @raise ValueError: it is too short.
    """
    length = len(octets)
    if isAuthenticated:
        if length < AUTHENTICATED:
            raise ValueError(f"authenticated request of {length} octets")
        return SenderPacket(*_REQUEST_FIELDS_COVERED.unpack_from(octets))
    if length < SHORTEST:
        raise ValueError(f"request of {length} octets")
    if length < UNAUTHENTICATED:
        return SenderPacket(*_REQUEST_FIELDS.unpack_from(octets))
    return SenderPacket(*_REQUEST_FIELDS_SSID.unpack_from(octets))


# Session-reflector packets: RFC 8762, figures 5 and 6; RFC 8972, figures 2 and 4.

# Octets 0 to 13 of a request are octets 24 to 37 of its reply.
_REPLY = Struct("!IQH2sQ14s2xB3x")
_REPLY_COVERED = Struct("!I12xQH2s4xQ8x4s12x8s2s6xB15x")
_REPLY_FIELDS = Struct("!IQHHQIQH2xB")
_REPLY_FIELDS_COVERED = Struct("!I12xQHH4xQ8xI12xQH6xB")


class ReflectorPacket(NamedTuple):
    """
    A session-reflector's base packet.

    @ivar sequence: the session-reflector's own number where it is stateful, otherwise
        the session-sender's.
    @ivar timestamp: T3, in the format that C{errorEstimate} names.
    @ivar errorEstimate: 16 bits, for L{readErrorEstimate}; of T2 and T3.
    @ivar ssid: the session-sender's; 0 where the session-reflector knows no SSIDs.
    @ivar received: T2, in the same format as T3.
    @ivar senderSequence: the session-sender's number.
    @ivar senderTimestamp: T1, in the format that C{senderErrorEstimate} names.
    @ivar senderErrorEstimate: 16 bits.
    @ivar senderTtl: the TTL or hop limit that the request arrived with.
    """

    sequence: int
    timestamp: int
    errorEstimate: int
    ssid: int
    received: int
    senderSequence: int
    senderTimestamp: int
    senderErrorEstimate: int
    senderTtl: int


def reflectorPacket(
    request: bytes,
    sequence: int,
    timestamp: int,
    errorEstimate: int,
    received: int,
    ttl: int,
    key: bytes | None = None,
) -> bytes:
    """
    Give the base packet that answers a request.  It has 44 octets, or 112, also where
    the request has fewer than 44: RFC 8762, section 4.6.

    @param request: the whole packet, whose HMAC was found right, if it has one.
    @param sequence: what to number the reply with.
    @param timestamp: T3, as L{ntpTimestamp} or L{ptpTimestamp} gives it.
    @param errorEstimate: 16 bits, of T2 and T3.
    @param received: T2, in the same format as T3.
    @param ttl: the TTL or hop limit that the request arrived with.
    @param key: what the request was authenticated with; L{None} for unauthenticated
        mode.
    @raise ValueError: the request is too short.
    """
    length = len(request)
    if key is None:
        if length < SHORTEST:
            raise ValueError(f"request of {length} octets")
        return _REPLY.pack(
            sequence,
            timestamp,
            errorEstimate,
            request[14:16] if length >= UNAUTHENTICATED else b"",
            received,
            request[:14],
            ttl,
        )
    if length < AUTHENTICATED:
        raise ValueError(f"authenticated request of {length} octets")
    covered = _REPLY_COVERED.pack(
        sequence,
        timestamp,
        errorEstimate,
        request[26:28],
        received,
        request[:4],
        request[16:24],
        request[24:26],
        ttl,
    )
    return covered + authenticator(key, covered)


def readReflectorPacket(
    octets: bytes, isAuthenticated: bool = False
) -> ReflectorPacket:
    """
    Read the fields of a session-reflector's packet.  Its HMAC is not looked at:
    L{packetKey}.

    @raise ValueError: it is too short.
    """
    length = len(octets)
    if length < (AUTHENTICATED if isAuthenticated else SHORTEST_REPLY):
        mode = "authenticated " if isAuthenticated else ""
        raise ValueError(f"{mode}reply of {length} octets")
    fields = _REPLY_FIELDS_COVERED if isAuthenticated else _REPLY_FIELDS
    return ReflectorPacket(*fields.unpack_from(octets))
