"""
The session-sender's TLVs: written into requests, read from replies.  Pure: no Twisted,
no clock, no I/O.

The source is RFC 8972, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from echostamp.rfc8762.packets import authenticator
from echostamp.rfc8762.tlvs import (
    HEADER,
    INTEGRITY,
    MALFORMED,
    MOST_TLVS,
    UNRECOGNIZED,
    findTlvs,
    hmacCovered,
    hmacKey,
    hmacPlace,
    needsHmac,
)
from echostamp.rfc8762.tlvvalues import HMAC, checkLength


def writeTlvs(
    tlvs: Iterable[tuple[int, bytes]], sequence: int, key: bytes | None = None
) -> bytes:
    """
    Write a session-sender's TLVs.

    @param tlvs: types and values, without the HMAC TLV.
    @param sequence: the packet's number.
    @param key: the key that authenticates them: an HMAC TLV is put last.
    @raise ValueError: a type or a value does not fit, or there are more than
        L{MOST_TLVS} with the HMAC TLV.
    """
    pairs = list(tlvs)
    if len(pairs) + (key is not None) > MOST_TLVS:
        raise ValueError(f"more than {MOST_TLVS} TLVs")
    octets = b"".join(_write(kind, value) for kind, value in pairs)
    if key is not None:
        octets += _write(HMAC, authenticator(key, hmacCovered(octets, sequence)))
    return octets


def _write(kind: int, value: bytes) -> bytes:
    """
    Write one of a session-sender's TLVs.

    @raise ValueError: the type or the value does not fit.
    """
    checkLength(kind, value)
    if not 0 < kind <= 0xFF:
        raise ValueError(f"no TLV has type {kind}")
    return HEADER.pack(UNRECOGNIZED, kind, len(value)) + value


class Tlv(NamedTuple):
    """
    A TLV of a reply.
    """

    type: int
    value: bytes


class TlvReading(NamedTuple):
    """
    What a session-sender learns from the TLVs of a reply.

    @ivar tlvs: the valid ones, in their order, without the HMAC TLV.
    @ivar unrecognized: the types that the session-reflector did not process.
    @ivar problem: why the reading ended early, if it did.  C{malformed}: one TLV is
        malformed.  C{integrity}: the HMAC is wrong, and no TLV may be used.  Either
        end may have found it.
    """

    tlvs: list[Tlv]
    unrecognized: list[int]
    problem: Literal["malformed", "integrity"] | None = None


def readTlvs(octets: bytes, sequence: int, key: bytes | None = None) -> TlvReading:
    """
    Read the first L{MOST_TLVS} TLVs of a reply.  The values of known types have a
    length that the type allows.

    @param octets: what follows the base packet of the reply to a request with TLVs.
    @param sequence: the reply's number, which differs from the request's where the
        session-reflector is stateful.
    @param key: the key that authenticated the request's TLVs.
    """
    places = findTlvs(octets)
    if any(octets[place.start] & INTEGRITY for place in places):
        return TlvReading([], [], "integrity")
    # A session-reflector that knows no TLVs returns them all as they were, with U, and
    # so the HMAC is ours.  None of them is used.
    isProcessed = any(not octets[place.start] & UNRECOGNIZED for place in places)
    if isProcessed and needsHmac(places, key is not None):
        keys = [] if key is None else [key]
        if hmacKey(octets, hmacPlace(places), sequence, keys) is None:
            return TlvReading([], [], "integrity")
    reading = TlvReading([], [])
    for place in places:
        flags = octets[place.start]
        if flags & MALFORMED or place.isMalformed:
            return reading._replace(problem="malformed")
        if flags & UNRECOGNIZED:
            reading.unrecognized.append(place.type)
        elif place.type != HMAC:
            value = octets[place.start + HEADER.size : place.end]
            reading.tlvs.append(Tlv(place.type, value))
    return reading
