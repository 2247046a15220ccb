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
from echostamp.rfc8762.port import MOST_A_TURN, Port, boundSocket
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
    IPV6_PKTINFO,
    IPV6_RECVERR,
    IPV6_RECVPKTINFO,
    ORIGIN_ICMP,
    ORIGIN_LOCAL,
    ORIGIN_TIMESTAMPING,
    PEER,
    SO_TIMESTAMPING,
    SO_TIMESTAMPNS,
    UNCOUNTED,
    FakePoll,
    FakeReceiver,
    FakeSocket,
    FakeSocketModule,
    departure,
    info,
    info6,
    number,
    queued,
    timestamp,
)

PEER6 = ("2001:db8::9", 4711, 0, 0)

IPV6_UNICAST_HOPS, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_TCLASS = 16, 51, 66, 67


class PortTests(SynchronousTestCase):
    """
    A socket for datagrams with timestamps.
    """

    def setUp(self) -> None:
        """Have nothing come yet."""
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
        """TTL and class of what comes are asked for, and its time; what is sent has a
        TTL of 255.  Where it was sent to is asked only where it is not known."""
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
        """The same of IPv6."""
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
        """Where departures are asked for they are counted from 0, which the kernel does
        when the count is switched on; what the network returns is asked for, too."""
        made = self.port(departures=True)
        self.assertTrue(made.stampsDepartures)
        self.assertIn((socket.IPPROTO_IP, IP_RECVERR, 1), self.socket.options)
        flags = [each[2] for each in self.socket.options if each[1] == SO_TIMESTAMPING]
        self.assertEqual(flags, [UNCOUNTED, COUNTED])
        self.port(socket.AF_INET6, "::1", departures=True)
        self.assertIn((socket.IPPROTO_IPV6, IPV6_RECVERR, 1), self.socket.options)

    def test_systemHasNone(self) -> None:
        """A system without an option serves nevertheless, and what it lacks is told."""
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
        """A system without epoll serves without departures."""
        self.patch(port, "select", SimpleNamespace())
        made = self.port(departures=True)
        self.assertFalse(made.stampsDepartures)
        self.assertEqual(self.poll.registered, [])
        self.assertEqual(made.fileno(), self.socket.fileno())

    # --- What comes -------------------------------------------------------------------

    def test_received(self) -> None:
        """What is beside a datagram is told with it."""
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
        """The same of IPv6."""
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
        """A datagram to a broadcast or multicast address is known as such."""
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
        """In one turn of the reactor only so many are read."""
        made = self.port()
        self.socket.inbox = [(b"", [], PEER)] * (MOST_A_TURN + 1)
        made.doRead()
        self.assertEqual(len(self.socket.inbox), 1)
        made.doRead()
        self.assertEqual(len(self.receiver.got), MOST_A_TURN + 1)

    def test_errorsOfOthers(self) -> None:
        """An error of an earlier datagram does not keep the next one out; a socket with
        nothing but errors does not keep the reactor."""
        made = self.port()
        refused = osError(errno.ECONNREFUSED)
        self.socket.inbox = [refused, (b"x", [], PEER), refused]
        made.doRead()
        self.assertEqual(len(self.receiver.got), 1)
        self.socket.inbox = [refused] * 1000
        made.doRead()
        self.assertEqual(len(self.socket.inbox), 1000 - MOST_A_TURN)

    def test_failureIsLoggedOnce(self) -> None:
        """Where answering a datagram fails, the next ones are read; it is logged once,
        however many there are."""
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
        """What stands beside a datagram and is not asked for is passed over."""
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
        """When the reactor stops the port is closed; to close it again does no harm."""
        made = self.port(departures=True)
        made.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(self.socket.isClosed)
        self.assertTrue(self.poll.isClosed)
        self.assertEqual(made.fileno(), -1)
        made.close()

    def test_epollOfItsOwn(self) -> None:
        """Where departures come, the reactor waits for an epoll: they would be errors
        of the socket to it."""
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
        """A departure is told with the number that sending gave."""
        made = self.port(departures=True)
        self.assertEqual([made.send(b"x", PEER) for _ in range(3)], [0, 1, 2])
        self.socket.errors = [(departure(2, 5_000_000_006), ()), (departure(0, 7), ())]
        self.socket.inbox = [(b"x", [], PEER)]
        self.poll.events = select.EPOLLERR
        made.doRead()
        self.assertEqual(self.receiver.left, [(2, 5_000_000_006), (0, 7)])
        self.assertEqual(self.receiver.got, [])
        self.socket.errors = [(departure(1, 8), ())]
        self.poll.events |= select.EPOLLIN
        made.doRead()
        self.assertEqual(self.receiver.left[2:], [(1, 8)])
        self.assertEqual(len(self.receiver.got), 1)

    def test_returned(self) -> None:
        """What the network returns is told, and whom it was sent to."""
        made = self.port(departures=True)
        self.socket.errors = [
            ([queued(errno.ECONNREFUSED, ORIGIN_ICMP, 0)], PEER),
            ([queued(errno.EMSGSIZE, ORIGIN_LOCAL, 1500)], PEER),
        ]
        self.poll.events = select.EPOLLERR
        made.doRead()
        made = self.port(socket.AF_INET6, "::", departures=True)
        unreachable = queued(errno.EHOSTUNREACH, 3, 0, socket.IPPROTO_IPV6)
        self.socket.errors = [([unreachable], PEER6)]
        made.doRead()
        self.assertEqual(
            self.receiver.refusals,
            [
                (errno.ECONNREFUSED, PEER),
                (errno.EMSGSIZE, PEER),
                (errno.EHOSTUNREACH, PEER6),
            ],
        )
        self.assertEqual(self.receiver.left, [])

    def test_howItWasReturned(self) -> None:
        """Beside what the network returns stands how it came, as it does beside any
        datagram; that is not taken for the error."""
        made = self.port(host="0.0.0.0", departures=True)
        ip = socket.IPPROTO_IP
        how = [
            number(ip, IP_TTL, 64),
            (ip, IP_TOS, b"\0"),
            info("192.0.2.1", "192.0.2.1"),
        ]
        refused = queued(errno.ECONNREFUSED, ORIGIN_ICMP, 0)
        self.socket.errors = [
            ([refused, *how], PEER),
            ([*how, refused], PEER),
            (how, ()),
        ]
        self.assertTrue(made.readDepartures())
        self.assertEqual(self.receiver.refusals, [(errno.ECONNREFUSED, PEER)] * 2)
        self.assertEqual(self.socket.errors, [])
        self.assertFalse(made.readDepartures())

    def test_errorQueueIsStrange(self) -> None:
        """What says nothing, or has no time, is passed over; what the queue holds is
        bounded in one turn."""
        made = self.port(departures=True)
        self.socket.errors = [
            ([], ()),
            (departure(3, 0), ()),
            ([queued(errno.ENOMSG, ORIGIN_TIMESTAMPING, 3)], ()),
        ]
        made.readDepartures()
        self.assertEqual((self.receiver.left, self.receiver.refusals), ([], []))
        self.socket.errors = [(departure(each, 1), ()) for each in range(1000)]
        made.readDepartures()
        self.assertEqual(len(self.socket.errors), 1000 - MOST_A_TURN)

    def test_errorThatIsNotInTheQueue(self) -> None:
        """An error for which the queue had no room stands until something is received:
        the reactor would be told of it for ever."""
        made = self.port(departures=True)
        self.socket.inbox = [osError(errno.ECONNREFUSED)]
        self.poll.events = select.EPOLLERR
        made.doRead()
        self.assertEqual(self.socket.inbox, [])

    def test_numbersHave32Bits(self) -> None:
        """The kernel's count begins anew after 2^32 datagrams; so do the numbers."""
        made = self.port(departures=True)
        made._number = 0xFFFF_FFFF
        self.assertEqual(made.send(b"x", PEER), 0xFFFF_FFFF)
        self.assertEqual(made.send(b"x", PEER), 0)

    def test_countingAnew(self) -> None:
        """Whether the kernel has counted a datagram that it did not take nobody knows:
        both count anew, and what was known by then is told."""
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
        """An error that waits makes a call fail, whoever it is about: the datagram
        leaves all the same."""
        made = self.port(departures=True)
        self.socket.failures = [osError(errno.ECONNREFUSED)]
        self.assertEqual(made.send(b"x", PEER), 0)
        self.assertEqual(self.socket.sent, [(b"x", [], PEER)])
        self.assertEqual(self.receiver.refusals, [])

    # --- Sending ----------------------------------------------------------------------

    def test_send(self) -> None:
        """By itself a datagram goes by the shortest way."""
        made = self.port()
        self.assertEqual(made.send(b"x", PEER), 0)
        self.assertEqual(self.socket.sent, [(b"x", [], PEER)])

    def test_sendFrom(self) -> None:
        """It comes from the address of ours that was asked, and is marked as wanted."""
        made = self.port(host="0.0.0.0")
        ours = bytes([192, 0, 2, 77])
        made.send(b"x", PEER, ours)
        made.send(b"x", PEER, ours, 0xB8)
        made.send(b"x", PEER, None, 0xB8)
        source = (
            *(socket.IPPROTO_IP, IP_PKTINFO),
            struct.pack("@i4s4s", 0, ours, bytes(4)),
        )
        mark = number(socket.IPPROTO_IP, IP_TOS, 0xB8)
        self.assertEqual(
            [each[1] for each in self.socket.sent], [[source], [source, mark], [mark]]
        )

    def test_sendFrom6(self) -> None:
        """The same of IPv6."""
        made = self.port(socket.AF_INET6, "::")
        ours = socket.inet_pton(socket.AF_INET6, "2001:db8::77")
        made.send(b"x", PEER6, ours, 0xB8)
        ip = socket.IPPROTO_IPV6
        source = (ip, IPV6_PKTINFO, ours + struct.pack("@i", 0))
        self.assertEqual(
            self.socket.sent, [(b"x", [source, number(ip, IPV6_TCLASS, 0xB8)], PEER6)]
        )

    def test_rememberedSourcesAreBounded(self) -> None:
        """Of a machine with any number of addresses, some are remembered."""
        made = self.port(host="0.0.0.0")
        for each in range(3000):
            ours = struct.pack("!I", each)
            made.send(b"x", PEER, ours)
            [(_, _, octets)] = self.socket.sent[-1][1]
            self.assertEqual(octets[4:8], ours)
            self.assertLessEqual(len(made._sources), 1024)

    def test_notSent(self) -> None:
        """What the system does not take is told, and nothing is raised; without
        departures there is nothing to count anew."""
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


class BoundSocketTests(SynchronousTestCase):
    """
    UDP sockets at addresses.
    """

    def setUp(self) -> None:
        """Put in sockets of our own."""
        self.sockets = FakeSocketModule()
        self.patch(port, "socket", self.sockets)

    def test_families(self) -> None:
        """The address says which family; IPv6 leaves IPv4 to another socket."""
        bound: Any = boundSocket("127.0.0.1", 862)
        self.assertEqual(bound.family, socket.AF_INET)
        self.assertEqual((bound.address, bound.isBlocking), (("127.0.0.1", 862), False))
        self.assertEqual(bound.options, [])
        bound = boundSocket("::1", 863)
        self.assertEqual(bound.family, socket.AF_INET6)
        self.assertEqual(bound.address, ("::1", 863, 0, 0))
        only = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.assertEqual(bound.options, [only])

    def test_names(self) -> None:
        """No name is looked up."""
        self.assertRaises(OSError, boundSocket, "localhost", 862)
        self.assertEqual(self.sockets.made, [])

    def test_refused(self) -> None:
        """Of an address that cannot be had no socket remains."""
        self.sockets.refusal = osError(errno.EADDRINUSE)
        self.assertRaises(OSError, boundSocket, "127.0.0.1", 862)
        self.assertTrue(self.sockets.made[0].isClosed)

    def test_broadcast(self) -> None:
        """Nor of one at the address of all machines of a network."""
        error: Any = self.assertRaises(OSError, boundSocket, "192.0.2.255", 862)
        self.assertEqual(error.errno, errno.EADDRNOTAVAIL)
        self.assertEqual([each.isClosed for each in self.sockets.made], [True])
