"""Tests for L{echostamp.rfc8762.sendersession}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
    TLVS,
)

KEYS = [bytes(range(16)), bytes(range(16, 32))]


def padding(count: int) -> bytes:
    """Give padding."""
    return b"p" * count


class SenderSessionTests(SynchronousTestCase):
    """
    What the packets of a session-sender look like.
    """

    def test_names(self) -> None:
        """The TLVs that can be sent have names."""
        self.assertEqual(
            list(TLVS.values()),
            [
                EXTRA_PADDING,
                TIMESTAMP_INFORMATION,
                CLASS_OF_SERVICE,
                FOLLOW_UP_TELEMETRY,
            ],
        )

    def test_least(self) -> None:
        """The shortest packet has the base packet, the TLVs, and their HMAC; padding
        alone needs no HMAC."""
        for keys, tlvs, least in [
            ([], [], 44),
            (KEYS, [], 112),
            ([], [CLASS_OF_SERVICE], 52),
            (KEYS, [CLASS_OF_SERVICE], 140),
            (KEYS, [EXTRA_PADDING], 116),
            (KEYS, [EXTRA_PADDING, FOLLOW_UP_TELEMETRY], 156),
        ]:
            self.assertEqual(SenderSession(keys=keys, tlvs=tlvs).least, least)

    def test_key(self) -> None:
        """The first key is used."""
        self.assertEqual(SenderSession(keys=KEYS).key, KEYS[0])
        self.assertIsNone(SenderSession().key)

    def test_tail(self) -> None:
        """Spare octets become padding; they are not a TLV if they are too few."""
        self.assertEqual(SenderSession().tail(0, padding), b"")
        self.assertEqual(SenderSession(47).tail(0, padding), b"")
        self.assertEqual(SenderSession(50).tail(0, padding), b"\x80\1\0\2pp")
        session = SenderSession(59, tlvs=[EXTRA_PADDING, CLASS_OF_SERVICE], dscp=10)
        self.assertEqual(
            session.tail(0, padding), bytes.fromhex("80010003707070 80040004 28000000")
        )

    def test_sealed(self) -> None:
        """With a key, TLVs get an HMAC, which covers the packet's number."""
        session = SenderSession(keys=KEYS, tlvs=[CLASS_OF_SERVICE])
        one, other = session.tail(1, padding), session.tail(2, padding)
        self.assertEqual(len(one), 28)
        self.assertEqual(one[:12], other[:12])
        self.assertNotEqual(one[12:], other[12:])
        self.assertEqual(
            SenderSession(118, keys=KEYS).tail(1, padding), b"\x80\1\0\2pp"
        )
