"""Tests for L{echostamp.listen.keeping}."""

from __future__ import annotations

import errno
import os
import select
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.python.log import addObserver, removeObserver, textFromEventDict
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.gate import Gate
from echostamp.listen.inherited import Inherited
from echostamp.listen.keeping import KeepingReactor, KeptPort
from echostamp.listen.preparing import PortSettings
from echostamp.test.fakes import FakeReactor

LOCAL = "interface=127.0.0.1"


class KeepingCase(SynchronousTestCase):
    """
    The parent of three workers, on a real machine.
    """

    def setUp(self) -> None:
        """Make a reactor that prepares."""
        self.reactor = FakeReactor()
        self.keep(PortSettings())
        # A socket's path must be short.
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def keep(self, settings: PortSettings) -> None:
        """Prepare with other settings."""
        self.keeping = KeepingReactor(self.reactor, settings, 3)
        self.addCleanup(self.closeAll, self.keeping)

    def closeAll(self, keeping: KeepingReactor) -> None:
        """Close what is kept."""
        for place in keeping.places:
            for each in place:
                each.close()

    def listen(self, *descriptions: str) -> list[Any]:
        """Listen on endpoints."""
        return [
            port.listen()
            for each in descriptions
            for port in preparedPorts(self.keeping, each, Factory())
        ]

    def assertServes(self, kept: socket.socket, port: Any) -> None:
        """Check that a connection which waits at a kept socket can still be served when
        the parent has closed it."""
        with kept.dup() as workers, socket.socket(kept.family) as client:
            client.connect(kept.getsockname())
            port.stopListening()
            self.assertEqual(kept.fileno(), -1)
            accepted, _ = workers.accept()
            with accepted:
                accepted.sendall(b"served")
                self.assertEqual(client.recv(10), b"served")
            # A socket that was shut down would be readable all the time.
            self.assertEqual(select.select([workers], [], [], 0)[0], [])


class TcpTests(KeepingCase):
    """
    TCP sockets, one for each worker.
    """

    def test_listens(self) -> None:
        """All sockets listen at one address, and the parent accepts nothing."""
        (port,) = self.listen(f"tcp:0:{LOCAL}")
        verifyObject(IListeningPort, port)
        (place,) = self.keeping.places
        self.assertEqual(len(place), 3)
        for each in place:
            self.assertEqual(
                each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1
            )
            self.assertFalse(each.getblocking())
            host = IPv4Address("TCP", *each.getsockname())
            self.assertEqual(port.getHost(), host)
        self.assertEqual(self.reactor.getReaders(), [])

    def test_dualStack(self) -> None:
        """Without an interface, the address is that of IPv6."""
        (port,) = self.listen("tcp:0")
        address = self.keeping.places[0][0].getsockname()
        self.assertEqual(port.getHost(), IPv6Address("TCP", *address))

    def test_doesNotListenBefore(self) -> None:
        """A prepared port is bound, and refuses connections until it listens."""
        (prepared,) = preparedPorts(self.keeping, f"tcp:0:{LOCAL}", Factory())
        address = self.keeping.places[0][0].getsockname()
        with socket.socket() as client:
            self.assertRaises(ConnectionRefusedError, client.connect, address)
        prepared.listen()
        with socket.socket() as client:
            client.connect(address)

    def test_stops(self) -> None:
        """The sockets are closed.  A worker's duplicate has the connections that wait,
        and gets no others: they would be reset when the worker closes it."""
        (port,) = self.listen(f"tcp:0:{LOCAL}")
        kept, *others = self.keeping.places[0]
        for each in others:
            each.close()
        with kept.dup() as workers:
            self.assertServes(kept, port)
            with socket.socket() as late:
                late.setblocking(False)
                late.connect_ex(workers.getsockname())
                self.assertRaises(BlockingIOError, workers.accept)

    def test_options(self) -> None:
        """Each socket gets its options."""
        set_: list[socket.socket] = []
        self.keep(PortSettings(prepareSocket=set_.append))
        self.listen(f"tcp:0:{LOCAL}")
        self.assertEqual(set_, self.keeping.places[0])

    def test_addressThatIsBoundAlready(self) -> None:
        """Two endpoints of one daemon cannot share an address, although sockets of one
        do."""
        self.listen(f"tcp:0:{LOCAL}")
        port = self.keeping.places[0][0].getsockname()[1]
        other = f"tcp:{port}:{LOCAL}"
        self.assertRaises(OSError, preparedPorts, self.keeping, other, Factory())
        self.assertEqual(len(self.keeping.places), 1)

    def test_addressOfADaemonThatStartsAtOnce(self) -> None:
        """Two daemons of one user can bind an address before one of them listens.  The
        second one is refused when it would listen: the kernel would spread connections
        over both."""
        first = self.keeping
        (prepared,) = preparedPorts(first, f"tcp:0:{LOCAL}", Factory())
        address = first.places[0][0].getsockname()
        self.keep(PortSettings())
        (late,) = preparedPorts(self.keeping, f"tcp:{address[1]}:{LOCAL}", Factory())
        prepared.listen()
        error = self.assertRaises(OSError, late.listen)
        self.assertEqual(error.errno, errno.EADDRINUSE)

    def test_behindAProxy(self) -> None:
        """Endpoints behind a proxy have their places among the others."""
        self.keep(PortSettings(proxyGuard=lambda factory: factory))
        proxied = f"proxy:tcp:0:{LOCAL}"
        ports = self.listen(proxied, f"tcp:0:{LOCAL}", proxied)
        self.assertEqual(
            [port.getHost().port for port in ports],
            [place[0].getsockname()[1] for place in self.keeping.places],
        )


class SharedTests(KeepingCase):
    """
    Sockets that all workers share.
    """

    def test_unixSocket(self) -> None:
        """The file and its lock are made when the service starts, with the mode that
        is asked for.  The parent accepts nothing."""
        path = self.folder / "s"
        (prepared,) = preparedPorts(
            self.keeping, f"unix:{path}:mode=640:backlog=7", Factory()
        )
        self.assertEqual((list(self.folder.iterdir()), self.keeping.places), ([], [[]]))
        port: Any = prepared.listen()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        self.assertTrue(os.path.islink(f"{path}.lock"))
        ((kept,),) = self.keeping.places
        self.assertEqual(kept.getsockname(), str(path))
        self.assertEqual(port.getHost(), UNIXAddress(str(path)))
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertServes(kept, port)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_unixSocketThatIsLeft(self) -> None:
        """The file of a killed daemon is replaced."""
        path = self.folder / "s"
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(path))
        (port,) = self.listen(f"unix:{path}:lockfile=0")
        self.assertFalse(os.path.lexists(f"{path}.lock"))
        port.stopListening()

    def test_unixSocketThatCannotBeDeleted(self) -> None:
        """The socket is closed although its file cannot be deleted: nobody waits there
        in vain while connections are drained."""
        path = self.folder / "s"
        (port,) = self.listen(f"unix:{path}")
        ((kept,),) = self.keeping.places
        path.unlink()
        self.assertRaises(FileNotFoundError, port.stopListening)
        self.assertEqual(kept.fileno(), -1)

    def test_logOfAUnixSocket(self) -> None:
        """The log calls it as a daemon of one process does."""
        logged: list[dict[str, Any]] = []
        addObserver(logged.append)
        self.addCleanup(removeObserver, logged.append)
        self.keep(
            PortSettings(guard=lambda factory: Gate(factory, lambda peer, why: None))
        )
        path = self.folder / "s"
        (port,) = self.listen(f"unix:{path}")
        port.stopListening()
        self.assertEqual(
            textFromEventDict(logged[0]), f"EchoStamp starting on {str(path)!r}"
        )

    def test_systemds(self) -> None:
        """All share a socket of systemd.  The parent closes its descriptor alone: the
        file is systemd's, and connections wait there for the next daemon."""
        path = self.folder / "s"
        places: list[tuple[int, Any, Callable[[Any], object]]] = [
            (socket.AF_UNIX, str(path), UNIXAddress),
            (socket.AF_INET, ("127.0.0.1", 0), lambda name: IPv4Address("TCP", *name)),
        ]
        for made, address, host in places:
            with socket.socket(made) as systemds:
                systemds.bind(address)
                systemds.listen()
                inherited = Inherited(systemds.fileno(), "echo")
                self.keep(PortSettings(inherited=[inherited]))
                (port,) = self.listen("systemd:")
                ((kept,),) = self.keeping.places
                self.assertEqual(kept.getsockname(), systemds.getsockname())
                self.assertEqual(port.getHost(), host(systemds.getsockname()))
                self.assertServes(kept, port)
                with socket.socket(made) as late:
                    late.connect(systemds.getsockname())
        self.assertTrue(path.exists())

    def test_backlogOfSystemds(self) -> None:
        """A socket that listens already keeps its backlog."""
        with socket.socket() as systemds:
            systemds.bind(("127.0.0.1", 0))
            systemds.listen(1)
            KeptPort([systemds], None).startListening()
            option = systemds.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)
            # For a socket that listens, tcpi_sacked is its backlog: tcp_get_info().
            self.assertEqual(int.from_bytes(option[28:32], "little"), 1)
