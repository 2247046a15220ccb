"""Tests for L{echostamp.listen.adopting}."""

from __future__ import annotations

import os
import select
import shutil
import socket
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.adopting import AdoptedPorts, AdoptingReactor
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.inherited import Inherited
from echostamp.listen.preparing import PortSettings
from echostamp.test.fakes import FakeReactor


class Greeting(Protocol):
    """
    Says the name of its worker.
    """

    factory: Greeter

    def connectionMade(self) -> None:
        """Say it."""
        assert self.transport is not None
        self.transport.write(self.factory.name)


class Greeter(Factory):
    """
    Makes the connections of a worker.
    """

    protocol = Greeting  # type: ignore[assignment]  # it wants this factory
    noisy = False

    def __init__(self, name: bytes) -> None:
        """
        @param name: the worker's.
        """
        self.name = name


class AdoptingCase(SynchronousTestCase):
    """
    A parent with sockets that listen.  They are UNIX sockets, which have no network.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor = FakeReactor()
        self.addCleanup(self._endAll)
        # A socket's path must be short.
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.made = 0

    def listening(self) -> socket.socket:
        """Make a socket that listens."""
        made = socket.socket(socket.AF_UNIX)
        self.addCleanup(made.close)
        self.made += 1
        made.bind(str(self.folder / str(self.made)))
        made.listen()
        return made

    def adopting(
        self,
        places: Sequence[Sequence[socket.socket]],
        settings: PortSettings | None = None,
    ) -> AdoptingReactor:
        """Have a worker with these sockets."""
        descriptors = [[os.dup(each.fileno()) for each in place] for place in places]
        made = AdoptingReactor(self.reactor, settings, descriptors)
        self.addCleanup(self._close, made)
        return made

    def _endAll(self) -> None:
        """
        End the connections that are left.
        """
        for each in list(self.reactor.getReaders()):
            each.connectionLost(Failure(ConnectionDone()))

    def _close(self, made: AdoptingReactor) -> None:
        """
        Close the worker's sockets.
        """
        for place in made.places:
            for each in place.sockets:
                each.close()


class AdoptingReactorTests(AdoptingCase):
    """
    Endpoints take the parent's sockets.
    """

    def test_takesThemInTheirOrder(self) -> None:
        """Each endpoint takes the next place, whatever its kind.  It neither binds nor
        checks anything: the parent has done it."""
        places = [[self.listening(), self.listening()] for _ in range(4)]
        taken = places[3][0].getsockname()
        adopting = self.adopting(
            places,
            PortSettings(
                proxyGuard=lambda factory: factory,
                inherited=[Inherited(4711, "echo"), Inherited(4712, "other")],
            ),
        )
        for description in (
            "proxy:tcp:80",
            "tcp:80",
            "systemd:name=echo",
            f"unix:{taken}",
        ):
            preparedPorts(adopting, description, Factory())
        self.assertEqual(
            [
                [each.getsockname() for each in place.sockets]
                for place in adopting.places
            ],
            [[each.getsockname() for each in place] for place in places],
        )
        # The parent has warned of it.
        self.assertEqual(adopting.unserved(), [])
        AdoptedPorts(adopting.places).closeOthers()

    def test_tooFew(self) -> None:
        """More endpoints than the parent has prepared are an error."""
        adopting = self.adopting([[self.listening()]])
        preparedPorts(adopting, "tcp:80", Factory())
        error = self.assertRaises(
            ValueError, preparedPorts, adopting, "tcp:81", Factory()
        )
        self.assertEqual(str(error), "its sockets are missing")
        AdoptedPorts(adopting.places).closeOthers()

    def test_settings(self) -> None:
        """The factory is guarded, and the settings see each port that listens.  The
        options of a socket are the parent's."""
        guarded = Factory()
        listened: list[Any] = []
        set_: list[socket.socket] = []
        adopting = self.adopting(
            [[self.listening(), self.listening()]],
            PortSettings(
                guard=lambda factory: guarded,
                listened=listened.append,
                prepareSocket=set_.append,
            ),
        )
        preparedPorts(adopting, "tcp:80", Factory())
        ports = AdoptedPorts(adopting.places)
        ports.read([0, 1])
        self.assertEqual([each.factory for each in listened], [guarded, guarded])
        self.assertEqual(set_, [])
        ports.stop()
        self.reactor.advance(0)

    def test_tcp(self) -> None:
        """The reactor adopts a TCP socket."""
        with socket.socket() as kept:
            kept.bind(("127.0.0.1", 0))
            kept.listen()
            adopting = self.adopting([[kept]])
        factory = Factory()
        preparedPorts(adopting, "tcp:80", factory)
        ports = AdoptedPorts(adopting.places, lambda port: None)
        ports.read([1])
        ((_, family, adopted),) = self.reactor.adoptedPorts
        self.assertEqual((family, adopted), (socket.AF_INET, factory))
        ports.stop()


class AdoptedPortsTests(AdoptingCase):
    """
    A worker reads what its parent names.
    """

    def setUp(self) -> None:
        """Make two sockets for each of two workers, and one that they share."""
        super().setUp()
        self.own = [[self.listening(), self.listening()] for _ in "12"]
        self.shared = self.listening()
        self.kept = [*self.own[0], *self.own[1], self.shared]

    def worker(self, name: bytes) -> AdoptedPorts:
        """Start a worker."""
        adopting = self.adopting([*self.own, [self.shared]])
        for description in "tcp:80", "tcp:81", "unix:shared":
            preparedPorts(adopting, description, Greeter(name))
        ports = AdoptedPorts(adopting.places)
        self.addCleanup(self.stop, ports)
        return ports

    def stop(self, ports: AdoptedPorts) -> None:
        """Stop a worker."""
        stopped = ports.stop()
        self.reactor.advance(0)
        self.successResultOf(stopped)

    def read(self, ports: AdoptedPorts, *indexes: int) -> None:
        """Have a worker read."""
        done = ports.read(indexes)
        self.reactor.advance(0)
        self.successResultOf(done)

    def connect(self, kept: socket.socket) -> socket.socket:
        """Connect to a socket."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(kept.getsockname())
        client.setblocking(False)
        return client

    def turn(self) -> None:
        """Have the reactor read from what has data."""
        for _ in "12":
            readers = self.reactor.getReaders() + self.reactor.getWriters()
            for each in select.select(readers, [], [], 0)[0]:
                each.doRead()
            for each in self.reactor.getWriters():
                each.doWrite()

    def assertRead(self, expected: Collection[socket.socket]) -> None:
        """Check which of the parent's sockets are read."""
        clients = {each: self.connect(each) for each in self.kept}
        self.turn()
        served = select.select(list(clients.values()), [], [], 0)[0]
        self.assertEqual(
            [each for each in self.kept if clients[each] in served], list(expected)
        )

    def test_readsNothingAtFirst(self) -> None:
        """A worker reads nothing before it is told what."""
        self.worker(b"1")
        self.assertRead([])

    def test_readsWhatIsNamed(self) -> None:
        """It reads the sockets of the named workers, at each place, and the shared one.
        Each call names all of them."""
        ports = self.worker(b"1")
        (one, other), (one2, other2) = self.own
        self.read(ports, 1)
        self.assertRead([other, other2, self.shared])
        self.read(ports, 0, 1)
        self.assertRead(self.kept)
        self.read(ports, 0)
        self.assertRead([one, one2, self.shared])
        self.read(ports)
        self.assertRead([])

    def test_portsThatStay(self) -> None:
        """A port that is named again goes on as it is."""
        ports = self.worker(b"1")
        self.read(ports, 0)
        before = set(self.reactor.getReaders())
        self.read(ports, 0, 1)
        self.assertTrue(before < set(self.reactor.getReaders()))
        self.read(ports, 0)
        self.assertEqual(before, set(self.reactor.getReaders()))

    def test_successor(self) -> None:
        """What waits when a worker leaves a socket is served by another one."""
        first, second = self.worker(b"1"), self.worker(b"2")
        self.read(first, 0)
        clients = [self.connect(self.own[0][0])]
        self.turn()
        self.read(first)
        clients.append(self.connect(self.own[0][0]))
        self.turn()
        self.assertRaises(BlockingIOError, clients[1].recv, 10)
        self.read(second, 0)
        self.turn()
        self.assertEqual([each.recv(10) for each in clients], [b"1", b"2"])

    def test_closeOthers(self) -> None:
        """What is not read is closed, and ends where nobody else has it.  What is read
        goes on."""
        ports = self.worker(b"1")
        self.read(ports, 1)
        ports.closeOthers()
        for each in self.kept:
            each.close()
        names = [str(self.folder / str(number + 1)) for number in range(5)]
        refusing = []
        for name in names:
            with socket.socket(socket.AF_UNIX) as client:
                refusing.append(client.connect_ex(name) != 0)
        self.assertEqual(refusing, [True, False, True, False, False])

    def test_stopServesWhatWaits(self) -> None:
        """The connections that wait are accepted before the sockets are closed."""
        ports = self.worker(b"1")
        self.read(ports, 0)
        clients = [self.connect(self.own[0][0]) for _ in range(3)]
        path = self.own[0][0].getsockname()
        for each in self.kept:
            each.close()
        self.stop(ports)
        self.turn()
        self.assertEqual([each.recv(10) for each in clients], [b"1"] * 3)
        with socket.socket(socket.AF_UNIX) as client:
            self.assertRaises(ConnectionRefusedError, client.connect, path)

    def test_stopIsForThisProcess(self) -> None:
        """The sockets go on in other processes: they are not shut down."""
        ports = self.worker(b"1")
        self.read(ports, 0, 1)
        self.stop(ports)
        for each in self.kept:
            self.assertEqual(select.select([each], [], [], 0)[0], [])
            self.connect(each)
            each.accept()[0].close()
