"""Tests for L{echostamp.rfc8762.reflector}."""

from __future__ import annotations

import errno
import hashlib
import hmac
import socket
from ipaddress import ip_network
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.packets import SenderPacket, readReflectorPacket, senderPacket
from echostamp.rfc8762.reflector import Policy, Reflector, Shared
from echostamp.rfc8762.sessions import Sessions
from echostamp.rfc8762.tlvs import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    FollowUp,
    TimestampInformation,
    classOfService,
    readClassOfService,
    readFollowUp,
    readTimestampInformation,
    readTlvs,
    writeTlvs,
)

SECOND = 1_000_000_000

#: 2023.
EPOCH = 1_700_000_000 * SECOND

#: Its second in NTP's format, and in PTP's when TAI is 37 s ahead.
NTP_SECOND = (1_700_000_000 + 2_208_988_800).to_bytes(4, "big")
PTP_SECOND = (1_700_000_037).to_bytes(4, "big")

HERE, PEER = ("192.0.2.1", 862), ("192.0.2.9", 4711)

ONE, TWO = bytes([1] * 16), bytes([2] * 16)

#: Error estimates of a clock that is synchronized within 5 ms: 164 * 2^(17 - 32) s, in
#: NTP's format and in PTP's; and of one of which nothing is known.
FIVE_MS, FIVE_MS_PTP, UNKNOWN = b"\x91\xa4", b"\xd1\xa4", b"\x3f\xff"

T1 = bytes.fromhex("0123456789abcdef")


class FakePort:
    """
    A port that notes what is sent.

    @ivar sent: octets, the peer, the address that they are from, and their class.
    @ivar departures: numbers and times that can be read by now.
    @ivar refusal: the error that the next sending comes to.
    """

    stampsArrivals = True
    stampsDepartures = False
    tellsHow = True

    def __init__(self, address: tuple[Any, ...] = HERE) -> None:
        self.address = address
        self.isWildcard = address[0] in ("0.0.0.0", "::")
        self.sent: list[tuple[bytes, Any, bytes | None, int]] = []
        self.departures: list[tuple[int, int]] = []
        self.reflector: Reflector | None = None
        self.refusal: int | None = None

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send, and number."""
        if self.refusal is not None:
            assert self.reflector is not None
            self.reflector.refused(self.refusal, peer)
            return None
        self.sent.append((packet, peer, to, tos))
        return len(self.sent) - 1

    def readDepartures(self) -> bool:
        """Tell what has left."""
        assert self.reflector is not None
        told, self.departures = self.departures, []
        for number, at in told:
            self.reflector.transmitted(number, at)
        return bool(told)


class End:
    """
    A session-reflector whose clock a test steers.

    @ivar now: what its clock shows, in nanoseconds since the epoch.
    @ivar asked: how often the kernel was asked about its clock.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        keys: Keys | None = None,
        address: tuple[Any, ...] = HERE,
        shared: Shared | None = None,
    ) -> None:
        self.now = EPOCH + SECOND // 2
        self.kernel = KernelClock(True, 5_000_000, None)
        self.asked = 0
        self.shared = shared or Shared(policy or Policy(), keys or {})
        self.counts = self.shared.counts
        self.port = FakePort(address)
        self.reflector = Reflector(
            self.shared, lambda: self.now, lambda: self.now - EPOCH, self._kernel
        )
        self.reflector.port = cast(Any, self.port)
        self.port.reflector = self.reflector

    def _kernel(self) -> KernelClock:
        self.asked += 1
        return self.kernel

    def receive(
        self,
        packet: bytes,
        peer: Any = PEER,
        at: int = 0,
        ttl: int = 64,
        tos: int = 0,
        to: bytes | None = None,
    ) -> bytes | None:
        """Let a packet come, and give what it is answered with."""
        before = len(self.port.sent)
        self.reflector.received(packet, peer, at, ttl, tos, to)
        replies = self.port.sent[before:]
        assert len(replies) <= 1
        assert all(reply[1:3] == (peer, to) for reply in replies)
        return replies[0][0] if replies else None

    def answer(self, packet: bytes, *arguments: Any, **named: Any) -> bytes:
        """The same for one that has to be answered."""
        reply = self.receive(packet, *arguments, **named)
        assert reply is not None, self.counts
        return reply


def request(
    number: int = 5,
    ssid: int = 0,
    key: bytes | None = None,
    tlvs: list[tuple[int, bytes]] | None = None,
    isPtp: bool = False,
) -> bytes:
    """Make a request."""
    estimate = 0x4001 if isPtp else 1
    fields = SenderPacket(number, int.from_bytes(T1, "big"), estimate, ssid)
    return senderPacket(fields, key) + writeTlvs(
        tlvs or [], number, key if tlvs else None
    )


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
        """RFC 8762, figure 6, and RFC 8972, figure 4; what is not used is zero, and is
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
        """A reply is as long as its request, but has at least 44 octets, RFC 8762,
        section 4.6; what is behind them is copied.  What has fewer than 14 octets is
        no request."""
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
        """In a request that is shorter than STAMP's the octets behind the fields are
        padding, and no SSID."""
        reply = End().answer(b"\0\0\0\5" + T1 + b"\0\1" + b"\xff" * 29)
        self.assertEqual(reply[14:16], bytes(2))
        self.assertEqual(reply[38:], b"\0\0\x40\0\0\0")

    def test_longestDatagram(self) -> None:
        """One of 65,507 octets, full of TLVs, of noise or of zeros, is answered."""
        for tail in b"\x80\1\0\0" * 16_366, bytes(65_463), b"\xa5" * 65_463:
            asked = request() + tail[:65_463]
            self.assertEqual(len(End().answer(asked)), len(asked))

    def test_noKernelTimestamp(self) -> None:
        """Where the kernel does not say when a packet came, it came just now."""
        reply = readReflectorPacket(End().answer(request()))
        self.assertEqual(reply.received, reply.timestamp)
        self.assertEqual(reply.received & 0xFFFF_FFFF, 1 << 31)

    def test_formats(self) -> None:
        """The timestamps of a reply are in the format of its request, packet by
        packet; PTP's are TAI: what the kernel knows, else 37 s; or UTC, if wanted."""
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
        """What is said of the clock is what the kernel says, which is asked once a
        second; S only where it says that somebody keeps it."""
        end = End()
        for _ in range(100):
            self.assertEqual(end.answer(request())[12:14], FIVE_MS)
            end.now += SECOND // 100
        self.assertEqual(end.asked, 1)
        end.kernel = KernelClock()
        self.assertEqual(end.answer(request())[12:14], UNKNOWN)
        self.assertEqual(end.asked, 2)

    def test_notSent(self) -> None:
        """A reply that the system does not take is counted by its error, and as no
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
        """What has no valid HMAC is dropped and counted; so is what is too short for
        one."""
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
        """Each SSID has its keys, others those of C{*}, or none."""
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
        """Of two keys either is valid, and a reply has its request's; keys may change
        while it runs."""
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
        """A sender whose clock begins at 0, and who has nothing where a reflector has
        its times, is none."""
        for isPtp in False, True:
            fields = SenderPacket(0, 0, 0x4001 if isPtp else 1)
            End().answer(senderPacket(fields))
            End(keys={None: [ONE]}).answer(senderPacket(fields, ONE))

    def test_tlvs(self) -> None:
        """TLVs have to be authenticated, too, and those of the reply are."""
        end = End(keys={None: [ONE]})
        reply = end.answer(
            request(5, key=ONE, tlvs=[(TIMESTAMP_INFORMATION, bytes(4))])
        )
        reading = readTlvs(reply[112:], 5, ONE)
        self.assertEqual((len(reading.tlvs), reading.problem), (1, None))
        bare = request(5, key=ONE) + writeTlvs([(TIMESTAMP_INFORMATION, bytes(4))], 5)
        reply = end.answer(bare)
        self.assertEqual(reply[112:], b"\xa0" + bare[113:])


class StatefulTests(SynchronousTestCase):
    """
    A reflector that numbers its replies by session.
    """

    def setUp(self) -> None:
        """Make one that is told when its replies leave."""
        self.end = End(Policy(isStateful=True), address=("0.0.0.0", 862))
        self.end.port.stampsDepartures = True

    def number(self, asked: bytes, **named: Any) -> int:
        """Give the number of a reply."""
        return readReflectorPacket(self.end.answer(asked, **named)).sequence

    def test_numbers(self) -> None:
        """Each session counts its replies from 0, whatever its sender's numbers are."""
        for expected, number in enumerate([5, 6, 9, 9, 0xFFFF_FFFF]):
            reply = readReflectorPacket(self.end.answer(request(number)))
            self.assertEqual((reply.sequence, reply.senderSequence), (expected, number))
        self.assertEqual(readReflectorPacket(End().answer(request(7))).sequence, 7)

    def test_sessions(self) -> None:
        """Another peer, another port at either end, another address that is asked,
        another SSID: another session."""
        to = bytes([192, 0, 2, 1])
        other = End(shared=self.end.shared, address=("0.0.0.0", 863))
        sessions: list[tuple[End, dict[str, Any], int]] = [
            (self.end, {"to": to}, 0),
            (other, {"to": to}, 0),
            (self.end, {"to": bytes([192, 0, 2, 2])}, 0),
            (self.end, {"to": to, "peer": ("192.0.2.9", 4712)}, 0),
            (self.end, {"to": to, "peer": ("192.0.2.8", 4711)}, 0),
            (self.end, {"to": to}, 1),
        ]
        for expected in range(3):
            for end, named, ssid in sessions:
                reply = end.answer(request(9, ssid), **named)
                self.assertEqual(readReflectorPacket(reply).sequence, expected)
        self.assertEqual(len(self.end.shared.sessions), len(sessions))

    def test_twampPadding(self) -> None:
        """TWAMP's padding, where STAMP has the SSID, is another in each packet: no
        other session for it."""
        for length in 16, 30, 41, 44, 100:
            self.setUp()
            for expected in range(3):
                padding = bytes([expected + 1]) * length
                asked = (b"\0\0\0\5" + T1 + b"\0\1" + padding)[:length]
                self.assertEqual(self.number(asked), expected)
            self.assertEqual(len(self.end.shared.sessions), 1)

    def test_numbersHave32Bits(self) -> None:
        """After 2^32 replies a session's count begins anew."""
        self.number(request())
        [session] = self.end.shared.sessions._sessions.values()
        session.packets = 0xFFFF_FFFF
        self.assertEqual(self.number(request()), 0xFFFF_FFFF)
        self.assertEqual(self.number(request()), 0)

    def test_tooMany(self) -> None:
        """Who comes when there are too many sessions is answered by the sender's own
        number, and counted; those that are there go on."""
        self.end.shared.sessions = Sessions(most=2)
        numbers = [self.number(request(7, ssid=ssid)) for ssid in (1, 2, 3, 2)]
        self.assertEqual(numbers, [0, 0, 7, 1])
        self.assertEqual(
            self.end.counts,
            {"answered": 4, "answered without a session: too many": 1},
        )

    def test_oneSource(self) -> None:
        """Nobody can fill the table alone, by whatever ports and SSIDs."""
        self.end.shared.sessions = Sessions(mostOfOne=2)
        for port in 1024, 1025, 1026:
            self.end.receive(request(7), ("192.0.2.3", port))
        self.end.receive(request(7), ("192.0.2.4", 1024))
        self.assertEqual(len(self.end.shared.sessions), 3)
        self.assertEqual(
            self.end.counts,
            {"answered": 4, "answered without a session: too many": 1},
        )

    def test_onlyForThoseWhoAreAnswered(self) -> None:
        """No session begins for who is not allowed, has no key, or is over the rate."""
        self.end = End(
            Policy([ip_network("192.0.2.0/24")], perSource=1, isStateful=True),
            {None: [ONE]},
        )
        self.end.receive(request(key=ONE), ("198.51.100.1", 4711))
        self.end.receive(request(key=TWO), ("192.0.2.3", 4711))
        self.assertEqual(len(self.end.shared.sessions), 0)
        self.end.receive(request(key=ONE, ssid=1), ("192.0.2.3", 4711))
        self.end.receive(request(key=ONE, ssid=2), ("192.0.2.3", 4711))
        self.assertEqual(len(self.end.shared.sessions), 1)
        self.assertEqual(
            self.end.counts,
            {"not allowed": 1, "no valid HMAC": 1, "answered": 1, "over the rate": 1},
        )

    def followUp(self, **named: Any) -> FollowUp:
        """Ask for a follow-up, and give it."""
        asked = request(tlvs=[(FOLLOW_UP_TELEMETRY, bytes(16))], **named)
        reading = readTlvs(self.end.answer(asked)[44:], 0)
        self.assertEqual((len(reading.tlvs), reading.problem), (1, None))
        return readFollowUp(reading.tlvs[0].value)

    def test_followUp(self) -> None:
        """A reply tells when the previous one left, as far as it is known by then, in
        its own format; the first one tells nothing."""
        self.assertEqual(self.followUp(), FollowUp())
        self.end.port.departures = [(0, EPOCH + SECOND * 3 // 4)]
        ntp = int.from_bytes(NTP_SECOND + b"\xc0\0\0\0", "big")
        self.assertEqual(self.followUp(), FollowUp(0, ntp, 2))
        self.assertEqual(self.followUp(), FollowUp(0, ntp, 2))
        self.end.reflector.transmitted(2, EPOCH + SECOND // 2 + 5)
        ptp = int.from_bytes(PTP_SECOND + (SECOND // 2 + 5).to_bytes(4, "big"), "big")
        self.assertEqual(self.followUp(isPtp=True), FollowUp(2, ptp, 2))

    def test_lateDepartureOfAnother(self) -> None:
        """A departure that is told by a number of before the port began to count anew
        is none of a later reply."""
        self.followUp()
        self.end.reflector.transmitted(0, self.end.now - 1)
        self.assertEqual(self.followUp(), FollowUp())

    def test_followUpOfAnotherSession(self) -> None:
        """A session hears nothing of another one's replies."""
        self.followUp(ssid=1)
        self.followUp(ssid=2)
        self.end.port.departures = [(0, EPOCH + SECOND)]
        self.assertEqual(self.followUp(ssid=2), FollowUp())
        self.assertNotEqual(self.followUp(ssid=1), FollowUp())

    def test_noDepartures(self) -> None:
        """Where it is not known when replies leave, there is nothing to wait for."""
        self.end.port.stampsDepartures = False
        for _ in range(3):
            self.assertEqual(self.followUp(), FollowUp())
        self.assertEqual(self.end.reflector._leaving, {})
        self.end.reflector.transmitted(0, EPOCH)

    def test_departuresThatAreNeverTold(self) -> None:
        """Those that are waited for have a bound."""
        for number in range(5000):
            self.end.now += SECOND // 1000
            self.end.answer(request(number))
        self.assertEqual(len(self.end.reflector._leaving), 4096)
        self.end.reflector.transmitted(4999, EPOCH + 10 * SECOND)
        self.assertEqual(self.followUp().sequence, 4999)

    def test_departureOfOneWithoutASession(self) -> None:
        """A number that an untold departure had before the port began to count anew
        may be that of a reply without a session: no session hears of that."""
        self.end.shared.sessions = Sessions(most=1)
        self.followUp()
        self.end.port.sent.clear()
        self.end.answer(request(), peer=("192.0.2.77", 5))
        self.end.reflector.transmitted(0, EPOCH + SECOND)
        self.assertEqual(self.followUp(), FollowUp())

    def test_authenticated(self) -> None:
        """A session of authenticated mode is told by its own SSID; the HMAC TLV of a
        reply covers the reply's number."""
        self.end = End(Policy(isStateful=True), {None: [ONE]})
        tlvs = [(FOLLOW_UP_TELEMETRY, bytes(16))]
        for expected in range(3):
            for ssid in 1, 2:
                reply = self.end.answer(request(99, ssid, ONE, tlvs))
                self.assertEqual(readReflectorPacket(reply, True).sequence, expected)
                self.assertIsNone(readTlvs(reply[112:], expected, ONE).problem)


class ServiceClassTests(SynchronousTestCase):
    """
    How replies are marked.
    """

    def mark(self, dscp: bool, asked: bytes, tos: int) -> tuple[int, bytes]:
        """Give a reply's mark, and the reply."""
        end = End(Policy(dscp=dscp))
        reply = end.answer(asked, tos=tos)
        return end.port.sent[0][3], reply

    def test_marks(self) -> None:
        """The DSCP is copied if that is allowed; ECN never is."""
        for asked in request(), request() + b"x", request()[:14]:
            self.assertEqual(self.mark(False, asked, 0xB9)[0], 0)
            self.assertEqual(self.mark(True, asked, 0xB9)[0], 0xB8)
            self.assertEqual(self.mark(True, asked, 0x03)[0], 0)

    def test_tlv(self) -> None:
        """A TLV may ask for another mark; whether it was given one is told, and with
        which mark the request came."""
        asked = request(tlvs=[(CLASS_OF_SERVICE, classOfService(ClassOfService(10)))])
        for dscp, mark in [(False, 0), (True, 10 << 2)]:
            found, reply = self.mark(dscp, asked, 0xB9)
            self.assertEqual(found, mark)
            marks = readClassOfService(readTlvs(reply[44:], 5).tlvs[0].value)
            self.assertEqual(marks, ClassOfService(10, 46, 1, 0 if dscp else 1))

    def test_systemDoesNotTell(self) -> None:
        """Where the mark of a request is not known the TLV is not recognized."""
        end = End(Policy(dscp=True))
        end.port.tellsHow = False
        asked = request(tlvs=[(CLASS_OF_SERVICE, classOfService(ClassOfService(10)))])
        self.assertEqual(end.answer(asked)[44:], asked[44:])

    def test_timestampInformation(self) -> None:
        """Where the timestamps are from: of software, and of a clock that NTP keeps or
        nobody does."""
        asked = request(tlvs=[(TIMESTAMP_INFORMATION, bytes(4))])
        end = End()
        for source in 1, 5:
            reading = readTlvs(end.answer(asked)[44:], 5)
            self.assertEqual(
                readTimestampInformation(reading.tlvs[0].value),
                TimestampInformation(source, 2, source, 2),
            )
            end.now += SECOND
            end.kernel = KernelClock()


class RefusalTests(SynchronousTestCase):
    """
    What is not answered.
    """

    def refused(self, why: str, end: End, packet: bytes, **named: Any) -> None:
        """Assert that it is not, and is counted."""
        self.assertIsNone(end.receive(packet, **named))
        self.assertEqual(end.counts, {why: 1})
        end.counts.clear()

    def test_ports(self) -> None:
        """Nothing goes to a port at which something answers whatever it gets."""
        for port in 0, 7, 9, 13, 17, 19, 37:
            self.refused(
                "from a port that answers", End(), request(), peer=("192.0.2.9", port)
            )
        End().answer(request(), ("192.0.2.9", 862))

    def test_ourselves(self) -> None:
        """Nothing goes to the address and port that was asked, of either family; who
        has the same port elsewhere is answered."""
        self.refused("from this port", End(), request(), peer=HERE)
        End().answer(request(), ("192.0.2.2", 862))
        for host, family in ("192.0.2.1", socket.AF_INET), ("fe80::1", socket.AF_INET6):
            to = socket.inet_pton(family, host)
            place = "::" if ":" in host else "0.0.0.0"
            end = End(address=(place, 862))
            self.refused("from this port", end, request(), peer=(host, 862), to=to)
            if ":" in host:
                scoped = (f"{host}%eth0", 862, 0, 2)
                self.refused("from this port", end, request(), peer=scoped, to=to)
            end.answer(request(), (host, 863), to=to)

    def test_severalMachines(self) -> None:
        """Nothing answers what was sent to several machines."""
        end = End(address=("0.0.0.0", 862))
        self.refused("to several machines", end, request(), to=b"")

    def test_notAllowed(self) -> None:
        """Where networks are allowed, others are not."""
        end = End(Policy([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]))
        self.refused("not allowed", end, request(), peer=("198.51.100.1", 4711))
        end.answer(request())
        end.answer(request(), ("2001:db8::1", 4711, 0, 0))

    def test_rates(self) -> None:
        """A source has its rate, and all sources theirs, at all ports together; what is
        refused for another reason uses nothing up."""
        end = End(Policy(perSource=2, total=3))
        other = End(shared=end.shared, address=("192.0.2.1", 863))
        for _ in range(10):
            end.receive(b"")
            end.receive(request(), HERE)
        for each in end, other, end:
            each.receive(request())
        for _ in "one", "two":
            other.receive(request(), ("192.0.2.10", 4711))
        self.assertEqual(
            end.counts,
            {"too short": 10, "from this port": 10, "answered": 3, "over the rate": 2},
        )
        end.now += SECOND
        end.answer(request())

    def test_replies(self) -> None:
        """What a reflector sends is not answered: one in either mode or format, of any
        length, with a number of its own."""
        for isPtp in False, True:
            for isStateful in False, True:
                for asked in request(isPtp=isPtp), request(isPtp=isPtp) + bytes(99):
                    far = End(Policy(isStateful=isStateful))
                    far.now += 300 * SECOND
                    reply = far.answer(asked, at=far.now - SECOND)
                    self.refused("a reply", End(), reply)
                    # A TWAMP reflector's is shorter.
                    self.refused("a reply", End(), reply[:41])
                far = End(Policy(isStateful=isStateful), {None: [ONE]})
                reply = far.answer(request(key=ONE, isPtp=isPtp))
                self.refused("a reply", End(keys={None: [ONE]}), reply)
                self.refused("a reply", End(), reply)

    def test_paddingIsNoReply(self) -> None:
        """TWAMP's padding is no time, whatever octet it is of."""
        for octet in 0, 0x55, 0xA5, 0xFF:
            End().answer(b"\0\0\0\5" + T1 + b"\0\1" + bytes([octet]) * 200)


KEYS: list[Keys] = [{}, {None: [ONE]}, {7: [ONE, TWO]}]

#: Tails of packets: TLVs, what is nearly TLVs, and noise.
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
    What holds for any datagram.
    """

    @given(DATAGRAMS, POLICIES, st.sampled_from(KEYS), st.integers(0, 255), RESIDENCES)
    def test_anyDatagram(
        self, packet: bytes, policy: Policy, keys: Keys, octet: int, residence: int
    ) -> None:
        """It raises nothing and is counted once; a reply is no longer than it, or than
        44 octets, and just as long where it is authenticated; no reply is answered."""
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
        """A forged packet between two of ours has at most one reply, whatever it is and
        they are, and whatever their clocks show."""
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
