"""Tests for L{echostamp.rfc8762.tlvreading}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.tlvreading import Tlv, TlvReading, readTlvs, writeTlvs
from echostamp.rfc8762.tlvs import (
    INTEGRITY,
    MOST_TLVS,
    answerTlvs,
)
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    HMAC,
    LOCATION,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    classOfService,
    readClassOfService,
    readFollowUp,
    readTimestampInformation,
)
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
    anyOctets,
    asked,
    sequences,
)


class SenderTests(SynchronousTestCase):
    """
    The TLVs that a session-sender writes and reads.
    """

    def test_written(self) -> None:
        """Section 4: in a request U is 1, M and I are 0."""
        self.assertEqual(
            writeTlvs([(CLASS_OF_SERVICE, COS[4:]), (EXTRA_PADDING, b"\xa5\x5a")], 0),
            COS + PADDING,
        )
        self.assertEqual(writeTlvs([], 0), b"")
        self.assertEqual(writeTlvs([(255, b"")], 0), bytes.fromhex("80 ff 0000"))
        self.assertEqual(classOfService(ClassOfService(10)), COS[4:])

    def test_whatIsNotWritten(self) -> None:
        """Wrong types, values that do not fit, and more than sixteen TLVs are
        refused."""
        for kind, value in [
            (0, b""),
            (-1, b""),
            (256, b""),
            (EXTRA_PADDING, bytes(0x10000)),
            (TIMESTAMP_INFORMATION, bytes(0x10000)),
            (LOCATION, bytes(0x10000)),
            (CLASS_OF_SERVICE, bytes(5)),
            (FOLLOW_UP_TELEMETRY, b""),
        ]:
            self.assertRaises(ValueError, writeTlvs, [(kind, value)], 0)
        padding = [(EXTRA_PADDING, b"")] * 17
        self.assertEqual(len(writeTlvs(padding[:16], 0)), 64)
        self.assertRaises(ValueError, writeTlvs, padding, 0)
        self.assertRaises(ValueError, writeTlvs, padding[:16], 0, KEY)

    def test_read(self) -> None:
        """Processed TLVs can be used; the types of those with U are listed."""
        unknown = bytes.fromhex("80 02 0004 00000000")
        self.assertEqual(
            readTlvs(COS_ANSWER + unknown + PADDING_ANSWER, REPLY),
            TlvReading(
                [
                    Tlv(CLASS_OF_SERVICE, COS_ANSWER[4:]),
                    Tlv(EXTRA_PADDING, b"\xa5\x5a"),
                ],
                [LOCATION],
            ),
        )
        self.assertEqual(readTlvs(b"", REPLY), TlvReading([], []))

    def test_malformed(self) -> None:
        """Section 4: behind M nothing is processed, nor behind a TLV that is malformed
        without that flag."""
        cos = Tlv(CLASS_OF_SERVICE, COS_ANSWER[4:])
        for flags in 0x00, 0x40, 0x80, 0xC0:
            for rest in "04 0005 0000000000", "01 0002 00", "01 00", "":
                octets = COS_ANSWER + bytes([flags]) + bytes.fromhex(rest)
                expected = TlvReading([cos], [], "malformed")
                self.assertEqual(readTlvs(octets, REPLY), expected)
        octets = COS_ANSWER + bytes.fromhex("40 01 0000") + PADDING_ANSWER
        self.assertEqual(readTlvs(octets, REPLY), TlvReading([cos], [], "malformed"))

    def test_integrity(self) -> None:
        """Section 4: if one TLV has I, all are discarded."""
        broken = bytes([INTEGRITY]) + PADDING_ANSWER[1:]
        nothing = TlvReading([], [], "integrity")
        for octets in [
            broken,
            COS_ANSWER + broken,
            broken + COS_ANSWER,
            bytes.fromhex("40 03 0000") + broken,
        ]:
            for key in None, KEY:
                self.assertEqual(readTlvs(octets, REPLY, key), nothing)

    def test_hmac(self) -> None:
        """The reply's HMAC has to be there, right, and made with the reply's number."""
        reply = COS_ANSWER + REPLY_HMAC
        expected = TlvReading([Tlv(CLASS_OF_SERVICE, COS_ANSWER[4:])], [])
        self.assertEqual(readTlvs(reply, REPLY, KEY), expected)
        nothing = TlvReading([], [], "integrity")
        self.assertEqual(readTlvs(reply, REQUEST, KEY), nothing)
        self.assertEqual(readTlvs(reply, REPLY, b"other"), nothing)
        self.assertEqual(readTlvs(reply, REPLY), nothing)
        self.assertEqual(readTlvs(COS_ANSWER, REPLY, KEY), nothing)
        self.assertEqual(readTlvs(reply + COS_ANSWER, REPLY, KEY), nothing)
        for index in [*range(8), *range(12, 28)]:
            changed = bytearray(reply)
            changed[index] ^= 1
            self.assertEqual(readTlvs(bytes(changed), REPLY, KEY).tlvs, [], index)

    def test_reflectorThatKnowsNoTlvs(self) -> None:
        """A TWAMP Light session-reflector returns the TLVs as they were: all have U,
        and the HMAC is the request's."""
        request = COS + REQUEST_HMAC
        expected = TlvReading([], [CLASS_OF_SERVICE, HMAC])
        self.assertEqual(readTlvs(request, REPLY, KEY), expected)

    def test_atMostSixteen(self) -> None:
        """Of more than sixteen TLVs the first sixteen are read."""
        self.assertEqual(
            readTlvs(bytes.fromhex("00 01 0000") * 16_365, REPLY),
            TlvReading([Tlv(EXTRA_PADDING, b"")] * MOST_TLVS, []),
        )

    @given(anyOctets, sequences, st.sampled_from([None, KEY]))
    def test_garbage(self, octets: bytes, sequence: int, key: bytes | None) -> None:
        """No octets raise anything, and the values of known types can be read."""
        reading = readTlvs(octets, sequence, key)
        self.assertLessEqual(len(reading.tlvs) + len(reading.unrecognized), MOST_TLVS)
        for kind, value in reading.tlvs:
            if kind == CLASS_OF_SERVICE:
                readClassOfService(value)
            elif kind == FOLLOW_UP_TELEMETRY:
                readFollowUp(value)
            elif kind == TIMESTAMP_INFORMATION:
                readTimestampInformation(value)

    @given(asked, sequences, sequences, st.booleans())
    def test_roundTrip(
        self,
        tlvs: list[tuple[int, bytes]],
        sequence: int,
        replySequence: int,
        isKeyed: bool,
    ) -> None:
        """A session-sender reads from each TLV what the session-reflector wrote."""
        key = KEY if isKeyed else None
        octets = writeTlvs(tlvs, sequence, key)
        found = answerTlvs(
            octets, KEYED if isKeyed else TELLING, sequence, replySequence
        )
        reading = readTlvs(found.octets, replySequence, key)
        known = {
            EXTRA_PADDING,
            TIMESTAMP_INFORMATION,
            CLASS_OF_SERVICE,
            FOLLOW_UP_TELEMETRY,
        }
        self.assertIsNone(reading.problem)
        self.assertEqual(
            [tlv.type for tlv in reading.tlvs],
            [kind for kind, _value in tlvs if kind in known],
        )
        self.assertEqual(
            reading.unrecognized, [kind for kind, _value in tlvs if kind not in known]
        )
        for (kind, value), sent in zip(
            reading.tlvs,
            [value for kind, value in tlvs if kind in known],
            strict=True,
        ):
            if kind == EXTRA_PADDING:
                self.assertEqual(value, sent)
            elif kind == TIMESTAMP_INFORMATION:
                self.assertEqual(readTimestampInformation(value), TELLING.information)
            elif kind == FOLLOW_UP_TELEMETRY:
                self.assertEqual(readFollowUp(value), TELLING.followUp)
            else:
                wanted = readClassOfService(sent).dscp1
                marks = ClassOfService(wanted, 46, 1, 0 if wanted == 10 else 1)
                self.assertEqual(readClassOfService(value), marks)
