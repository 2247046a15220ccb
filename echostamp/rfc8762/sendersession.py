"""
What the packets of a session-sender look like, and their replies.  Pure: no Twisted, no
clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from echostamp.rfc8762.packets import (
    AUTHENTICATED,
    UNAUTHENTICATED,
    ReflectorPacket,
    packetKey,
    readReflectorPacket,
)
from echostamp.rfc8762.tlvreading import Tlv, writeTlvs
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    classOfService,
)

#: Octets of a TLV without its value.
TLV_HEADER = 4

#: Octets of a TLV's value, where it is not padding.
_VALUES = {TIMESTAMP_INFORMATION: 4, CLASS_OF_SERVICE: 4, FOLLOW_UP_TELEMETRY: 16}

#: Octets of the HMAC TLV.
_HMAC_TLV = 20

#: The TTL or hop limit of packets as they leave: RFC 5357, section 4.2.1.
TTL = 255


@dataclass(frozen=True)
class SenderSession:
    """
    What the packets of a session-sender look like.

    @ivar size: octets of each packet; L{None} for the least.
    @ivar ssid: the session's identifier, 0 for none.
    @ivar isSsidStrict: whether replies with SSID 0 are refused where it is not 0.  They
        come from reflectors that do not know SSIDs: RFC 8972, section 3.
    @ivar keys: the keys of authenticated mode, of which the first is used; none for
        unauthenticated mode.
    @ivar tlvs: the types of the TLVs in each packet.
    @ivar isPtp: whether T1 has PTP's format instead of NTP's.
    @ivar ptpAhead: by how many nanoseconds PTP timestamps are ahead of UTC.  L{None}:
        use the kernel's offset of TAI, or 37 s if the kernel has none.
    @ivar dscp: the DSCP of the packets, and the one asked for in replies.
    @ivar ttl: the TTL or hop limit of the packets.
    """

    size: int | None = None
    ssid: int = 0
    keys: Sequence[bytes] = ()
    tlvs: Sequence[int] = ()
    isPtp: bool = False
    ptpAhead: int | None = None
    dscp: int = 0
    ttl: int = TTL
    isSsidStrict: bool = False

    @property
    def key(self) -> bytes | None:
        """The key of the packets; L{None} for unauthenticated mode."""
        return self.keys[0] if self.keys else None

    @property
    def base(self) -> int:
        """Octets of the base packet."""
        return AUTHENTICATED if self.keys else UNAUTHENTICATED

    @property
    def least(self) -> int:
        """Octets of the shortest packet with these TLVs."""
        tlvs = sum(TLV_HEADER + _VALUES.get(each, 0) for each in self.tlvs)
        if self.keys and tlvs and tuple(self.tlvs) != (EXTRA_PADDING,):
            tlvs += _HMAC_TLV
        return self.base + tlvs

    def tail(self, sequence: int, chance: Callable[[int], bytes]) -> bytes:
        """
        Give the octets behind the base packet.

        @param sequence: the packet's number.
        @param chance: gives this many octets of padding.
        """
        if not (self.size or self.tlvs):
            return b""
        spare = (self.size or 0) - self.least
        kinds = list(self.tlvs)
        if spare >= TLV_HEADER and EXTRA_PADDING not in kinds:
            kinds.append(EXTRA_PADDING)
            spare -= TLV_HEADER
        if not kinds:
            return b""
        values = {
            EXTRA_PADDING: chance(max(spare, 0)),
            CLASS_OF_SERVICE: classOfService(ClassOfService(self.dscp)),
        }
        tlvs = [
            Tlv(kind, values.get(kind) or bytes(_VALUES.get(kind, 0))) for kind in kinds
        ]
        # Padding alone needs no HMAC.
        isSealed = kinds != [EXTRA_PADDING]
        return writeTlvs(tlvs, sequence, self.key if isSealed else None)

    def readReply(self, octets: bytes) -> ReflectorPacket:
        """
        Read the fields of a reply.

        @raise ValueError: it is too short, or not authenticated; the text says so.
        """
        keys = self.keys[:1]
        if keys and len(octets) >= AUTHENTICATED and packetKey(octets, keys) is None:
            raise ValueError("no valid HMAC")
        return readReflectorPacket(octets, bool(keys))

    def checkSsid(self, ssid: int) -> None:
        """
        Check the SSID of a reply.

        @raise ValueError: it is not one of this session's replies; the text says why.
        """
        if ssid not in (0, self.ssid):
            raise ValueError("with another SSID")
        if ssid != self.ssid and self.isSsidStrict:
            raise ValueError("with SSID 0")
