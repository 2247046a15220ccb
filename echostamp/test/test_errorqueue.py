"""Tests for L{echostamp.rfc8762.errorqueue}."""

from __future__ import annotations

import errno
import socket
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.errorqueue import MOST_A_TURN, ErrorQueue
from echostamp.test.udpsockets import (
    IP_TOS,
    IP_TTL,
    ORIGIN_ICMP,
    ORIGIN_LOCAL,
    ORIGIN_TIMESTAMPING,
    PEER,
    PEER6,
    FakeReceiver,
    FakeSocket,
    departure,
    info,
    number,
    queued,
)


class ErrorQueueTests(SynchronousTestCase):
    """
    The error queue of a UDP socket.
    """

    def setUp(self) -> None:
        """Begin without items."""
        self.receiver = FakeReceiver()

    def queue(self) -> ErrorQueue:
        """Make an error queue."""
        self.socket: Any = FakeSocket()
        return ErrorQueue(cast(Any, self.socket), self.receiver)

    def test_transmitted(self) -> None:
        """A departure is reported with its number and its time, in order."""
        made = self.queue()
        self.socket.errors = [(departure(2, 5_000_000_006), ()), (departure(0, 7), ())]
        self.assertTrue(made.read())
        self.assertEqual(self.receiver.left, [(2, 5_000_000_006), (0, 7)])
        self.assertFalse(made.read())

    def test_readAll(self) -> None:
        """All of the queue can be read at once."""
        made = self.queue()
        self.socket.errors = [(departure(each, 1), ()) for each in range(1000)]
        made.readAll()
        self.assertEqual(len(self.receiver.left), 1000)

    def test_returned(self) -> None:
        """A datagram that the network returned is reported with the address that it was
        sent to."""
        made = self.queue()
        self.socket.errors = [
            ([queued(errno.ECONNREFUSED, ORIGIN_ICMP, 0)], PEER),
            ([queued(errno.EMSGSIZE, ORIGIN_LOCAL, 1500)], PEER),
        ]
        made.read()
        made = self.queue()
        unreachable = queued(errno.EHOSTUNREACH, 3, 0, socket.IPPROTO_IPV6)
        self.socket.errors = [([unreachable], PEER6)]
        made.read()
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
        """Other ancillary data of a returned datagram are not taken for the error."""
        made = self.queue()
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
        self.assertTrue(made.read())
        self.assertEqual(self.receiver.refusals, [(errno.ECONNREFUSED, PEER)] * 2)
        self.assertEqual(self.socket.errors, [])
        self.assertFalse(made.read())

    def test_errorQueueIsStrange(self) -> None:
        """Items without an error or a time are ignored; one turn reads a limited number
        of items."""
        made = self.queue()
        self.socket.errors = [
            ([], ()),
            (departure(3, 0), ()),
            ([queued(errno.ENOMSG, ORIGIN_TIMESTAMPING, 3)], ()),
        ]
        made.read()
        self.assertEqual((self.receiver.left, self.receiver.refusals), ([], []))
        self.socket.errors = [(departure(each, 1), ()) for each in range(1000)]
        made.read()
        self.assertEqual(len(self.socket.errors), 1000 - MOST_A_TURN)
