"""Tests for L{echostamp.listen.readers}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from echostamp.listen.readers import Readers
from echostamp.test.fakes import FakeReactor


class FakePoll:
    """
    An epoll in memory.

    @ivar registered: the descriptors that are in it.
    @ivar ready: those that have something.
    @ivar timeouts: how long each call would have waited.
    """

    def __init__(self) -> None:
        self.timeouts: list[float | None] = []
        self.registered: set[int] = set()
        self.isClosed = False
        self.ready: list[int] = []

    def fileno(self) -> int:
        """Give its own descriptor."""
        return 3

    def close(self) -> None:
        """Close it."""
        self.isClosed = True

    def register(self, number: int, events: int) -> None:
        """Add a descriptor."""
        self.registered.add(number)

    def unregister(self, number: int) -> None:
        """Remove a descriptor."""
        self.registered.remove(number)

    def poll(self, timeout: float | None, most: int) -> list[tuple[int, int]]:
        """Give what is ready, without waiting."""
        self.timeouts.append(timeout)
        return [(number, 1) for number in self.ready][:most]


class FakeReader:
    """
    A connection.

    @ivar reads: how often it was read from.
    @ivar why: what each read comes to.
    @ivar ends: what it was told.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.reads = 0
        self.why: object = None
        self.ends: list[object] = []

    def fileno(self) -> int:
        """Give its descriptor."""
        return self._number

    def logPrefix(self) -> str:
        """Give its name."""
        return "fake"

    def doRead(self) -> object:
        """Count the read."""
        self.reads += 1
        if callable(self.why):
            self.why()
            return None
        return self.why

    def readConnectionLost(self, reason: Failure) -> None:
        """Record the end of the input."""
        self.ends += ["input", reason.type]

    def connectionLost(self, reason: Failure) -> None:
        """Record the end."""
        self.ends.append(reason.type)


class EpollReactor(FakeReactor):
    """
    A reactor with an epoll.

    @ivar iterations: how long each call of L{doIteration} would have waited.
    @ivar work: what such a call does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._poller = FakePoll()
        self.iterations: list[float | None] = []
        self.work: Callable[[], object] = lambda: None

    def doIteration(self, delay: float | None) -> None:
        """Record the call, and do the work."""
        self.iterations.append(delay)
        self.work()


class ReadersTests(SynchronousTestCase):
    """
    Connections are read through one epoll.
    """

    def setUp(self) -> None:
        """Make two connections."""
        self.reactor = FakeReactor()
        self.poll = FakePoll()
        self.readers: Any = Readers(self.reactor, lambda: self.poll)
        self.one, self.other = FakeReader(7), FakeReader(8)

    def add(self) -> None:
        """Read from both."""
        self.readers.addReader(self.one)
        self.readers.addReader(self.other)

    def test_nothingBeforeItIsNeeded(self) -> None:
        """Without connections there is no epoll: the daemon may still fork."""
        self.assertEqual(self.readers.fileno(), -1)
        self.assertEqual(self.reactor.getReaders(), [])
        self.add()
        self.assertEqual(self.readers.fileno(), 3)
        self.assertEqual(self.reactor.getReaders(), [self.readers])
        verifyObject(IReadDescriptor, self.readers)

    def test_open(self) -> None:
        """A port that begins to listen makes the epoll, before there are connections;
        another one does not make it again."""
        made: list[FakePoll] = []

        def make() -> FakePoll:
            made.append(FakePoll())
            return made[-1]

        readers: Any = Readers(self.reactor, make)
        readers.open()
        readers.open()
        readers.addReader(self.one)
        self.assertEqual(len(made), 1)
        self.assertIn(readers, self.reactor.getReaders())

    def test_whatIsReadyIsRead(self) -> None:
        """Each connection that has data is read once for each call."""
        self.add()
        self.readers.addReader(self.one)
        self.poll.ready = [8]
        self.readers.doRead()
        self.poll.ready = [7, 8]
        self.readers.doRead()
        self.assertEqual((self.one.reads, self.other.reads), (1, 2))

    def test_paused(self) -> None:
        """A paused connection is not in the epoll; pausing it twice is no error."""
        self.add()
        for _ in range(2):
            self.readers.removeReader(self.one)
        self.assertEqual(self.poll.registered, {8})
        self.readers.removeReader(self.other)
        self.readers.doRead()
        self.assertEqual(self.poll.timeouts, [0])

    def test_otherWithTheSameNumber(self) -> None:
        """Removing an old connection does not remove a new one with the same
        descriptor."""
        self.add()
        self.readers.removeReader(FakeReader(7))
        self.assertEqual(self.poll.registered, {7, 8})

    def test_endedByAnother(self) -> None:
        """A connection that another one ends is not read, though it was ready."""
        self.add()
        self.one.why = lambda: self.readers.removeReader(self.other)
        self.poll.ready = [7, 8]
        self.readers.doRead()
        self.assertEqual((self.one.reads, self.other.reads), (1, 0))

    def test_endOfInput(self) -> None:
        """The end of the input is reported as such to a connection with half-close, and
        as the end to any other. It is not read again."""
        directlyProvides(self.one, IHalfCloseableDescriptor)
        self.add()
        self.one.why = self.other.why = CONNECTION_DONE
        self.poll.ready = [7, 8]
        self.readers.doRead()
        self.assertEqual(self.one.ends, ["input", ConnectionDone])
        self.assertEqual(self.other.ends, [ConnectionDone])
        self.assertEqual(self.poll.registered, set())

    def test_lost(self) -> None:
        """A lost connection is neither read nor written again."""
        self.add()
        self.reactor.addWriter(self.one)
        self.one.why = CONNECTION_LOST
        self.poll.ready = [7]
        self.readers.doRead()
        self.assertEqual(self.one.ends, [ConnectionLost])
        self.assertEqual(self.reactor.getWriters(), [])
        self.assertEqual(self.poll.registered, {8})

    def test_exception(self) -> None:
        """An exception is logged and ends its connection, and no other."""

        def fail() -> None:
            raise RuntimeError("broken")

        self.add()
        self.one.why = fail
        self.poll.ready = [7, 8]
        self.readers.doRead()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.one.ends, [RuntimeError])
        self.assertEqual(self.other.reads, 1)

    def test_exceptionAtTheEnd(self) -> None:
        """An exception at the end of a connection is logged; the others are read."""

        def fail(reason: Failure) -> None:
            raise RuntimeError("broken")

        self.add()
        self.one.why = CONNECTION_LOST
        self.one.connectionLost = fail  # type: ignore[method-assign]
        self.poll.ready = [7, 8]
        self.readers.doRead()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual((self.other.reads, self.other.ends), (1, []))
        self.assertEqual(self.poll.registered, {8})

    def test_cannotBeWaitedFor(self) -> None:
        """A connection that the epoll refuses is not kept."""

        def full(number: int, events: int) -> None:
            raise OSError("no room")

        self.add()
        self.poll.register = full  # type: ignore[method-assign]
        third = FakeReader(9)
        self.assertRaises(OSError, self.readers.addReader, third)
        self.readers.connectionLost(Failure(ConnectionLost()))
        self.assertEqual((self.one.ends, third.ends), ([ConnectionLost], []))

    def test_reactorStops(self) -> None:
        """When the reactor stops, the connections that are left are ended, also where
        one of them fails. A later connection gets a new epoll."""

        def fail(reason: Failure) -> None:
            raise RuntimeError("broken")

        self.add()
        self.one.connectionLost = fail  # type: ignore[method-assign]
        self.readers.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.other.ends, [ConnectionLost])
        self.assertTrue(self.poll.isClosed)
        self.poll.registered.clear()
        self.readers.addReader(FakeReader(9))
        self.readers.addReader(FakeReader(10))
        self.assertEqual(self.poll.registered, {9, 10})

    def test_allElseIsTheReactors(self) -> None:
        """Everything except reading is the reactor's."""
        self.readers.addWriter(self.one)
        self.assertEqual(self.reactor.getWriters(), [self.one])
        self.assertEqual(self.readers.logPrefix(), "connections")


class InPlaceOfTheReactorTests(SynchronousTestCase):
    """
    Where the reactor has an epoll, L{Readers} waits in its place.
    """

    def setUp(self) -> None:
        """Make two connections."""
        self.reactor: Any = EpollReactor()
        self.poll = FakePoll()
        self.readers: Any = Readers(self.reactor, lambda: self.poll)
        self.one, self.other = FakeReader(7), FakeReader(8)
        self.readers.addReader(self.one)
        self.readers.addReader(self.other)

    def test_connections(self) -> None:
        """A turn of the reactor waits for connections and for the reactor's epoll. It
        reads connections, and does nothing else where only they have data."""
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertEqual(self.poll.registered, {3, 7, 8})
        self.poll.ready = [8]
        self.reactor.doIteration(2.5)
        self.reactor.doIteration(None)
        self.assertEqual((self.one.reads, self.other.reads), (0, 2))
        self.assertEqual(self.poll.timeouts, [2.5, None])
        self.assertEqual(self.reactor.iterations, [])

    def test_allElse(self) -> None:
        """When the reactor's epoll has something, the reactor does its work without
        waiting, and connections are read in the same turn."""
        self.poll.ready = [7, 3, 8]
        self.reactor.doIteration(None)
        self.assertEqual(self.reactor.iterations, [0])
        self.assertEqual((self.one.reads, self.other.reads), (1, 1))

    def test_endedByTheReactor(self) -> None:
        """A connection that the reactor's work ends is not read, though it had data."""
        self.reactor.work = lambda: self.readers.removeReader(self.one)
        self.poll.ready = [3, 7]
        self.reactor.doIteration(0)
        self.assertEqual((self.one.reads, self.reactor.iterations), (0, [0]))

    def test_reactorStops(self) -> None:
        """When the reactor stops, the connections that are left are ended, and the
        reactor waits itself again."""
        ((call, _, _),) = self.reactor.triggers["during"]["shutdown"]
        call()
        self.assertEqual(self.one.ends + self.other.ends, [ConnectionLost] * 2)
        self.assertTrue(self.poll.isClosed)
        self.reactor.doIteration(1)
        self.assertEqual(self.reactor.iterations, [1])
        self.assertEqual(self.poll.timeouts, [])
