"""Tests for L{echostamp.client.epoll}."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from echostamp.client.epoll import QuickEPollReactor


@implementer(IReadWriteDescriptor)
class Descriptor:
    """
    One end of a pair of sockets.

    @ivar events: what the reactor did, in order.
    @ivar why: what reading gives, or raises.
    """

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.events: list[object] = []
        self.why: Exception | None = None
        self.raises = False
        self.also: Descriptor | None = None
        self.reactor: QuickEPollReactor | None = None

    def close(self) -> None:
        """Close both ends."""
        self.near.close()
        self.far.close()

    def fileno(self) -> int:
        """Give the descriptor."""
        return self.near.fileno()

    def logPrefix(self) -> str:
        """Name this for the log."""
        return "descriptor"

    def doRead(self) -> Any:
        """Read."""
        self.events.append(self.near.recv(9))
        if self.also is not None and self.reactor is not None:
            self.reactor.removeReader(self.also)
        if self.raises and self.why is not None:
            raise self.why
        return self.why

    def doWrite(self) -> None:
        """Note the call."""
        self.events.append("write")

    def connectionLost(self, reason: Failure) -> None:
        """Note the reason."""
        self.events.append(reason.value)


class QuickEPollReactorTests(SynchronousTestCase):
    """
    Tests for the client's reactor.
    """

    def setUp(self) -> None:
        """Make a reactor and two descriptors that it reads."""
        self.reactor = QuickEPollReactor()
        self.one, self.other = Descriptor(), Descriptor()
        for each in self.one, self.other:
            self.addCleanup(each.close)
            self.reactor.addReader(each)
        # Before they are closed.
        self.addCleanup(self.reactor.removeAll)

    def test_read(self) -> None:
        """A descriptor is read when it has something."""
        self.one.far.send(b"x")
        self.reactor.doIteration(10)
        self.reactor.doIteration(0)
        self.assertEqual((self.one.events, self.other.events), ([b"x"], []))

    def test_write(self) -> None:
        """A descriptor that can be read and written is."""
        self.reactor.addWriter(self.one)
        self.one.far.send(b"x")
        self.reactor.doIteration(10)
        self.assertEqual(self.one.events, [b"x", "write"])

    def test_end(self) -> None:
        """If reading gives a reason, the descriptor is ended with it."""
        self.one.why = ConnectionDone()
        self.one.far.send(b"x")
        self.reactor.doIteration(10)
        self.assertIsInstance(self.one.events[-1], ConnectionDone)
        self.assertNotIn(self.one, self.reactor.getReaders())

    def test_failure(self) -> None:
        """If reading fails, that is logged, and the descriptor is ended."""
        self.one.why, self.one.raises = ZeroDivisionError(), True
        self.one.far.send(b"x")
        self.reactor.doIteration(10)
        self.assertIs(self.one.events[-1], self.one.why)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertNotIn(self.one, self.reactor.getReaders())

    def test_hangUp(self) -> None:
        """A descriptor whose far end is gone is read to its end, then ended."""
        self.one.far.close()
        self.reactor.doIteration(10)
        self.assertEqual(self.one.events, [b""])

    def test_endedMeanwhile(self) -> None:
        """A descriptor that was removed in the same turn is not read."""
        for each, also in (self.one, self.other), (self.other, self.one):
            each.also, each.reactor = also, self.reactor
            each.far.send(b"x")
        self.reactor.doIteration(10)
        self.assertEqual(len(self.one.events + self.other.events), 1)
