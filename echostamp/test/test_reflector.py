"""Tests for L{echostamp.rfc8762.reflector}."""

from __future__ import annotations

import errno
import hashlib
import hmac

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.packets import SenderPacket, readReflectorPacket, senderPacket
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.tlvreading import readTlvs, writeTlvs
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
)
from echostamp.test.reflectorends import (
    EPOCH,
    FIVE_MS,
    FIVE_MS_PTP,
    NTP_SECOND,
    ONE,
    PEER,
    PTP_SECOND,
    T1,
    TWO,
    UNKNOWN,
    End,
    request,
)
from echostamp.times import SECOND


class AnswerTests(SynchronousTestCase):
    """
    Replies, octet by octet.
    """

    def test_unauthenticated(self) -> None:
        """RFC 8762, figure 5, and RFC 8972, figure 2."""
        asked = b"\0\0\0\5" + T1 + b"\x12\x34" + b"\xab\xcd" + bytes(28)
        end = End()
        end.now = EPOCH + 3 * SECOND // 4
        self.assertEqual(
            end.answer(asked, at=EPOCH + SECOND // 2, ttl=63),
            b"\0\0\0\5"
            + NTP_SECOND
            + b"\xc0\0\0\0"  # T3
            + FIVE_MS
            + b"\xab\xcd"  # SSID
            + NTP_SECOND
            + b"\x80\0\0\0"  # T2
            + b"\0\0\0\5"
            + T1
            + b"\x12\x34"
            + bytes(2)
            + b"\x3f"  # TTL
            + bytes(3),
        )
        self.assertEqual(end.counts, {"answered": 1})

    def test_authenticated(self) -> None:
        """RFC 8762, figure 6, and RFC 8972, figure 4; unused octets are zero, and are
        not read: there is no Z in octet 12."""
        used = b"\0\0\0\5" + b"\xaa" * 12 + T1 + b"\x52\x34" + b"\xab\xcd"
        asked = used + b"\xee" * 68
        asked += hmac.new(ONE, asked, hashlib.sha256).digest()[:16]
        end = End(keys={None: [ONE]})
        end.now = EPOCH + 3 * SECOND // 4
        covered = (
            b"\0\0\0\5"
            + bytes(12)
            + PTP_SECOND
            + (750_000_000).to_bytes(4, "big")  # T3
            + FIVE_MS_PTP
            + b"\xab\xcd"
            + bytes(4)
            + PTP_SECOND
            + (500_000_000).to_bytes(4, "big")  # T2
            + bytes(8)
            + b"\0\0\0\5"
            + bytes(12)
            + T1
            + b"\x52\x34"
            + bytes(6)
            + b"\x3f"
            + bytes(15)
        )
        self.assertEqual(len(covered), 96)
        self.assertEqual(
            end.answer(asked, at=EPOCH + SECOND // 2, ttl=63),
            covered + hmac.new(ONE, covered, hashlib.sha256).digest()[:16],
        )

    def test_lengths(self) -> None:
        """A reply is as long as its request, but at least 44 octets: RFC 8762, section
        4.6. What follows them is copied. Fewer than 14 octets are no request."""
        for length in 0, 1, 13:
            end = End()
            self.assertIsNone(end.receive(bytes(length)))
            self.assertEqual(end.counts, {"too short": 1})
        padding = bytes(range(1, 256)) * 6
        for length in 14, 15, 24, 41, 43, 44, 45, 112, 1472:
            asked = (b"\0\0\0\5" + T1 + b"\0\1" + bytes(30) + padding)[:length]
            reply = End().answer(asked)
            self.assertEqual(len(reply), max(44, length))
            self.assertEqual(reply[24:38], asked[:14])
            self.assertEqual(reply[44:], asked[44:])

    def test_twampLight(self) -> None:
        """In a request that is shorter than STAMP's, the octets behind the fields are
        padding, and there is no SSID."""
        reply = End().answer(b"\0\0\0\5" + T1 + b"\0\1" + b"\xff" * 29)
        self.assertEqual(reply[14:16], bytes(2))
        self.assertEqual(reply[38:], b"\0\0\x40\0\0\0")

    def test_longestDatagram(self) -> None:
        """A request of 65,507 octets, full of TLVs, noise or zeros, is answered."""
        for tail in b"\x80\1\0\0" * 16_366, bytes(65_463), b"\xa5" * 65_463:
            asked = request() + tail[:65_463]
            self.assertEqual(len(End().answer(asked)), len(asked))

    def test_noKernelTimestamp(self) -> None:
        """Where the kernel does not report when a packet came, the program's time is
        used."""
        reply = readReflectorPacket(End().answer(request()))
        self.assertEqual(reply.received, reply.timestamp)
        self.assertEqual(reply.received & 0xFFFF_FFFF, 1 << 31)

    def test_formats(self) -> None:
        """The timestamps of each reply have the format of its request. PTP's are in
        TAI, by the kernel, else 37 s ahead; or in UTC by the policy."""
        for tai, ahead, expected in [
            (None, None, 37),
            (36 * SECOND, None, 36),
            (36 * SECOND, 0, 0),
        ]:
            end = End(Policy(ptpAhead=ahead))
            end.kernel = end.kernel._replace(tai=tai)
            for isPtp in True, False, True:
                reply = end.answer(request(isPtp=isPtp))
                self.assertEqual(
                    int.from_bytes(reply[4:8], "big"),
                    1_700_000_000 + (expected if isPtp else 2_208_988_800),
                )
                self.assertEqual(reply[4:12], reply[16:24])
                self.assertEqual(reply[12:14], FIVE_MS_PTP if isPtp else FIVE_MS)

    def test_errorEstimate(self) -> None:
        """A reply claims what the kernel reports of its clock, which is asked once a
        second; S is set only if the clock is synchronized."""
        end = End()
        for _ in range(100):
            self.assertEqual(end.answer(request())[12:14], FIVE_MS)
            end.now += SECOND // 100
        self.assertEqual(end.asked, 1)
        end.kernel = KernelClock()
        self.assertEqual(end.answer(request())[12:14], UNKNOWN)
        self.assertEqual(end.asked, 2)

    def test_notSent(self) -> None:
        """A reply that the system refuses is counted by its error, and not as an
        answer; so is one that the network returns."""
        end = End()
        end.port.refusal = errno.EPERM
        self.assertIsNone(end.receive(request()))
        self.assertEqual(end.counts, {"not sent (EPERM)": 1})
        end.reflector.refused(errno.ECONNREFUSED, PEER)
        end.reflector.refused(9999, PEER)
        self.assertEqual(
            end.counts,
            {"not sent (EPERM)": 1, "not sent (ECONNREFUSED)": 1, "not sent (9999)": 1},
        )


class KeyTests(SynchronousTestCase):
    """
    Authenticated mode.
    """

    def test_wrong(self) -> None:
        """A packet without a valid HMAC is dropped and counted, even if it is too short
        for one."""
        end = End(keys={None: [ONE]})
        right = request(key=ONE)
        for wrong in [
            request(key=TWO),
            request(),
            right[:111],
            right[:14],
            b"\x01" + right[1:],
            right[:111] + bytes([right[111] ^ 1]),
        ]:
            self.assertIsNone(end.receive(wrong))
        self.assertEqual(end.counts, {"no valid HMAC": 6})
        end.answer(right)

    def test_ssids(self) -> None:
        """Each SSID has its keys; others have those of C{*}, or none."""
        end = End(keys={7: [ONE]})
        end.answer(request(ssid=7, key=ONE))
        self.assertIsNone(end.receive(request(ssid=7, key=TWO)))
        self.assertIsNone(end.receive(request(ssid=8, key=ONE)))
        self.assertEqual(
            end.counts, {"answered": 1, "no valid HMAC": 1, "no key for its SSID": 1}
        )
        end = End(keys={7: [ONE], None: [TWO]})
        end.answer(request(ssid=8, key=TWO))
        self.assertIsNone(end.receive(request(ssid=7, key=TWO)))

    def test_rotation(self) -> None:
        """Two keys are valid at a time, and a reply has its request's; the keys can
        change at run time."""
        end = End(keys={None: [ONE, TWO]})
        for key in ONE, TWO:
            reply = end.answer(request(key=key))
            self.assertEqual(
                reply[96:], hmac.new(key, reply[:96], hashlib.sha256).digest()[:16]
            )
        end.shared.keys = {None: [TWO]}
        self.assertIsNone(end.receive(request(key=ONE)))
        end.answer(request(key=TWO))

    def test_epochBegins(self) -> None:
        """A request whose T1 is 0, and that has zeros in place of a reply's times, is
        answered."""
        for isPtp in False, True:
            fields = SenderPacket(0, 0, 0x4001 if isPtp else 1)
            End().answer(senderPacket(fields))
            End(keys={None: [ONE]}).answer(senderPacket(fields, ONE))

    def test_tlvs(self) -> None:
        """The TLVs of a request must be authenticated, too, and those of the reply
        are."""
        end = End(keys={None: [ONE]})
        reply = end.answer(
            request(5, key=ONE, tlvs=[(TIMESTAMP_INFORMATION, bytes(4))])
        )
        reading = readTlvs(reply[112:], 5, ONE)
        self.assertEqual((len(reading.tlvs), reading.problem), (1, None))
        bare = request(5, key=ONE) + writeTlvs([(TIMESTAMP_INFORMATION, bytes(4))], 5)
        reply = end.answer(bare)
        self.assertEqual(reply[112:], b"\xa0" + bare[113:])


KEYS: list[Keys] = [{}, {None: [ONE]}, {7: [ONE, TWO]}]

#: Octets behind base packets: TLVs, nearly TLVs, and noise.
TAILS = st.binary(max_size=80) | st.lists(
    st.builds(
        lambda flags, kind, value: bytes([flags, kind, 0, len(value)]) + value,
        st.sampled_from([0x80, 0x80, 0x80, 0x00, 0xA0, 0xC0]),
        st.integers(0, 9),
        st.sampled_from([b"", bytes(4), bytes(16), b"\xff" * 16])
        | st.binary(max_size=9),
    ),
    max_size=20,
).map(b"".join)

FIELDS = st.builds(
    SenderPacket,
    st.integers(0, 0xFFFF_FFFF),
    st.integers(0, 2**64 - 1),
    st.integers(0, 0xFFFF),
    st.sampled_from([0, 7]),
)

#: Any datagrams: noise, and requests of all modes that are right or nearly so.
DATAGRAMS = (
    st.binary(max_size=200)
    | st.builds(
        lambda fields, key, tail, cut: (senderPacket(fields, key) + tail)[:cut],
        FIELDS,
        st.sampled_from([None, ONE, TWO]),
        TAILS,
        st.sampled_from([14, 23, 24, 41, 43, 44, 45, 111, 112, 999, 999, 999]),
    )
    | st.builds(
        lambda fields, tail, key: senderPacket(fields, key) + tail,
        FIELDS,
        st.lists(
            st.sampled_from(
                [
                    (EXTRA_PADDING, b"xyz"),
                    (TIMESTAMP_INFORMATION, bytes(4)),
                    (CLASS_OF_SERVICE, bytes(4)),
                    (FOLLOW_UP_TELEMETRY, bytes(16)),
                ]
            ),
            max_size=5,
        ).map(lambda tlvs: writeTlvs(tlvs, 0, ONE)),
        st.sampled_from([None, ONE]),
    )
)

POLICIES = st.builds(Policy, dscp=st.booleans(), isStateful=st.booleans())

#: Nanoseconds from a packet's arrival to its reply.
RESIDENCES = st.sampled_from([0, 1, 5000, SECOND // 2, SECOND - 1])


class PropertyTests(SynchronousTestCase):
    """
    Rules that hold for any datagram.
    """

    @given(DATAGRAMS, POLICIES, st.sampled_from(KEYS), st.integers(0, 255), RESIDENCES)
    def test_anyDatagram(
        self, packet: bytes, policy: Policy, keys: Keys, octet: int, residence: int
    ) -> None:
        """Any datagram raises nothing and is counted once. A reply has at most its
        length, or 44 octets; in authenticated mode it has just its length. No reply is
        answered."""
        end = End(policy, keys)
        reply = end.receive(packet, at=end.now - residence, ttl=octet, tos=octet)
        assert sum(end.counts.values()) == 1
        assert end.counts["answered"] == (reply is not None)
        if reply is None:
            return
        assert len(reply) == (len(packet) if keys else max(44, len(packet)))
        assert reply[80 if keys else 40] == octet
        assert end.port.sent[0][3] & 3 == 0
        for other in End(policy, keys), End(Policy(isStateful=True), keys):
            assert other.receive(reply) is None
            assert other.counts == {"a reply": 1}

    @settings(max_examples=500)
    @given(
        DATAGRAMS,
        *(POLICIES, POLICIES),
        *(st.sampled_from(KEYS), st.sampled_from(KEYS)),
        *(RESIDENCES, st.integers(-(10**18), 10**18)),
    )
    def test_forged(
        self,
        packet: bytes,
        policy: Policy,
        otherPolicy: Policy,
        keys: Keys,
        otherKeys: Keys,
        residence: int,
        ahead: int,
    ) -> None:
        """A forged packet between two of our reflectors gets at most one reply,
        whatever the packet, the policies and the clocks are."""
        one = End(policy, keys, ("192.0.2.1", 862))
        other = End(otherPolicy, otherKeys, ("192.0.2.2", 862))
        other.now += ahead
        count, near, far = 0, one, other
        reply: bytes | None = packet
        while reply is not None and count <= 1:
            at = near.now - residence
            reply = near.receive(reply, far.port.address, at=at)
            count += reply is not None
            near, far = far, near
        assert count <= 1
