"""
STAMP's TLVs: what may follow a base packet, and how a session-reflector answers it.
Pure: no Twisted, no clock, no I/O.

The source is RFC 8972, section 4; its sections are named where they apply.

Octets behind a base packet need not be TLVs: TWAMP's padding is often random.  A
session-sender's TLVs begin with an octet of flags of which only U is set.  Anything
else is padding.  A datagram may hold 16,365 TLVs; the first L{MOST_TLVS} are read.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from struct import Struct
from typing import NamedTuple

from echostamp.rfc8762.packets import authenticator, keyOf
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    HMAC,
    LENGTHS,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    FollowUp,
    TimestampInformation,
    classOfService,
    followUp,
    isLength,
    readClassOfService,
)

#: The flags: section 4, figure 6.
UNRECOGNIZED = 0x80
MALFORMED = 0x40
INTEGRITY = 0x20

#: TLVs of one packet that are read; what follows is left as it is.
MOST_TLVS = 16

#: Flags, type and length.
HEADER = Struct("!BBH")


class TlvPlace(NamedTuple):
    """
    Where a TLV is among the octets behind a base packet.

    @ivar start: the index of its flags.
    @ivar type: its type; 0, which is no type, where the octets end before it.
    @ivar end: the index behind its value, which may be behind the octets.
    @ivar isMalformed: whether it is cut off, or has a length that its type does not
        allow.
    """

    start: int
    type: int
    end: int
    isMalformed: bool


def findTlvs(octets: bytes) -> list[TlvPlace]:
    """
    Find the first L{MOST_TLVS} TLVs.
    """
    places: list[TlvPlace] = []
    start, length = 0, len(octets)
    while start < length and len(places) < MOST_TLVS:
        # A header that is cut off is filled up with zeros.
        header = octets[start : start + HEADER.size].ljust(HEADER.size, b"\0")
        _flags, kind, size = HEADER.unpack(header)
        end = start + HEADER.size + size
        isMalformed = end > length or not isLength(kind, size)
        places.append(TlvPlace(start, kind, end, isMalformed))
        start = end
    return places


# The HMAC TLV: section 4.8.


def hmacCovered(tlvs: bytes, sequence: int) -> bytes:
    """
    Give the octets that an HMAC covers: the packet's number, and the TLVs before it.
    """
    return sequence.to_bytes(4, "big") + tlvs


def hmacPlace(places: Sequence[TlvPlace]) -> TlvPlace | None:
    """
    Find the HMAC TLV.

    @return: L{None} where there is none, it is malformed, or anything but extra
        padding follows.
    """
    for index, place in enumerate(places):
        if place.type == HMAC:
            behind = [other.type for other in places[index + 1 :]]
            isLast = behind == [EXTRA_PADDING] * len(behind)
            return place if isLast and not place.isMalformed else None
    return None


def needsHmac(places: Sequence[TlvPlace], isKeyed: bool) -> bool:
    """
    Tell whether the TLVs may be used only if their HMAC is right.  An HMAC without a
    known key makes them useless.  Where TLVs are authenticated, only a single Extra
    Padding TLV may come without one.
    """
    types = [place.type for place in places]
    return HMAC in types or (isKeyed and types != [EXTRA_PADDING])


def hmacKey(
    octets: bytes, place: TlvPlace | None, sequence: int, keys: Iterable[bytes]
) -> bytes | None:
    """
    Find the key that the HMAC TLV was made with.

    @param octets: all that follows the base packet.
    @param place: the HMAC TLV; L{None} where there is none.
    @param sequence: the packet's number.
    @return: one of C{keys}, or L{None}.
    """
    if place is None:
        return None
    covered = hmacCovered(octets[: place.start], sequence)
    return keyOf(covered, octets[place.start + HEADER.size : place.end], keys)


# A session-reflector's side.


class Reflection(NamedTuple):
    """
    What a session-reflector reports in TLVs.

    @ivar information: how T2 and T3 were taken.
    @ivar tos: the request's DSCP and ECN, as in the octet of its IP header; L{None}
        where the system does not report it.
    @ivar permittedDscps: the DSCPs that a request may ask for.
    @ivar followUp: about the same session's previous reply; zeros where the reflector
        is stateless.
    @ivar keys: the keys that an HMAC TLV may be made with.  Where there are any, TLVs
        must be authenticated.
    """

    information: TimestampInformation = TimestampInformation()
    tos: int | None = None
    permittedDscps: Container[int] = ()
    followUp: FollowUp = FollowUp()
    keys: Sequence[bytes] = ()


class Answer(NamedTuple):
    """
    A session-reflector's answer to the octets behind a base packet.

    @ivar octets: what follows the base packet of the reply; as many as in the request.
    @ivar dscp: the DSCP of the reply, because of a Class of Service TLV; L{None} where
        there is no such TLV.
    """

    octets: bytes
    dscp: int | None = None


def answerTlvs(
    octets: bytes, reflection: Reflection, sequence: int, replySequence: int
) -> Answer:
    """
    Answer what follows the base packet of a request.

    @param octets: all that follows.
    @param reflection: what to report.
    @param sequence: the request's number.
    @param replySequence: the reply's number.
    """
    if octets[:1] != bytes([UNRECOGNIZED]):
        return Answer(octets)
    places = findTlvs(octets)
    if not needsHmac(places, bool(reflection.keys)):
        answer, dscp = _filled(octets, places, reflection)
        return Answer(bytes(answer), dscp)
    seal = hmacPlace(places)
    key = hmacKey(octets, seal, sequence, reflection.keys)
    if seal is None or key is None:
        answer = bytearray(octets)
        for place in places:
            answer[place.start] &= UNRECOGNIZED
            answer[place.start] |= INTEGRITY | (MALFORMED if place.isMalformed else 0)
        return Answer(bytes(answer))
    answer, dscp = _filled(octets, places, reflection)
    answer[seal.start] = 0
    covered = hmacCovered(bytes(answer[: seal.start]), replySequence)
    answer[seal.start + HEADER.size : seal.end] = authenticator(key, covered)
    return Answer(bytes(answer), dscp)


def _filled(
    octets: bytes, places: Iterable[TlvPlace], reflection: Reflection
) -> tuple[bytearray, int | None]:
    """
    Set flags and values, up to the first malformed TLV.  An HMAC's value stays as it
    is.

    @return: the octets of the answer, and L{Answer}'s C{dscp}.
    """
    answer, dscp = bytearray(octets), None
    for place in places:
        start, kind = place.start + HEADER.size, place.type
        isKnown = kind in LENGTHS
        if kind == CLASS_OF_SERVICE and reflection.tos is None:
            isKnown = False
        answer[place.start] = 0 if isKnown else UNRECOGNIZED
        if place.isMalformed:
            answer[place.start] |= MALFORMED
            if kind == FOLLOW_UP_TELEMETRY:
                # Section 4.7: number and timestamp become zeros, if they are there.
                fields = answer[start : min(place.end, start + 12)]
                answer[start : start + len(fields)] = bytes(len(fields))
            break
        if kind == TIMESTAMP_INFORMATION:
            answer[start : start + 4] = bytes(reflection.information)
        elif kind == FOLLOW_UP_TELEMETRY:
            answer[start : place.end] = followUp(reflection.followUp)
        elif kind == CLASS_OF_SERVICE and reflection.tos is not None:
            asked = readClassOfService(octets[start : place.end]).dscp1
            received, ecn = reflection.tos >> 2, reflection.tos & 3
            isPermitted = asked in reflection.permittedDscps
            dscp = asked if isPermitted else received
            marks = ClassOfService(asked, received, ecn, 0 if isPermitted else 1)
            answer[start : place.end] = classOfService(marks)
    return answer, dscp
