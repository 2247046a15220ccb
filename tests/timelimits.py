"""The limits of time for a connection, with a bound of the suite's own for lateness."""

from __future__ import annotations

import re
import socket
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.filling import fill
from tests.harness import DEADLINE, STAMP, Daemon, figure, until

#: The limit that the tests set, in seconds.
LIMIT = 1.0

#: Seconds between two octets, or two messages.
STEP = 0.05


def isServed(peer: socket.socket) -> bool:
    """
    Send a line.

    @return: whether it is answered; else the connection was closed.
    """
    try:
        peer.sendall(b"hello\n")
        return bool(re.fullmatch(STAMP + b"hello\n", peer.recv(1000)))
    except ConnectionError:
        return False


def connected(daemon: Daemon) -> socket.socket:
    """
    Connect to a daemon that may close the connection at once.

    @return: the connection; a socket without one if the kernel already reports a reset.
    """
    try:
        return daemon.connect()
    except ConnectionResetError:
        return socket.socket()


class TimeCase(SynchronousTestCase):
    """
    The daemon closes a connection whose time is over.

    @cvar late: seconds by which it may be late.  On a busy machine that is no promise.
    """

    late: float

    def assertClosed(self, peer: socket.socket, began: float) -> None:
        """
        Assert that a connection is closed at its limit.

        @param began: a time before its limit began to count.
        """
        peer.settimeout(DEADLINE)
        try:
            while peer.recv(100_000):
                pass
        except ConnectionError:
            pass
        self.assertInTime(time.monotonic() - began)

    def assertInTime(self, seconds: float) -> None:
        """Assert that a connection had its time, and little more."""
        self.assertGreater(seconds, LIMIT - 0.1)
        self.assertLess(seconds, LIMIT + self.late)

    def idle(self) -> Daemon:
        """Share a daemon that closes idle connections."""
        return Daemon.shared(self, "-p0", f"--idle-timeout={LIMIT:g}")

    def test_idle(self) -> None:
        """C{--idle-timeout} counts from the last whole message."""
        daemon = self.idle()
        began = time.monotonic()
        with daemon.connect() as silent:
            self.assertClosed(silent, began)
        with daemon.connect() as talking:
            began = last = time.monotonic()
            while last - began < 2 * LIMIT:
                time.sleep(STEP)
                before, last = last, time.monotonic()
                if not isServed(talking):
                    # Where this process was held up, it has been idle.
                    self.assertGreater(time.monotonic() - before, LIMIT - 0.1)
                    return
            self.assertClosed(talking, last)

    def test_slowDrip(self) -> None:
        """Octets that do not complete a message do not count as activity."""
        with self.idle().connect() as peer:
            began = time.monotonic()
            self.assertTrue(isServed(peer))
            peer.settimeout(STEP)
            isClosed = False
            while not isClosed and time.monotonic() - began < DEADLINE:
                try:
                    peer.sendall(b"x")
                    isClosed = not peer.recv(1)
                except TimeoutError:
                    continue
                except ConnectionError:
                    isClosed = True
            seconds = time.monotonic() - began
        figure(
            f"a slow drip of octets: closed after {seconds:.2f} s (limit {LIMIT:g} s)"
        )
        self.assertInTime(seconds)

    def test_idlePeerThatDoesNotRead(self) -> None:
        """A peer that leaves replies unread, and takes none, is idle, too."""
        daemon = self.idle()
        with daemon.connect() as peer:
            name = f"127.0.0.1:{peer.getsockname()[1]} disconnected"
            fill(peer, (b"x" * 999 + b"\n") * 256, daemon.process.pid)
            filled = time.monotonic()
            until(lambda: name in daemon.log())
            self.assertLess(time.monotonic() - filled, LIMIT + 1 + self.late)

    def test_age(self) -> None:
        """C{--max-age} ends any connection, however busy."""
        daemon = Daemon(self, "-p0", f"--max-age={LIMIT:g}", "--grace=0.2")
        began = time.monotonic()
        with daemon.connect() as peer:
            while isServed(peer):
                self.assertLess(time.monotonic() - began, LIMIT + 0.2 + self.late)
                time.sleep(0.001)
        self.assertGreater(time.monotonic() - began, LIMIT - 0.1)
        self.assertIn("was connected too long", daemon.log())
