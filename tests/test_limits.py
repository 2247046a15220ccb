"""Limits: how many may connect, for how long, and what becomes of the others."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.boundedlog import LINES_A_SECOND
from tests.harness import (
    DEADLINE,
    STAMP,
    Clock,
    Daemon,
    Namespaces,
    figure,
    lack,
    memory,
    until,
)
from tests.test_shutdown import fill


def isServed(peer: socket.socket) -> bool:
    """
    Send a line, and say whether it is answered; else the connection was closed.
    """
    try:
        peer.sendall(b"hello\n")
        return bool(re.fullmatch(STAMP + b"hello\n", peer.recv(1000)))
    except ConnectionError:
        return False


class LimitTests(SynchronousTestCase):
    """
    How many may connect.
    """

    def test_mostConnections(self) -> None:
        """C{--max-connections}: the others are closed at once, until one leaves."""
        daemon = Daemon(self, "-p0", "--max-connections=2")
        with daemon.connect() as one, daemon.connect() as two:
            self.assertTrue(isServed(one))
            self.assertTrue(isServed(two))
            with daemon.connect() as three:
                self.assertFalse(isServed(three))
            two.close()
            until(lambda: "disconnected" in daemon.log())
            with daemon.connect() as four:
                self.assertTrue(isServed(four))
        self.assertRegex(
            daemon.log(), r"127.0.0.1:\d+ refused: more than 2 connections"
        )

    def test_clockIsSet(self) -> None:
        """Somebody sets the clock by an hour: no limit is reached sooner, none later,
        and stamps have the new time."""
        clock = Clock(self)
        daemon = Daemon(
            self, *["-p0", "-funix", "--idle-timeout=2", "--max-age=60"], env=clock.env
        )
        for ahead in 3600, 0:
            with daemon.connect() as peer:
                peer.sendall(b"hello\n")
                peer.recv(100)
                clock.set(ahead)
                began = time.monotonic()
                peer.sendall(b"hello\n")
                stamp = float(peer.recv(100).split(b"]")[0][1:])
                self.assertLess(abs(stamp - time.time() - ahead), 60)
                self.assertEqual(peer.recv(1), b"")
                self.assertLess(abs(time.monotonic() - began - 2), 0.7)

    def test_mostPerHost(self) -> None:
        """C{--max-per-host}: one host does not take the place of another."""
        daemon = Daemon(self, "-p0", "--max-per-host=1")
        source = ("127.0.0.2", 0)
        address = ("127.0.0.1", daemon.port)
        with daemon.connect() as one:
            self.assertTrue(isServed(one))
            with daemon.connect() as two:
                self.assertFalse(isServed(two))
            with socket.create_connection(address, DEADLINE, source) as other:
                self.assertTrue(isServed(other))
            with daemon.connect("::1") as six:
                self.assertTrue(isServed(six))
        self.assertRegex(daemon.log(), "more than 1 connections of 127.0.0.1")

    def test_descriptorsRunOut(self) -> None:
        """64 descriptors, 200 clients: each is served or refused, an idle daemon does
        not spin, the log stays short, and who comes when one leaves is served; however
        many ports there are."""
        for ports in 1, 8:
            daemon = Daemon(
                self,
                *["-e", "tcp:0:interface=127.0.0.1"] * ports,
                command=("prlimit", "--nofile=64", "twistd", "-n", "--pidfile="),
            )
            with ExitStack() as stack:
                peers = [stack.enter_context(daemon.connect()) for _ in range(200)]
                served = [peer for peer in peers if isServed(peer)]
                refused = len(peers) - len(served)
                figure(f"{ports} ports: {len(served)} served, {refused} refused of 200")
                self.assertGreater(len(served), 20)
                before, began = cpu(daemon.process.pid), time.monotonic()
                time.sleep(2)  # what is measured is how much work it does meanwhile
                busy = (cpu(daemon.process.pid) - before) / (time.monotonic() - began)
                self.assertLess(busy, 0.05)
                served.pop().close()
                began = time.monotonic()
                until(lambda: self.isServedAnew(daemon, stack), 1)  # noqa: B023
                for peer in served:
                    self.assertTrue(isServed(peer))
            self.assertLess(len(daemon.log().splitlines()), 600)
            # Twisted says so at each connection that it has no descriptor for.
            self.assertNotIn("EMFILE", daemon.log())
            self.assertNotIn("Traceback", daemon.log())

    def isServedAnew(self, daemon: Daemon, stack: ExitStack) -> bool:
        """Connect, and say whether that is served."""
        return isServed(stack.enter_context(daemon.connect()))

    def test_descriptorsForNobody(self) -> None:
        """Where the limit leaves no connection, one line says so."""
        for descriptors in 8, 12, 16:
            daemon = Daemon(
                self,
                command=(
                    *("prlimit", f"--nofile={descriptors}"),
                    *("twistd", "-n", "--pidfile="),
                ),
            )
            self.assertNotEqual(daemon.process.wait(DEADLINE), 0)
            self.assertEqual(
                daemon.log(),
                "echostamp: the limit of open files leaves no connection\n",
            )

    def test_logIsBounded(self) -> None:
        """A flood of connections leaves a bounded number of lines, and their count."""
        daemon = Daemon(self, "-p0", "--max-connections=1")
        with daemon.connect() as one, ExitStack() as stack:
            self.assertTrue(isServed(one))
            began = time.monotonic()
            for _ in range(1000):
                peer = stack.enter_context(socket.socket())
                peer.setblocking(False)
                peer.connect_ex(("127.0.0.1", daemon.port))

            def counted() -> int:
                left = re.findall(r"(\d+) more lines left out: refusals", daemon.log())
                return daemon.log().count("refused:") + sum(map(int, left))

            until(lambda: counted() == 1000)
            seconds = time.monotonic() - began
        lines = daemon.log().count("refused:")
        figure(f"1000 refusals in {seconds:.1f} s: {lines} lines, the others counted")
        self.assertLessEqual(lines, LINES_A_SECOND * (seconds + 1))
        self.assertLess(lines, 1000)

    def test_manyIdleConnections(self) -> None:
        """10,000 connections are held while 50 of them talk."""
        count, talking = 10_000, 50
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < count + 200:
            lack(f"{count + 200} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        daemon = Daemon(
            self,
            command=("prlimit", f"--nofile={hard}", "twistd", "-n", "--pidfile="),
        )
        with ExitStack() as stack:
            first = [stack.enter_context(daemon.connect()) for _ in range(100)]
            self.assertTrue(all(isServed(peer) for peer in first))
            before = memory(daemon.process.pid, "VmRSS")
            others = [stack.enter_context(daemon.connect()) for _ in range(count - 100)]
            self.assertTrue(isServed(others[-1]))
            each = (memory(daemon.process.pid, "VmRSS") - before) / len(others)
            for _ in range(20):
                for peer in others[:: len(others) // talking][:talking]:
                    self.assertTrue(isServed(peer))
        figure(f"{count} connections: {each:.0f} octets each")


class TimeTests(SynchronousTestCase):
    """
    How long a connection may stand.
    """

    def assertClosed(self, peer: socket.socket, began: float, limit: float) -> None:
        """Assert that a connection is closed within half a second of its limit."""
        peer.settimeout(DEADLINE)
        try:
            while peer.recv(100_000):
                pass
        except ConnectionError:
            pass
        seconds = time.monotonic() - began
        self.assertGreater(seconds, limit - 0.1)
        self.assertLess(seconds, limit + 0.5)

    def test_idle(self) -> None:
        """C{--idle-timeout} counts from the last whole message."""
        daemon = Daemon(self, "-p0", "--idle-timeout=1")
        with daemon.connect() as silent:
            began = time.monotonic()
            self.assertClosed(silent, began, 1)
            with daemon.connect() as talking:
                while time.monotonic() - began < 3:
                    self.assertTrue(isServed(talking))
                    time.sleep(0.05)
                self.assertClosed(talking, time.monotonic(), 1)

    def test_slowDrip(self) -> None:
        """Octets that are no message do not count."""
        daemon = Daemon(self, "-p0", "--idle-timeout=1")
        with daemon.connect() as peer:
            self.assertTrue(isServed(peer))
            began = time.monotonic()
            peer.settimeout(0.1)
            closed = False
            while not closed and time.monotonic() - began < 5:
                try:
                    peer.sendall(b"x")
                    closed = not peer.recv(1)
                except TimeoutError:
                    continue
                except ConnectionError:
                    closed = True
            seconds = time.monotonic() - began
        figure(f"a slow drip of octets: closed after {seconds:.2f} s (limit 1 s)")
        self.assertTrue(0.9 < seconds < 1.5, seconds)

    def test_idlePeerThatDoesNotRead(self) -> None:
        """Who leaves replies unread and takes none is cut too."""
        daemon = Daemon(self, "-p0", "--idle-timeout=1")
        with daemon.connect() as peer:
            fill(peer, b"x" * 1000 + b"\n", quiet=0.2)
            until(lambda: "disconnected" in daemon.log(), 3)

    def test_age(self) -> None:
        """C{--max-age} ends any connection, however busy."""
        daemon = Daemon(self, "-p0", "--max-age=1", "--grace=0.2")
        began = time.monotonic()
        with daemon.connect() as peer:
            while isServed(peer):
                self.assertLess(time.monotonic() - began, 1.6)
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertIn("was connected too long", daemon.log())


def cpu(process: int) -> float:
    """
    Give the seconds of processor time that a process has used.
    """
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class VanishedPeerTests(SynchronousTestCase):
    """
    A peer is gone without a word: its link is down.
    """

    def test_vanishedPeer(self) -> None:
        """Idle or with unacknowledged data: it is gone within the limit and 3 s."""
        wire = Namespaces(self)
        limit = 4
        daemon = Daemon(
            self,
            "-p8002",
            f"--peer-timeout={limit}",
            command=(*wire.near, "twistd", "-n", "--pidfile="),
        )
        script = (
            "import socket, sys\n"
            f"peers = [socket.create_connection(('{wire.NEAR}', 8002)) for _ in '12']\n"
            "for peer in peers:\n"
            "    peer.sendall(b'hello\\n'); peer.recv(100)\n"
            "peers[0].setblocking(False)\n"
            "try:\n"
            "    while True: peers[0].send(b'x' * 999 + b'\\n')\n"
            "except BlockingIOError: pass\n"
            "print('ready', flush=True); sys.stdin.read()\n"
        )
        peer = subprocess.Popen(
            [*wire.far, "python3", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(peer.communicate, timeout=DEADLINE)
        assert peer.stdout
        self.assertEqual(peer.stdout.readline(), b"ready\n")
        wire.cut()
        began = time.monotonic()
        until(lambda: daemon.log().count("disconnected") == 2, limit + 3)
        figure(f"vanished peers gone after {time.monotonic() - began:.1f} s of {limit}")
