"""Tests for L{echostamp.rfc8762.packets}."""

from collections.abc import Callable
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.addresses import STAMP_PORT
from echostamp.rfc8762.packets import (
    AUTHENTICATED,
    SHORTEST,
    SHORTEST_REPLY,
    UNAUTHENTICATED,
    ReflectorPacket,
    SenderPacket,
    authenticator,
    keyOf,
    packetKey,
    readReflectorPacket,
    readSenderPacket,
    reflectorPacket,
    senderPacket,
)
from echostamp.rfc8762.timestamps import readErrorEstimate, readTimestamp
from echostamp.test.scapystamp import scapyStamp

KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")

timestamps = st.integers(min_value=0, max_value=0xFFFF_FFFF_FFFF_FFFF)
numbers = st.integers(min_value=0, max_value=0xFFFF_FFFF)
shorts = st.integers(min_value=0, max_value=0xFFFF)
ttls = st.integers(min_value=0, max_value=0xFF)
keys = st.binary(min_size=1, max_size=80)
senderPackets = st.builds(SenderPacket, numbers, timestamps, shorts, shorts)


class HmacTests(SynchronousTestCase):
    """
    HMAC-SHA-256, its first 128 bits: RFC 8762, section 4.4.
    """

    def test_vectors(self) -> None:
        """RFC 4868, section 2.7.2.1: test cases AUTH256-1 to AUTH256-4."""
        for key, data, digest in [
            (b"\x0b" * 32, b"Hi There", "198a607eb44bfbc69903a0f1cf2bbdc5"),
            (
                b"Jefe" * 8,
                b"what do ya want for nothing?",
                "167f928588c5cc2eef8e3093caa0e87c",
            ),
            (b"\xaa" * 32, b"\xdd" * 50, "cdcb1220d1ecccea91e53aba3092f962"),
            (bytes(range(1, 33)), b"\xcd" * 50, "372efcf9b40b35c2115b1346903d2ef4"),
        ]:
            self.assertEqual(authenticator(key, data), bytes.fromhex(digest))

    def test_oneOfSeveralKeys(self) -> None:
        """The key that fits is found, if there is one."""
        digest = authenticator(b"new", b"text")
        self.assertEqual(keyOf(b"text", digest, [b"old", b"new"]), b"new")
        self.assertIsNone(keyOf(b"text", digest, [b"old"]))
        self.assertIsNone(keyOf(b"text", digest, []))
        self.assertIsNone(keyOf(b"texts", digest, [b"new"]))
        self.assertIsNone(keyOf(b"text", digest[:-1], [b"new"]))
        self.assertIsNone(keyOf(b"text", b"", [b"new"]))


#: What the packets below hold: sequence number 3, T1 at 09:30:00.5 in NTP's format,
#: S, 2^-15 s of error, SSID 0xBEEF.
REQUEST = SenderPacket(3, 0xDA190A98_80000000, 0x8A80, 0xBEEF)

#: RFC 8762, figure 2, with the SSID of RFC 8972, figure 1.
UNAUTHENTICATED_REQUEST = bytes.fromhex(
    "00000003"  # 0: Sequence Number
    "da190a98 80000000"  # 4: Timestamp
    "8a80 beef"  # 12: Error Estimate, SSID
    "00000000 00000000 00000000 00000000"  # 16: MBZ (28 octets)
    "00000000 00000000 00000000"
)

#: RFC 8762, figure 4, with the SSID of RFC 8972, figure 3.
COVERED_REQUEST = bytes.fromhex(
    "00000003"  # 0: Sequence Number
    "00000000 00000000 00000000"  # 4: MBZ (12 octets)
    "da190a98 80000000"  # 16: Timestamp
    "8a80 beef"  # 24: Error Estimate, SSID
    "00000000 00000000 00000000 00000000"  # 28: MBZ (68 octets)
    "00000000 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000"
    "00000000"
)

#: From C{openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...0f}.
AUTHENTICATED_REQUEST = COVERED_REQUEST + bytes.fromhex(
    "ea62c10442f3b73f2c56304dc6e9712c"
)

#: The replies: sequence number 7, T3 at 09:30:00.75, T2 at 09:30:00.625, both in PTP's
#: format; S, Z, 2^-20 s of error; TTL 61.
REPLY = ReflectorPacket(
    sequence=7,
    timestamp=0x566E8C18_2CB41780,
    errorEstimate=0xC580,
    ssid=0xBEEF,
    received=0x566E8C18_2540BE40,
    senderSequence=3,
    senderTimestamp=0xDA190A98_80000000,
    senderErrorEstimate=0x8A80,
    senderTtl=61,
)

#: RFC 8762, figure 5, with the SSID of RFC 8972, figure 2.
UNAUTHENTICATED_REPLY = bytes.fromhex(
    "00000007"  # 0: Sequence Number
    "566e8c18 2cb41780"  # 4: Timestamp
    "c580 beef"  # 12: Error Estimate, SSID
    "566e8c18 2540be40"  # 16: Receive Timestamp
    "00000003"  # 24: Session-Sender Sequence Number
    "da190a98 80000000"  # 28: Session-Sender Timestamp
    "8a80 0000"  # 36: Session-Sender Error Estimate, MBZ
    "3d 000000"  # 40: Ses-Sender TTL, MBZ
)

#: RFC 8762, figure 6, with the SSID of RFC 8972, figure 4.
COVERED_REPLY = bytes.fromhex(
    "00000007"  # 0: Sequence Number
    "00000000 00000000 00000000"  # 4: MBZ (12 octets)
    "566e8c18 2cb41780"  # 16: Timestamp
    "c580 beef"  # 24: Error Estimate, SSID
    "00000000"  # 28: MBZ (4 octets)
    "566e8c18 2540be40"  # 32: Receive Timestamp
    "00000000 00000000"  # 40: MBZ (8 octets)
    "00000003"  # 48: Session-Sender Sequence Number
    "00000000 00000000 00000000"  # 52: MBZ (12 octets)
    "da190a98 80000000"  # 64: Session-Sender Timestamp
    "8a80 000000000000"  # 72: Session-Sender Error Estimate, MBZ (6 octets)
    "3d 000000 00000000 00000000 00000000"  # 80: Ses-Sender TTL, MBZ (15 octets)
)

#: From openssl, as above.
AUTHENTICATED_REPLY = COVERED_REPLY + bytes.fromhex("19c707ff9c53afe07069a83d254a6699")


def replyTo(request: bytes, key: bytes | None = None) -> bytes:
    """Give the reply above to a request."""
    return reflectorPacket(
        request,
        REPLY.sequence,
        REPLY.timestamp,
        REPLY.errorEstimate,
        REPLY.received,
        REPLY.senderTtl,
        key,
    )


class SenderPacketTests(SynchronousTestCase):
    """
    What a session-sender sends.
    """

    def test_constants(self) -> None:
        """Port and lengths are those of RFC 8762, sections 4.1 and 4.2; the shortest
        packets are TWAMP's: RFC 4656, section 4.1.2, and RFC 5357, section 4.2.1."""
        self.assertEqual((STAMP_PORT, UNAUTHENTICATED, AUTHENTICATED), (862, 44, 112))
        self.assertEqual((SHORTEST, SHORTEST_REPLY), (14, 41))

    def test_unauthenticated(self) -> None:
        """RFC 8762, figure 2."""
        self.assertEqual(senderPacket(REQUEST), UNAUTHENTICATED_REQUEST)
        self.assertEqual(readSenderPacket(UNAUTHENTICATED_REQUEST), REQUEST)
        self.assertEqual(len(UNAUTHENTICATED_REQUEST), UNAUTHENTICATED)

    def test_authenticated(self) -> None:
        """RFC 8762, figure 4; the HMAC covers the first 96 octets."""
        self.assertEqual(senderPacket(REQUEST, KEY), AUTHENTICATED_REQUEST)
        self.assertEqual(readSenderPacket(AUTHENTICATED_REQUEST, True), REQUEST)
        self.assertEqual(len(AUTHENTICATED_REQUEST), AUTHENTICATED)

    def test_mbzIsIgnored(self) -> None:
        """Octets that must be zero are not read: RFC 8762, sections 4.2 and 4.3."""
        request = UNAUTHENTICATED_REQUEST[:16] + b"\xff" * 40
        self.assertEqual(readSenderPacket(request), REQUEST)
        request = COVERED_REQUEST[:4] + b"\xff" * 12 + COVERED_REQUEST[16:28]
        self.assertEqual(readSenderPacket(request + b"\xff" * 84, True), REQUEST)

    def test_short(self) -> None:
        """From 14 octets on, a request is TWAMP Light's, which has no SSID: RFC 8762,
        section 4.6."""
        noSsid = REQUEST._replace(ssid=0)
        for length in range(SHORTEST, UNAUTHENTICATED):
            short = UNAUTHENTICATED_REQUEST[:length]
            self.assertEqual(readSenderPacket(short), noSsid, length)

    def test_tooShort(self) -> None:
        """Fewer octets are no request; nor are fewer than 112 in authenticated mode."""
        for length in range(SHORTEST):
            request = UNAUTHENTICATED_REQUEST[:length]
            self.assertRaises(ValueError, readSenderPacket, request)
            self.assertRaises(ValueError, replyTo, request)
        for length in range(AUTHENTICATED):
            request = AUTHENTICATED_REQUEST[:length]
            self.assertRaises(ValueError, readSenderPacket, request, True)
            self.assertRaises(ValueError, replyTo, request, KEY)

    @given(senderPackets, keys, st.binary(max_size=40))
    def test_givesBackEveryField(
        self, packet: SenderPacket, key: bytes, tail: bytes
    ) -> None:
        """A packet that is written reads the same, whatever follows, in both modes."""
        self.assertEqual(readSenderPacket(senderPacket(packet) + tail), packet)
        octets = senderPacket(packet, key) + tail
        self.assertEqual(readSenderPacket(octets, True), packet)
        self.assertEqual(packetKey(octets, [key]), key)

    @given(st.binary(min_size=44, max_size=200))
    def test_givesBackEveryOctet(self, octets: bytes) -> None:
        """A packet that is read and written again is the same, with zeros where they
        must be."""
        again = senderPacket(readSenderPacket(octets))
        self.assertEqual(again, octets[:16] + bytes(28))


class ReflectorPacketTests(SynchronousTestCase):
    """
    What a session-reflector sends.
    """

    def test_unauthenticated(self) -> None:
        """RFC 8762, figure 5."""
        self.assertEqual(replyTo(UNAUTHENTICATED_REQUEST), UNAUTHENTICATED_REPLY)
        self.assertEqual(readReflectorPacket(UNAUTHENTICATED_REPLY), REPLY)
        self.assertEqual(len(UNAUTHENTICATED_REPLY), UNAUTHENTICATED)

    def test_authenticated(self) -> None:
        """RFC 8762, figure 6; the HMAC covers the first 96 octets."""
        self.assertEqual(replyTo(AUTHENTICATED_REQUEST, KEY), AUTHENTICATED_REPLY)
        self.assertEqual(readReflectorPacket(AUTHENTICATED_REPLY, True), REPLY)
        self.assertEqual(len(AUTHENTICATED_REPLY), AUTHENTICATED)

    def test_shortRequestsGetTheBasePacket(self) -> None:
        """A request that is shorter than a base packet gets a base packet, whose octets
        14 and 15 are zero: RFC 8762, section 4.6."""
        reply = UNAUTHENTICATED_REPLY[:14] + bytes(2) + UNAUTHENTICATED_REPLY[16:]
        for length in range(SHORTEST, UNAUTHENTICATED):
            self.assertEqual(replyTo(UNAUTHENTICATED_REQUEST[:length]), reply, length)

    def test_longRequestsGetTheBasePacket(self) -> None:
        """What follows the request's base packet is not in the reply's."""
        request = UNAUTHENTICATED_REQUEST + b"\xff" * 1428
        self.assertEqual(replyTo(request), UNAUTHENTICATED_REPLY)
        request = AUTHENTICATED_REQUEST + b"\xff" * 1360
        self.assertEqual(replyTo(request, KEY), AUTHENTICATED_REPLY)

    def test_zerosAreZero(self) -> None:
        """Octets that must be zero are, even where the request's are not."""
        request = UNAUTHENTICATED_REQUEST[:16] + b"\xff" * 28
        self.assertEqual(replyTo(request), UNAUTHENTICATED_REPLY)
        request = COVERED_REQUEST[:4] + b"\xff" * 12 + COVERED_REQUEST[16:28]
        self.assertEqual(replyTo(request + b"\xff" * 84, KEY), AUTHENTICATED_REPLY)

    def test_mbzIsIgnored(self) -> None:
        """Octets that must be zero are not read: RFC 8762, sections 4.2 and 4.3."""
        reply = bytearray(UNAUTHENTICATED_REPLY)
        for start, end in (38, 40), (41, 44):
            reply[start:end] = b"\xff" * (end - start)
        self.assertEqual(readReflectorPacket(bytes(reply)), REPLY)
        reply = bytearray(AUTHENTICATED_REPLY)
        for start, end in (4, 16), (28, 32), (40, 48), (52, 64), (74, 80), (81, 112):
            reply[start:end] = b"\xff" * (end - start)
        self.assertEqual(readReflectorPacket(bytes(reply), True), REPLY)

    def test_shortReplies(self) -> None:
        """TWAMP Light's reply has 41 octets: RFC 5357, section 4.2.1. Fewer are no
        reply."""
        for length in range(SHORTEST_REPLY, UNAUTHENTICATED):
            reply = UNAUTHENTICATED_REPLY[:length]
            self.assertEqual(readReflectorPacket(reply), REPLY, length)
        for length in range(SHORTEST_REPLY):
            reply = UNAUTHENTICATED_REPLY[:length]
            self.assertRaises(ValueError, readReflectorPacket, reply)
        for length in range(AUTHENTICATED):
            reply = AUTHENTICATED_REPLY[:length]
            self.assertRaises(ValueError, readReflectorPacket, reply, True)

    @given(senderPackets, numbers, timestamps, shorts, timestamps, ttls, keys)
    def test_givesBackEveryField(
        self,
        packet: SenderPacket,
        sequence: int,
        timestamp: int,
        estimate: int,
        received: int,
        ttl: int,
        key: bytes,
    ) -> None:
        """A reply has the request's fields and its own, in both modes."""
        expected = ReflectorPacket(
            sequence, timestamp, estimate, packet.ssid, received, *packet[:3], ttl
        )
        own = (sequence, timestamp, estimate, received, ttl)
        reply = reflectorPacket(senderPacket(packet), *own)
        self.assertEqual(readReflectorPacket(reply), expected)
        reply = reflectorPacket(senderPacket(packet, key), *own, key)
        self.assertEqual(readReflectorPacket(reply, True), expected)
        self.assertEqual(packetKey(reply, [key]), key)


class AuthenticationTests(SynchronousTestCase):
    """
    Packets of authenticated mode.
    """

    def test_everyCoveredOctetCounts(self) -> None:
        """After one bit has changed in octets 0 to 111, no key fits; what follows is
        not covered."""
        for packet in AUTHENTICATED_REQUEST, AUTHENTICATED_REPLY:
            self.assertEqual(packetKey(packet + b"more", [b"other", KEY]), KEY)
            for index in range(AUTHENTICATED):
                changed = bytearray(packet)
                changed[index] ^= 1
                self.assertIsNone(packetKey(bytes(changed), [KEY]), index)

    def test_shortPacketsHaveNoKey(self) -> None:
        """Nothing shorter than 112 octets is authenticated."""
        for length in range(AUTHENTICATED):
            self.assertIsNone(packetKey(AUTHENTICATED_REQUEST[:length], [KEY]))

    @given(st.binary(max_size=300))
    def test_garbage(self, octets: bytes) -> None:
        """Garbage has no key, and reading it raises nothing but ValueError."""
        self.assertIsNone(packetKey(octets, [KEY]))
        readers: list[Callable[[bytes, bool], tuple[int, ...]]] = [
            readSenderPacket,
            readReflectorPacket,
            lambda octets, isAuthenticated: tuple(
                replyTo(octets, KEY if isAuthenticated else None)
            ),
        ]
        for read in readers:
            for isAuthenticated in False, True:
                try:
                    read(octets, isAuthenticated)
                except ValueError:
                    self.assertLess(len(octets), AUTHENTICATED)

    @given(st.binary(min_size=44, max_size=112), st.integers(-(2**63), 2**63))
    def test_garbageTimes(self, octets: bytes, near: int) -> None:
        """Reading garbage's times raises nothing but ValueError."""
        packet = readReflectorPacket(octets)
        isPtp = readErrorEstimate(packet.errorEstimate).isPtp
        try:
            readTimestamp(packet.received, isPtp, near)
        except ValueError:
            self.assertTrue(isPtp)


class ScapyTests(SynchronousTestCase):
    """
    scapy's view of the packets of unauthenticated mode.
    """

    def test_readsOurRequests(self) -> None:
        """scapy reads the fields of our requests."""
        stamp = scapyStamp()
        packet = stamp.STAMPSessionSenderTestUnauthenticated(UNAUTHENTICATED_REQUEST)
        self.assertEqual((packet.seq, packet.ssid, packet.mbz), (3, 0xBEEF, 0))
        self.assertEqual(packet.ts, 3_659_074_200 + Fraction(1, 2))
        estimate = packet.err_estimate
        self.assertEqual((estimate.S, estimate.Z), (1, 0))
        self.assertEqual((estimate.scale, estimate.multiplier), (10, 128))

    def test_readsOurReplies(self) -> None:
        """scapy reads the fields of our replies."""
        stamp = scapyStamp()
        packet = stamp.STAMPSessionReflectorTestUnauthenticated(UNAUTHENTICATED_REPLY)
        self.assertEqual((packet.seq, packet.seq_sender), (7, 3))
        self.assertEqual((packet.ssid, packet.ttl_sender), (0xBEEF, 61))
        self.assertEqual((packet.mbz1, packet.mbz2), (0, 0))
        self.assertEqual(packet.ts, REPLY.timestamp)
        self.assertEqual(packet.ts_rx, REPLY.received)
        self.assertEqual(packet.ts_sender, 3_659_074_200 + Fraction(1, 2))
        for estimate, fields in [
            (packet.err_estimate, (1, 1, 5, 128)),
            (packet.err_estimate_sender, (1, 0, 10, 128)),
        ]:
            self.assertEqual(
                (estimate.S, estimate.Z, estimate.scale, estimate.multiplier), fields
            )

    def test_buildsTheSame(self) -> None:
        """scapy builds the same request as we do."""
        stamp = scapyStamp()
        request = stamp.STAMPSessionSenderTestUnauthenticated(
            seq=3,
            ts=3_659_074_200.5,
            err_estimate=stamp.ErrorEstimate(S=1, scale=10, multiplier=128),
            ssid=0xBEEF,
        )
        self.assertEqual(bytes(request), UNAUTHENTICATED_REQUEST)
