"""Tests for L{echostamp.rfc8762.observations}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.hops import Hops
from echostamp.rfc8762.observations import (
    MOST_REASONS,
    OTHER_REASONS,
    Observations,
)
from echostamp.rfc8762.packets import ReflectorPacket
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.timestamps import ErrorEstimate
from echostamp.rfc8762.tlvreading import Tlv, TlvReading
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    LOCATION,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    TimestampInformation,
    classOfService,
)
from echostamp.times import SECOND

CLAIM = ErrorEstimate(True, False, 5)


def reply(ttl: int = 60, ssid: int = 0) -> ReflectorPacket:
    """Make a reply to a packet that arrived with a TTL."""
    return ReflectorPacket(0, 0, 0, ssid, 0, 0, 0, 0, ttl)


class ObservationsTests(SynchronousTestCase):
    """
    What a session-sender learns beside the times.
    """

    def test_nothing(self) -> None:
        """Before anything was sent there are no findings."""
        found = Observations(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY])).findings()
        values = found._asdict()
        self.assertTrue(values.pop("isFollowUpAsked"))
        self.assertEqual(values.pop("directions"), (0, 0, True))
        self.assertFalse(any(values.values()))

    def test_isFrozen(self) -> None:
        """Findings do not change, whatever is learned later."""
        seen = Observations(SenderSession())
        found = seen.findings()
        seen.departed(5)
        seen.rejected("malformed")
        self.assertEqual((found.kernelSent, found.invalid), (0, ()))
        with self.assertRaises(AttributeError):
            found.kernelSent = 1  # type: ignore[misc]

    def test_hostDurations(self) -> None:
        """The durations of this host are medians, and counted."""
        seen = Observations(SenderSession())
        for duration in 10, 30, 20:
            seen.departed(duration)
            seen.arrived(2 * duration)
        found = seen.findings()
        self.assertEqual((found.hostSending, found.hostReceiving), (20, 40))
        self.assertEqual((found.kernelSent, found.kernelReceived), (3, 3))

    def test_hops(self) -> None:
        """The hops are those of the replies whose TTLs are known: of the last one, the
        fewest, the most, and how often they changed."""
        seen = Observations(SenderSession(ttl=64))
        seen.answered(reply(0), CLAIM, 0)
        found = seen.findings()
        self.assertEqual((found.hopsForward, found.hopsBackward), (None, None))
        self.assertEqual(found.farError, CLAIM)
        for there, back in (60, 250), (60, 250), (58, 251), (0, 0), (58, 250), (60, 9):
            seen.answered(reply(there), CLAIM, back)
        found = seen.findings()
        self.assertEqual(found.hopsForward, Hops(4, 4, 6, 2))
        self.assertEqual(found.hopsBackward, Hops(246, 4, 246, 3))

    def test_hopsThatCannotBe(self) -> None:
        """A packet does not arrive with a higher TTL than it left with."""
        seen = Observations(SenderSession(ttl=64))
        seen.answered(reply(65), CLAIM, 255)
        found = seen.findings()
        self.assertEqual((found.hopsForward, found.hopsBackward), (None, Hops(0, 0, 0)))

    def test_zeroedSsids(self) -> None:
        """Replies with SSID 0 count where the packets had another one."""
        for ssid, count in (7, 1), (0, 0):
            seen = Observations(SenderSession(ssid=ssid))
            seen.answered(reply(ssid=ssid), CLAIM, 255)
            seen.answered(reply(ssid=0), CLAIM, 255)
            self.assertEqual(seen.findings().zeroedSsids, count)

    def test_reasons(self) -> None:
        """A far end that finds ever more ways to be invalid is counted under few
        reasons."""
        seen = Observations(SenderSession())
        for each in range(100):
            seen.rejected(f"of {each} octets")
        seen.rejected("of 0 octets")
        invalid = dict(seen.findings().invalid)
        self.assertEqual(len(invalid), MOST_REASONS + 1)
        self.assertEqual(invalid["of 0 octets"], 2)
        self.assertEqual(invalid[OTHER_REASONS], 100 - MOST_REASONS)

    def test_tlvs(self) -> None:
        """The last values are kept; follow-ups are returned."""
        seen = Observations(SenderSession())
        marks = ClassOfService(1, 2, 3, 1)
        tlvs = [
            Tlv(TIMESTAMP_INFORMATION, bytes([1, 2, 3, 4])),
            Tlv(CLASS_OF_SERVICE, classOfService(marks)),
            Tlv(FOLLOW_UP_TELEMETRY, bytes(16)),
            Tlv(EXTRA_PADDING, b"x"),
        ]
        self.assertEqual(
            seen.read(TlvReading(tlvs, [255, LOCATION, 0], "malformed")), [bytes(16)]
        )
        found = seen.findings()
        self.assertEqual(found.information, TimestampInformation(1, 2, 3, 4))
        self.assertEqual(found.marks, marks)
        self.assertEqual(found.unrecognized, (0, LOCATION, 255))
        self.assertEqual(found.problems, (("malformed", 1),))

    def test_unreturned(self) -> None:
        """TLVs that came back in no reply are named, unless a problem explains it."""
        kinds = [EXTRA_PADDING, CLASS_OF_SERVICE, FOLLOW_UP_TELEMETRY]
        seen = Observations(SenderSession(tlvs=kinds))
        self.assertEqual(seen.findings().unreturned, ())
        seen.answered(reply(), CLAIM, 250)
        seen.read(TlvReading([Tlv(EXTRA_PADDING, b"")], [CLASS_OF_SERVICE]))
        self.assertEqual(seen.findings().unreturned, ("follow-up",))
        seen.problems["integrity"] += 1
        self.assertEqual(seen.findings().unreturned, ())

    def test_losses(self) -> None:
        """The losses are those by the reflector's numbers."""
        seen = Observations(SenderSession())
        for sequence, number in (0, 0), (1, 1), (3, 2), (7, 4), (8, 5):
            seen.losses.saw(sequence, number, sequence * SECOND, sequence)
        found = seen.findings()
        self.assertEqual(found.directions, (4, 1, True))
        self.assertEqual((found.isStateful, found.restarts), (True, 0))
