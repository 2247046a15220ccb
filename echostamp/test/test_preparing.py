"""Tests for L{echostamp.listen.preparing}."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.endpoints import AdoptedStreamServerEndpoint

from echostamp.listen import preparing
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.inherited import Inherited
from echostamp.listen.preparing import PortSettings, PreparingReactor
from echostamp.test.fakes import FakeReactor
from echostamp.test.listencases import ListenCase


class TcpTests(ListenCase):
    """
    TCP sockets are bound before they listen.
    """

    def test_reactorTakesTheSocketOver(self) -> None:
        """When the port listens, the reactor gets the open socket, and our copy is
        closed."""
        prepared = self.prepare("tcp:8002:backlog=2000")
        (made,) = self.sockets.made
        number = made.fileno()
        port = prepared.listen()
        self.assertEqual(made.backlog, 2000)
        self.assertEqual(
            self.reactor.adoptedPorts, [(number, socket.AF_INET6, self.factory)]
        )
        self.assertTrue(made.isClosed)
        self.assertEqual(port.getHost(), IPv6Address("TCP", "::", 1234))

    def test_noNewConnections(self) -> None:
        """Before a port is closed, the kernel drops new connections, but not at
        systemd's socket, which serves the next daemon."""
        filters: list[object] = []
        self.patch(preparing, "dropNew", filters.append)
        ours, systemds = SimpleNamespace(socket=1), SimpleNamespace(socket=2)
        self.prepare("tcp:80").closing(ours)
        with socket.socket() as listening:
            listening.listen()
            settings = PortSettings(inherited=[Inherited(listening.fileno(), "echo")])
            reactor = PreparingReactor(self.reactor, settings)
            (prepared,) = preparedPorts(reactor, "systemd:", self.factory)
            prepared.closing(systemds)
            prepared.listen()
        self.assertEqual(filters, [1])

    def test_readers(self) -> None:
        """A port that listens is read by the reactor for connections, where there is
        one, and no longer by the other."""
        readers = object()
        for settings, reading in (
            (PortSettings(), self.reactor),
            (PortSettings(readers=readers), readers),
        ):
            reactor = PreparingReactor(self.reactor, settings)
            (prepared,) = preparedPorts(reactor, "tcp:80", self.factory)
            port: Any = prepared.listen()
            self.assertEqual((port.readBy, port.reactor), ([reading], reading))

    def test_addressThatIsBoundAlready(self) -> None:
        """Two endpoints of one daemon cannot share an address. This is found before
        either of them listens."""
        any4, any6, ours = "0.0.0.0", r"\:\:", "192.0.2.1"
        for one, other, clash in [
            ("", "", True),
            ("", ours, True),
            (any6, any4, True),
            (any4, ours, True),
            (ours, r"\:\:ffff\:192.0.2.1", True),
            (any4, r"\:\:1", False),
            (ours, "192.0.2.2", False),
        ]:
            reactor = PreparingReactor(self.reactor)
            preparedPorts(reactor, f"tcp:80:interface={one}", self.factory)
            preparedPorts(reactor, f"tcp:81:interface={other}", self.factory)
            again = f"tcp:80:interface={other}"
            if clash:
                error = self.assertRaises(
                    OSError, preparedPorts, reactor, again, self.factory
                )
                self.assertEqual(error.errno, errno.EADDRINUSE)
            else:
                preparedPorts(reactor, again, self.factory)


class OtherKindsTests(ListenCase):
    """
    Endpoints of other kinds.
    """

    def test_unixSocketIsMadeWhenTheServiceStarts(self) -> None:
        """A UNIX socket makes a file, so it is not made before the service starts."""
        folder = Path(self.mktemp())
        folder.mkdir()
        prepared = self.prepare(f"unix:{folder}/s:mode=600")
        self.assertEqual(self.reactor.unixServers, [])
        port = prepared.listen()
        ((address, factory, _, mode, _),) = self.reactor.unixServers
        self.assertEqual((address, mode), (f"{folder}/s", 0o600))
        self.assertIs(factory, self.factory)
        self.assertEqual(port.getHost(), UNIXAddress(f"{folder}/s"))

    def test_unixSocketInTheWorkingFolder(self) -> None:
        """A bare name is a file in the working directory."""
        self.prepare("unix:s").listen()
        self.assertEqual(self.reactor.unixServers[0][0], "s")

    def test_unixSocketsFolderIsMissing(self) -> None:
        """A missing folder is found before anything listens."""
        folder = self.mktemp()
        error = self.assertRaises(FileNotFoundError, self.prepare, f"unix:{folder}/s")
        self.assertEqual(error.filename, folder)

    def test_unixSocketsFolderIsNotWritable(self) -> None:
        """A folder that is not writable is found before anything listens."""
        asked: list[tuple[str, int]] = []

        def access(path: str, mode: int) -> bool:
            asked.append((path, mode))
            return False

        self.patch(os, "access", access)
        error = self.assertRaises(PermissionError, self.prepare, "unix:/s")
        self.assertEqual(error.errno, errno.EACCES)
        self.assertEqual(asked, [("/", os.W_OK)])

    def test_unixSocketsNameIsTaken(self) -> None:
        """A file of another kind, or a socket in use, is an error and is not
        deleted."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = os.path.relpath(folder / "s")
        (folder / "s").write_bytes(b"precious")
        self.assertRaises(OSError, self.prepare, f"unix:{path}")
        self.assertEqual((folder / "s").read_bytes(), b"precious")
        (folder / "s").unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            other.listen()
            error = self.assertRaises(OSError, self.prepare, f"unix:{path}")
            self.assertEqual(error.errno, errno.EADDRINUSE)

    def test_unixSocketOfAKilledDaemon(self) -> None:
        """The socket and the lock of a killed daemon are deleted, also where the
        process id in the lock belongs to another process."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = os.path.relpath(folder / "s")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
        (folder / "s.lock").symlink_to(str(os.getpid()))
        prepared = self.prepare(f"unix:{path}")
        self.assertEqual(len(list(folder.iterdir())), 2)
        prepared.listen()
        self.assertEqual(len(self.reactor.unixServers), 1)
        self.assertEqual(list(folder.iterdir()), [])

    def test_lockThatIsAFile(self) -> None:
        """A file with a lock's name that is not a lock is not deleted."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "s.lock").write_bytes(b"precious")
        self.prepare(f"unix:{os.path.relpath(folder)}/s").listen()
        self.assertEqual((folder / "s.lock").read_bytes(), b"precious")

    def test_unixSocketInTheServicesFolder(self) -> None:
        """A relative path is meant in the working directory of the service."""
        folder = Path(self.mktemp())
        folder.mkdir()
        preparing = PreparingReactor(
            self.reactor, PortSettings(folder=os.path.relpath(folder))
        )
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(os.path.relpath(folder / "s"))
            other.listen()
            for path in "unix:s", "unix:missing/s":
                self.assertRaises(OSError, preparedPorts, preparing, path, self.factory)
        preparedPorts(preparing, "unix:t", self.factory)[0].listen()
        self.assertEqual(self.reactor.unixServers[0][0], "t")

    def test_socketThatSystemdBound(self) -> None:
        """An endpoint closes the descriptor that it passes on. The one that the reactor
        takes over at the start is still open."""
        isOpen: list[bool] = []

        class Adopting(FakeReactor):
            def adoptStreamPort(self, fileno: int, *args: Any) -> object:
                try:
                    os.fstat(fileno)
                except OSError:
                    isOpen.append(False)
                else:
                    isOpen.append(True)
                return super().adoptStreamPort(fileno, *args)

        ours = socket.socket(socket.AF_INET)
        set_: list[socket.socket] = []
        preparing: Any = PreparingReactor(
            Adopting(), PortSettings(prepareSocket=set_.append)
        )
        endpoint = AdoptedStreamServerEndpoint(preparing, ours.detach(), socket.AF_INET)
        prepared: Any = self.successResultOf(endpoint.listen(self.factory))
        # Its connections are watched as those of any other.
        self.assertEqual([each.family for each in set_], [socket.AF_INET])
        prepared.listen()
        self.assertEqual(isOpen, [True])

    def test_allElseIsTheReactors(self) -> None:
        """Everything that does not listen is the reactor's."""
        preparing = PreparingReactor(self.reactor)
        self.assertEqual(preparing.seconds(), self.reactor.seconds())
        self.assertRaises(AttributeError, lambda: preparing.nonsense)
