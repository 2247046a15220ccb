"""UNIX sockets: the same promises, and a file to look after."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    figure,
    readAll,
    run,
    script,
    tool,
    withoutStamps,
)

LINES = b"".join(b"line %d\n" % n for n in range(10_000))


class UnixTests(SynchronousTestCase):
    """
    A daemon that listens on a UNIX socket alone.
    """

    def setUp(self) -> None:
        """Start it in a folder whose name is short."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.path = f"{folder}/s"
        self.endpoint = f"unix:{self.path}:mode=660"
        self.daemon = Daemon(self, "-e", self.endpoint)

    def connect(self) -> socket.socket:
        """Connect to it."""
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(DEADLINE)
        peer.connect(self.path)
        return peer

    def test_twoLinesAndAFin(self) -> None:
        """300 connections that send two lines and a FIN: 300 get both replies."""
        answered = 0
        for _ in range(300):
            with self.connect() as peer:
                peer.sendall(b"one\ntwo\n")
                peer.shutdown(socket.SHUT_WR)
                answered += withoutStamps(readAll(peer)) == b"one\ntwo\n"
        figure(f"over a UNIX socket {answered} answered of 300")
        self.assertEqual(answered, 300)

    def test_mode(self) -> None:
        """C{mode=} says who may connect."""
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)

    def test_nc(self) -> None:
        """C{nc -U -N} gets every line back."""
        nc = tool("nc", "netcat-openbsd")
        done = run(nc, "-N", "-U", self.path, stdin=LINES)
        self.assertEqual(withoutStamps(done.stdout), LINES)

    def test_socat(self) -> None:
        """C{socat} gets every line back."""
        socat = tool("socat", "socat")
        done = run(socat, "-t30", "STDIO", f"UNIX-CONNECT:{self.path}", stdin=LINES)
        self.assertEqual(withoutStamps(done.stdout), LINES)

    def test_talk(self) -> None:
        """Our client gets every line back, an unterminated last one too."""
        target = f"unix:{self.path}"
        done = run(script("echostamp"), "talk", target, stdin=LINES + b"x")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(withoutStamps(done.stdout), LINES + b"x")

    def test_stop(self) -> None:
        """The file goes with the daemon."""
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(os.path.exists(self.path))

    def test_staleSocket(self) -> None:
        """The file of a killed daemon does not stop the next one, also where there is
        no lock, or one with the number of a process that lives."""
        lock = f"{self.path}.lock"
        for number, more in enumerate(["", "", ":lockfile=0"]):
            self.daemon.stop(signal.SIGKILL)
            self.assertTrue(os.path.exists(self.path))
            if number:
                os.unlink(lock)
                os.symlink(str(os.getpid()), lock)
            self.daemon = Daemon(self, "-e", f"{self.endpoint}{more}")
            with self.connect() as peer:
                peer.sendall(b"hello\n")
                self.assertRegex(peer.recv(100), STAMP + b"hello\n$")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_takenSocket(self) -> None:
        """That of a living one does, in one line."""
        other = Daemon(self, "-e", self.endpoint)
        self.assertNotEqual(other.process.wait(DEADLINE), 0)
        self.assertEqual(other.log().count("\n"), 1)
        self.assertIn("Address already in use", other.log())
        with self.connect() as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(100), STAMP + b"hello\n$")
