"""Tests for L{echostamp.listen.unixport}."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from twisted.internet.address import UNIXAddress
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.unixport import AdoptedUnixPort, adoptUnixPort
from echostamp.test.fakes import FakeReactor


class AdoptedUnixPortTests(SynchronousTestCase):
    """
    A UNIX socket that belongs to systemd.
    """

    def setUp(self) -> None:
        """Have systemd listen."""
        self.reactor = FakeReactor()
        # A socket's path must be short.
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.name = folder / "s"
        self.listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listening.close)
        self.listening.bind(str(self.name))
        self.name.chmod(0o600)
        self.listening.listen(7)

    def adopt(self) -> AdoptedUnixPort:
        """Adopt systemd's socket."""
        port = adoptUnixPort(self.reactor, self.listening.fileno(), Factory())
        assert isinstance(port, AdoptedUnixPort)
        return port

    def stop(self, port: AdoptedUnixPort) -> None:
        """Stop a port."""
        port.stopListening()
        self.reactor.advance(0)

    def test_listens(self) -> None:
        """The port is read from, does not block, and knows its address."""
        port = self.adopt()
        self.addCleanup(self.stop, port)
        self.assertEqual(self.reactor.getReaders(), [port])
        self.assertFalse(port.socket.getblocking())
        self.assertNotEqual(port.fileno(), self.listening.fileno())
        self.assertEqual(port.getHost(), UNIXAddress(str(self.name)))

    def test_fileStaysAsItIs(self) -> None:
        """The mode of systemd's file is not changed."""
        self.addCleanup(self.stop, self.adopt())
        self.assertEqual(stat.S_IMODE(self.name.stat().st_mode), 0o600)

    def test_factoryRuns(self) -> None:
        """The factory is started and stopped with the port."""
        port = self.adopt()
        assert port.factory is not None
        self.assertEqual(port.factory.numPorts, 1)
        self.stop(port)
        self.assertEqual(port.factory.numPorts, 0)

    def test_systemdListensOn(self) -> None:
        """When the port stops, our descriptor is closed. The file and the socket stay,
        and new connections wait for the next daemon."""
        port = self.adopt()
        number = port.fileno()
        self.stop(port)
        self.assertRaises(OSError, os.fstat, number)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.setblocking(False)
            peer.connect(str(self.name))
            accepted, _ = self.listening.accept()
            accepted.close()
