"""Tests for L{echostamp.rfc8762.sessions}."""

from __future__ import annotations

import errno
from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.packets import readReflectorPacket
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.sessions import (
    LONGEST_SILENCE,
    MOST,
    MOST_OF_ONE,
    Request,
    Session,
    Sessions,
)
from echostamp.rfc8762.tlvreading import readTlvs
from echostamp.rfc8762.tlvvalues import (
    FOLLOW_UP_TELEMETRY,
    FollowUp,
    readFollowUp,
)
from echostamp.test.reflectorends import (
    EPOCH,
    NTP_SECOND,
    ONE,
    PTP_SECOND,
    T1,
    TWO,
    End,
    request,
)
from echostamp.times import SECOND

ANY = Request(5, False, 0)


def found(sessions: Sessions, key: object, now: int) -> Session:
    """Find a session; there is room for it."""
    session = sessions.session(key, key, now, ANY)
    assert session is not None
    return session


class SessionsTests(SynchronousTestCase):
    """
    The table of sessions.
    """

    def test_living(self) -> None:
        """Sessions that have been silent for too long do not count."""
        sessions = Sessions()
        found(sessions, "one", 0)
        found(sessions, "two", 1)
        self.assertEqual(sessions.living(LONGEST_SILENCE), 2)
        self.assertEqual(sessions.living(LONGEST_SILENCE + 1), 1)

    def test_each(self) -> None:
        """Each key has its own session, which remains."""
        sessions = Sessions()
        one = found(sessions, "one", 1)
        one.packets += 5
        other = found(sessions, "other", 2)
        self.assertEqual((other.packets, other.sent), (0, None))
        self.assertIs(found(sessions, "one", 3), one)
        self.assertEqual((one.packets, one.last), (5, 3))
        self.assertEqual(len(sessions), 2)

    def test_silence(self) -> None:
        """A session that is silent for more than 900 s (REFWAIT) is a new one
        afterwards; after just 900 s it is still the same."""
        self.assertEqual(LONGEST_SILENCE, 900 * 10**9)
        sessions = Sessions()
        one = found(sessions, "one", 0)
        self.assertIs(found(sessions, "one", LONGEST_SILENCE), one)
        self.assertIsNot(found(sessions, "one", 2 * LONGEST_SILENCE + 1), one)
        self.assertEqual(len(sessions), 1)

    def test_tooMany(self) -> None:
        """If there are too many sessions, those in the table go on, and a new one gets
        a place only when another has been silent for long enough."""
        sessions = Sessions(most=2, longest=100)
        one = found(sessions, "one", 0)
        other = found(sessions, "other", 1)
        self.assertIsNone(sessions.session("x", "third", 2, ANY))
        self.assertIs(found(sessions, "one", 50), one)
        self.assertIsNone(sessions.session("x", "third", 101, ANY))
        found(sessions, "third", 102)
        self.assertIs(found(sessions, "one", 103), one)
        self.assertIsNone(sessions.session("x", "other", 104, ANY))
        self.assertEqual(other.last, 1)
        self.assertEqual(len(sessions), 2)

    def test_bound(self) -> None:
        """By default there are at most 10,000 sessions."""
        sessions = Sessions()
        for each in range(20_000):
            sessions.session(each, each, each, ANY)
        self.assertEqual(len(sessions), MOST)
        self.assertEqual(MOST, 10_000)

    def test_oneSource(self) -> None:
        """One source has at most a tenth of the sessions, and gets new ones when its
        own have been silent for long enough."""
        self.assertEqual(MOST_OF_ONE, 1_000)
        sessions = Sessions(longest=100, mostOfOne=2)
        for key, now in [("a", 0), ("b", 50)]:
            self.assertIsNotNone(sessions.session("greedy", key, now, ANY))
        self.assertIsNone(sessions.session("greedy", "c", 60, ANY))
        self.assertIsNotNone(sessions.session("modest", "d", 60, ANY))
        self.assertIsNotNone(sessions.session("greedy", "b", 70, ANY))
        self.assertIsNotNone(sessions.session("greedy", "c", 101, ANY))
        self.assertIsNone(sessions.session("greedy", "a", 102, ANY))
        self.assertEqual(len(sessions), 3)
        self.assertIsNotNone(sessions.session("new", "e", 1000, ANY))
        self.assertEqual((len(sessions), dict(sessions._counts)), (1, {"new": 1}))

    @given(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 60)), max_size=100),
    )
    def test_model(self, packets: list[tuple[int, int]]) -> None:
        """A session is known until it has been silent for too long, and there are never
        too many."""
        sessions = Sessions(most=3, longest=100)
        model: dict[int, tuple[Session, int]] = {}
        now = 0
        for key, later in packets:
            now += later
            model = {k: v for k, v in model.items() if now - v[1] <= 100}
            session = sessions.session(key, key, now, ANY)
            if key in model:
                assert session is model[key][0]
            elif len(model) < 3:
                assert session is not None
                assert session.packets == 0
            else:
                assert session is None
            if session is not None:
                session.packets += 1
                model[key] = session, now
            assert len(sessions) <= 3


class StatefulTests(SynchronousTestCase):
    """
    A reflector that numbers the replies of each session.
    """

    def setUp(self) -> None:
        """Make one that reports departures of its replies."""
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
        """Another peer, another port at either end, another own address, or another
        SSID is another session."""
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
        """TWAMP's padding in place of the SSID may differ in each packet; it is one
        session all the same."""
        for length in 16, 30, 41, 44, 100:
            self.setUp()
            for expected in range(3):
                padding = bytes([expected + 1]) * length
                asked = (b"\0\0\0\5" + T1 + b"\0\1" + padding)[:length]
                self.assertEqual(self.number(asked), expected)
            self.assertEqual(len(self.end.shared.sessions), 1)

    def test_lengths(self) -> None:
        """Packets without an SSID and with SSID 0 are of one session, whatever their
        lengths are."""
        for expected, length in enumerate([22, 60, 14, 44, 22, 60]):
            asked = (request(expected) + bytes(60))[:length]
            self.assertEqual(self.number(asked), expected)

    def test_begunAgain(self) -> None:
        """A sender that begins again from the same port is answered from number 0 on; a
        late second copy of its first packet does not begin anything."""
        authenticated = End(Policy(isStateful=True), {None: [ONE]})
        for end, key in (self.end, None), (authenticated, ONE):
            for number, second, expected in [
                *((0, 10, 0), (1, 11, 1), (2, 12, 2), (0, 10, 3), (3, 13, 4)),
                *((0, 20, 0), (1, 21, 1), (0, 20, 2), (1, 21, 3), (2, 22, 4)),
                # After 2^32 packets.
                *((0xFFFF_FFFF, 30, 5), (0, 31, 6)),
            ]:
                t1 = second.to_bytes(4, "big") + bytes(4)
                reply = end.answer(request(number, key=key, t1=t1))
                found = readReflectorPacket(reply, key is not None)
                self.assertEqual((found.senderTimestamp >> 32), second)
                self.assertEqual(found.sequence, expected)
            self.assertEqual(len(end.shared.sessions), 1)

    def test_begunAgainInAnotherFormat(self) -> None:
        """T1 in NTP's and in PTP's format cannot be compared: number 0 in another
        format is from a sender that begins again."""
        for isPtp, number, expected in [
            *((False, 0, 0), (False, 1, 1), (True, 0, 0), (True, 1, 1), (False, 0, 0)),
        ]:
            self.assertEqual(self.number(request(number, isPtp=isPtp)), expected)

    def test_followUpFromBefore(self) -> None:
        """A new session gets no follow-up about a reply of the old one, even if its
        departure is reported late."""
        self.followUp(number=0)
        later = (int.from_bytes(T1, "big") + 1).to_bytes(8, "big")
        self.end.port.departures = [(0, EPOCH + SECOND)]
        self.assertEqual(self.followUp(number=0, t1=later), FollowUp())

    def test_numbersHave32Bits(self) -> None:
        """After 2^32 replies a session's numbers start again at 0."""
        self.number(request())
        [session] = self.end.shared.sessions._sessions.values()
        session.packets = 0xFFFF_FFFF
        self.assertEqual(self.number(request()), 0xFFFF_FFFF)
        self.assertEqual(self.number(request()), 0)

    def test_tooMany(self) -> None:
        """If there are too many sessions, a packet of a new one is answered with the
        sender's own number, and counted; the other sessions go on."""
        self.end.shared.sessions = Sessions(most=2)
        numbers = [self.number(request(7, ssid=ssid)) for ssid in (1, 2, 3, 2)]
        self.assertEqual(numbers, [0, 0, 7, 1])
        self.assertEqual(
            self.end.counts,
            {"answered": 4, "answered without a session: too many": 1},
        )

    def test_oneSource(self) -> None:
        """No source can fill the table, whatever ports and SSIDs it uses."""
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
        """A packet that is not answered begins no session: one that is not allowed, has
        no valid HMAC, or is over the rate."""
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
        """A reply reports when the previous one left, as far as it is known by then, in
        its own format; the first reply reports nothing."""
        self.assertEqual(self.followUp(), FollowUp())
        self.end.port.departures = [(0, EPOCH + SECOND * 3 // 4)]
        ntp = int.from_bytes(NTP_SECOND + b"\xc0\0\0\0", "big")
        self.assertEqual(self.followUp(), FollowUp(0, ntp, 2))
        self.assertEqual(self.followUp(), FollowUp(0, ntp, 2))
        self.end.reflector.transmitted(2, EPOCH + SECOND // 2 + 5)
        ptp = int.from_bytes(PTP_SECOND + (SECOND // 2 + 5).to_bytes(4, "big"), "big")
        self.assertEqual(self.followUp(isPtp=True), FollowUp(2, ptp, 2))

    def test_lateDepartureOfAnother(self) -> None:
        """A late departure from before the port lost count, with a number that is in
        use again, is not taken for the later reply's."""
        self.followUp()
        self.end.reflector.transmitted(0, self.end.now - 1)
        self.assertEqual(self.followUp(), FollowUp())

    def test_followUpOfAnotherSession(self) -> None:
        """A session gets no follow-up about another session's reply."""
        self.followUp(ssid=1)
        self.followUp(ssid=2)
        self.end.port.departures = [(0, EPOCH + SECOND)]
        self.assertEqual(self.followUp(ssid=2), FollowUp())
        self.assertNotEqual(self.followUp(ssid=1), FollowUp())

    def test_noDepartures(self) -> None:
        """Where departures are not reported, none is waited for."""
        self.end.port.stampsDepartures = False
        for _ in range(3):
            self.assertEqual(self.followUp(), FollowUp())
        self.assertEqual(self.end.reflector._leaving, {})
        self.end.reflector.transmitted(0, EPOCH)

    def test_notSent(self) -> None:
        """No departure is waited for of a reply that the system refused."""
        self.end.port.refusal = errno.EPERM
        self.assertIsNone(self.end.receive(request()))
        self.assertEqual(self.end.reflector._leaving, {})
        self.assertEqual(self.end.counts, {"not sent (EPERM)": 1})

    def test_departuresThatAreNeverTold(self) -> None:
        """The replies that wait for their departure have a bound."""
        for number in range(5000):
            self.end.now += SECOND // 1000
            self.end.answer(request(number))
        self.assertEqual(len(self.end.reflector._leaving), 4096)
        self.end.reflector.transmitted(4999, EPOCH + 10 * SECOND)
        self.assertEqual(self.followUp().sequence, 4999)

    def test_departureOfOneWithoutASession(self) -> None:
        """After the port lost count, a number may be that of a reply without a session:
        then no session gets that departure."""
        self.end.shared.sessions = Sessions(most=1)
        self.followUp()
        self.end.port.sent.clear()
        self.end.answer(request(), peer=("192.0.2.77", 4712))
        self.end.reflector.transmitted(0, EPOCH + SECOND)
        self.assertEqual(self.followUp(), FollowUp())

    def test_authenticated(self) -> None:
        """In authenticated mode the SSID is part of the session's key, too; the HMAC
        TLV of a reply covers the reply's number."""
        self.end = End(Policy(isStateful=True), {None: [ONE]})
        tlvs = [(FOLLOW_UP_TELEMETRY, bytes(16))]
        for expected in range(3):
            for ssid in 1, 2:
                reply = self.end.answer(request(99, ssid, ONE, tlvs))
                self.assertEqual(readReflectorPacket(reply, True).sequence, expected)
                self.assertIsNone(readTlvs(reply[112:], expected, ONE).problem)
