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


def connected(path: str) -> socket.socket:
    """
    Connect to a UNIX socket.
    """
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(DEADLINE)
    peer.connect(path)
    return peer


class UnixTests(SynchronousTestCase):
    """
    A daemon that listens on a UNIX socket alone.
    """

    def setUp(self) -> None:
        """Share a daemon, whose socket has a name that is short from here."""
        daemon = Daemon.shared(self, "-e", "unix:s:mode=660")
        self.path = os.path.relpath(daemon.folder / "s")

    def test_twoLinesAndAFin(self) -> None:
        """300 connections that send two lines and a FIN: 300 get both replies."""
        answered = 0
        for _ in range(300):
            with connected(self.path) as peer:
                peer.sendall(b"one\ntwo\n")
                peer.shutdown(socket.SHUT_WR)
                answered += withoutStamps(readAll(peer)) == b"one\ntwo\n"
        figure(f"over a UNIX socket {answered} answered of 300")
        self.assertEqual(answered, 300)

    def test_mode(self) -> None:
        """C{mode=} sets the permissions of the file."""
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


class FileTests(SynchronousTestCase):
    """
    The file of a UNIX socket, when daemons come and go.
    """

    def setUp(self) -> None:
        """Start a daemon in a folder whose name is short."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.path = f"{folder}/s"
        self.endpoint = f"unix:{self.path}:mode=660"
        self.daemon = Daemon(self, "-e", self.endpoint)

    def assertIsServed(self) -> None:
        """Assert that a line is answered."""
        with connected(self.path) as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(100), STAMP + b"hello\n$")

    def test_staleSocket(self) -> None:
        """The file of a killed daemon does not stop the next one, also where there is
        no lock, or one with the number of a process that lives.  A daemon that stops
        removes its file."""
        lock = f"{self.path}.lock"
        for number, more in enumerate(["", "", ":lockfile=0"]):
            self.daemon.stop(signal.SIGKILL)
            self.assertTrue(os.path.exists(self.path))
            if number:
                os.unlink(lock)
                os.symlink(str(os.getpid()), lock)
            self.daemon = Daemon(self, "-e", f"{self.endpoint}{more}")
            self.assertIsServed()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_takenSocket(self) -> None:
        """The socket of a living daemon does stop the next one, in one line.  The
        living one goes on, and removes its file when it stops."""
        other = Daemon(self, "-e", self.endpoint)
        self.assertNotEqual(other.process.wait(DEADLINE), 0)
        self.assertEqual(other.log().count("\n"), 1)
        self.assertIn("Address already in use", other.log())
        self.assertIsServed()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(os.path.exists(self.path))
