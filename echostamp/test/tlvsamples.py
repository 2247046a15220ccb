"""
TLVs, their answers, and strategies for them, for tests.
"""

from __future__ import annotations

import hmac

from hypothesis import strategies as st

from echostamp.rfc8762.tlvreading import writeTlvs
from echostamp.rfc8762.tlvs import (
    MOST_TLVS,
    Reflection,
    answerTlvs,
)
from echostamp.rfc8762.tlvvalues import (
    ACCESS_REPORT,
    CLASS_OF_SERVICE,
    DIRECT_MEASUREMENT,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    LOCATION,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    FollowUp,
    TimestampInformation,
    classOfService,
)

KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")

#: What a session-reflector reports in the tests: T2 and T3 by software, of a clock that
#: follows NTP; DSCP 46, ECN 1; DSCP 10 is permitted; the previous reply.
TELLING = Reflection(
    information=TimestampInformation(1, 2, 1, 2),
    tos=46 << 2 | 1,
    permittedDscps=[10],
    followUp=FollowUp(6, 0xDA190A98_80000000, 2),
)
KEYED = TELLING._replace(keys=[b"old", KEY])

#: The numbers of the request and of the reply.
REQUEST, REPLY = 3, 7

#: A Class of Service TLV that wants DSCP 10, and its answer: RFC 8972, figure 12.
COS = bytes.fromhex("80 04 0004  28 00 0000")
COS_ANSWER = bytes.fromhex("00 04 0004  2a e4 0000")

#: An Extra Padding TLV of two octets, and its answer: figure 7.
PADDING = bytes.fromhex("80 01 0002  a5 5a")
PADDING_ANSWER = bytes.fromhex("00 01 0002  a5 5a")

reflections = st.sampled_from([Reflection(), TELLING, KEYED])
sequences = st.integers(min_value=0, max_value=0xFFFF_FFFF)
timestamps = st.integers(min_value=0, max_value=0xFFFF_FFFF_FFFF_FFFF)
octet = st.integers(min_value=0, max_value=0xFF)
dscps = st.integers(min_value=0, max_value=63)

#: Octets that look like TLVs, nearly.
likeTlvs = st.lists(
    st.one_of(
        st.builds(
            lambda flags, kind, value, more: (
                bytes([flags, kind]) + (len(value) + more).to_bytes(2, "big") + value
            ),
            st.sampled_from([0x80, 0, 0xFF]),
            st.integers(0, 10) | st.just(255),
            st.binary(max_size=20)
            | st.sampled_from([bytes(4), bytes(16)])
            | st.binary(max_size=1200),
            st.sampled_from([0, 0, 0, 0, 1, 60000]),
        ),
        st.binary(max_size=5),
    ),
    max_size=20,
).map(b"".join)
anyOctets = st.binary(max_size=300) | likeTlvs

#: What a session-sender may send.
asked = st.lists(
    st.one_of(
        st.tuples(st.just(EXTRA_PADDING), st.binary(max_size=40)),
        st.just((TIMESTAMP_INFORMATION, bytes(4))),
        st.just((FOLLOW_UP_TELEMETRY, bytes(16))),
        st.builds(
            lambda dscp: (CLASS_OF_SERVICE, classOfService(ClassOfService(dscp))),
            dscps,
        ),
        st.tuples(
            st.sampled_from([LOCATION, DIRECT_MEASUREMENT, ACCESS_REPORT, 9, 200]),
            st.binary(max_size=40),
        ),
    ),
    max_size=MOST_TLVS - 1,
)


#: From C{printf '\x00\x00\x00\x03\x80\x04...' | openssl dgst -sha256 -mac HMAC
#: -macopt hexkey:000102...0f}, of number 3 and COS, and of number 7 and its answer.
REQUEST_HMAC = bytes.fromhex("80 08 0010 04654cf32ccdf095e5c232fa57f973ce")
REPLY_HMAC = bytes.fromhex("00 08 0010 35f0698bcfedd53d4d071f74f354a700")


def answer(octets: bytes, reflection: Reflection = TELLING) -> bytes:
    """Give a session-reflector's answer."""
    return answerTlvs(octets, reflection, REQUEST, REPLY).octets


def seal(tlvs: bytes, sequence: int) -> bytes:
    """Give the HMAC TLV that follows some TLVs."""
    return writeTlvs([], 0, KEY)[:4] + hmacOf(tlvs, sequence)


def hmacOf(tlvs: bytes, sequence: int) -> bytes:
    """Give an HMAC TLV's value."""
    text = sequence.to_bytes(4, "big") + tlvs
    return hmac.digest(KEY, text, "sha256")[:16]


def starts(octets: bytes) -> list[int]:
    """Give where each TLV of some octets begins; none is cut off."""
    found = [0]
    while found[-1] < len(octets):
        start = found[-1]
        size = int.from_bytes(octets[start + 2 : start + 4], "big")
        found.append(start + 4 + size)
    return found[:-1]
