"""
STAMP's packets: octets to fields and back.  Pure: no Twisted, no clock, no I/O.

The sources are RFC 8762 for the packets and RFC 8972, section 3, for the SSID; sections
are named where they apply.  What follows the base packet is L{echostamp.rfc8762.tlvs}'s
job, and what its timestamps and error estimates mean L{echostamp.rfc8762.timestamps}'s.

Timestamps, of 64 bits, and error estimates, of 16, are integers here: a
session-reflector only copies the session-sender's::

    reply = reflectorPacket(request, ...)
    reply += answerTlvs(request[UNAUTHENTICATED:], ...).octets
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from functools import partial
from struct import Struct
from typing import NamedTuple

#: Octets of a base packet: RFC 8762, section 4.2.
UNAUTHENTICATED = 44
AUTHENTICATED = 112

#: Octets of the shortest request: that of a TWAMP Light session-sender, with its fields
#: and no padding.  RFC 4656, section 4.1.2.
SHORTEST = 14

#: Octets of the shortest reply: that of a TWAMP Light session-reflector, which is
#: RFC 8762's without the zeros at its end.  RFC 5357, section 4.2.1.
SHORTEST_REPLY = 41

#: Octets of an HMAC, and of what it covers in a packet: RFC 8762, section 4.4.
HMAC_LENGTH = 16
_COVERED = AUTHENTICATED - HMAC_LENGTH


# HMAC: RFC 8762, section 4.4.


def authenticator(key: bytes, octets: bytes) -> bytes:
    """
    Give the HMAC of some octets: HMAC-SHA-256, its first 16 octets.
    """
    return hmac.digest(key, octets, "sha256")[:HMAC_LENGTH]


def keyOf(octets: bytes, found: bytes, keys: Iterable[bytes]) -> bytes | None:
    """
    Find the key that an HMAC was made with.

    @param octets: what the HMAC covers.
    @param found: the HMAC.
    @param keys: the valid keys.
    @return: the first key that gives this HMAC, or L{None} where none does.
    """
    for key in keys:
        if hmac.compare_digest(authenticator(key, octets), found):
            return key
    return None


def packetKey(packet: bytes, keys: Iterable[bytes]) -> bytes | None:
    """
    Find the key that a packet of authenticated mode was made with.  RFC 8762 requires
    this before anything else is read.

    @return: one of C{keys}, or L{None} where the packet is too short or no key gives
        its HMAC.
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


#: The same as L{SenderPacket} with all its items, of a tuple, in half the time.
senderPacketOf = partial(tuple.__new__, SenderPacket)


def senderPacket(packet: SenderPacket, key: bytes | None = None) -> bytes:
    """
    Give a session-sender's base packet.

    @param key: the key that authenticates it; L{None} for unauthenticated mode.
    """
    if key is None:
        return _REQUEST.pack(*packet)
    covered = _REQUEST_COVERED.pack(*packet)
    return covered + authenticator(key, covered)


def readSenderPacket(octets: bytes, isAuthenticated: bool = False) -> SenderPacket:
    """
    Read the fields of a session-sender's packet.  L{packetKey} checks its HMAC.  A
    packet of unauthenticated mode that is shorter than the base packet is a TWAMP Light
    session-sender's, and has padding in place of an SSID.

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


#: The same as L{ReflectorPacket}, of a tuple, in half the time.
_reflectorPacketOf = partial(tuple.__new__, ReflectorPacket)


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
    Give the base packet that answers a request.  It has 44 octets, or 112 in
    authenticated mode, even where the request has fewer than 44: RFC 8762, section 4.6.

    @param request: the whole packet; its HMAC, if it has one, is known to be right.
    @param sequence: the number of the reply.
    @param timestamp: T3, as L{ntpTimestamp} or L{ptpTimestamp} gives it.
    @param errorEstimate: 16 bits, of T2 and T3.
    @param received: T2, in the same format as T3.
    @param ttl: the TTL or hop limit that the request arrived with.
    @param key: the key of the request; L{None} for unauthenticated mode.
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
    Read the fields of a session-reflector's packet.  L{packetKey} checks its HMAC.

    @raise ValueError: it is too short; the text says so.
    """
    length = len(octets)
    least = AUTHENTICATED if isAuthenticated else SHORTEST_REPLY
    if length < least:
        raise ValueError(f"of {length} octets, {least} are the least")
    fields = _REPLY_FIELDS_COVERED if isAuthenticated else _REPLY_FIELDS
    return _reflectorPacketOf(fields.unpack_from(octets))
