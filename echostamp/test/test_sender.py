"""Tests for L{echostamp.rfc8762.sender}."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.hops import Hops
from echostamp.rfc8762.packets import readSenderPacket, senderPacket
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.sentpackets import KEPT, SentPackets
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    TimestampInformation,
)
from echostamp.test.sizes import heldBy
from echostamp.test.wires import EPOCH, HERE, KEYS, MS, THERE, US, Wire, WirePort
from echostamp.times import Times


class SessionSenderTests(SynchronousTestCase):
    """
    Packets out, replies in.
    """

    def test_leftAtOnce(self) -> None:
        """A departure that is known at once counts: it is looked for after sending."""
        wire = Wire(SenderSession())

        def readDepartures(most: int) -> None:
            wire.sender.transmitted(0, wire.now + US)

        self.patch(wire.near, "readDepartures", readDepartures)
        wire.sender.send(5)
        found = wire.sender.findings()
        self.assertEqual((found.kernelSent, found.hostSending), (1, US))

    def test_times(self) -> None:
        """A reply has four times: the kernel's of this end, the reflector's own."""
        for isPtp in False, True:
            wire = Wire(SenderSession(isPtp=isPtp))
            wire.ahead = 7 * MS
            left = wire.there(token=5)
            wire.back()
            [(token, times)] = wire.replies
            self.assertEqual(token, 5)
            received = left + MS + wire.ahead
            expected = Times(left, received, received + 50 * US, wire.now - 50 * US)
            self.assertEqual(times, expected)
            found = wire.sender.findings()
            self.assertEqual((found.kernelSent, found.kernelReceived), (1, 1))
            self.assertEqual((found.hostSending, found.hostReceiving), (50 * US,) * 2)

    def test_withoutTheKernel(self) -> None:
        """Without the kernel's timestamps the times are the program's."""
        wire = Wire(SenderSession())
        t1 = wire.sender.send(0)
        self.assertEqual(t1, EPOCH)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, 0, 60, 0, None)
        wire.now += MS
        wire.sender.received(wire.far.sent[-1][0], THERE, 0, 250, 0, None)
        self.assertEqual(wire.replies, [(0, Times(EPOCH, EPOCH, EPOCH, EPOCH + MS))])
        found = wire.sender.findings()
        self.assertEqual((found.kernelSent, found.kernelReceived), (0, 0))
        self.assertEqual((found.hostSending, found.hostReceiving), (None, None))

    def test_departureAfterTheReply(self) -> None:
        """A departure that is reported after the reply corrects its times."""
        wire = Wire(SenderSession())
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
        """A late departure from before the port lost count, with a number that is in
        use again, is not taken for the later packet's."""
        wire = Wire(SenderSession())
        t1 = wire.sender.send(0)
        wire.sender.transmitted(0, t1 - 1)
        self.assertEqual(wire.sender.findings().kernelSent, 0)

    def test_followUp(self) -> None:
        """A follow-up corrects T3 of the previous reply."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        for token in range(3):
            wire.there(token)
            wire.back()
        self.assertEqual([token for token, _ in wire.corrections], [0, 1])
        for (_, after), (_, before) in zip(
            wire.corrections, wire.replies, strict=False
        ):
            self.assertEqual(after, before._replace(t3=before.t3 + 50 * US))
        found = wire.sender.findings()
        self.assertEqual((found.followedUp, found.hasFollowUps), (2, True))

    def test_noFollowUps(self) -> None:
        """A stateless reflector's follow-ups are empty."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY]), Policy())
        for token in range(3):
            wire.there(token)
            wire.back()
        self.assertFalse(wire.sender.findings().hasFollowUps)

    def test_followUpOfAnotherPacket(self) -> None:
        """A reflector that restarted may mean another packet by a number: a follow-up
        that cannot be true is not used."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        wire.there(0)
        wire.back()
        wire.sender._answers._t2[0] -= 3_000 * MS
        wire.there(1)
        wire.back()
        self.assertEqual(wire.corrections, [])
        found = wire.sender.findings()
        self.assertEqual(found.problems, (("with a follow-up that cannot be", 1),))
        self.assertTrue(found.hasFollowUps)

    def test_followUpThatIsNoTime(self) -> None:
        """A follow-up whose nanoseconds are a second or more is not used.  The reply
        that carries it is."""
        session = SenderSession(tlvs=[FOLLOW_UP_TELEMETRY], isPtp=True)
        wire = Wire(session, Policy(isStateful=True))
        wire.there(0)
        wire.back()
        wire.there(1)
        reply = bytearray(wire.far.sent[-1][0])
        reply[-8:-4] = b"\xff" * 4
        wire.back(bytes(reply))
        found = wire.sender.findings()
        self.assertEqual([token for token, _ in wire.replies], [0, 1])
        self.assertEqual((wire.corrections, found.invalid), ([], ()))
        self.assertEqual(found.problems, (("with a follow-up that cannot be", 1),))

    def test_followUpOfADouble(self) -> None:
        """A packet that was doubled on the way there has the times of its first reply:
        a follow-up about the second reply is not used."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
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
        self.assertEqual(wire.sender.findings().problems, ())

    def test_followUpBeforeTheArrival(self) -> None:
        """A follow-up by which a packet left before it came is not used."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        wire.there(0)
        wire.back()
        [(_, before)] = wire.replies
        [session] = wire.shared.sessions._sessions.values()
        session.left = before.t2 - 10 * US
        wire.there(1)
        wire.back()
        self.assertEqual(wire.corrections, [])
        found = wire.sender.findings()
        self.assertEqual(found.problems, (("with a follow-up that cannot be", 1),))
        self.assertEqual(found.followedUp, 0)

    def test_followUpOfWhatIsNotUsed(self) -> None:
        """Where the owner does not use a reply's times, none are corrected."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        for token in -1, 0:
            wire.there(token)
            wire.back()
        self.assertEqual(wire.corrections, [])
        self.assertEqual(wire.sender.findings().followedUp, 0)

    def test_restartWithItsClock(self) -> None:
        """A reflector whose clock restarts, too, is found out by a number that another
        reply had, however long ago."""
        wire = Wire(SenderSession(), Policy(isStateful=True))
        for _ in range(1000):
            wire.there()
            wire.back()
        wire.shared.sessions._sessions.clear()
        wire.ahead = -3600 * 1000 * MS
        wire.there()
        wire.back()
        self.assertEqual(wire.sender.findings().restarts, 1)

    def test_followUpLost(self) -> None:
        """Where a follow-up is lost, T3 stays as it was."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY]), Policy(isStateful=True))
        wire.there(0)
        wire.back()
        wire.there(1)
        wire.there(2)
        wire.back()
        self.assertEqual([token for token, _ in wire.corrections], [])

    def test_invalid(self) -> None:
        """A packet that is no reply to ours is only counted."""
        wire = Wire(SenderSession())
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
            wire.sender.findings().invalid,
            (
                ("from another address", 1),
                ("from another port", 1),
                ("not ours", 1),
                ("T1 was not returned", 1),
                ("of 40 octets, 41 are the least", 1),
                ("of 0 octets, 41 are the least", 1),
            ),
        )
        wire.back(reply)
        self.assertEqual(len(wire.replies), 1)

    def test_invalidTime(self) -> None:
        """A PTP timestamp with more nanoseconds than a second has makes a reply
        invalid."""
        wire = Wire(SenderSession(isPtp=True))
        wire.there()
        reply = bytearray(wire.far.sent[-1][0])
        reply[8:12] = b"\xff" * 4
        wire.back(bytes(reply))
        self.assertEqual(
            wire.sender.findings().invalid,
            (("with a PTP timestamp of 10^9 nanoseconds or more", 1),),
        )

    def test_notGiven(self) -> None:
        """A timestamp of 0 is not a time: it is reported as 0."""
        for isPtp in False, True:
            wire = Wire(SenderSession(isPtp=isPtp))
            wire.there()
            reply = bytearray(wire.far.sent[-1][0])
            reply[4:12] = reply[16:24] = bytes(8)
            wire.back(bytes(reply))
            [(_, times)] = wire.replies
            self.assertEqual((times.t2, times.t3), (0, 0))

    def test_ssid(self) -> None:
        """A reply with another SSID than ours and 0 is none.  One with SSID 0 counts,
        and is refused where the session is strict."""
        for ours, its, isStrict, why in [
            (7, 7, True, ""),
            (7, 9, False, "with another SSID"),
            (0, 9, False, "with another SSID"),
            (7, 0, False, ""),
            (7, 0, True, "with SSID 0"),
            (0, 0, True, ""),
        ]:
            wire = Wire(SenderSession(ssid=ours, isSsidStrict=isStrict))
            wire.there()
            reply = bytearray(wire.far.sent[-1][0])
            self.assertEqual(reply[14:16], ours.to_bytes(2, "big"))
            reply[14:16] = its.to_bytes(2, "big")
            wire.back(bytes(reply))
            self.assertEqual(len(wire.replies), not why)
            found = wire.sender.findings()
            self.assertEqual(found.invalid, ((why, 1),) if why else ())
            self.assertEqual(found.zeroedSsids, not why and its != ours)

    def test_duplicates(self) -> None:
        """A reply that comes twice is reported twice, and counts once."""
        wire = Wire(SenderSession())
        wire.there()
        wire.back()
        wire.back()
        self.assertEqual([token for token, _ in wire.replies], [0, 0])
        self.assertEqual(wire.sender.findings().kernelReceived, 1)

    def test_authenticated(self) -> None:
        """With a key both ends authenticate; a reply without a valid HMAC is none."""
        for number, valid in (0, True), (1, False):
            wire = Wire(SenderSession(keys=KEYS, ssid=7), keys={7: [KEYS[number]]})
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
                wire.back(bytes(reply[:44]))
                why = "of 44 octets, 112 are the least"
                self.assertEqual(
                    wire.sender.findings().invalid, (("no valid HMAC", 1), (why, 1))
                )

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
        """A packet and its reply have the wanted size."""
        keys = KEYS[:1] if isKeyed else []
        least = SenderSession(keys=keys, tlvs=sorted(kinds)).least
        if spare < 4 and EXTRA_PADDING not in kinds:
            spare = 0
        session = SenderSession(least + spare, 0, keys, sorted(kinds))
        wire = Wire(session, keys={None: keys} if isKeyed else {})
        wire.there()
        self.assertEqual(len(wire.near.sent[-1][0]), least + spare)
        self.assertEqual(len(wire.far.sent[-1][0]), least + spare)
        wire.back()
        self.assertEqual(len(wire.replies), 1)
        found = wire.sender.findings()
        self.assertEqual((found.problems, found.unrecognized), ((), ()))
        self.assertEqual(found.unreturned, ())

    def test_tlvs(self) -> None:
        """The values of TLVs are findings."""
        kinds = [TIMESTAMP_INFORMATION, CLASS_OF_SERVICE]
        wire = Wire(SenderSession(tlvs=kinds, dscp=46), Policy(dscp=True))
        wire.there()
        self.assertEqual(wire.near.sent[-1][1], 46 << 2)
        self.assertEqual(wire.far.sent[-1][1], 46 << 2)
        wire.back()
        found = wire.sender.findings()
        self.assertEqual(found.information, TimestampInformation(1, 2, 1, 2))
        self.assertEqual(found.marks, ClassOfService(46, 46, 0, 0))
        refusing = Wire(SenderSession(tlvs=kinds, dscp=46))
        refusing.there()
        self.assertEqual(refusing.far.sent[-1][1], 0)
        refusing.back()
        found = refusing.sender.findings()
        self.assertEqual(found.marks, ClassOfService(46, 46, 0, 1))

    def test_hopsAndClaims(self) -> None:
        """TTLs give the hops, error estimates the claims of both ends."""
        wire = Wire(SenderSession(ttl=64))
        found = wire.sender.findings()
        self.assertEqual((found.hopsForward, found.hopsBackward), (None, None))
        self.assertFalse(wire.sender.hasReplies)
        wire.there()
        wire.back()
        self.assertTrue(wire.sender.hasReplies)
        found = wire.sender.findings()
        self.assertEqual(found.hopsForward, Hops(4, 4, 4))
        self.assertEqual(found.hopsBackward, Hops(5, 5, 5))
        near, far = found.nearError, found.farError
        assert near
        assert far
        self.assertEqual((near.isSynchronized, near.error), (True, 5 * MS))
        self.assertTrue(far.isSynchronized)
        assert far.error is not None
        self.assertGreaterEqual(far.error, 5 * MS)

    def test_whatIsThrownAway(self) -> None:
        """A packet with a negative token does not count."""
        wire = Wire(SenderSession())
        wire.sender.send(-1)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, wire.now + MS, 60, 0, None)
        wire.back()
        found = wire.sender.findings()
        self.assertEqual((found.kernelSent, found.kernelReceived), (0, 0))

    def test_refused(self) -> None:
        """Packets that the network returns are counted by their error."""
        wire = Wire(SenderSession())
        for error in errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ECONNREFUSED:
            wire.sender.refused(error, THERE)
        self.assertEqual(
            wire.sender.findings().refusals,
            ((errno.ECONNREFUSED, 2), (errno.EHOSTUNREACH, 1)),
        )

    def test_numbersHave32Bits(self) -> None:
        """After 2^32 packets the sequence numbers start again at 0."""
        wire = Wire(SenderSession())
        wire.sender._sent = SentPackets((1 << 32) - 1)
        for token in range(2):
            wire.there(token)
            wire.back()
        self.assertEqual([token for token, _ in wire.replies], [0, 1])
        self.assertEqual(wire.near.sent[-1][0][:4], bytes(4))
        self.assertEqual(wire.sender.findings().kernelSent, 2)

    def test_notSent(self) -> None:
        """A packet that the system refused has no departure; the next one has."""
        wire = Wire(SenderSession())
        send = wire.near.send
        wire.near.send = lambda *arguments: None  # type: ignore[method-assign]
        wire.sender.send(0)
        wire.near.send = send  # type: ignore[method-assign]
        t1 = wire.sender.send(1)
        wire.sender.transmitted(0, t1 + 30 * US)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, wire.now, 60, 0, None)
        wire.back()
        [(token, times)] = wire.replies
        self.assertEqual((token, times.t1), (1, t1 + 30 * US))
        self.assertEqual(wire.sender.findings().hostSending, 30 * US)

    def test_lateReply(self) -> None:
        """A late reply is reported, if at most 128 packets were given up since."""
        wire = Wire(SenderSession())
        wire.there(0)
        late = wire.far.sent[-1][0]
        wire.there(1)
        lost = wire.far.sent[-1][0]
        for token in range(2, KEPT + 2):
            wire.there(token, isLost=True)
        wire.sender.settled(KEPT + 1)
        wire.back(lost)
        wire.back(late)
        self.assertEqual([token for token, _ in wire.replies], [1])
        self.assertEqual(wire.sender.findings().invalid, (("not ours", 1),))

    def test_portLosesCount(self) -> None:
        """Where the port starts to count from 0 again, departures are still those of
        the right packets; what it numbered before is given up."""
        wire = Wire(SenderSession())
        for token in range(3):
            wire.sender.send(token)
        del wire.near.sent[:]
        t1 = wire.sender.send(3)
        wire.sender.transmitted(2, t1 + US)
        self.assertEqual(wire.sender.findings().kernelSent, 0)
        wire.sender.transmitted(0, t1 + US)
        self.assertEqual(wire.sender.findings().kernelSent, 1)
        packet, _ = wire.near.sent[-1]
        wire.reflector.received(packet, HERE, wire.now, 60, 0, None)
        wire.back()
        [(token, times)] = wire.replies
        self.assertEqual((token, times.t1), (3, t1 + US))

    def test_departureLongAfterTheReply(self) -> None:
        """A departure that is reported when the reply's times are forgotten corrects
        nothing, and does not count."""
        wire = Wire(SenderSession())
        wire.there(0)
        t1 = wire.sender.send(1)
        for token in range(2, 100):
            packet, _ = wire.near.sent[-1]
            wire.reflector.received(packet, HERE, wire.now, 60, 0, None)
            wire.back()
            wire.sender.send(token)
        wire.sender.transmitted(1, t1 + US)
        self.assertEqual(wire.corrections, [])
        self.assertEqual(wire.sender.findings().kernelSent, 1)

    @given(st.binary(max_size=300))
    def test_garbage(self, packet: bytes) -> None:
        """No packet raises an error."""
        for session in (
            SenderSession(),
            SenderSession(keys=KEYS),
            SenderSession(tlvs=[CLASS_OF_SERVICE]),
        ):
            wire = Wire(session)
            wire.there(isLost=True)
            wire.back(packet)
            self.assertEqual(wire.replies, [])

    @given(st.binary(max_size=200))
    def test_garbageBehindTheBase(self, tail: bytes) -> None:
        """A reply counts, whatever is behind its base packet."""
        wire = Wire(SenderSession(tlvs=[FOLLOW_UP_TELEMETRY, TIMESTAMP_INFORMATION]))
        wire.there()
        wire.back(wire.far.sent[-1][0][:44] + tail)
        self.assertEqual(len(wire.replies), 1)

    def test_ourOwnPacket(self) -> None:
        """Our own packet, sent back, is no reply."""
        wire = Wire(SenderSession())
        wire.there(isLost=True)
        wire.back(wire.near.sent[-1][0])
        self.assertEqual(wire.replies, [])

    def test_format(self) -> None:
        """A packet without TLVs is the base packet."""
        wire = Wire(SenderSession(ssid=9))
        wire.sender.send(0)
        packet, tos = wire.near.sent[-1]
        self.assertEqual(packet, senderPacket(readSenderPacket(packet)))
        self.assertEqual(packet[14:16], b"\x00\x09")
        self.assertEqual(tos, 0)


class LastPort(WirePort):
    """
    A port that keeps only the last datagram.
    """

    count = 0

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send, and give the number."""
        self.sent[:] = [(packet, tos)]
        self.count += 1
        return self.count - 1


class MemoryTests(SynchronousTestCase):
    """
    What a session-sender holds, in octets.
    """

    #: Without packets in flight, and for each of them.
    ALONE, EACH = 13 * 1024, 29

    def setUp(self) -> None:
        """Use every TLV, and a stateful reflector."""
        self.wire = self.make()
        self.token = 0

    def make(self) -> Wire:
        """Make both ends; the wire forgets what it carried."""
        kinds = [TIMESTAMP_INFORMATION, CLASS_OF_SERVICE, FOLLOW_UP_TELEMETRY]
        session = SenderSession(tlvs=kinds, dscp=46)
        wire = Wire(session, Policy(isStateful=True, dscp=True, perSource=10**9))
        wire.near = wire.sender.port = LastPort(HERE)  # type: ignore[assignment]
        wire.far = wire.reflector.port = LastPort(THERE)  # type: ignore[assignment]
        return wire

    def held(self) -> int:
        """Give what the sender holds."""
        wire = self.wire
        wire.replies.clear()
        wire.corrections.clear()
        return heldBy(wire.sender, wire, wire.near, wire.session, THERE)

    def send(self) -> bytes:
        """Send a packet, and give the reply."""
        wire = self.wire
        wire.sender.send(self.token)
        self.token += 1
        wire.now += 50 * US
        number = wire.near.count - 1  # type: ignore[attr-defined]
        wire.sender.transmitted(number, wire.now)
        wire.reflector.received(wire.near.sent[0][0], HERE, wire.now, 60, 0, None)
        number = wire.far.count - 1  # type: ignore[attr-defined]
        wire.reflector.transmitted(number, wire.now + US)
        return wire.far.sent[0][0]

    def test_inFlight(self) -> None:
        """Each packet in flight takes 29 octets, the rest 12.5 KiB; when they are no
        longer in flight they take nothing."""
        for _ in range(500):
            self.wire.back(self.send())
        self.assertLess(self.held(), self.ALONE)
        for count in 60, 300, 3000:
            while self.token < 500 + count:
                self.send()
            self.assertLess(self.held(), self.ALONE + self.EACH * count)
        self.wire.sender.settled(self.token)
        self.assertLess(self.held(), self.ALONE)

    def test_longRun(self) -> None:
        """Any number of packets takes no more, answered in time, too late or never."""
        for each in range(12_000):
            reply = self.send()
            self.wire.sender.settled(self.token - 5)
            if each % 7:
                self.wire.back(reply)
            if each % 1000 == 0:
                self.assertLess(self.held(), self.ALONE + 5 * self.EACH)
        self.assertLess(self.held(), self.ALONE + 5 * self.EACH)

    def test_hostileReflector(self) -> None:
        """A reflector whose numbers jump, fall and repeat, with any TLVs, makes it hold
        no more; nor do packets from elsewhere."""
        chance = Random(1)
        for each in range(4000):
            base = bytearray(self.send()[:44])
            numbers = [-each, chance.getrandbits(32), chance.randrange(20_000), 5]
            base[:4] = (numbers[each % 4] & 0xFFFF_FFFF).to_bytes(4, "big")
            if each % 5 == 0:
                base[4:12] = base[16:24] = chance.randbytes(8)
            flags = chance.choice([0, 0x80, 0x80, 0xE0])
            tail = b"".join(
                bytes([flags, kind, 0, 4]) + bytes(4)
                for kind in chance.choices(range(256), k=16)
            )
            for _ in range(chance.randrange(3)):
                self.wire.back(bytes(base) + tail)
            self.wire.back(bytes(base), (f"192.0.2.{each % 256}", each))
            self.wire.back(chance.randbytes(chance.randrange(200)))
            self.wire.sender.refused(errno.EHOSTUNREACH, THERE)
            self.wire.sender.settled(self.token)
        self.assertGreater(self.wire.sender.findings().restarts, 10)
        self.assertEqual(len(self.wire.sender.findings().unrecognized), 254)
        self.assertLess(self.held(), self.ALONE + 1024)
