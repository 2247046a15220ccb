"""Tests for L{echostamp.rfc8762.tlvs}."""

from __future__ import annotations

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.packets import SenderPacket, senderPacket
from echostamp.rfc8762.tlvreading import readTlvs, writeTlvs
from echostamp.rfc8762.tlvs import (
    INTEGRITY,
    MALFORMED,
    MOST_TLVS,
    UNRECOGNIZED,
    Answer,
    Reflection,
    answerTlvs,
)
from echostamp.rfc8762.tlvvalues import (
    ACCESS_REPORT,
    CLASS_OF_SERVICE,
    DIRECT_MEASUREMENT,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    HMAC,
    LOCATION,
    SYNCHRONIZATION_SOURCES,
    TIMESTAMP_INFORMATION,
    TIMESTAMPING_METHODS,
)
from echostamp.test.scapystamp import scapyStamp
from echostamp.test.tlvsamples import (
    COS,
    COS_ANSWER,
    KEY,
    KEYED,
    PADDING,
    PADDING_ANSWER,
    REPLY,
    REPLY_HMAC,
    REQUEST,
    REQUEST_HMAC,
    TELLING,
    answer,
    anyOctets,
    asked,
    reflections,
    seal,
    sequences,
    starts,
)


class AnswerTests(SynchronousTestCase):
    """
    A session-reflector's answers.
    """

    def assertAnswer(
        self, request: str, reply: str, reflection: Reflection = TELLING
    ) -> None:
        """Assert the answer to some octets, both in hexadecimal."""
        found = answer(bytes.fromhex(request), reflection)
        self.assertEqual(found.hex(" "), bytes.fromhex(reply).hex(" "))

    def test_constants(self) -> None:
        """RFC 8972, sections 5.1, 5.2, 5.4 and 5.5: tables 2, 3, 7 and 9."""
        self.assertEqual((UNRECOGNIZED, MALFORMED, INTEGRITY), (0x80, 0x40, 0x20))
        self.assertEqual(
            [
                EXTRA_PADDING,
                LOCATION,
                TIMESTAMP_INFORMATION,
                CLASS_OF_SERVICE,
                DIRECT_MEASUREMENT,
                ACCESS_REPORT,
                FOLLOW_UP_TELEMETRY,
                HMAC,
            ],
            [1, 2, 3, 4, 5, 6, 7, 8],
        )
        self.assertEqual(list(SYNCHRONIZATION_SOURCES), [1, 2, 3, 4, 5])
        self.assertEqual(SYNCHRONIZATION_SOURCES[5], "Local free-running")
        self.assertEqual(
            TIMESTAMPING_METHODS, {1: "HW Assist", 2: "SW Local", 3: "Control Plane"}
        )

    def test_extraPadding(self) -> None:
        """Figure 7: padding comes back as it is, any number of times, even empty."""
        self.assertAnswer("80 01 0002 a55a", "00 01 0002 a55a")
        self.assertAnswer("80 01 0000", "00 01 0000")
        self.assertAnswer("80 01 0001 a5  80 01 0000", "00 01 0001 a5  00 01 0000")

    def test_timestampInformation(self) -> None:
        """Figure 11: four octets are filled in; sub-TLVs come back as they are."""
        self.assertAnswer("80 03 0004 00000000", "00 03 0004 01020102")
        self.assertAnswer(
            "80 03 000a 00000000 80 63 0002 abcd", "00 03 000a 01020102 80 63 0002 abcd"
        )
        self.assertAnswer("80 03 0004 ffffffff", "00 03 0004 00000000", Reflection())

    def test_classOfService(self) -> None:
        """Figure 12: DSCP1 is kept; DSCP2 and ECN are what arrived; the reserved
        octets are zeroed."""
        self.assertEqual(answerTlvs(COS, TELLING, REQUEST, REPLY), (COS_ANSWER, 10))
        # DSCP1 10, DSCP2 46, ECN 1, RP 0
        bits = (0b001010_101110_01_00).to_bytes(2, "big")
        self.assertEqual(COS_ANSWER[4:6], bits)
        self.assertAnswer("80 04 0004 2bff ffff", COS_ANSWER.hex())

    def test_classOfServiceThatIsNotPermitted(self) -> None:
        """Section 4.4: RP is 1, and the reply has the DSCP that the request had."""
        forbidden = bytes.fromhex("80 04 0004 2c00 0000")  # DSCP1 11
        expected = (bytes.fromhex("00 04 0004 2ee5 0000"), 46)
        self.assertEqual(answerTlvs(forbidden, TELLING, REQUEST, REPLY), expected)

    def test_classOfServiceThatCannotBeTold(self) -> None:
        """Where the system does not report DSCP and ECN, the TLV is not recognized."""
        unknown = TELLING._replace(tos=None)
        self.assertEqual(answerTlvs(COS, unknown, REQUEST, REPLY), (COS, None))

    def test_followUp(self) -> None:
        """Figure 15: number, timestamp and method of the previous reply."""
        self.assertAnswer(
            "80 07 0010  00000000 00000000 00000000 00 000000",
            "00 07 0010  00000006 da190a98 80000000 02 000000",
        )

    def test_followUpThatIsNotKnown(self) -> None:
        """Section 4.7: a stateless session-reflector zeroes the fields, whatever the
        request has in them."""
        self.assertAnswer(
            "80 07 0010" + "ff" * 16, "00 07 0010" + "00" * 16, Reflection()
        )

    def test_unknownTypes(self) -> None:
        """Section 4: unknown types come back with U, and the next TLV is processed."""
        for kind in 0, LOCATION, DIRECT_MEASUREMENT, ACCESS_REPORT, 9, 176, 252, 255:
            unknown = f"80 {kind:02x} 0003 a1b2c3"
            self.assertAnswer(unknown + COS.hex(), unknown + COS_ANSWER.hex())

    def test_flagsOfRequestsAreIgnored(self) -> None:
        """Section 4: M, I and the reserved flags are 0 in the reply, whatever the
        request has; U marks types that the reflector does not know."""
        for flags in 0x00, 0x80, 0x40, 0x20, 0x1F, 0xFF:
            self.assertAnswer(
                f"{PADDING.hex()} {flags:02x} 01 0001 a5  {flags:02x} 63 0001 a5",
                f"{PADDING_ANSWER.hex()} 00 01 0001 a5  80 63 0001 a5",
            )

    def test_cutOff(self) -> None:
        """Section 4: a TLV that is cut off comes back with M; the TLVs before it are
        processed."""
        for request, reply in [
            ("80 01 0003 a55a", "40 01 0003 a55a"),
            ("80 03 0004 000000", "40 03 0004 000000"),
            ("80 63 ffff 000000", "c0 63 ffff 000000"),
            ("80 01 00", "40 01 00"),
            ("80 01", "40 01"),
            ("80 63", "c0 63"),
            ("80", "c0"),
        ]:
            self.assertAnswer(request, reply)
            self.assertAnswer(COS.hex() + request, COS_ANSWER.hex() + reply)

    def test_everyCut(self) -> None:
        """Wherever the TLVs are cut off, those before the cut are answered as usual,
        and only flags change behind them."""
        whole = COS + PADDING + COS
        answered = answer(whole)
        ends = [0, len(COS), len(COS + PADDING), len(whole)]
        for cut in range(len(whole)):
            found = answer(whole[:cut])
            done = max(end for end in ends if end <= cut)
            self.assertEqual(found[:done], answered[:done], cut)
            self.assertEqual(found[done + 1 :], whole[done + 1 : cut], cut)
            if done < cut:
                self.assertEqual(found[done] & MALFORMED, MALFORMED, cut)

    def test_wrongLength(self) -> None:
        """Section 4: a TLV with a length that its type does not allow is malformed, and
        what follows comes back as it is."""
        for kind, length in [
            (TIMESTAMP_INFORMATION, 0),
            (TIMESTAMP_INFORMATION, 3),
            (CLASS_OF_SERVICE, 3),
            (CLASS_OF_SERVICE, 5),
            (CLASS_OF_SERVICE, 8),
        ]:
            body = f"{kind:02x} {length:04x}" + "ab" * length + COS.hex()
            self.assertAnswer("80" + body, "40" + body)

    def test_wrongLengthOfFollowUp(self) -> None:
        """Section 4.7: a malformed follow-up gets M, and its number and timestamp are
        zeroed, if they are there."""
        for length, reply in [
            (0, ""),
            (5, "00" * 5),
            (12, "00" * 12),
            (15, "00" * 12 + "ff" * 3),
            (17, "00" * 12 + "ff" * 5),
        ]:
            self.assertAnswer(
                f"80 07 {length:04x}" + "ff" * length + COS.hex(),
                f"40 07 {length:04x}" + reply + COS.hex(),
            )
        self.assertAnswer("80 07 0010 ffffff", "40 07 0010 000000")

    def test_noServiceBehindWhatIsMalformed(self) -> None:
        """A Class of Service TLV that is not processed does not mark the reply."""
        malformed = bytes.fromhex("80 03 0000")
        found = answerTlvs(malformed + COS, TELLING, REQUEST, REPLY)
        self.assertEqual(found, (bytes.fromhex("40 03 0000") + COS, None))

    def test_randomPadding(self) -> None:
        """Octets are TLVs only if the first has U and no other flag: TWAMP's padding
        comes back as it is."""
        tlvs = PADDING + COS
        for first in range(256):
            octets = bytes([first]) + tlvs[1:]
            found = answer(octets)
            self.assertEqual(found == octets, first != UNRECOGNIZED, first)
            if first != UNRECOGNIZED:
                self.assertEqual(answer(octets, KEYED), octets)
        self.assertEqual(answer(b""), b"")
        self.assertEqual(answer(bytes(1428)), bytes(1428))

    def test_atMostSixteen(self) -> None:
        """The first sixteen TLVs are processed, and what follows is copied."""
        # An unknown type without U gets U if it is processed.
        unknown = bytes.fromhex("00 63 0000")
        for count in 15, 16, 17, 16_365:
            found = answer(PADDING + unknown * (count - 1))
            marked = [found[start] for start in range(6, len(found), 4)]
            looked = min(count, MOST_TLVS) - 1
            self.assertEqual(marked, [0x80] * looked + [0] * (count - 1 - looked))

    def test_malformedBehindSixteen(self) -> None:
        """A malformed TLV behind the sixteenth is only copied."""
        tail = bytes.fromhex("80 04 0001 00 80 01 ffff")
        self.assertEqual(
            answer(COS + PADDING * 15 + tail), COS_ANSWER + PADDING_ANSWER * 15 + tail
        )

    @given(anyOctets, reflections, sequences)
    def test_asLongAsTheRequest(
        self, octets: bytes, reflection: Reflection, sequence: int
    ) -> None:
        """An answer is as long as the octets of the request, whatever they are, and
        nothing is raised."""
        found = answerTlvs(octets, reflection, sequence, sequence ^ 1)
        self.assertEqual(len(found.octets), len(octets))
        if octets[:1] != b"\x80":
            self.assertEqual(found, Answer(octets))

    @given(anyOctets, reflections)
    def test_atMostSixteenFlags(self, octets: bytes, reflection: Reflection) -> None:
        """In no request do more than sixteen TLVs get other flags."""
        padded = octets + bytes.fromhex("00 63 0000") * 40
        found = answer(b"\x80" + padded[1:], reflection)
        marked = sum(octet != 0 for octet in found[-160::4])
        self.assertLessEqual(marked, MOST_TLVS)


class HmacTests(SynchronousTestCase):
    """
    The HMAC TLV: RFC 8972, section 4.8.
    """

    def assertFails(self, request: bytes, reflection: Reflection = KEYED) -> None:
        """Assert that a request's TLVs come back as they are, each with I."""
        found = answerTlvs(request, reflection, REQUEST, REPLY)
        places: list[int] = []
        start = 0
        while start < len(request) and len(places) < MOST_TLVS:
            places.append(start)
            start += 4 + int.from_bytes(request[start + 2 : start + 4], "big")
        expected = bytearray(request)
        for place in places:
            expected[place] |= INTEGRITY
        if start > len(request):
            expected[places[-1]] |= MALFORMED
        self.assertEqual(found.octets.hex(" "), expected.hex(" "))
        self.assertIsNone(found.dscp)

    def test_vectors(self) -> None:
        """Figure 16: the HMAC covers the packet's sequence number and the TLVs before
        it, and the reply has its own."""
        request = writeTlvs([(CLASS_OF_SERVICE, COS[4:])], REQUEST, KEY)
        self.assertEqual(request.hex(" "), (COS + REQUEST_HMAC).hex(" "))
        found = answerTlvs(request, KEYED, REQUEST, REPLY)
        self.assertEqual(found.octets.hex(" "), (COS_ANSWER + REPLY_HMAC).hex(" "))
        self.assertEqual(found.dscp, 10)

    def test_everyBitCounts(self) -> None:
        """After one bit has changed in what the HMAC covers, or in the HMAC, all TLVs
        get I."""
        request = COS + REQUEST_HMAC
        for index in [*range(4, 8), *range(12, 28)]:
            changed = bytearray(request)
            changed[index] ^= 1
            self.assertFails(bytes(changed))
        self.assertFails(PADDING + request)

    def test_flagsOfRequests(self) -> None:
        """Where the HMAC is wrong, U stays as it was; the other flags are the
        reply's."""
        request = COS + bytes.fromhex("5f 63 0000 df 63 0000")
        found = answer(request, KEYED)
        self.assertEqual([found[start] for start in (0, 8, 12)], [0xA0, 0x20, 0xA0])

    def test_otherNumber(self) -> None:
        """The HMAC is wrong with another sequence number."""
        found = answerTlvs(COS + REQUEST_HMAC, KEYED, REQUEST + 1, REPLY)
        self.assertEqual((found.octets[0], found.octets[8]), (0xA0, 0xA0))

    def test_otherKey(self) -> None:
        """The HMAC is wrong with another key, and without one."""
        request = COS + REQUEST_HMAC
        self.assertFails(request, KEYED._replace(keys=[b"other"]))
        self.assertFails(request, TELLING)

    def test_extraPaddingMayFollow(self) -> None:
        """Only extra padding may follow the HMAC TLV, which does not cover it."""
        sealed = COS + REQUEST_HMAC
        answered = COS_ANSWER + REPLY_HMAC
        self.assertEqual(
            answer(sealed + PADDING + PADDING, KEYED),
            answered + PADDING_ANSWER + PADDING_ANSWER,
        )
        # Padding that is cut off is malformed; the HMAC does not cover it.
        cut = bytes.fromhex("40 01 0002 a5")
        self.assertEqual(answer(sealed + PADDING[:-1], KEYED), answered + cut)

    def test_outOfOrder(self) -> None:
        """Section 4.8: in another place the HMAC counts as wrong."""
        self.assertFails(writeTlvs([], REQUEST, KEY) + COS)
        self.assertFails(COS + REQUEST_HMAC + COS)
        self.assertFails(COS + REQUEST_HMAC + PADDING + COS)
        self.assertFails(COS + REQUEST_HMAC + REQUEST_HMAC)
        self.assertFails(COS + REQUEST_HMAC + bytes.fromhex("80 63 0000"))

    def test_missing(self) -> None:
        """In authenticated mode only a single Extra Padding TLV may come without an
        HMAC."""
        self.assertFails(COS)
        self.assertFails(PADDING + PADDING)
        self.assertFails(PADDING + COS)
        self.assertFails(bytes.fromhex("80 63 0000"))
        self.assertEqual(answer(PADDING, KEYED), PADDING_ANSWER)

    def test_malformed(self) -> None:
        """An HMAC of a wrong length, or behind a TLV that is cut off, is wrong; M shows
        the reason."""
        self.assertFails((COS + REQUEST_HMAC)[:-1])
        self.assertFails(COS + bytes.fromhex("80 63 0100 abcd"))
        found = answer(COS + bytes.fromhex("80 08 0001 ab") + PADDING, KEYED)
        self.assertEqual(
            found.hex(), "a" + COS.hex()[1:] + "e0080001ab" + "a" + PADDING.hex()[1:]
        )

    def test_behindSixteen(self) -> None:
        """An HMAC behind the sixteenth TLV does not count."""
        sealed = writeTlvs([(EXTRA_PADDING, b"")] * 15, REQUEST, KEY)
        answered = bytes.fromhex("00 01 0000") * 15
        answered += b"\0" + seal(answered, REPLY)[1:]
        self.assertEqual(answer(sealed, KEYED), answered)
        self.assertFails(bytes.fromhex("80 01 0000") + sealed)

    def test_whatIsMalformedOrUnknownIsAuthenticated(self) -> None:
        """The reply's HMAC is right even where a TLV comes back with U or M."""
        for kind, flags in (LOCATION, UNRECOGNIZED), (CLASS_OF_SERVICE, MALFORMED):
            tlv = bytes([0x80, kind, 0, 1, 0xAB])
            sealed = tlv + seal(tlv, REQUEST)
            found = answer(sealed, KEYED)
            self.assertEqual(found[:5], bytes([flags]) + tlv[1:])
            self.assertEqual(found[5:], b"\0" + seal(found[:5], REPLY)[1:])

    @given(asked, sequences, sequences)
    def test_theOtherEndVerifies(
        self, tlvs: list[tuple[int, bytes]], sequence: int, replySequence: int
    ) -> None:
        """Each end verifies the other's HMAC."""
        octets = writeTlvs(tlvs, sequence, KEY)
        found = answerTlvs(octets, KEYED, sequence, replySequence).octets
        self.assertFalse(any(found[place] & INTEGRITY for place in starts(found)))
        self.assertNotEqual(readTlvs(found, replySequence, KEY).problem, "integrity")
        self.assertEqual(readTlvs(found, replySequence, b"?").problem, "integrity")


class ScapyTests(SynchronousTestCase):
    """
    scapy's view of TLVs.  Its flags are in the reverse order of their names, so they
    are compared as integers.
    """

    def test_readsOurs(self) -> None:
        """scapy finds our TLVs behind a base packet."""
        stamp = scapyStamp()
        base = senderPacket(SenderPacket(REQUEST, 0, 1))
        packet = stamp.STAMPSessionSenderTestUnauthenticated(
            base + COS + PADDING + REQUEST_HMAC
        )
        self.assertEqual(
            [(int(t.flags), t.type, t.len, t.value) for t in packet.tlv_objects],
            [
                (0x80, CLASS_OF_SERVICE, 4, COS[4:]),
                (0x80, EXTRA_PADDING, 2, PADDING[4:]),
                (0x80, HMAC, 16, REQUEST_HMAC[4:]),
            ],
        )

    def test_weAnswerIts(self) -> None:
        """We answer the TLVs that scapy builds."""
        stamp = scapyStamp()
        request = stamp.STAMPSessionSenderTestUnauthenticated(
            seq=REQUEST,
            tlv_objects=[
                stamp.STAMPTestTLV(
                    flags=0x80, type=CLASS_OF_SERVICE, len=4, value=COS[4:]
                ),
                stamp.STAMPTestTLV(
                    flags=0x80, type=EXTRA_PADDING, len=2, value=PADDING[4:]
                ),
            ],
        )
        self.assertEqual(answer(bytes(request)[44:]), COS_ANSWER + PADDING_ANSWER)
