"""Tests for L{echostamp.rfc8762.port}."""

from __future__ import annotations

import errno
import select
import socket
import struct
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.rfc8762 import port
from echostamp.rfc8762.errorqueue import MOST_A_TURN
from echostamp.rfc8762.port import Port
from echostamp.test.fakes import FakeReactor, osError
from echostamp.test.udpsockets import (
    COUNTED,
    IP_PKTINFO,
    IP_RECVERR,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_TOS,
    IP_TTL,
    IPV6_HOPLIMIT,
    IPV6_RECVERR,
    IPV6_RECVPKTINFO,
    PEER,
    PEER6,
    SO_TIMESTAMPING,
    SO_TIMESTAMPNS,
    UNCOUNTED,
    FakePoll,
    FakeReceiver,
    FakeSocket,
    departure,
    info,
    info6,
    number,
    timestamp,
)

IPV6_UNICAST_HOPS, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_TCLASS = 16, 51, 66, 67


class PortTests(SynchronousTestCase):
    """
    A socket for datagrams with timestamps.
    """

    def setUp(self) -> None:
        """Begin without datagrams."""
        self.reactor = FakeReactor()
        self.receiver = FakeReceiver()
        self.poll = FakePoll()

    def port(
        self,
        family: int = socket.AF_INET,
        host: str = "192.0.2.1",
        departures: bool = False,
        refused: set[tuple[int, int]] | None = None,
    ) -> Port:
        """Make a port that reads."""
        self.socket: Any = FakeSocket(family, host)
        self.socket.refused = refused or set()
        made = Port(
            self.reactor,
            cast(Any, self.socket),
            self.receiver,
            departures,
            makePoll=lambda: self.poll,
        )
        made.startReading()
        return made

    # --- Options ----------------------------------------------------------------------

    def test_options(self) -> None:
        """A port asks for TTL, class and time of each datagram, and sends with a TTL of
        255.  A wildcard port asks for the address that it was sent to, too."""
        ip, base = socket.IPPROTO_IP, [(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)]
        made = self.port()
        verifyObject(IReadDescriptor, made)
        expected = [(ip, IP_RECVTTL, 1), (ip, IP_RECVTOS, 1), (ip, IP_TTL, 255), *base]
        self.assertEqual(sorted(self.socket.options), sorted(expected))
        self.assertEqual(made.address, ("192.0.2.1", 862))
        self.assertEqual(
            (
                made.isWildcard,
                made.tellsHow,
                made.stampsArrivals,
                made.stampsDepartures,
            ),
            (False, True, True, False),
        )
        self.assertTrue(self.port(host="0.0.0.0").isWildcard)
        self.assertEqual(
            sorted(self.socket.options), sorted([*expected, (ip, IP_PKTINFO, 1)])
        )

    def test_options6(self) -> None:
        """The same holds for IPv6."""
        ip = socket.IPPROTO_IPV6
        expected = [
            (ip, IPV6_RECVHOPLIMIT, 1),
            (ip, IPV6_RECVTCLASS, 1),
            (ip, IPV6_UNICAST_HOPS, 255),
            (socket.SOL_SOCKET, SO_TIMESTAMPNS, 1),
        ]
        self.port(socket.AF_INET6, "2001:db8::1")
        self.assertEqual(sorted(self.socket.options), sorted(expected))
        self.assertTrue(self.port(socket.AF_INET6, "::").isWildcard)
        self.assertEqual(
            sorted(self.socket.options), sorted([*expected, (ip, IPV6_RECVPKTINFO, 1)])
        )

    def test_departures(self) -> None:
        """A port that wants departures has them counted from 0, which the kernel does
        when the count is switched on; and it asks for what the network returns."""
        made = self.port(departures=True)
        self.assertTrue(made.stampsDepartures)
        self.assertIn((socket.IPPROTO_IP, IP_RECVERR, 1), self.socket.options)
        flags = [each[2] for each in self.socket.options if each[1] == SO_TIMESTAMPING]
        self.assertEqual(flags, [UNCOUNTED, COUNTED])
        self.port(socket.AF_INET6, "::1", departures=True)
        self.assertIn((socket.IPPROTO_IPV6, IPV6_RECVERR, 1), self.socket.options)

    def test_systemHasNone(self) -> None:
        """A port works without the options that a system lacks, and says so."""
        sol = socket.SOL_SOCKET
        made = self.port(
            departures=True, refused={(sol, SO_TIMESTAMPNS), (sol, SO_TIMESTAMPING)}
        )
        self.assertFalse(made.stampsArrivals)
        self.assertFalse(made.stampsDepartures)
        made = self.port(refused={(socket.IPPROTO_IP, IP_RECVTOS)})
        self.assertFalse(made.tellsHow)
        self.socket.inbox = [(b"x", [], PEER)]
        made.doRead()
        self.assertEqual(self.receiver.got, [(b"x", PEER, 0, 0, 0, None)])

    def test_noEpoll(self) -> None:
        """On a system without epoll there are no departures."""
        self.patch(port, "select", SimpleNamespace())
        made = self.port(departures=True)
        self.assertFalse(made.stampsDepartures)
        self.assertEqual(self.poll.registered, [])
        self.assertEqual(made.fileno(), self.socket.fileno())

    # --- Datagrams --------------------------------------------------------------------

    def test_received(self) -> None:
        """A datagram is reported with its time, TTL, class and address."""
        made = self.port(host="0.0.0.0")
        ip = socket.IPPROTO_IP
        how = [
            timestamp(1_700_000_000, 999_999_999),
            number(ip, IP_TTL, 63),
            (ip, IP_TOS, b"\xb9"),
            info("192.0.2.1", "192.0.2.1"),
        ]
        self.socket.inbox = [(b"one", how, PEER), (b"", how[::-1], PEER)]
        made.doRead()
        told = (PEER, 1_700_000_000_999_999_999, 63, 0xB9, bytes([192, 0, 2, 1]))
        self.assertEqual(self.receiver.got, [(b"one", *told), (b"", *told)])

    def test_received6(self) -> None:
        """The same holds for IPv6."""
        made = self.port(socket.AF_INET6, "::")
        ip = socket.IPPROTO_IPV6
        how = [
            timestamp(5, 6),
            number(ip, IPV6_HOPLIMIT, 255),
            number(ip, IPV6_TCLASS, 0xB9),
            info6("2001:db8::1"),
        ]
        self.socket.inbox = [(b"one", how, PEER6)]
        made.doRead()
        to = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
        told = (PEER6, 5_000_000_006, 255, 0xB9, to)
        self.assertEqual(self.receiver.got, [(b"one", *told)])

    def test_toSeveralMachines(self) -> None:
        """A datagram to a broadcast or multicast address is reported as such."""
        made = self.port(host="0.0.0.0")
        self.socket.inbox = [
            (b"", [info("192.0.2.1", to)], PEER)
            for to in ("255.255.255.255", "192.0.2.255", "224.0.0.1")
        ]
        made.doRead()
        made = self.port(socket.AF_INET6, "::")
        self.socket.inbox = [(b"", [info6("ff02::1")], PEER6)]
        made.doRead()
        self.assertEqual([each[-1] for each in self.receiver.got], [b""] * 4)

    def test_othersHaveTheirTurn(self) -> None:
        """One turn of the reactor reads a limited number of datagrams."""
        made = self.port()
        self.socket.inbox = [(b"", [], PEER)] * (MOST_A_TURN + 1)
        made.doRead()
        self.assertEqual(len(self.socket.inbox), 1)
        made.doRead()
        self.assertEqual(len(self.receiver.got), MOST_A_TURN + 1)

    def test_errorsOfOthers(self) -> None:
        """An error of an earlier datagram does not stop the next one; a socket with
        nothing but errors does not block the reactor."""
        made = self.port()
        refused = osError(errno.ECONNREFUSED)
        self.socket.inbox = [refused, (b"x", [], PEER), refused]
        made.doRead()
        self.assertEqual(len(self.receiver.got), 1)
        self.socket.inbox = [refused] * 1000
        made.doRead()
        self.assertEqual(len(self.socket.inbox), 1000 - MOST_A_TURN)

    def test_failureIsLoggedOnce(self) -> None:
        """Where answering a datagram fails, the next ones are read; only the first
        failure is logged."""
        made = self.port()
        self.receiver.failure = RuntimeError("broken")
        for _ in range(3):
            self.socket.inbox = [(b"", [], PEER)] * 3
            made.doRead()
        self.assertEqual(len(self.receiver.got), 9)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    [socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6]
                ),
                st.integers(70, 255),
                st.binary(max_size=20),
            )
        )
    )
    def test_unknownThingsBeside(self, beside: list[Any]) -> None:
        """Unknown ancillary data are ignored."""
        self.setUp()
        made = self.port()
        self.socket.inbox = [(b"x", beside, PEER)]
        made.doRead()
        self.assertEqual(self.receiver.got, [(b"x", PEER, 0, 0, 0, None)])

    # --- The reactor ------------------------------------------------------------------

    def test_reactor(self) -> None:
        """The reactor waits for the socket itself, until the port is closed."""
        made = self.port()
        self.assertEqual(self.reactor.getReaders(), [made])
        self.assertEqual(made.fileno(), self.socket.fileno())
        self.assertEqual(made.logPrefix(), "UDP")
        made.close()
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertEqual((self.socket.isClosed, made.fileno()), (True, -1))

    def test_reactorStops(self) -> None:
        """When the reactor stops, the port is closed; closing it again does nothing."""
        made = self.port(departures=True)
        made.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(self.socket.isClosed)
        self.assertTrue(self.poll.isClosed)
        self.assertEqual(made.fileno(), -1)
        made.close()

    def test_epollOfItsOwn(self) -> None:
        """With departures the reactor waits for an epoll: it would take them for errors
        of the socket."""
        made = self.port(departures=True)
        self.assertEqual(self.poll.registered, [(10_000, select.EPOLLIN)])
        self.assertEqual(made.fileno(), 10_001)
        self.socket.inbox = [(b"x", [], PEER)]
        self.poll.events = select.EPOLLIN
        made.doRead()
        self.assertEqual(len(self.receiver.got), 1)
        self.socket.inbox = [(b"x", [], PEER)]
        self.poll.events = 0
        made.doRead()
        self.assertEqual(len(self.receiver.got), 1)

    # --- Departures -------------------------------------------------------------------

    def test_transmitted(self) -> None:
        """A departure is reported with the number that L{Port.send} returned."""
        made = self.port(departures=True)
        self.assertEqual([made.send(b"x", PEER) for _ in range(3)], [0, 1, 2])
        self.socket.errors = [(departure(2, 5_000_000_006), ()), (departure(0, 7), ())]
        self.socket.inbox = [(b"x", [], PEER)]
        self.poll.turns = [select.EPOLLERR, select.EPOLLERR, 0]
        made.doRead()
        self.assertEqual(self.receiver.left, [(2, 5_000_000_006), (0, 7)])
        self.assertEqual(self.receiver.got, [])
        self.socket.errors = [(departure(1, 8), ())]
        self.poll.events = select.EPOLLERR | select.EPOLLIN
        made.doRead()
        self.assertEqual(self.receiver.left[2:], [(1, 8)])
        self.assertEqual(len(self.receiver.got), 1)

    def test_errorThatIsNotInTheQueue(self) -> None:
        """An error for which the queue had no room remains until the port receives: the
        epoll would report it again and again."""
        made = self.port(departures=True)
        self.socket.inbox = [osError(errno.ECONNREFUSED)]
        self.poll.events = select.EPOLLERR
        made.doRead()
        self.assertEqual(self.socket.inbox, [])

    def test_numbersHave32Bits(self) -> None:
        """After 2^32 datagrams the kernel and the port count from 0 again."""
        made = self.port(departures=True)
        made._number = 0xFFFF_FFFF
        self.assertEqual(made.send(b"x", PEER), 0xFFFF_FFFF)
        self.assertEqual(made.send(b"x", PEER), 0)

    def test_countsFromZeroAgain(self) -> None:
        """After a datagram that was not sent, both count from 0 again, because the
        kernel may have counted it; the departures before it are reported."""
        made = self.port(departures=True)
        made.send(b"x", PEER)
        self.socket.options.clear()
        self.socket.failures = [osError(errno.ENOBUFS)] * 2
        self.socket.errors = [(departure(0, 5), ())]
        self.assertIsNone(made.send(b"x", PEER))
        self.assertEqual(self.receiver.refusals, [(errno.ENOBUFS, PEER)])
        self.assertEqual(self.receiver.left, [(0, 5)])
        flags = [each[2] for each in self.socket.options if each[1] == SO_TIMESTAMPING]
        self.assertEqual(flags, [UNCOUNTED, COUNTED] * 2)
        self.assertEqual(made.send(b"x", PEER), 0)

    def test_errorAboutAnother(self) -> None:
        """A pending error about any peer makes a call fail: the datagram is sent in a
        second try."""
        made = self.port(departures=True)
        self.socket.failures = [osError(errno.ECONNREFUSED)]
        self.assertEqual(made.send(b"x", PEER), 0)
        self.assertEqual(self.socket.sent, [(b"x", [], PEER)])
        self.assertEqual(self.receiver.refusals, [])

    def test_readDepartures(self) -> None:
        """Departures can be read before the reactor finds them."""
        made = self.port(departures=True)
        self.socket.errors = [(departure(0, 5), ())]
        self.assertTrue(made.readDepartures())
        self.assertEqual(self.receiver.left, [(0, 5)])
        self.assertFalse(made.readDepartures())

    # --- Sending ----------------------------------------------------------------------

    def test_send(self) -> None:
        """A datagram without address and class is sent without ancillary data."""
        made = self.port()
        self.assertEqual(made.send(b"x", PEER), 0)
        self.assertEqual(self.socket.sent, [(b"x", [], PEER)])

    def test_sendFrom(self) -> None:
        """A datagram comes from the wanted address, and has the wanted class."""
        made = self.port(host="0.0.0.0")
        ours = bytes([192, 0, 2, 77])
        made.send(b"x", PEER, ours, 0xB8)
        source = (
            *(socket.IPPROTO_IP, IP_PKTINFO),
            struct.pack("@i4s4s", 0, ours, bytes(4)),
        )
        mark = number(socket.IPPROTO_IP, IP_TOS, 0xB8)
        self.assertEqual(self.socket.sent, [(b"x", [source, mark], PEER)])

    def test_notSent(self) -> None:
        """A datagram that the system refuses is reported, and nothing is raised; the
        count is left alone where there are no departures."""
        made = self.port()
        self.socket.options.clear()
        self.socket.failures = [
            *[osError(errno.EPERM)] * 2,
            *[OSError("without a number")] * 2,
        ]
        self.assertIsNone(made.send(b"x", PEER))
        self.assertIsNone(made.send(b"x", PEER, None, 4))
        self.assertEqual(
            self.receiver.refusals, [(errno.EPERM, PEER), (errno.EIO, PEER)]
        )
        self.assertEqual(self.socket.options, [])
