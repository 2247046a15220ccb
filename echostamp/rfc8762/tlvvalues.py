"""
The types of STAMP's TLVs, and their values: octets to fields and back.  Pure: no
Twisted, no clock, no I/O.

The source is RFC 8972; its sections are named where they apply.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from echostamp.rfc8762.packets import HMAC_LENGTH

#: The types: section 5.1, table 2.
EXTRA_PADDING = 1
LOCATION = 2
TIMESTAMP_INFORMATION = 3
CLASS_OF_SERVICE = 4
DIRECT_MEASUREMENT = 5
ACCESS_REPORT = 6
FOLLOW_UP_TELEMETRY = 7
HMAC = 8

#: The names of TLVs that a user may ask for, and their types.
TLVS = {
    "padding": EXTRA_PADDING,
    "timestamp": TIMESTAMP_INFORMATION,
    "cos": CLASS_OF_SERVICE,
    "follow-up": FOLLOW_UP_TELEMETRY,
}

#: What synchronizes a clock: section 5.4, table 7.
SYNCHRONIZATION_SOURCES = {
    1: "NTP",
    2: "PTP",
    3: "SSU/BITS",
    4: "GPS/GLONASS/LORAN-C/BDS/Galileo",
    5: "Local free-running",
}

#: How a timestamp was obtained: section 5.5, table 9.
TIMESTAMPING_METHODS = {1: "HW Assist", 2: "SW Local", 3: "Control Plane"}

#: The types that this program knows: the least and the greatest length of their values.
LENGTHS = {
    EXTRA_PADDING: (0, 0xFFFF),
    TIMESTAMP_INFORMATION: (4, 0xFFFF),  # sub-TLVs may follow
    CLASS_OF_SERVICE: (4, 4),
    FOLLOW_UP_TELEMETRY: (16, 16),
    HMAC: (HMAC_LENGTH, HMAC_LENGTH),
}


def isLength(kind: int, size: int) -> bool:
    """
    Tell whether a type's value may have this many octets.
    """
    least, greatest = LENGTHS.get(kind, (0, 0xFFFF))
    return least <= size <= greatest


def checkLength(kind: int, value: bytes) -> None:
    """
    Check the length of a type's value.

    @raise ValueError: the type does not allow it.
    """
    if not isLength(kind, len(value)):
        raise ValueError(f"TLV of type {kind} with a value of {len(value)} octets")


# Values: sections 4.3, 4.4 and 4.7.


class TimestampInformation(NamedTuple):
    """
    How a session-reflector takes its timestamps: numbers of L{SYNCHRONIZATION_SOURCES}
    and L{TIMESTAMPING_METHODS}.  C{bytes} of it is a Timestamp Information TLV's value;
    a session-sender's is all zeros.

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
    Read a Timestamp Information TLV's value.  Sub-TLVs, of which RFC 8972 defines none,
    are skipped.

    @raise ValueError: it is too short.
    """
    checkLength(TIMESTAMP_INFORMATION, value)
    return TimestampInformation(*value[:4])


class ClassOfService(NamedTuple):
    """
    The marks of a request and of its reply.

    @ivar dscp1: the DSCP that the session-sender wants for the reply, of 6 bits.
    @ivar dscp2: the DSCP that the request arrived with, of 6 bits.
    @ivar ecn: the ECN that the request arrived with, of 2 bits.
    @ivar reversePath: 0 where the reply was sent with C{dscp1}, 1 where the
        session-reflector's policy forbids that.
    """

    dscp1: int
    dscp2: int = 0
    ecn: int = 0
    reversePath: int = 0


_CLASS_OF_SERVICE = Struct("!H2x")


def classOfService(marks: ClassOfService) -> bytes:
    """
    Give a Class of Service TLV's value.  A session-sender sets only C{dscp1}.
    """
    return _CLASS_OF_SERVICE.pack(
        marks.dscp1 << 10 | marks.dscp2 << 4 | marks.ecn << 2 | marks.reversePath
    )


def readClassOfService(value: bytes) -> ClassOfService:
    """
    Read a Class of Service TLV's value.

    @raise ValueError: it does not have 4 octets.
    """
    checkLength(CLASS_OF_SERVICE, value)
    (bits,) = _CLASS_OF_SERVICE.unpack(value)
    return ClassOfService(bits >> 10, bits >> 4 & 0x3F, bits >> 2 & 3, bits & 3)


class FollowUp(NamedTuple):
    """
    When the previous reply left.  All zeros: it is not known.

    @ivar sequence: the session-reflector's number of the previous reply.
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
    checkLength(FOLLOW_UP_TELEMETRY, value)
    return FollowUp(*_FOLLOW_UP.unpack(value))
