"""Tests for L{echostamp.rfc8762.policy}: whom a session-reflector answers, and how."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.tlvreading import readTlvs
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    TimestampInformation,
    classOfService,
    readClassOfService,
    readTimestampInformation,
)
from echostamp.test.reflectorends import (
    HERE,
    ONE,
    T1,
    End,
    request,
)
from echostamp.times import SECOND


class ServiceClassTests(SynchronousTestCase):
    """
    The DSCP of replies.
    """

    def mark(self, dscp: bool, asked: bytes, tos: int) -> tuple[int, bytes]:
        """Give a reply's class, and the reply."""
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
        """A TLV may ask for a DSCP; the reply shows whether that was granted, and with
        which DSCP the request came."""
        asked = request(tlvs=[(CLASS_OF_SERVICE, classOfService(ClassOfService(10)))])
        for dscp, mark in [(False, 0), (True, 10 << 2)]:
            found, reply = self.mark(dscp, asked, 0xB9)
            self.assertEqual(found, mark)
            marks = readClassOfService(readTlvs(reply[44:], 5).tlvs[0].value)
            self.assertEqual(marks, ClassOfService(10, 46, 1, 0 if dscp else 1))

    def test_systemDoesNotTell(self) -> None:
        """Where the DSCP of a request is not known, the TLV is not recognized."""
        end = End(Policy(dscp=True))
        end.port.tellsHow = False
        asked = request(tlvs=[(CLASS_OF_SERVICE, classOfService(ClassOfService(10)))])
        self.assertEqual(end.answer(asked)[44:], asked[44:])

    def test_timestampInformation(self) -> None:
        """The timestamps are by software, and the clock is synchronized by NTP or
        free-running."""
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
    Packets that are not answered.
    """

    def refused(self, why: str, end: End, packet: bytes, **named: Any) -> None:
        """Assert that a packet is not answered, but counted."""
        self.assertIsNone(end.receive(packet, **named))
        self.assertEqual(end.counts, {why: 1})
        end.counts.clear()

    def test_ports(self) -> None:
        """Packets from the ports of services are not answered: echo, active users,
        daytime, quote of the day, chargen, time, DNS, TFTP, NTP and all others below
        1024, without STAMP's own, and those that the policy has."""
        services = 7, 11, 13, 17, 19, 37, 53, 69, 123
        for port in *services, 0, 1, 861, 863, 1023:
            self.refused(
                "from a port below 1024", End(), request(), peer=("192.0.2.9", port)
            )
        for port in 862, 1024, 65535:
            End().answer(request(), ("192.0.2.9", port))
        for port in 7, 861:
            end = End(Policy(ports=frozenset({7, 861})))
            end.answer(request(), ("192.0.2.9", port))

    def test_twoReflectors(self) -> None:
        """Of two reflectors, one forged packet gets one answer, in either mode and
        format, stateful or not: the other recognises the answer."""
        for policy in Policy(), Policy(isStateful=True):
            for key, isPtp in (None, False), (None, True), (ONE, False), (ONE, True):
                keys: Keys = {} if key is None else {None: [ONE]}
                one = End(policy, keys, ("192.0.2.1", 862))
                two = End(policy, keys, ("192.0.2.2", 862))
                forged = request(key=key, isPtp=isPtp)
                answer = one.answer(forged, ("192.0.2.2", 862))
                two.now += SECOND // 100
                self.assertIsNone(two.receive(answer, ("192.0.2.1", 862)))
                self.assertEqual(two.counts, {"a reply": 1})

    def test_ourselves(self) -> None:
        """Packets from the very address and port that they are sent to are not
        answered, in either family; those from the same port elsewhere are."""
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
            end.answer(request(), (host, 1863), to=to)

    def test_severalMachines(self) -> None:
        """Packets to a broadcast or multicast address are not answered."""
        end = End(address=("0.0.0.0", 862))
        self.refused("to several machines", end, request(), to=b"")

    def test_notAllowed(self) -> None:
        """Where networks are given, packets from other addresses are not answered."""
        end = End(Policy([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]))
        self.refused("not allowed", end, request(), peer=("198.51.100.1", 4711))
        end.answer(request())
        end.answer(request(), ("2001:db8::1", 4711, 0, 0))

    def test_rates(self) -> None:
        """A source has its rate, and all sources have theirs, at all ports together;
        packets that are refused for another reason do not count."""
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

    def test_shares(self) -> None:
        """Where several processes answer, this one takes shares of their total."""
        shares = [2, 0]
        end = End(shared=Shared(Policy(total=99), grant=lambda second: shares.pop(0)))
        for _ in range(5):
            end.receive(request())
        self.assertEqual(end.counts, {"answered": 2, "over the rate": 3})

    def test_replies(self) -> None:
        """A reflector's reply is not answered: of either mode and format, of any
        length, with its own number or not."""
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
        """TWAMP's padding is not taken for a time, whatever octet it is made of."""
        for octet in 0, 0x55, 0xA5, 0xFF:
            End().answer(b"\0\0\0\5" + T1 + b"\0\1" + bytes([octet]) * 200)
