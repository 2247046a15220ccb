"""Tests for L{echostamp.rfc8762.sender}."""

from __future__ import annotations

import errno

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.packets import readSenderPacket, senderPacket
from echostamp.rfc8762.reflector import Policy
from echostamp.rfc8762.sender import Session
from echostamp.rfc8762.tlvs import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    TimestampInformation,
)
from echostamp.test.wires import EPOCH, HERE, KEYS, MS, THERE, US, Wire
from echostamp.times import Times


class SenderTests(SynchronousTestCase):
    """
    Packets out, replies in.
    """

    def test_times(self) -> None:
        """All four times are told: the kernel's of this end, the reflector's own."""
        for isPtp in False, True:
            wire = Wire(Session(isPtp=isPtp))
            wire.ahead = 7 * MS
            left = wire.there(token=5)
            wire.back()
            [(token, times)] = wire.replies
            self.assertEqual(token, 5)
            received = left + MS + wire.ahead
            expected = Times(left, received, received + 50 * US, wire.now - 50 * US)
            self.assertEqual(times, expected)
            self.assertEqual(wire.sender.kernelSent, 1)
            self.assertEqual(wire.sender.kernelReceived, 1)
            self.assertEqual(wire.sender.sendingHost, [50 * US])
            self.assertEqual(wire.sender.receivingHost, [50 * US])

    def test_withoutTheKernel(self) -> None:
        """Without the kernel's timestamps they are the program's."""
        wire = Wire(Session())
        t1 = wire.sender.send(0)
        self.assertEqual(t1, EPOCH)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, 0, 60, 0, None)
        wire.now += MS
        wire.sender.received(wire.far.sent[-1][0], THERE, 0, 250, 0, None)
        self.assertEqual(wire.replies, [(0, Times(EPOCH, EPOCH, EPOCH, EPOCH + MS))])
        self.assertEqual((wire.sender.kernelSent, wire.sender.kernelReceived), (0, 0))

    def test_departureAfterTheReply(self) -> None:
        """A departure that is told late corrects what was told."""
        wire = Wire(Session())
        wire.there(isLost=True)
        wire.sender.send(1)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, wire.now, 60, 0, None)
        wire.sender.received(wire.far.sent[-1][0], THERE, wire.now + MS, 250, 0, None)
        [(_, times)] = wire.replies
        wire.sender.transmitted(1, times.t1 + 20 * US)
        self.assertEqual(wire.corrections, [(1, times._replace(t1=times.t1 + 20 * US))])
        wire.sender.transmitted(9, EPOCH)
        self.assertEqual(len(wire.corrections), 1)

    def test_lateDepartureOfAnother(self) -> None:
        """A departure that is told by a number of before the port began to count anew
        is none of a later packet."""
        wire = Wire(Session())
        t1 = wire.sender.send(0)
        wire.sender.transmitted(0, t1 - 1)
        self.assertEqual(wire.sender.kernelSent, 0)

    def test_followUp(self) -> None:
        """A follow-up tells when the previous reply left."""
        wire = Wire(Session(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        for token in range(3):
            wire.there(token)
            wire.back()
        self.assertEqual([token for token, _ in wire.corrections], [0, 1])
        for (_, known), (_, told) in zip(wire.corrections, wire.replies, strict=False):
            self.assertEqual(known, told._replace(t3=told.t3 + 50 * US))
        self.assertEqual(wire.sender.followedUp, 2)

    def test_followUpOfAnotherPacket(self) -> None:
        """A reflector that has begun anew may mean another packet by a number: what
        cannot be is left out."""
        wire = Wire(Session(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        wire.there(0)
        wire.back()
        [sent] = wire.sender._answers.values()
        assert sent.times is not None
        sent.times = sent.times._replace(t2=sent.times.t2 - 3_000 * MS)
        wire.there(1)
        wire.back()
        self.assertEqual(wire.corrections, [])

        self.assertEqual(
            list(wire.sender.problems), ["with a follow-up that cannot be"]
        )

    def test_followUpOfADouble(self) -> None:
        """The times of a packet that was doubled on the way there are those of the
        first reply: what the follow-up says of the other is another's."""
        wire = Wire(Session(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        wire.there(0)
        wire.back()
        packet, _ = wire.near.sent[-1]
        wire.now += MS // 2
        wire.reflector.received(packet, HERE, wire.now, 60, 0, None)
        wire.reflector.transmitted(1, wire.now + 50 * US)
        wire.back()
        self.assertEqual([token for token, _ in wire.replies], [0, 0])
        corrections = list(wire.corrections)
        self.assertEqual([token for token, _ in corrections], [0])
        wire.there(1)
        wire.back()
        self.assertEqual(wire.corrections, corrections)
        self.assertEqual(wire.sender.problems, {})

    def test_followUpBeforeTheArrival(self) -> None:
        """A follow-up by which a packet left before it came is taken, and told."""
        wire = Wire(Session(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        wire.there(0)
        wire.back()
        [(_, told)] = wire.replies
        [session] = wire.shared.sessions._sessions.values()
        session.left = told.t2 - 10 * US
        wire.there(1)
        wire.back()
        [(token, times)] = wire.corrections
        self.assertEqual((token, times.t2 - times.t3), (0, 10 * US))
        self.assertEqual(wire.sender.negatives, 1)
        self.assertEqual(wire.sender.leastResidence, -10 * US)

    def test_restartWithItsClock(self) -> None:
        """A reflector that begins anew with its clock is known by a number that another
        packet has had."""
        wire = Wire(Session(), Policy(isStateful=True))
        for _ in range(3):
            wire.there()
            wire.back()
        wire.shared.sessions._sessions.clear()
        wire.ahead = -3600 * 1000 * MS
        wire.there()
        wire.back()
        self.assertEqual(wire.sender.losses.restarts, 1)

    def test_followUpLost(self) -> None:
        """Where it is lost, T3 stays as it was."""
        wire = Wire(Session(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        wire.there(0)
        wire.back()
        wire.there(1)
        wire.there(2)
        wire.back()
        self.assertEqual([token for token, _ in wire.corrections], [])

    def test_invalid(self) -> None:
        """What is no reply to ours is counted, and nothing else."""
        wire = Wire(Session())
        wire.there()
        reply = wire.far.sent[-1][0]
        wire.back(reply, ("192.0.2.9", 862))
        wire.back(reply, ("192.0.2.2", 863))
        wire.back(reply[:27] + b"\x07" + reply[28:])
        wire.back(reply[:30] + b"\x07" + reply[31:])
        wire.back(reply[:40])
        wire.back(b"")
        self.assertEqual(wire.replies, [])
        self.assertEqual(
            wire.sender.invalid, {"from elsewhere": 2, "not ours": 2, "malformed": 2}
        )
        wire.back(reply)
        self.assertEqual(len(wire.replies), 1)

    def test_duplicates(self) -> None:
        """A reply that comes twice is told twice; it is noted once."""
        wire = Wire(Session())
        wire.there()
        wire.back()
        wire.back()
        self.assertEqual([token for token, _ in wire.replies], [0, 0])
        self.assertEqual(wire.sender.kernelReceived, 1)

    def test_authenticated(self) -> None:
        """With a key both ends authenticate; a reply that does not is none."""
        for number, valid in (0, True), (1, False):
            wire = Wire(Session(keys=KEYS, ssid=7), keys={7: [KEYS[number]]})
            wire.sender.send(0)
            packet, _ = wire.near.sent[-1]
            self.assertEqual(len(packet), 112)
            wire.reflector.received(packet, HERE, wire.now, 60, 0, None)
            self.assertEqual(len(wire.far.sent), valid)
            if valid:
                reply = bytearray(wire.far.sent[-1][0])
                wire.back(bytes(reply))
                self.assertEqual(len(wire.replies), 1)
                reply[40] ^= 1
                wire.back(bytes(reply))
                self.assertEqual(wire.sender.invalid, {"no valid HMAC": 1})

    @given(
        st.sets(
            st.sampled_from(
                [
                    EXTRA_PADDING,
                    TIMESTAMP_INFORMATION,
                    CLASS_OF_SERVICE,
                    FOLLOW_UP_TELEMETRY,
                ]
            )
        ),
        st.booleans(),
        st.integers(0, 200),
    )
    def test_size(self, kinds: set[int], isKeyed: bool, spare: int) -> None:
        """A packet has the size that was asked for, and its reply too."""
        keys = KEYS[:1] if isKeyed else []
        least = Session(keys=keys, tlvs=sorted(kinds)).least
        if spare < 4 and EXTRA_PADDING not in kinds:
            spare = 0
        session = Session(least + spare, 0, keys, sorted(kinds))
        wire = Wire(session, keys={None: keys} if isKeyed else {})
        wire.there()
        self.assertEqual(len(wire.near.sent[-1][0]), least + spare)
        self.assertEqual(len(wire.far.sent[-1][0]), least + spare)
        wire.back()
        self.assertEqual(len(wire.replies), 1)
        self.assertFalse(wire.sender.problems)
        self.assertFalse(wire.sender.unrecognized)

    def test_tlvs(self) -> None:
        """What TLVs say is noted."""
        kinds = [TIMESTAMP_INFORMATION, CLASS_OF_SERVICE]
        wire = Wire(Session(tlvs=kinds, dscp=46), Policy(dscp=True))
        wire.there()
        self.assertEqual(wire.near.sent[-1][1], 46 << 2)
        self.assertEqual(wire.far.sent[-1][1], 46 << 2)
        wire.back()
        sender = wire.sender
        self.assertEqual(sender.information, TimestampInformation(1, 2, 1, 2))
        self.assertEqual(sender.marks, ClassOfService(46, 46, 0, 0))
        refusing = Wire(Session(tlvs=kinds, dscp=46))
        refusing.there()
        self.assertEqual(refusing.far.sent[-1][1], 0)
        refusing.back()
        self.assertEqual(refusing.sender.marks, ClassOfService(46, 46, 0, 1))

    def test_hopsAndClaims(self) -> None:
        """Hops by the TTLs, and what the ends say of their clocks."""
        wire = Wire(Session(ttl=64))
        self.assertEqual(wire.sender.hops, (None, None))
        wire.there()
        wire.back()
        self.assertEqual(wire.sender.hops, (4, 5))
        near, far = wire.sender.nearError, wire.sender.farError
        assert near
        assert far
        self.assertEqual((near.isSynchronized, near.error), (True, 5 * MS))
        self.assertTrue(far.isSynchronized)
        assert far.error is not None
        self.assertGreaterEqual(far.error, 5 * MS)

    def test_negativeResidence(self) -> None:
        """A reflector whose T3 is before its T2 is reported."""
        wire = Wire(Session())
        wire.sender.send(0)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, wire.now + MS, 60, 0, None)
        wire.back()
        self.assertEqual(wire.sender.negatives, 1)
        self.assertEqual(wire.sender.leastResidence, -MS)

    def test_residenceOfWhatIsThrownAway(self) -> None:
        """What was sent with a negative token tells nothing of it."""
        wire = Wire(Session())
        wire.sender.send(-1)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, wire.now + MS, 60, 0, None)
        wire.back()
        self.assertEqual(wire.sender.negatives, 0)
        self.assertIsNone(wire.sender.leastResidence)

    def test_refused(self) -> None:
        """What the network returns is counted."""
        wire = Wire(Session())
        for error in errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ECONNREFUSED:
            wire.sender.refused(error, THERE)
        self.assertEqual(
            wire.sender.refusals, {errno.ECONNREFUSED: 2, errno.EHOSTUNREACH: 1}
        )

    def test_longRuns(self) -> None:
        """What is remembered is bounded, and numbers begin anew at 2^32."""
        wire = Wire(Session())
        wire.sender._sequence = (1 << 32) - 1
        wire.there(0)
        wire.back()
        wire.there(1)
        wire.back()
        self.assertEqual([token for token, _ in wire.replies], [0, 1])
        for token in range(10_100):
            wire.sender.send(token)
        self.assertLessEqual(len(wire.sender._sent), 10_000)
        self.assertLessEqual(len(wire.sender._leaving), 10_000)

    @given(st.binary(max_size=300))
    def test_garbage(self, packet: bytes) -> None:
        """Whatever comes, nothing is raised."""
        for session in Session(), Session(keys=KEYS), Session(tlvs=[CLASS_OF_SERVICE]):
            wire = Wire(session)
            wire.there(isLost=True)
            wire.back(packet)
            self.assertEqual(wire.replies, [])

    @given(st.binary(max_size=200))
    def test_garbageBehindTheBase(self, tail: bytes) -> None:
        """TLVs that make no sense spoil no reply."""
        wire = Wire(Session(tlvs=[FOLLOW_UP_TELEMETRY, TIMESTAMP_INFORMATION]))
        wire.there()
        wire.back(wire.far.sent[-1][0][:44] + tail)
        self.assertEqual(len(wire.replies), 1)

    def test_ourOwnPacket(self) -> None:
        """Our own packet, thrown back, is no reply."""
        wire = Wire(Session())
        wire.there(isLost=True)
        wire.back(wire.near.sent[-1][0])
        self.assertEqual(wire.replies, [])

    def test_format(self) -> None:
        """A packet without TLVs is the base packet."""
        wire = Wire(Session(ssid=9))
        wire.sender.send(0)
        packet, tos = wire.near.sent[-1]
        self.assertEqual(packet, senderPacket(readSenderPacket(packet)))
        self.assertEqual(packet[14:16], b"\x00\x09")
        self.assertEqual(tos, 0)
