"""
STAMP's TLVs: what may follow a base packet.  Pure: no Twisted, no clock, no I/O.

The source is RFC 8972, section 4; its sections are named where they apply.

Octets behind a base packet need not be TLVs: TWAMP's padding is often random.  A
session-sender's TLVs begin with an octet of flags of which only U is set, and what
begins otherwise is padding.  Of what may be 16,365 TLVs in a datagram, the first
L{MOST_TLVS} are looked at.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from struct import Struct
from typing import Literal, NamedTuple

from echostamp.rfc8762.packets import HMAC_LENGTH, authenticator, keyOf

#: The flags: section 4, figure 6.
UNRECOGNIZED = 0x80
MALFORMED = 0x40
INTEGRITY = 0x20

#: The types: section 5.1, table 2.
EXTRA_PADDING = 1
LOCATION = 2
TIMESTAMP_INFORMATION = 3
CLASS_OF_SERVICE = 4
DIRECT_MEASUREMENT = 5
ACCESS_REPORT = 6
FOLLOW_UP_TELEMETRY = 7
HMAC = 8

#: What a clock is synchronized by: section 5.4, table 7.
SYNCHRONIZATION_SOURCES = {
    1: "NTP",
    2: "PTP",
    3: "SSU/BITS",
    4: "GPS/GLONASS/LORAN-C/BDS/Galileo",
    5: "Local free-running",
}

#: How a timestamp was obtained: section 5.5, table 9.
TIMESTAMPING_METHODS = {1: "HW Assist", 2: "SW Local", 3: "Control Plane"}

#: The largest number of TLVs that are looked at in one packet.
MOST_TLVS = 16

_HEADER = Struct("!BBH")

# The least and the greatest length that a value may have, for each type that is known.
_LENGTHS = {
    EXTRA_PADDING: (0, 0xFFFF),
    TIMESTAMP_INFORMATION: (4, 0xFFFF),  # sub-TLVs may follow
    CLASS_OF_SERVICE: (4, 4),
    FOLLOW_UP_TELEMETRY: (16, 16),
    HMAC: (HMAC_LENGTH, HMAC_LENGTH),
}


class _Place(NamedTuple):
    """
    Where a TLV is.

    @ivar start: where its flags are.
    @ivar type: 0, which is no type, where the octets end before it.
    @ivar end: where its value ends, or would.
    @ivar isMalformed: whether it is cut off, or its length is not one that its type
        has.
    """

    start: int
    type: int
    end: int
    isMalformed: bool


def _isLength(kind: int, size: int) -> bool:
    """
    Tell whether a type's value may have so many octets.
    """
    least, greatest = _LENGTHS.get(kind, (0, 0xFFFF))
    return least <= size <= greatest


def _checkLength(kind: int, value: bytes) -> None:
    """
    Look at the length of a type's value.

    @raise ValueError: no such value has it.
    """
    if not _isLength(kind, len(value)):
        raise ValueError(f"TLV of type {kind} with a value of {len(value)} octets")


def _places(octets: bytes) -> list[_Place]:
    """
    Find the TLVs: at most L{MOST_TLVS}.
    """
    places: list[_Place] = []
    start, length = 0, len(octets)
    while start < length and len(places) < MOST_TLVS:
        # What is missing of the last header is read as zeros.
        header = octets[start : start + _HEADER.size].ljust(_HEADER.size, b"\0")
        _flags, kind, size = _HEADER.unpack(header)
        end = start + _HEADER.size + size
        isMalformed = end > length or not _isLength(kind, size)
        places.append(_Place(start, kind, end, isMalformed))
        start = end
    return places


# The HMAC TLV: section 4.8.


def _covered(tlvs: bytes, sequence: int) -> bytes:
    """
    Give what an HMAC covers: the packet's number, and the TLVs before it.
    """
    return sequence.to_bytes(4, "big") + tlvs


def _hmacPlace(places: Sequence[_Place]) -> _Place | None:
    """
    Find the HMAC TLV.

    @return: L{None} where there is none, or it is malformed, or what follows is not
        extra padding.
    """
    for index, place in enumerate(places):
        if place.type == HMAC:
            behind = [other.type for other in places[index + 1 :]]
            isLast = behind == [EXTRA_PADDING] * len(behind)
            return place if isLast and not place.isMalformed else None
    return None


def _needsHmac(places: Sequence[_Place], isKeyed: bool) -> bool:
    """
    Tell whether TLVs are of use only with an HMAC that is right.  With one that nobody
    has a key for they are of none; and where TLVs are authenticated, only extra
    padding on its own can be without.
    """
    types = [place.type for place in places]
    return HMAC in types or (isKeyed and types != [EXTRA_PADDING])


def _keyOf(
    octets: bytes, place: _Place | None, sequence: int, keys: Iterable[bytes]
) -> bytes | None:
    """
    Find the key that the HMAC TLV was made with: L{None} where there is none.
    """
    if place is None:
        return None
    covered = _covered(octets[: place.start], sequence)
    return keyOf(covered, octets[place.start + _HEADER.size : place.end], keys)


# Values: sections 4.3, 4.4 and 4.7.


class TimestampInformation(NamedTuple):
    """
    Where a session-reflector has its timestamps from: numbers of
    L{SYNCHRONIZATION_SOURCES} and L{TIMESTAMPING_METHODS}.  C{bytes} of it is a
    Timestamp Information TLV's value; a session-sender's is all zeros.

    @ivar synchronizationIn: the source of the clock that took T2.
    @ivar methodIn: how T2 was taken.
    @ivar synchronizationOut: the source of the clock that took T3.
    @ivar methodOut: how T3 was taken.
    """

    synchronizationIn: int = 0
    methodIn: int = 0
    synchronizationOut: int = 0
    methodOut: int = 0


def readTimestampInformation(value: bytes) -> TimestampInformation:
    """
    Read a Timestamp Information TLV's value.  Sub-TLVs, of which RFC 8972 has none,
    are skipped.

    @raise ValueError: it is too short.
    """
    _checkLength(TIMESTAMP_INFORMATION, value)
    return TimestampInformation(*value[:4])


class ClassOfService(NamedTuple):
    """
    The marks of a request and of its reply.

    @ivar dscp1: the DSCP that the session-sender wants for the reply, of 6 bits.
    @ivar dscp2: the DSCP that the request arrived with, of 6 bits.
    @ivar ecn: the ECN that the request arrived with, of 2 bits.
    @ivar reversePath: 0 where the reply was sent with C{dscp1}, 1 where the
        session-reflector's policy forbids it.
    """

    dscp1: int
    dscp2: int = 0
    ecn: int = 0
    reversePath: int = 0


_CLASS_OF_SERVICE = Struct("!H2x")


def classOfService(marks: ClassOfService) -> bytes:
    """
    Give a Class of Service TLV's value.  A session-sender names C{dscp1} alone.
    """
    return _CLASS_OF_SERVICE.pack(
        marks.dscp1 << 10 | marks.dscp2 << 4 | marks.ecn << 2 | marks.reversePath
    )


def readClassOfService(value: bytes) -> ClassOfService:
    """
    Read a Class of Service TLV's value.

    @raise ValueError: it does not have 4 octets.
    """
    _checkLength(CLASS_OF_SERVICE, value)
    (bits,) = _CLASS_OF_SERVICE.unpack(value)
    return ClassOfService(bits >> 10, bits >> 4 & 0x3F, bits >> 2 & 3, bits & 3)


class FollowUp(NamedTuple):
    """
    What became of the previous reply.  All zeros: nothing is known.

    @ivar sequence: the number that the session-reflector gave it.
    @ivar timestamp: when it was sent, in the format of the timestamps of the packet
        that this is in.
    @ivar method: one of L{TIMESTAMPING_METHODS}.
    """

    sequence: int = 0
    timestamp: int = 0
    method: int = 0


_FOLLOW_UP = Struct("!IQB3x")


def followUp(previous: FollowUp) -> bytes:
    """
    Give a Follow-Up Telemetry TLV's value.  A session-sender's is all zeros.
    """
    return _FOLLOW_UP.pack(*previous)


def readFollowUp(value: bytes) -> FollowUp:
    """
    Read a Follow-Up Telemetry TLV's value.

    @raise ValueError: it does not have 16 octets.
    """
    _checkLength(FOLLOW_UP_TELEMETRY, value)
    return FollowUp(*_FOLLOW_UP.unpack(value))


# A session-reflector's side.


class Reflection(NamedTuple):
    """
    What a session-reflector tells in TLVs.

    @ivar information: where T2 and T3 are from.
    @ivar tos: the octet of the IP header that holds DSCP and ECN, as the request
        arrived with it; L{None} where the system does not tell.
    @ivar permittedDscps: what a reply may be marked with because a request asks for
        it.
    @ivar followUp: of the same session's previous reply; zeros where the reflector is
        stateless.
    @ivar keys: those that an HMAC TLV may be made with.  Where there are any, TLVs
        have to be authenticated.
    """

    information: TimestampInformation = TimestampInformation()
    tos: int | None = None
    permittedDscps: Container[int] = ()
    followUp: FollowUp = FollowUp()
    keys: Sequence[bytes] = ()


class Answer(NamedTuple):
    """
    What a session-reflector does about the octets behind a base packet.

    @ivar octets: what follows the base packet of the reply; as many as in the request.
    @ivar dscp: what a Class of Service TLV has the reply marked with, or L{None} where
        none has.
    """

    octets: bytes
    dscp: int | None = None


def answerTlvs(
    octets: bytes, reflection: Reflection, sequence: int, replySequence: int
) -> Answer:
    """
    Answer what follows the base packet of a request.

    @param octets: all of it.
    @param sequence: the request's number.
    @param replySequence: the reply's number.
    """
    if octets[:1] != bytes([UNRECOGNIZED]):
        return Answer(octets)
    places = _places(octets)
    if not _needsHmac(places, bool(reflection.keys)):
        answer, dscp = _filled(octets, places, reflection)
        return Answer(bytes(answer), dscp)
    seal = _hmacPlace(places)
    key = _keyOf(octets, seal, sequence, reflection.keys)
    if seal is None or key is None:
        answer = bytearray(octets)
        for place in places:
            answer[place.start] &= UNRECOGNIZED
            answer[place.start] |= INTEGRITY | (MALFORMED if place.isMalformed else 0)
        return Answer(bytes(answer))
    answer, dscp = _filled(octets, places, reflection)
    answer[seal.start] = 0
    covered = _covered(bytes(answer[: seal.start]), replySequence)
    answer[seal.start + _HEADER.size : seal.end] = authenticator(key, covered)
    return Answer(bytes(answer), dscp)


def _filled(
    octets: bytes, places: Iterable[_Place], reflection: Reflection
) -> tuple[bytearray, int | None]:
    """
    Set flags and values, up to the first TLV that is malformed.  An HMAC's value
    remains.

    @return: what becomes of the octets, and L{Answer}'s C{dscp}.
    """
    answer, dscp = bytearray(octets), None
    for place in places:
        start, kind = place.start + _HEADER.size, place.type
        isKnown = kind in _LENGTHS
        if kind == CLASS_OF_SERVICE and reflection.tos is None:
            isKnown = False
        answer[place.start] = 0 if isKnown else UNRECOGNIZED
        if place.isMalformed:
            answer[place.start] |= MALFORMED
            if kind == FOLLOW_UP_TELEMETRY:
                # Section 4.7 wants number and timestamp zeroed, as far as they go.
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


# A session-sender's side.


def writeTlvs(
    tlvs: Iterable[tuple[int, bytes]], sequence: int, key: bytes | None = None
) -> bytes:
    """
    Give a session-sender's TLVs.

    @param tlvs: types and values, without the HMAC TLV.
    @param sequence: the packet's number.
    @param key: what to authenticate them with: an HMAC TLV is put last.
    @raise ValueError: a type or a value does not fit, or they are more than
        L{MOST_TLVS} with the HMAC TLV.
    """
    pairs = list(tlvs)
    if len(pairs) + (key is not None) > MOST_TLVS:
        raise ValueError(f"more than {MOST_TLVS} TLVs")
    octets = b"".join(_write(kind, value) for kind, value in pairs)
    if key is not None:
        octets += _write(HMAC, authenticator(key, _covered(octets, sequence)))
    return octets


def _write(kind: int, value: bytes) -> bytes:
    """
    Give a session-sender's TLV.

    @raise ValueError: it is none.
    """
    _checkLength(kind, value)
    if not 0 < kind <= 0xFF:
        raise ValueError(f"no TLV has type {kind}")
    return _HEADER.pack(UNRECOGNIZED, kind, len(value)) + value


class Tlv(NamedTuple):
    """
    A TLV that has come back.
    """

    type: int
    value: bytes


class Reading(NamedTuple):
    """
    What a session-sender learns from the TLVs of a reply.

    @ivar tlvs: those that it may use, in their order; without the HMAC TLV.
    @ivar unrecognized: the types that the session-reflector did not process.
    @ivar problem: why there are no more: one is malformed, which either end may say;
        or the HMAC is wrong, which either end may say, and then there are none.
    """

    tlvs: list[Tlv]
    unrecognized: list[int]
    problem: Literal["malformed", "integrity"] | None = None


def readTlvs(octets: bytes, sequence: int, key: bytes | None = None) -> Reading:
    """
    Read the TLVs of a reply, at most L{MOST_TLVS}.  Values of known types have a
    length that their types have.

    @param octets: what follows the base packet, to a request that had TLVs.
    @param sequence: the reply's number, which is not the request's where the
        session-reflector is stateful.
    @param key: what the request's TLVs were authenticated with.
    """
    places = _places(octets)
    if any(octets[place.start] & INTEGRITY for place in places):
        return Reading([], [], "integrity")
    # A session-reflector that knows no TLVs returns them all with U, and an HMAC that
    # is not its own.  Nothing of them is used.
    isProcessed = any(not octets[place.start] & UNRECOGNIZED for place in places)
    if isProcessed and _needsHmac(places, key is not None):
        keys = [] if key is None else [key]
        if _keyOf(octets, _hmacPlace(places), sequence, keys) is None:
            return Reading([], [], "integrity")
    reading = Reading([], [])
    for place in places:
        flags = octets[place.start]
        if flags & MALFORMED or place.isMalformed:
            return reading._replace(problem="malformed")
        if flags & UNRECOGNIZED:
            reading.unrecognized.append(place.type)
        elif place.type != HMAC:
            value = octets[place.start + _HEADER.size : place.end]
            reading.tlvs.append(Tlv(place.type, value))
    return reading
