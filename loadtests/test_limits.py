"""Limits that need many descriptors, root, or a quiet machine."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests import silence, timelimits
from tests.harness import DEADLINE, Daemon, figure, memory, openMany, until
from tests.namespaces import Namespaces
from tests.timelimits import isServed


class LimitTests(SynchronousTestCase):
    """
    How many peers may connect.
    """

    def test_manyIdleConnections(self) -> None:
        """The daemon holds 10,000 connections while 50 of them talk."""
        count, talking = 10_000, 50
        hard = openMany(self, count + 200)
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


class TimeTests(timelimits.TimeCase):
    """
    Limits of time, kept within half a second.
    """

    late = 0.5


class HeaderTests(silence.HeaderCase):
    """
    PROXY headers that do not come, closed within half a second of the limit.
    """

    late = 0.5


class HandshakeTests(silence.HandshakeCase):
    """
    Handshakes and closes that do not come, closed within half a second of the limit.
    """

    late = 0.5


class VanishedPeerTests(SynchronousTestCase):
    """
    A peer vanishes: its link is down.
    """

    def test_vanishedPeer(self) -> None:
        """A vanished peer, idle or with unacknowledged data, is gone within 3 s of the
        limit."""
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
